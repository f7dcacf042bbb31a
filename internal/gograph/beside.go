package gograph

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// Beside returns the directories of the local modules outside dir that its go.work and go.mod name, absolute. It starts no
// command, so that they can be watched before a graph is known; a graph names only those that are used.
func Beside(dir string) []string {
	var named []string
	if file, data := above(dir, "go.work"); data != nil {
		if used, replacing, err := gocmd.WorkDirs(file, data); err == nil {
			named = append(used, replacing...)
		}
	}
	if file, data := above(dir, "go.mod"); data != nil {
		if replacing, err := gocmd.ModDirs(file, filepath.Dir(file), data); err == nil {
			named = append(named, replacing...)
		}
	}
	var out []string
	for _, at := range named {
		if info, err := os.Stat(at); err == nil && info.IsDir() && !gocmd.Within(at, dir) && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

// above reads the nearest file of that name in dir or above.
func above(dir, name string) (file string, data []byte) {
	for {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			data, _ := files.ReadShared(file)
			return file, data
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}
