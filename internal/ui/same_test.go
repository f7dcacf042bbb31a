package ui

import (
	"os"
	"path/filepath"
	"testing"
)

// T6, N5: two pipes are two streams, and so are two files; one that has both outputs is one.
func TestSameFile(t *testing.T) {
	pipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		return w
	}
	file := func(name string, flag int) *os.File {
		f, err := os.OpenFile(name, os.O_WRONLY|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	dir := t.TempDir()
	one, two, null := pipe(), pipe(), file(os.DevNull, 0)
	a, b := file(filepath.Join(dir, "a"), os.O_CREATE), file(filepath.Join(dir, "b"), os.O_CREATE)
	for _, c := range []struct {
		name string
		x, y *os.File
		want bool
	}{
		{"two pipes", one, two, false}, {"one pipe", one, one, true}, {"two files", a, b, false}, {"one file", a, a, true},
		{"a pipe and a file", one, a, false}, {"a pipe and no output", one, null, false}, {"none", nil, nil, false},
	} {
		if got := sameFile(c.x, c.y); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
