package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// show writes diagnostics one to a line: place | message | package | more.
func show(list []Diagnostic) string {
	var s strings.Builder
	for _, d := range list {
		place := "-"
		if d.File != "" {
			place = filepath.ToSlash(d.File)
		}
		if d.Line != 0 {
			place += fmt.Sprintf(":%d", d.Line)
		}
		if d.Column != 0 {
			place += fmt.Sprintf(":%d", d.Column)
		}
		fmt.Fprintf(&s, "%s | %s | %s | %q\n", place, d.Message, d.Package, d.More)
	}
	return s.String()
}

// parse finds the diagnostics in what tools of the Go toolchain have printed.
func parse(dir, output string) []Diagnostic {
	d := newDiagnoser(dir, true)
	d.stream("").Write([]byte(output))
	return d.found()
}

// B1: the shapes of messages.
func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"compiler", "# example.com/m/a\na/x.go:3:4: undefined: y\na/x.go:5:6: cannot use T{}\n\t\thave M()\n\t\twant M(int)\n# example.com/m\n./main.go:7:8: \"os\" imported and not used\n",
			"/p/a/x.go:3:4 | undefined: y | example.com/m/a | \"\"\n/p/a/x.go:5:6 | cannot use T{} | example.com/m/a | \"\\t\\thave M()\\n\\t\\twant M(int)\"\n/p/main.go:7:8 | \"os\" imported and not used | example.com/m | \"\"\n"},
		{"outside the project", "# m\n../lib/x.go:1:2: oops\n/abs/y.go:3: no column\n", "/lib/x.go:1:2 | oops | m | \"\"\n/abs/y.go:3 | no column | m | \"\"\n"},
		{"Windows", "# m\nC:\\src\\x.go:1:2: oops\r\n\tmore\r\nc:/src/y.go:3: no column\r\n", "C:\\src\\x.go:1:2 | oops | m | \"\\tmore\"\nc:/src/y.go:3 | no column | m | \"\"\n"},
		{"odd names", "# m\n./a b/x y.go:1:2: spaces\n./a:3:4/x.go:5:6: colons\n./$x'\".go:7:8: quotes\n", "/p/a b/x y.go:1:2 | spaces | m | \"\"\n/p/a:3:4/x.go:5:6 | colons | m | \"\"\n/p/$x'\".go:7:8 | quotes | m | \"\"\n"},
		{"too many errors", "# m\nx.go:1:2: a\nx.go:1:2: too many errors\n# n\ny.go:1:2: b\ntoo many errors\n", "/p/x.go:1:2 | a | m | \"\"\n/p/y.go:1:2 | b | n | \"\"\n"},
		{"test variant in the header", "# m/a [m/a.test]\nx.go:1:2: a\n", "/p/x.go:1:2 | a | m/a | \"\"\n"},
		{"imports", "main.go:4:2: package nope is not in std (/usr/local/go/src/nope)\nmain.go:5:2: no required module provides package x.y/z; to add it:\n\tgo get x.y/z\n",
			"/p/main.go:4:2 | package nope is not in std (/usr/local/go/src/nope) |  | \"\"\n/p/main.go:5:2 | no required module provides package x.y/z; to add it: |  | \"\\tgo get x.y/z\"\n"},
		{"embed", "main.go:3:12: pattern static/*: no matching files found\n", "/p/main.go:3:12 | pattern static/*: no matching files found |  | \"\"\n"},
		{"import cycle", "package m\n\timports m/a from main.go\n\timports m/b from a.go\n\timports m/a from b.go: import cycle not allowed\n",
			"- | import cycle not allowed |  | \"package m\\n\\timports m/a from main.go\\n\\timports m/b from a.go\\n\\timports m/a from b.go: import cycle not allowed\"\n"},
		{"go.mod", "go: errors parsing go.mod:\ngo.mod:4: unknown directive: nonsense\n/p/go.mod:9:3: invalid\n", "/p/go.mod:4 | unknown directive: nonsense |  | \"\"\n/p/go.mod:9:3 | invalid |  | \"\"\n"},
		{"go command", "go: downloading a.b/c v1.0.0\ngo: updates to go.mod needed; to update it:\n\tgo mod tidy\n", "- | updates to go.mod needed; to update it: |  | \"\\tgo mod tidy\"\n"},
		{"go command and usage", "flag provided but not defined: -x\nusage: go build\nRun 'go help build' for details.\n", "- | flag provided but not defined: -x |  | \"usage: go build\\nRun 'go help build' for details.\"\n"},
		{"assembler", "# m\n./f_amd64.s:2: unrecognized instruction \"FOO\"\nasm: assembly of ./f_amd64.s failed\n", "/p/f_amd64.s:2 | unrecognized instruction \"FOO\" | m | \"\"\n"},
		{"linker", "# m\nmain.main: relocation target m.f not defined\nmain.main: relocation target m.g not defined\n", "- | main.main: relocation target m.f not defined | m | \"main.main: relocation target m.g not defined\"\n"},
		{"external linker", "# m\n/go/link: running gcc failed: exit status 1\n/usr/bin/gcc -m64 -o $WORK/b001/exe/a.out /tmp/go.o\n/usr/bin/ld: /tmp/000001.o: in function `f':\n/tmp/go-build/main.cgo2.c:54: undefined reference to `f'\ncollect2: error: ld returned 1 exit status\n",
			"- | undefined reference to `f' | m | \"/go/link: running gcc failed: exit status 1\\n/usr/bin/gcc -m64 -o $WORK/b001/exe/a.out /tmp/go.o\\n/usr/bin/ld: /tmp/000001.o: in function `f':\\n/tmp/go-build/main.cgo2.c:54: undefined reference to `f'\\ncollect2: error: ld returned 1 exit status\"\n"},
		{"mold", "# m\n/go/link: running gcc failed: exit status 1\nmold: error: undefined symbol: foo\n>>> referenced by x\n", "- | undefined symbol: foo | m | \"/go/link: running gcc failed: exit status 1\\nmold: error: undefined symbol: foo\\n>>> referenced by x\"\n"},
		{"cgo", "# m\nIn file included from main.go:3:\nx.h:2:1: error: unknown type name 'foo'\n    2 | foo x;\n      | ^~~\nmain.go: In function 'f':\nmain.go:9:1: warning: unused variable\n    9 | int x;\nmain.go:10:1: note: declared here\nmain.go:11:1: error: 'z' undeclared\nmain.go:12:1: note: each undeclared identifier is reported only once\ncompilation terminated.\n",
			"/p/x.h:2:1 | error: unknown type name 'foo' | m | \"    2 | foo x;\\n      | ^~~\"\n/p/main.go:11:1 | error: 'z' undeclared | m | \"main.go:12:1: note: each undeclared identifier is reported only once\"\n"},
		{"vet", "# m\nvet: ./x.go:3:4: undefined: y\n./z.go:1:2: Printf format %d has arg of wrong type\n", "/p/x.go:3:4 | undefined: y | m | \"\"\n/p/z.go:1:2 | Printf format %d has arg of wrong type | m | \"\"\n"},
		{"internal compiler error", "# m\n./x.go:3:4: internal compiler error: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/go/src/main.go:5 +0x1\n", "/p/x.go:3:4 | internal compiler error: boom | m | \"goroutine 1 [running]:\\nmain.main()\\n\\t/go/src/main.go:5 +0x1\"\n"},
		{"directory", "found packages main (a.go) and b (b.go) in /p\n", "- | found packages main (a.go) and b (b.go) in /p |  | \"\"\n"},
		{"silence", "\n\n  \n", ""},
	} {
		if got := show(parse("/p", c.text)); got != c.want {
			t.Errorf("%s:\n%s\ngot\n%s\nwant\n%s", c.name, c.text, got, c.want)
		}
	}
}

