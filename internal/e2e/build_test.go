package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// B1 and B3: a compile error leaves the program alone and is shown once, with its
// place; the repair is a new program, and is said.
func TestB1CompileErrorAndB3Repair(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	before := w.answer()
	mark := w.mark()
	w.edit("lib/lib.go", `return "lib1"`, `return lib1`)
	e := w.waitFor("build_finished")
	if e.flag("ok") {
		t.Fatal("built")
	}
	d, _ := e.Raw["diagnostics"].([]any)
	if len(d) != 1 {
		t.Fatalf("diagnostics: %s", e.line)
	}
	diag := d[0].(map[string]any)
	want := filepath.Join(w.dir, "lib", "lib.go")
	if diag["file"] != want || diag["line"] != 5.0 || diag["column"] != 29.0 ||
		diag["message"] != "undefined: lib1" || diag["package"] != "example.test/web/lib" {
		t.Errorf("diagnostic: %v", diag)
	}
	w.settle()
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	if n := count(w.since(mark), "build_finished"); n != 1 {
		t.Errorf("%d results for one save", n)
	}
	w.edit("lib/lib.go", `return lib1`, `return "lib2"`)
	w.waitFor("live")
	if a := w.answer(); a.lib != "lib2" {
		t.Errorf("answer %+v", a)
	}
	w.stop(syscall.SIGTERM)
	text := filepath.ToSlash(w.err.String())
	if strings.Count(text, "undefined: lib1") != 1 || !strings.Contains(text, "lib/lib.go:5:29: undefined: lib1") ||
		!strings.Contains(text, "    5 | func Name() string { return lib1 }") || !strings.Contains(text, "fixed") {
		t.Errorf("terminal:\n%s", text)
	}
}

// B2: an error at the first start waits for the repair.
func TestB2FirstBuildFails(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files["version.go"] = "package main\n\nconst Version =\n"
	dir := newApp(t, files)
	addr := testkit.Address(t)
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	if e := s.waitFor("build_finished"); e.flag("ok") {
		t.Fatal(e.line)
	}
	w := &web{session: s, addr: addr}
	w.settle()
	if n := count(w.since(0), "started"); n != 0 {
		t.Error("something was started")
	}
	w.setVersion("fixed")
	w.waitFor("live")
	if a := w.answer(); a.version != "fixed" {
		t.Errorf("answer %+v", a)
	}
}

// B6: what cannot be built is explained, with what to do, and nothing hangs.
func TestB6NothingToBuild(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		args  []string
		env   []string
		want  []string
		code  int
	}{
		"no go.mod": {map[string]string{"a.txt": ""}, nil, nil, []string{"no go.mod", "go mod init"}, 1},
		"library":   {map[string]string{"go.mod": "module x\n\ngo 1.25\n", "x.go": "package x\n"}, nil, nil, []string{"no main package"}, 1},
		"several": {map[string]string{"go.mod": "module x\n\ngo 1.25\n", "cmd/a/a.go": "package main\n\nfunc main() {}\n", "cmd/b/b.go": "package main\n\nfunc main() {}\n"},
			nil, nil, []string{"hotreload run ./cmd/a", "hotreload run ./cmd/b"}, 2},
		"no such package": {map[string]string{"go.mod": "module x\n\ngo 1.25\n"}, []string{"./nope"}, nil, []string{"./nope"}, 2},
		"no go": {map[string]string{"go.mod": "module x\n\ngo 1.25\n", "a.go": "package main\n\nfunc main() {}\n"}, nil,
			[]string{"PATH=/nonexistent"}, []string{"go command is not on PATH"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(hotreload, append([]string{"run"}, c.args...)...)
			cmd.Dir = newApp(t, c.files)
			cmd.Env = append(cleanEnv(), c.env...)
			out, err := refused(t, cmd)
			if err == nil || cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("exit %v, want %d\n%s", err, c.code, out)
			}
			for _, want := range c.want {
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("not said: %q\n%s", want, out)
				}
			}
		})
	}
}

// B6: a package that is not main, named on purpose, fails as a build does; the
// archive that go build makes of it is never executed.
func TestB6NotMain(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	s := start(t, dir, []string{"./lib"})
	e := s.waitFor("build_finished")
	if e.flag("ok") {
		t.Error(e.line)
	}
	s.settle()
	if n := count(s.since(0), "started"); n != 0 {
		t.Error("something was started")
	}
	s.stop(syscall.SIGTERM)
	if text := s.err.String(); !strings.Contains(text, "not a main package") && !strings.Contains(text, "package main") {
		t.Errorf("not explained:\n%s", text)
	}
}

// B8: the user's own flags are respected and merged with ours.
func TestB8Flags(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"go.mod":       "module example.test/flags\n\ngo 1.25\n",
		"main.go":      "package main\n\nimport \"fmt\"\n\nvar a, b = \"no\", \"no\"\n\nfunc main() { fmt.Println(a, b, tagged) }\n",
		"tagged.go":    "//go:build dev\n\npackage main\n\nconst tagged = true\n",
		"untagged.go":  "//go:build !dev\n\npackage main\n\nconst tagged = false\n",
		".placeholder": "",
	}
	for name, c := range map[string]struct {
		args []string
		env  string
		want string
	}{
		"plain":   {nil, "", "no no false"},
		"flags":   {[]string{"--set", `build.flags=["-ldflags=-X main.a=yes"]`, "--tags", "dev"}, "", "yes no true"},
		"GOFLAGS": {[]string{"--set", `build.flags=["-ldflags=-X main.a=yes"]`}, "GOFLAGS='-ldflags=-X main.b=env' -tags=dev", "yes env true"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(hotreload, append([]string{"run", "--once"}, c.args...)...)
			cmd.Dir = newApp(t, files)
			cmd.Env = append(cleanEnv(), c.env)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			got := strings.TrimSpace(string(out))
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// B8: tags of the command line and of GOFLAGS count together, for the build and for what
// it is known to be built from.
func TestB8TagsOfBoth(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files["lib/extra.go"] = "//go:build extra && dev\n\npackage lib\n\nfunc init() { name = \"extra1\" }\n"
	files["lib/lib.go"] = "// Package lib has a name.\npackage lib\n\nvar name = \"lib1\"\n\n// Name is a name.\nfunc Name() string { return name }\n"
	w := startWeb(t, newApp(t, files), []string{"--tags", "dev"}, withEnv("GOFLAGS=-tags=extra"))
	w.knowsGraph()
	if a := w.answer(); a.lib != "extra1" {
		t.Fatalf("%+v", a)
	}
	w.edit("lib/extra.go", "extra1", "extra2")
	e := w.wait("the change", func(e ev) bool {
		return e.Event == "changed" && strings.HasSuffix(strings.Join(e.strs("paths"), " "), "extra.go")
	})
	if e.str("effect") != "rebuild" {
		t.Fatalf("%s", e.line)
	}
	w.waitFor("live")
	if a := w.answer(); a.lib != "extra2" {
		t.Errorf("%+v", a)
	}
}

// B9: a custom command builds, argv is never parsed by a shell, and one without
// output restarts at every success.
func TestB9CustomCommand(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[build]\ncommand = [\"go\", \"build\", \"-o\", \"out dir/web $x\", \".\"]\noutput = \"out dir/web $x\"\n"
	w := startWeb(t, newApp(t, files), nil)
	w.setVersion("custom")
	w.waitFor("live")
	if a := w.answer(); a.version != "custom" {
		t.Errorf("answer %+v", a)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "out dir", "web $x")); err != nil {
		t.Error(err)
	}
}
