//go:build unix

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testaddr"
)

// lateServer listens only some time after its start.
const lateServer = `package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

const version = "one"

func main() {
	time.Sleep(%s)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, version) })
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv("ADDR"), nil))
	os.Exit(1)
}
`

// succeed runs a hotreload command and fails the test if it does not exit with the code.
func (s *session) succeed(code int, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(hotreload, args...)
	cmd.Dir, cmd.Env = s.dir, s.cmd.Env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%v: exit %d, want %d: %s\n%s", args, got, code, out, s.dump())
	}
	return string(out)
}

// E12: a server that needs longer to listen than its first start is given at a glance is a
// server all the same: `wait` and `live` come when it listens, at the first start and later.
func TestE12LateServer(t *testing.T) {
	t.Parallel()
	addr := testaddr.Free(t)
	dir := newApp(t, map[string]string{
		"go.mod":  "module example.test/late\n\ngo 1.25\n",
		"main.go": fmt.Sprintf(lateServer, "700*time.Millisecond"),
	})
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	s.waitFor("live")
	if got := s.get(addr, "/"); got != "one" {
		t.Errorf("at the first live it answers %q", got)
	}
	for i, version := range []string{"two", "three"} {
		s.edit("main.go", []string{`"one"`, `"two"`}[i], fmt.Sprintf("%q", version))
		s.succeed(0, "wait")
		if got := s.get(addr, "/"); got != version {
			t.Errorf("after wait it answers %q, want %q", got, version)
		}
	}
	// It dies before it listens: that was never live.
	mark := s.mark()
	s.edit("main.go", "http.HandleFunc", "panic(\"too early\"); http.HandleFunc")
	if out := s.succeed(1, "wait"); !strings.Contains(out, "too early") {
		t.Errorf("wait says %q", out)
	}
	if n := count(s.since(mark), "live"); n != 0 {
		t.Errorf("%d live events of a program that never listened\n%s", n, s.dump())
	}
}

// E12: a program that is no server and dies at once was never live.
func TestE12DiesEarly(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod":  "module example.test/worker\n\ngo 1.25\n",
		"main.go": "package main\n\nimport \"time\"\n\nfunc main() { work(); time.Sleep(time.Hour) }\n",
		"work.go": "package main\n\nfunc work() {}\n",
	})
	s := start(t, dir, nil)
	s.waitFor("live")
	mark := s.mark()
	write(t, filepath.Join(dir, "work.go"), "package main\n\nimport \"time\"\n\nfunc work() { time.Sleep(50 * time.Millisecond); panic(\"no work\") }\n")
	s.succeed(1, "wait")
	if n := count(s.since(mark), "live"); n != 0 {
		t.Errorf("%d live events of a program that died\n%s", n, s.dump())
	}
	write(t, filepath.Join(dir, "work.go"), "package main\n\nfunc work() {}\n")
	s.succeed(0, "wait")
}

// E12, M1: `wait` right after the first live, before any import graph is known, returns
// when the save is live, whatever kind of input was saved.
func TestE12NoGraphYet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, content, want string }{
		{"embed", "app/data.txt", "two", "two 1 lib1"},
		{"replaced module", "lib/lib.go", "package lib\n\nfunc Name() string { return \"lib2\" }\n", "one 1 lib2"},
		{"assembly", "app/n_amd64.s", strings.Replace(assembly, "$1", "$2", 1), "one 2 lib1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"lib/go.mod":          "module example.test/lib\n\ngo 1.25\n",
				"lib/lib.go":          "package lib\n\nfunc Name() string { return \"lib1\" }\n",
				"app/go.mod":          "module example.test/app\n\ngo 1.25\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../lib\n",
				"app/data.txt":        "one",
				"app/n_amd64.s":       assembly,
				"app/n_other.go":      "//go:build !amd64\n\npackage main\n\nfunc n() int { return 2 }\n",
				"app/n_amd64.go":      "package main\n\nfunc n() int\n",
				"app/.hotreload.toml": "[build]\nengine = \"go\"\n",
				"app/main.go": `package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"

	"example.test/lib"
)

//go:embed data.txt
var data string

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, data, " ", n(), " ", lib.Name()) })
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}
`,
			}
			dir := newApp(t, files)
			addr := testaddr.Free(t)
			s := start(t, filepath.Join(dir, "app"), nil, withEnv("ADDR="+addr))
			s.waitFor("live")
			replaceFile(t, filepath.Join(dir, filepath.FromSlash(tt.file)), tt.content)
			s.succeed(0, "wait")
			if got := s.get(addr, "/"); got != tt.want {
				t.Errorf("after wait it answers %q, want %q", got, tt.want)
			}
		})
	}
}

const assembly = "#include \"textflag.h\"\n\nTEXT ·n(SB), NOSPLIT, $0-8\n\tMOVQ $1, ret+0(FP)\n\tRET\n"
