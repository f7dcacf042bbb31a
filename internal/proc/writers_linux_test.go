package proc

import (
	"os"
	"path/filepath"
	"testing"
)

// E2: a file that a process has open for writing is distinguished from one that it reads, or has closed.
func TestWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if !Written(path) {
		t.Error("open for writing, and not seen")
	}
	link := filepath.Join(t.TempDir(), "link.log")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if !Written(link) {
		t.Error("not seen through a link")
	}
	f.Close()
	if f, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Written(path) {
		t.Error("open for reading counts")
	}
	if Written(path + "~") {
		t.Error("a file that does not exist counts")
	}
}
