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

// N3: a file is changed and no event tells of it: it is written through another hard link, which
// lies elsewhere. It is live all the same, and the file system is polled from then on, said once.
func TestN3NoEvent(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[watch]\npoll_interval = \"20ms\"\n"
	w := startWeb(t, newApp(t, files), nil)
	outside := filepath.Join(t.TempDir(), "version.go")
	if err := os.Link(filepath.Join(w.dir, "version.go"), outside); err != nil {
		t.Skip("this file system has no hard links: ", err)
	}
	for i, v := range []string{"two", "three", "four"} {
		write(t, outside, "package main\n\nconst Version = \""+v+"\"\n")
		w.waitFor("live")
		if a := w.answer(); a.version != v {
			t.Errorf("answer %+v, want %s", a, v)
		}
		if i == 0 {
			until(t, "it is said", func() bool { return strings.Contains(w.err.String(), "did not report it") })
			if got := w.status().Backend; got != "poll" {
				t.Errorf("backend %s", got)
			}
		}
	}
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); strings.Count(text, "did not report it") != 1 {
		t.Errorf("not said once:\n%s", text)
	}
}
