package discover

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLook reads all Go files of the project itself: the first time, and when none has changed.
func BenchmarkLook(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	var files []string
	_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	o := Options{Root: root, Dir: root}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			var c Cache
			c.Look(files, o)
		}
		b.ReportMetric(float64(len(files)), "files")
	})
	b.Run("again", func(b *testing.B) {
		var c Cache
		c.Look(files, o)
		for b.Loop() {
			c.Look(files, o)
		}
	})
}
