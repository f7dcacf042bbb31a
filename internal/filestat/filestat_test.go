package filestat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Raw says what Of and OfLink say, and makes no garbage.
func TestRaw(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("text"), 0o640); err != nil {
		t.Fatal(err)
	}
	paths := []string{dir, file, filepath.Join(dir, "none")}
	if err := os.Symlink("file", link); err == nil {
		paths = append(paths, link)
	}
	for _, path := range paths {
		raw := append([]byte(path), 0)
		for _, follow := range []bool{false, true} {
			ask := OfLink
			if follow {
				ask = Of
			}
			want, wantErr := ask(path)
			got, err := Raw(raw, follow)
			if got != want || errors.Is(err, fs.ErrNotExist) != errors.Is(wantErr, fs.ErrNotExist) {
				t.Errorf("%s, follow %v: %+v (%v), want %+v (%v)", path, follow, got, err, want, wantErr)
			}
		}
	}
	raw := append([]byte(file), 0)
	if n := testing.AllocsPerRun(100, func() { _, _ = Raw(raw, false) }); n > 0 && runtime.GOOS == "linux" {
		t.Errorf("%v allocations", n)
	}
}
