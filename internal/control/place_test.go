//go:build !windows

package control

import (
	"path/filepath"
	"strings"
	"testing"
)

// N5 (finding 16): on a disk that ignores case, a project is the same however its path is typed.
func TestSpelled(t *testing.T) {
	disk := map[string][]string{
		"/":               {"Users", "Volumes"},
		"/Users":          {"ann"},
		"/Users/ann":      {"Code", "code2", "secret"},
		"/Users/ann/Code": {"Shop", "SHOP"}, // both: a disk that minds case is mounted here
	}
	names := func(dir string) []string { return disk[filepath.Clean(dir)] }
	same := func(a, b string) bool {
		return strings.EqualFold(a, b) && !strings.Contains(a, "/Code/")
	}
	for given, want := range map[string]string{
		"/Users/ann/Code":            "/Users/ann/Code",
		"/users/ANN/cODE":            "/Users/ann/Code",
		"/Users/ann/code2":           "/Users/ann/code2",
		"/users/ann/CODE/Shop":       "/Users/ann/Code/Shop",
		"/Users/ann/Code/SHOP":       "/Users/ann/Code/SHOP",
		"/Users/ann/Code/shop":       "/Users/ann/Code/shop", // equal but for case, and another file
		"/Users/ann/secret/Not/Here": "/Users/ann/secret/Not/Here",
		"/":                          "/",
	} {
		if got := spelled(given, names, same); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}
