package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// R8: crashes of a real program, with the first own frame. One build per variant.
func TestCrashes(t *testing.T) {
	source, err := os.ReadFile("testdata/crash/main.go")
	if err != nil {
		t.Fatal(err)
	}
	// line finds the place by the comment at its end.
	line := func(mark string) int {
		for i, l := range strings.Split(string(source), "\n") {
			if strings.HasSuffix(l, "// "+mark) {
				return i + 1
			}
		}
		t.Fatalf("no line is marked %q", mark)
		return 0
	}
	dir := t.TempDir()
	build := func(name string, args ...string) string {
		exe := filepath.Join(dir, name+".exe") // Windows needs the extension
		c := exec.Command("go", append(append([]string{"build", "-o", exe}, args...), "./testdata/crash")...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0") // else an idle program is no deadlock
		if name == "race" {
			c.Env = append(os.Environ(), "CGO_ENABLED=1")
		}
		if out, err := c.CombinedOutput(); err != nil {
			if name == "race" {
				t.Skipf("no race detector here: %s", out)
			}
			t.Fatalf("%v: %s", err, out)
		}
		return exe
	}
	const all = ""
	type way struct {
		name, message string
		mark          string // of the line; "lib": in lib.go
		fn            string
		env           string
	}
	ways := []way{
		{"nilmap", "assignment to entry in nil map", "nilmap", "main.(*point).set", all},
		{"custom", "custom 3\nsecond line\n\nfourth", "custom", "", all},
		{"struct", "", "struct", "", all},
		{"multiline", "a\nb\n\nc", "multiline", "", all},
		{"lookalike", "a", "lookalike", "", all}, // its second line looks like a second panic
		{"repanicked", "first", "first", "main.first", all},
		{"wrapped", "wrapped first", "wrapped", "", all},
		{"nested", "first", "first", "main.first", all},
		{"goroutine", "runtime error: invalid memory address or nil pointer dereference", "goroutine", "", all},
		{"log", "text of the log", "log", "", all},
		{"logmany", "the real one", "logmany", "", all},
		{"callback", "in less", "callback", "", all},
		{"own library", "42", "lib", "", all},
		{"module cache", "", "module cache", "", all},
		{"library goroutine", "in timer", "library goroutine", "", all},
		{"deadlock", "fatal error: all goroutines are asleep - deadlock!", "deadlock", "", all},
		{"map race", "fatal error: concurrent map writes", "map race", "", all},
		{"overflow", "fatal error: stack overflow", "overflow", "main.deep", all},
		{"nilmap", "assignment to entry in nil map", "nilmap", "", "GOTRACEBACK=system"},
		{"goroutine", "runtime error: invalid memory address or nil pointer dereference", "goroutine", "", "GOTRACEBACK=crash"},
		{"many goroutines", "first", "first", "main.first", "GOTRACEBACK=all"},
		{"repanicked", "first", "first", "main.first", "GOTRACEBACK=system"},
		{"nested", "first", "first", "main.first", "GOTRACEBACK=system"},
		{"nested", "first", "", "", "GOTRACEBACK=none"},
	}
	for _, variant := range []string{"plain", "trimpath"} {
		exe := build(variant, map[string][]string{"trimpath": {"-trimpath"}}[variant]...)
		for _, w := range ways {
			if w.env == "GOTRACEBACK=crash" && runtime.GOOS == "windows" {
				continue // the system's error reporting takes over
			}
			t.Run(variant+"/"+w.name+" "+w.env, func(t *testing.T) {
				s := Spec{Path: exe, Args: []string{"crash", w.name}, StopTimeout: patience}
				s.Env = append(os.Environ(), w.env)
				p := start(t, s)
				e := p.exit()
				p.gone()
				if e.Panic == nil {
					t.Fatalf("%+v\n%s", e, p.err)
				}
				if w.message != "" && e.Panic.Message != w.message {
					t.Errorf("message %q, want %q", e.Panic.Message, w.message)
				}
				if w.mark == "" {
					if e.Panic.Frame != (Frame{}) {
						t.Errorf("%+v", e.Panic.Frame)
					}
					return
				}
				file, n := "/crash/main.go", 0
				if w.mark == "lib" {
					file, n = "/crash/lib/lib.go", 12
				} else {
					n = line(w.mark)
				}
				f := e.Panic.Frame
				if !strings.HasSuffix(f.File, file) || f.Line != n || w.fn != "" && f.Func != w.fn {
					t.Errorf("%+v, want %s:%d\n%s", f, file, n, e.Panic.Stack[:min(2000, len(e.Panic.Stack))])
				}
				if filepath.IsAbs(f.File) != (variant == "plain") {
					t.Errorf("file %q", f.File)
				}
				if !strings.Contains(e.Reason, f.File) || strings.Contains(e.Reason, "\n") {
					t.Errorf("reason %q", e.Reason)
				}
			})
		}
		for name, reason := range map[string]string{
			"handler": "exit code 0", "handler2": "exit code 2", "stdout": "exit code 2", "exit2": "exit code 2",
		} {
			p := start(t, Spec{Path: exe, Args: []string{"crash", name}})
			if e := p.exit(); e.Panic != nil || e.Reason != reason {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
	if testing.Short() {
		t.Skip("-short: the build with the race detector takes long")
	}
	exe := build("race", "-race")
	p := start(t, Spec{Path: exe, Args: []string{"crash", "race"}})
	e := p.exit()
	if e.Code != 66 || e.Panic == nil || e.Panic.Message != "data race" || !strings.HasSuffix(e.Panic.Frame.File, "main.go") {
		t.Errorf("%+v", e)
	}
}
