package e2e

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// D4: a package that came out differently from go build is found when idle: the engine is off from then on, which is
// said, and go build makes the program again.
func TestD4MismatchSession(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[build]\nengine = \"direct\"\n"
	cache := shortTempDir(t)
	w := startWeb(t, newApp(t, files), nil, withEnv(cacheEnv(cache), "GOCACHE="+goCache(t)))
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
