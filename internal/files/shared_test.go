package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// N5 (13): a reader of a file or a directory does not keep others from moving and removing it.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"file", "sub"} {
		path := filepath.Join(dir, name)
		if name == "file" {
			if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.MkdirAll(filepath.Join(path, "entry"), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := OpenShared(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "sub" {
			if entries, err := f.ReadDir(-1); err != nil || len(entries) != 1 || entries[0].Name() != "entry" || !entries[0].IsDir() {
				t.Errorf("%v, %v", entries, err)
			}
		} else if text, err := ReadShared(path); err != nil || string(text) != "text" {
			t.Errorf("%q, %v", text, err)
		}
		if err := os.Rename(path, path+"2"); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(path + "2"); err != nil {
			t.Error(err)
		}
		f.Close()
		if _, err := ReadShared(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
}