// In the output of the user's command only what is surely a message counts.
func TestParseCommand(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.go", "package a\n")
	write(t, dir, "Makefile", "all:\n")
	d := newDiagnoser(dir, false)
	d.stream("").Write([]byte(`12:30:05: starting
server at http://localhost:80: ready
go: downloading x v1
a.go:1:2: real
	more of it
b.go:1:2: no such file
make: *** [Makefile:3: all] Error 1
Makefile:1: *** missing separator.  Stop.
# example.com/m
gone.go:3:4: generated and removed
make: *** [all] Error 2
go: updates to go.mod needed
	indented
`))
	got := show(frames(d.found(), false))
	want := strings.ReplaceAll(`DIR/a.go:1:2 | real |  | "\tmore of it"
DIR/Makefile:1 | *** missing separator.  Stop. |  | ""
DIR/gone.go:3:4 | generated and removed | example.com/m | ""
- | updates to go.mod needed |  | "\tindented"
`, "DIR", filepath.ToSlash(dir))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What templ says of a template that it cannot read, as it was printed by v0.3.1100 and v0.3.1118.
func TestParseTempl(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "home.templ", "package main\n\ntempl home() {\n\t<p>{ x </p>\n}\n")
	home := filepath.ToSlash(filepath.Join(dir, "home.templ"))
	for text, want := range map[string]string{
		"(✗) Error [ error=failed to generate code for \"HOME\": HOME parsing error: string expression: missing close brace: line 4, col 7 ]\n" +
			"(✓) Post-generation event received, processing... [ updates=0 needsRestart=true needsBrowserReload=true ]\n(✗) Command failed: generation completed with 1 errors\n": "HOME:4:8 | string expression: missing close brace |  | \"\"\n",
		"(✗) Error [ error=failed to generate code for \"HOME\": HOME parsing error: templ element: invalid go expression: unbalanced '}': line 4, col 0 ]\n": "HOME:4:1 | templ element: invalid go expression: unbalanced '}' |  | \"\"\n",
		"HOME parsing error: x: line 4, col 7\n": "HOME:4:8 | x |  | \"\"\n",
		"HOME parsing error: nowhere\n":          "",
	} {
		d := newDiagnoser(dir, false)
		d.stream("").Write([]byte(strings.ReplaceAll(text, "HOME", home)))
		found := frames(d.found(), false)
		if got := strings.ReplaceAll(show(found), home, "HOME"); got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", text, got, want)
		}
		if want != "" && (len(found) == 0 || len(found[0].Frame) == 0) {
			t.Errorf("%s: no code around it", text)
		}
	}
	d := newDiagnoser(`C:\p`, false)
	d.stream("").Write([]byte("(✗) Error [ error=failed to generate code for \"C:\\\\p\\\\a.templ\": C:\\p\\a.templ parsing error: x: line 4, col 7 ]\n"))
	if got := d.found(); len(got) != 1 || got[0].File != `C:\p\a.templ` {
		t.Errorf("Windows: %+v", got)
	}
}

