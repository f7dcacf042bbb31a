//go:build unix

package watcher

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// W7: an edit that keeps the size and sets the modification time back is a change, with both
// backends, and so it is when a chmod follows it; a chmod alone is none.
func TestSameSizeSameTime(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		old := time.Now().Add(-time.Hour)
		for _, name := range []string{"a.go", "b.go", "c.go", "d.go"} {
			write(t, filepath.Join(root, name), "one")
			must(t, os.Chtimes(filepath.Join(root, name), old, old))
		}
		s := watch(t, o)
		s.hashed()
		back := func(name string) {
			t.Helper()
			path := filepath.Join(root, name)
			write(t, path, "two")
			must(t, os.Chtimes(path, old, old))
		}
		back("a.go")
		s.expect("a.go")
		back("b.go")
		must(t, os.Chmod(filepath.Join(root, "b.go"), 0o600))
		s.expect("b.go")
		// Another file in its place, which was prepared elsewhere.
		back("#c#")
		rename(t, filepath.Join(root, "#c#"), filepath.Join(root, "c.go"))
		s.expect("c.go")
		must(t, os.Chmod(filepath.Join(root, "d.go"), 0o600))
		for _, b := range s.settled() {
			if len(b.Changes) > 0 {
				t.Errorf("chmod: %+v", b)
			}
		}
	})
}
