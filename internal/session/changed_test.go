package session

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A rule's command gets the changed paths, one per line and relative to the root; none if
// they do not fit into a variable.
func TestPathList(t *testing.T) {
	root := filepath.Join(string(filepath.Separator), "p")
	abs := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(root, n))
		}
		return paths
	}
	rel := filepath.Join("web", "a b.html") + "\n" + filepath.Join("..", "shared", "x") + "\n" + `"two\nlines"`
	if got := pathList(root, abs("web/a b.html", "../shared/x", "two\nlines")); got != rel {
		t.Errorf("%q, want %q", got, rel)
	}
	if got := pathList(root, nil); got != "" {
		t.Errorf("%q of nothing", got)
	}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("%04d%s", i, strings.Repeat("x", 24)))
	}
	if got := pathList(root, abs(many...)); len(got) != 29*1000-1 {
		t.Errorf("%d bytes of paths that fit", len(got))
	}
	if got := pathList(root, abs(append(many, strings.Repeat("y", 2000))...)); got != "" {
		t.Errorf("%d bytes of paths that do not fit", len(got))
	}
}
