package gocmd

import (
	"os"
	"strings"
	"testing"
)

// TestParseCommand holds how a line of `go build -n` is taken apart.
func TestParseCommand(t *testing.T) {
	got, ok := parseCommand(`GOROOT='/usr/lib/go 1' X="a'b" /tool/link -o $WORK/b001/exe/a.out "-X=main.a=b c" "" -w $WORK/b001/_pkg_.a`)
	if !ok || strings.Join(got.Env, "|") != "GOROOT=/usr/lib/go 1|X=a'b" ||
		strings.Join(got.Argv, "|") != "/tool/link|-o|$WORK/b001/exe/a.out|-X=main.a=b c||-w|$WORK/b001/_pkg_.a" {
		t.Errorf("%v %q %q", ok, got.Env, got.Argv)
	}
	for _, line := range []string{`a "b`, `A='b`, `a "b"c`} {
		if _, ok := parseCommand(line); ok {
			t.Errorf("%s was understood", line)
		}
	}
}

const smallScript = `mkdir -p $WORK/b002/
cat >$WORK/b002/importcfg << 'EOF' # internal
# import config
packagefile fmt=$WORK/b003/_pkg_.a
EOF
cd /src
/tool/compile -o $WORK/b002/_pkg_.a -trimpath "$WORK/b002=>" -pack ./lib/a.go ./lib/b.go
/tool/buildid -w $WORK/b002/_pkg_.a # internal
/tool/compile -o $WORK/b003/_pkg_.a -pack /go/fmt.go
gcc -c $WORK/b003/x.c
echo -n > $WORK/b002/embedcfg # internal
echo 'one line' > $WORK/b002/note # internal
/tool/link -o $WORK/b001/exe/a.out -importcfg $WORK/b001/importcfg.link $WORK/b001/_pkg_.a
mv $WORK/b001/exe/a.out app
`

