//go:build unix

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// W8: the root is renamed away and back, and removed and made again, while the program runs.
// hotreload waits, says so, and finds what is different.
func TestW8RootLost(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp, "project"), []string{"--set", `build.engine="go"`})
	// No go command may read the directory while it goes away: it would keep in its cache that there
	// are no files, under the names and times of those that there are.
	w.succeed(0, "wait")
	before := w.answer()
	away := w.dir + "-away"
	lost := func(mark int) {
		t.Helper()
		e := w.wait("said", func(e ev) bool {
			return e.Event == "problem" && strings.Contains(e.str("message"), w.dir+" is gone: waiting for it to come back")
		})
		for _, x := range w.since(mark) {
			switch x.Event {
			case "started", "exited", "live":
				t.Errorf("while the root is away: %s", x.line)
			}
		}
		_ = e
	}

	mark := w.mark()
	if err := os.Rename(w.dir, away); err != nil {
		t.Fatal(err)
	}
	lost(mark)
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	write(t, filepath.Join(away, "version.go"), "package main\n\nconst Version = \"away\"\n")
	if err := os.Rename(away, w.dir); err != nil {
		t.Fatal(err)
	}
	w.becomes("what was saved while it was away", func(a answer) bool { return a.version == "away" })
	w.setVersion("back")
	w.becomes("a save after it is back", func(a answer) bool { return a.version == "back" })
	w.settle()

	// As `rm -rf` and `git clone` do it.
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	w.wait("said again", func(e ev) bool {
		return e.Event == "problem" && strings.Contains(e.str("message"), "is gone: waiting")
	})
	again := maps.Clone(webApp)
	again["version.go"] = "package main\n\nconst Version = \"cloned\"\n"
	for name, content := range again {
		write(t, filepath.Join(w.dir, name), content)
	}
	w.becomes("the new tree", func(a answer) bool { return a.version == "cloned" && a.lib == "lib1" })
	w.edit("lib/lib.go", "lib1", "lib2")
	w.becomes("a save in the new tree", func(a answer) bool { return a.lib == "lib2" })
	if code := w.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}
