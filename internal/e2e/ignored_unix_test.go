//go:build unix

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// E3: a rule over a link to a directory, outside of the project and inside: edits, new files and
// directories, and a link that is turned.
func TestE3SymlinkedDirectory(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files["real/a.txt"] = "1"
	files[".hotreload.toml"] = `
[[rules]]
paths = ["tmpl/**/*.html", "in/*.txt"]
effect = "restart"
`
	dir := newApp(t, files, "project")
	ext := filepath.Join(filepath.Dir(dir), "ext")
	write(t, filepath.Join(ext, "a.html"), "1")
	write(t, filepath.Join(filepath.Dir(dir), "ext2", "a.html"), "2")
	for link, target := range map[string]string{"tmpl": "../ext", "in": "real", "lib/up": "..", "self": "."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	w := startWeb(t, dir, nil)
	restarts := func(path string) {
		t.Helper()
		if e := w.waitFor("changed"); e.str("effect") != "restart" || !strings.Contains(strings.Join(e.strs("paths"), " "), path) {
			t.Fatalf("want a restart for %s: %s\n%s", path, e.line, w.dump())
		}
		w.waitFor("live")
	}
	write(t, filepath.Join(ext, "a.html"), "2")
	restarts("/project/tmpl/a.html")
	write(t, filepath.Join(ext, "sub", "dir", "b.html"), "1")
	restarts("/project/tmpl/sub/dir/b.html")
	write(t, filepath.Join(dir, "in", "a.txt"), "2")
	restarts("/project/in/a.txt")
	if err := os.Symlink("../ext2", filepath.Join(dir, "#new#")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "#new#"), filepath.Join(dir, "tmpl")); err != nil {
		t.Fatal(err)
	}
	restarts("/project/tmpl/sub/dir/b.html") // it is gone; a.html is as it was
	write(t, filepath.Join(dir, "tmpl", "a.html"), "3")
	restarts("/project/tmpl/a.html")
	for path, want := range map[string]string{"tmpl/a.html": "restart", "in/new.txt": "restart", "self/x.html": "none"} {
		if out := w.command("why", path); !strings.Contains(out, ": "+want+": ") {
			t.Errorf("why %s: %s", path, out)
		}
	}
}