// TestParseScript holds what is understood of a whole script, and that all else is refused.
func TestParseScript(t *testing.T) {
	s, err := ParseScript(smallScript, "/src")
	if err != nil {
		t.Fatal(err)
	}
	want := "/tool/compile|-o|$WORK/b002/_pkg_.a|-trimpath|$WORK/b002=>|-pack|/src/lib/a.go|/src/lib/b.go"
	if got := strings.Join(s.Compile["b002"].Argv, "|"); got != want {
		t.Error(got)
	}
	for name, want := range map[string]string{
		"importcfg": "# import config\npackagefile fmt=$WORK/b003/_pkg_.a\n", "embedcfg": "", "note": "one line\n",
	} {
		if got, ok := s.Files["$WORK/b002/"+name]; !ok || got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(s.Files) != 3 || len(s.Compile) != 2 || len(s.Other) != 1 || s.Other["b003"] == "" || s.Link.Argv[0] != "/tool/link" {
		t.Errorf("%+v", s)
	}
	// Names below another directory than the go command's, and two compilations of one package, are not certain.
	if s, err := ParseScript(smallScript, "/other"); err != nil || s.Other["b002"] == "" || len(s.Compile) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	twice := smallScript + "/tool/compile -o $WORK/b002/_pkg_.a -pack /src/c.go\n"
	if s, err := ParseScript(twice, "/src"); err != nil || s.Other["b002"] == "" {
		t.Errorf("%+v, %v", s, err)
	}
	link := "/tool/link -o $WORK/b001/exe/a.out $WORK/b001/_pkg_.a\n"
	for _, text := range []string{
		"", smallScript + link, link + "cat >$WORK/b001/x << 'EOF' # internal\nno end\n", link + "cat >$WORK/x\n", link + "echo 'a # internal\n",
	} {
		if _, err := ParseScript(text, "/src"); err == nil {
			t.Errorf("%q was understood", text)
		}
	}
}

// windowsScript is what Go 1.26 prints on Windows, shortened: backslashes, in words quoted as in Go, and names with drives.
const windowsScript = `mkdir -p $WORK\b002\
cat >$WORK\b002\importcfg << 'EOF' # internal
# import config
packagefile fmt=$WORK\b003\_pkg_.a
EOF
cat >$WORK\b002\embedcfg << 'EOF' # internal
{
	"Files": {
		"a.txt": "C:\\my app\\lib\\a.txt"
	}
}
EOF
cd C:\my app
"C:\\Program Files\\Go\\pkg\\tool\\windows_amd64\\compile.exe" -o "$WORK\\b002\\_pkg_.a" -trimpath "$WORK\\b002=>" -p m/lib -importcfg "$WORK\\b002\\importcfg" -pack "C:\\my app\\lib\\a.go" "C:\\my app\\lib\\b.go"
go tool buildid -w "$WORK\\b002\\_pkg_.a" # internal
"C:\\go\\pkg\\tool\\windows_amd64\\compile.exe" -o "$WORK\\b003\\_pkg_.a" -pack "C:\\go\\src\\fmt\\doc.go"
echo -n > $WORK\b003\go_asm.h # internal
"C:\\go\\pkg\\tool\\windows_amd64\\asm.exe" -o "$WORK\\b003\\x.o" "C:\\go\\src\\fmt\\x.s"
mkdir -p $WORK\b001\exe\
cd .
GOROOT='C:\go' "C:\\go\\pkg\\tool\\windows_amd64\\link.exe" -o "$WORK\\b001\\exe\\a.out.exe" -importcfg "$WORK\\b001\\importcfg.link" -buildmode=pie "$WORK\\b001\\_pkg_.a"
mv $WORK\b001\exe\a.out.exe app.exe
rm -rf $WORK\b001\
`

// TestParseWindowsScript: what is compared has slashes, and what the tools are given stays as the go command gives it.
func TestParseWindowsScript(t *testing.T) {
	s, err := ParseScript(windowsScript, `C:\my app`)
	if err != nil {
		t.Fatal(err)
	}
	want := `C:\Program Files\Go\pkg\tool\windows_amd64\compile.exe|-o|$WORK\b002\_pkg_.a|-trimpath|$WORK\b002=>|-p|m/lib|` +
		`-importcfg|$WORK\b002\importcfg|-pack|C:\my app\lib\a.go|C:\my app\lib\b.go`
	if got := strings.Join(s.Compile["b002"].Argv, "|"); got != want {
		t.Error(got)
	}
	for name, want := range map[string]string{
		"$WORK/b002/importcfg": "# import config\npackagefile fmt=$WORK\\b003\\_pkg_.a\n",
		"$WORK/b002/embedcfg":  "{\n\t\"Files\": {\n\t\t\"a.txt\": \"C:\\\\my app\\\\lib\\\\a.txt\"\n\t}\n}\n",
		"$WORK/b003/go_asm.h":  "",
	} {
		if got, ok := s.Files[name]; !ok || got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(s.Files) != 3 || len(s.Compile) != 2 || len(s.Other) != 1 || !strings.Contains(s.Other["b003"], "asm.exe") {
		t.Errorf("%+v", s)
	}
	if got := strings.Join(s.Link.Env, " ") + " " + s.Link.Argv[0]; got != `GOROOT=C:\go C:\go\pkg\tool\windows_amd64\link.exe` {
		t.Error(got)
	}
	for in, want := range map[string]string{
		`$WORK\b001\_pkg_.a`: "b001", `$WORK/b12/x`: "b12", `$WORK\x`: "", `C:\$WORK\b001`: "", `$WORK\b001=>`: "b001", `$WORKb001`: "",
	} {
		if got := Bucket(in); got != want {
			t.Errorf("Bucket(%s) is %q, want %q", in, got, want)
		}
	}
	for _, name := range []string{`C:\my app\a.go`, `/src/a\b.go`, `$WORKS\a`} {
		if got := InWork(name); got != name {
			t.Errorf("InWork(%s) is %s", name, got)
		}
	}
}

func TestEnv(t *testing.T) {
	e, err := ParseEnv([]byte(`{"GOMOD":"","GOWORK":"off","GOVERSION":"go1.26.1 X:simd"}`))
	if err != nil || e.InModule() || e.Version() != "go1.26.1" {
		t.Errorf("%v, %v", e, err)
	}
	if e := (Env{"GOMOD": "/m/go.mod", "GOWORK": ""}); !e.InModule() || e.Mod() != "/m/go.mod" || e.Work() != "" {
		t.Error(e)
	}
	if e := (Env{"GOMOD": os.DevNull, "GOWORK": "/m/go.work"}); !e.InModule() || e.Mod() != "" || e.Work() != "/m/go.work" {
		t.Error(e)
	}
}
