package watcher

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestShort(t *testing.T) {
	for path, want := range map[string]string{
		`\\?\C:\dir`: `C:\dir`, `\\?\UNC\server\share\dir`: `\\server\share\dir`, `C:\dir`: `C:\dir`,
		`\\?\Volume{1-2}\dir`: `\\?\Volume{1-2}\dir`,
	} {
		if got := short(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// N5 (18): the directory that is found is one that can be asked for.
func TestMountedAt(t *testing.T) {
	dir := tempDir(t)
	got, err := mountedAt(dir)
	must(t, err)
	want, err := filepath.EvalSymlinks(dir)
	must(t, err)
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	plant(t, dir, map[string]string{"file": "1"})
	if got, err := mountedAt(filepath.Join(dir, "file")); err == nil {
		t.Errorf("a file: %s", got)
	}
}

// N5 (18): a root that is a junction.
func TestJunction(t *testing.T) {
	base := tempDir(t)
	plant(t, base, map[string]string{"real/a.go": "1", "real/sub/b.go": "1"})
	root := filepath.Join(base, "link")
	if out, err := exec.Command("cmd", "/c", "mklink", "/J", root, filepath.Join(base, "real")).CombinedOutput(); err != nil {
		t.Skipf("no junctions here: %v: %s", err, out)
	}
	if _, err := os.Lstat(root); err != nil {
		t.Skip("no junctions here: ", err) // Wine reports no error and makes none
	}
	s := watch(t, Options{Backend: Notify, Scope: Scope{Trees: []string{root}}})
	s.hashed()
	write(t, filepath.Join(root, "a.go"), "22")
	write(t, filepath.Join(root, "sub", "b.go"), "22")
	s.expect("a.go", "sub/b.go")
	if all := s.noticesOf(""); len(all) > 0 {
		t.Errorf("%v", all)
	}
}
