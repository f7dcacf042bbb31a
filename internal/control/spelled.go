//go:build !windows

package control

import (
	"path/filepath"
	"strings"
)

// spelled is an absolute path as the disk spells it. On a disk that ignores case, `cd ~/CODE/app`
// and `cd ~/code/app` lead to one directory, and that is one project. names lists a directory, and
// same reports whether two paths are one file. What cannot be listed stays as it is given.
func spelled(path string, names func(dir string) []string, same func(a, b string) bool) string {
	dir, name := filepath.Split(filepath.Clean(path))
	if name == "" {
		return dir
	}
	dir = spelled(dir, names, same)
	given := filepath.Join(dir, name)
	found := given
	for _, n := range names(dir) {
		switch {
		case n == name:
			return given
		case strings.EqualFold(n, name) && same(filepath.Join(dir, n), given):
			found = filepath.Join(dir, n)
		}
	}
	return found
}
