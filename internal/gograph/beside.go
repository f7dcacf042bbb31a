package gograph

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
)

// Beside returns the directories of the local modules outside dir that its go.work and go.mod name, absolute. It starts no
// command, so that they can be watched before a graph is known; a graph names only those that are used.
func Beside(dir string) []string {
	var out []string
	add := func(base, target string) {
		at := abs(base, filepath.FromSlash(target))
		if info, err := os.Stat(at); err == nil && info.IsDir() && !within(at, dir) && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	replaced := func(base string, list []*modfile.Replace) {
		for _, r := range list {
			if modfile.IsDirectoryPath(r.New.Path) {
				add(base, r.New.Path)
			}
		}
	}
	if file, data := above(dir, "go.work"); data != nil {
		if f, err := modfile.ParseWork(file, data, nil); err == nil {
			for _, u := range f.Use {
				add(filepath.Dir(file), u.Path)
			}
			replaced(filepath.Dir(file), f.Replace)
		}
	}
	if file, data := above(dir, "go.mod"); data != nil {
		if f, err := modfile.Parse(file, data, nil); err == nil {
			replaced(filepath.Dir(file), f.Replace)
		}
	}
	return out
}

// above reads the nearest file of that name in dir or above.
func above(dir, name string) (file string, data []byte) {
	for {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			data, _ := os.ReadFile(file)
			return file, data
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}
