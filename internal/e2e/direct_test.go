//go:build unix

package e2e

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// D1, D2 and D6 in a session: without a configuration, saves are built directly as soon as there is a plan, an edit that
// a plan cannot foresee is left to go build, a compile error is reported as before, and -v names the engine.
func TestD2DirectSession(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), []string{"-v"})
	direct := func(want bool) {
		t.Helper()
		st := w.status().Services[0]
		if st.Direct == nil || (st.Engine == "direct") != want || (st.Direct.Fallback == "") != want {
			t.Errorf("built by %s: %+v", st.Engine, st.Direct)
		}
	}
	until(t, "a plan", func() bool { return w.status().Services[0].Direct.Ready })
	w.setVersion("direct1")
	w.waitFor("live")
	if a := w.answer(); a.version != "direct1" {
		t.Errorf("answer %+v", a)
	}
	direct(true)
	w.edit("lib/lib.go", `"lib1"`, `lib1`)
	e := w.waitFor("build_finished")
	if e.flag("ok") || !strings.Contains(e.str("output"), "lib/lib.go:5:29: undefined: lib1") {
		t.Errorf("%s", e.line)
	}
	w.edit("lib/lib.go", `return lib1`, `return "lib2"`)
	w.waitFor("live")
	if a := w.answer(); a.lib != "lib2" || a.version != "direct1" {
		t.Errorf("answer %+v", a)
	}
	direct(true)
	w.edit("lib/lib.go", "package lib\n", "package lib\n\nimport _ \"unicode/utf16\"\n")
	w.waitFor("build_finished")
	w.settle()
	direct(false)
	until(t, "another plan", func() bool { return w.status().Services[0].Direct.Ready })
	w.setVersion("direct2")
	w.waitFor("live")
	direct(true)
	if a := w.answer(); a.version != "direct2" {
		t.Errorf("answer %+v", a)
	}
	var disk syscall.Statfs_t
	err := syscall.Statfs(w.dir, &disk)
	full := err == nil && uint64(disk.Bavail)*uint64(disk.Bsize) < 5<<30
	if full {
		t.Log("no lean archives: less than 5 GiB are free")
	} else {
		until(t, "lean archives", func() bool { return w.status().Services[0].Direct.Lean > 0 })
	}
	w.setVersion("direct3")
	w.waitFor("live")
	direct(true)
	if a := w.answer(); a.version != "direct3" {
		t.Errorf("answer %+v", a)
	}
	text := w.command("status")
	if !strings.Contains(text, "the direct engine is ready") || strings.Contains(text, " linked from lean archives") == full {
		t.Errorf("status:\n%s", text)
	}
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); !strings.Contains(text, ", directly") || !strings.Contains(text, ", by go build: the imports or directives of ") {
		t.Errorf("terminal:\n%s", text)
	}
}

// D4: a package that came out differently from go build is found when idle: the engine is off from then on, which is
// said, and go build makes the program again.
func TestD4MismatchSession(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[build]\nengine = \"direct\"\n"
	cache := shortTempDir(t)
	w := startWeb(t, newApp(t, files), nil, withEnv("XDG_CACHE_HOME="+cache, "GOCACHE="+goCache(t)))
	until(t, "a plan", func() bool { return w.status().Services[0].Direct.Ready })
	var mark int
	name := "lib1"
	for spoiled := false; !spoiled; {
		// The check may come first; then there is nothing to spoil, and it goes on with the next edit.
		next := name + "x"
		w.edit("lib/lib.go", strconv.Quote(name), strconv.Quote(next))
		name = next
		w.waitFor("live")
		if st := w.status().Services[0]; st.Engine != "direct" {
			t.Fatalf("built by %s: %+v", st.Engine, st.Direct)
		}
		mark = w.mark()
		filepath.WalkDir(cache, func(path string, _ fs.DirEntry, _ error) error {
			if filepath.Ext(path) != ".a" {
				return nil
			}
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), name) {
				write(t, path, strings.ReplaceAll(string(text), name, strings.ToUpper(name)))
				spoiled = true
			}
			return nil
		})
	}
	e := w.wait("the mismatch", func(e ev) bool { return e.Event == "problem" })
	if !strings.Contains(e.str("message"), "example.test/web/lib came out differently from go build") {
		t.Errorf("%s", e.line)
	}
	w.waitFor("live")
	w.settle()
	if a := w.answer(); a.lib != name {
		t.Errorf("answer %+v", a)
	}
	if n := count(w.since(mark), "build_finished"); n != 1 {
		t.Errorf("%d builds", n)
	}
	st := w.status().Services[0]
	if st.Engine != "go" || st.Direct.Off == "" || st.Direct.Ready {
		t.Errorf("built by %s: %+v", st.Engine, st.Direct)
	}
}

// goCache is Go's build cache, for a test that has another cache directory.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// C3: who builds makes no difference to the program, so another engine restarts nothing; it makes the next build.
func TestC3Engine(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[build]\nengine = \"go\"\n"
	w := startWeb(t, newApp(t, files), nil)
	pid := w.answer().pid
	mark := w.mark()
	w.rewrite("[build]\nengine = \"direct\"\n")
	w.applied()
	w.settle()
	if n := count(w.since(mark), "build_started") + count(w.since(mark), "exited"); n != 0 || w.answer().pid != pid {
		t.Errorf("%d builds and ends", n)
	}
	w.setVersion("two") // by go build: there is no plan yet
	w.waitFor("live")
	until(t, "a plan", func() bool { d := w.status().Services[0].Direct; return d != nil && d.Ready })
	w.setVersion("three")
	w.waitFor("live")
	if st := w.status().Services[0]; st.Engine != "direct" || w.answer().version != "three" {
		t.Errorf("built by %s: %+v", st.Engine, st.Direct)
	}
}