func TestFrame(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "x.go", "one\r\n\ttwo\nthree\n"+strings.Repeat("ü", 500)+"\nfive")
	text := func(line int) string {
		var s []string
		for _, l := range frames([]Diagnostic{{File: filepath.Join(dir, "x.go"), Line: line, Message: "x"}}, true)[0].Frame {
			s = append(s, fmt.Sprintf("%d=%.10s", l.Number, l.Text))
		}
		return strings.Join(s, " ")
	}
	for line, want := range map[int]string{
		0: "", 1: "1=one 2=\ttwo 3=three", 3: "1=one 2=\ttwo 3=three 4=üüüüüüüüüü 5=five", 5: "3=three 4=üüüüüüüüüü 5=five", 6: "", 99999: "",
	} {
		if got := text(line); got != want {
			t.Errorf("line %d: %q, want %q", line, got, want)
		}
	}
	long := frames([]Diagnostic{{File: filepath.Join(dir, "x.go"), Line: 4, Message: "x"}}, true)[0].Frame[2].Text
	if len(long) > maxSourceLine+3 || !utf8.ValidString(long) {
		t.Errorf("a long line has %d bytes in the frame", len(long))
	}
	// What is no regular file is not opened: a FIFO would block.
	if err := os.Mkdir(filepath.Join(dir, "d.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := frames([]Diagnostic{{File: filepath.Join(dir, "d.go"), Line: 1, Message: "x"}}, true); len(got) != 1 || got[0].Frame != nil {
		t.Errorf("frame of a directory: %+v", got)
	}
}

