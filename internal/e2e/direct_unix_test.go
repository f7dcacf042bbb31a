//go:build unix

package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// D1, D2 and D6 in a session: without a configuration, saves are built directly as soon as there is a plan, an edit that
// a plan cannot foresee is left to go build, a compile error is reported as before, and -v names the engine.
func TestD2DirectSession(t *testing.T) {
	testkit.Slow(t)
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