// B8: how -ldflags are merged.
func TestMergeLdflags(t *testing.T) {
	flags := func(values ...string) []gocmd.Arg {
		out, _ := gocmd.Build.Parse([]string{"-tags=x"})
		for _, v := range values {
			more, _ := gocmd.Build.Parse([]string{"-ldflags", v})
			out = append(out, more...)
		}
		return out
	}
	for _, c := range []struct {
		dwarf  bool
		linker string
		user   []string
		want   []string
	}{
		{want: []string{"-ldflags=-w -buildid=hotreload/x"}},
		{dwarf: true, want: []string{"-ldflags=-compressdwarf=false -buildid=hotreload/x"}},
		{user: []string{" -X a=b "}, want: []string{"-ldflags=-w -buildid=hotreload/x -X a=b"}},
		{user: []string{"-X a=b", "-s"}, want: []string{"-ldflags=-w -buildid=hotreload/x -X a=b -s"}},
		{user: []string{"-X a=b", "", "-s"}, want: []string{"-ldflags=-w -buildid=hotreload/x -s"}},
		{user: []string{"-X a=b", ""}, want: []string{"-ldflags=-w -buildid=hotreload/x"}},
		{user: []string{"all=-s"}, want: []string{"-ldflags=-w -buildid=hotreload/x", "-ldflags=all=-w -buildid=hotreload/x -s"}},
		{user: []string{"-X a=b", "./cmd/...=-s", "-v"}, want: []string{"-ldflags=-w -buildid=hotreload/x -X a=b", "-ldflags=./cmd/...=-w -buildid=hotreload/x -X a=b -s", "-ldflags=-w -buildid=hotreload/x -X a=b -v"}},
		{user: []string{"nonsense"}, want: []string{"-ldflags=nonsense"}},
		{user: []string{"-X 'a"}, want: []string{"-ldflags=-X 'a"}},
		{linker: "mold", want: []string{"-ldflags=-w -buildid=hotreload/x -extldflags=-fuse-ld=mold"}},
		{linker: "mold", user: []string{"-X 'a=b c'"}, want: []string{"-ldflags=-w -buildid=hotreload/x -extldflags=-fuse-ld=mold -X 'a=b c'"}},
		{linker: "mold", user: []string{"-extldflags=-static"}, want: []string{"-ldflags=-w -buildid=hotreload/x '-extldflags=-static -fuse-ld=mold'"}},
		{linker: "mold", user: []string{`-s -extldflags "-static -L'/a b'"`}, want: []string{`-ldflags=-w -buildid=hotreload/x -s -extldflags "-static -L'/a b' -fuse-ld=mold"`}},
		{linker: "mold", user: []string{"-extldflags=-fuse-ld=lld"}, want: []string{"-ldflags=-w -buildid=hotreload/x -extldflags=-fuse-ld=lld"}},
		{linker: "mold", user: []string{"-extld=clang"}, want: []string{"-ldflags=-w -buildid=hotreload/x -extld=clang"}},
		{linker: "mold", user: []string{"-extldflags"}, want: []string{"-ldflags=-w -buildid=hotreload/x -extldflags"}},
	} {
		if got := mergeLdflags(c.dwarf, c.linker, "hotreload/x", flags(c.user...)); !slices.Equal(got, c.want) {
			t.Errorf("dwarf=%v linker=%q %q:\ngot  %q\nwant %q", c.dwarf, c.linker, c.user, got, c.want)
		}
	}
}

// Old toolchains are not given flags that they do not know.
func TestFlagsByVersion(t *testing.T) {
	for version, want := range map[string]string{
		"go1.17.5":                             "-ldflags=-w -buildid=hotreload/x",
		"go1.19":                               "-buildvcs=false -ldflags=-w -buildid=hotreload/x",
		"go1.23.4":                             "-buildvcs=false -pgo=off -ldflags=-w -buildid=hotreload/x",
		"go1.24rc1":                            "-json -buildvcs=false -pgo=off -ldflags=-w -buildid=hotreload/x",
		"go1.26.1 X:simd":                      "-json -buildvcs=false -pgo=off -ldflags=-w -buildid=hotreload/x",
		"devel go1.99-ab12 Mon Jan 2 linux/x":  "-json -buildvcs=false -pgo=off -ldflags=-w -buildid=hotreload/x",
		"something else entirely, and no name": "-json -buildvcs=false -pgo=off -ldflags=-w -buildid=hotreload/x",
	} {
		p, err := chooseFlags(Options{Name: "x"}, toolchain{version: gocmd.Version(version)}, "")
		got := strings.Join(p.args, " ")
		if p.json {
			got = "-json " + got
		}
		if err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", version, got, err, want)
		}
	}
}

// FuzzParse: whatever tools print, the parser does not fail, loses no text (all of it is
// in the output), and every diagnostic has something to say.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"# m\n./x.go:1:2: a\n\tb\n", "go: errors parsing go.mod:\ngo.mod:1: x\n", "package a\n\timports b: c\n", "C:\\x.go:1:2: y\r\n",
		"# m\n/go/link: running gcc failed: exit status 1\nx: undefined reference to `y'\n", "x.go:99999999999999999999:1: z\n", "\t\n# \n# a [b\nx.go:1:1: too many errors",
		"make: x\nMakefile:1: y\nx.go:0:0:  \n: :1: \nx.go:1: note: n\nx.go:1: warning: w\n w",
	} {
		f.Add(s, true, 7)
		f.Add(s, false, 1)
	}
	f.Fuzz(func(t *testing.T, s string, golang bool, cut int) {
		d := newDiagnoser("/p", golang)
		out := newOutput(os.DevNull) // the text is shorter than needs a file
		w := newText(d, out)
		if len(s) > outputCap {
			return
		}
		if cut < 0 || cut > len(s) {
			cut = len(s)
		}
		w.Write([]byte(s[:cut]))
		w.Write([]byte(s[cut:]))
		list := d.found()
		if len(list) > maxDiagnostics {
			t.Errorf("%d diagnostics", len(list))
		}
		for _, x := range list {
			if strings.TrimSpace(x.Message) == "" || strings.Contains(x.Message, "\n") {
				t.Errorf("message %q", x.Message)
			}
			if x.Line < 0 || x.Column < 0 || (x.File == "" && x.Line != 0) {
				t.Errorf("place %q:%d:%d", x.File, x.Line, x.Column)
			}
			if !strings.Contains(s, x.Message) {
				t.Errorf("message %q is not in the text", x.Message)
			}
			for line := range strings.Lines(x.More) {
				if !strings.Contains(s, strings.TrimSuffix(line, "\n")) {
					t.Errorf("%q is not in the text", line)
				}
			}
		}
		text, file := out.finish()
		if file == "" && text != s {
			t.Errorf("the output is %q, want %q", text, s)
		}
		if whole := show(parse("/p", s)); golang && s[cut:] == "" && whole != show(list) {
			t.Errorf("parse differs:\n%s\n%s", whole, show(list))
		}
	})
}
