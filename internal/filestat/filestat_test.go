package filestat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
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

// Since says no only when a change would show.
func TestSince(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	for name, tt := range map[string]struct {
		stat Stat
		want bool
	}{
		"no file":                       {Stat{}, false},
		"after":                         {Stat{ID: ID{Ino: 1}, Ctime: at.Add(time.Millisecond).UnixNano()}, true},
		"long before":                   {Stat{ID: ID{Ino: 1}, Ctime: at.Add(-21*time.Millisecond - 1).UnixNano()}, false},
		"within a tick before":          {Stat{ID: ID{Ino: 1}, Ctime: at.Add(-time.Millisecond).UnixNano()}, true},
		"the second before, no more":    {Stat{ID: ID{Ino: 1}, Ctime: at.Add(-time.Second).UnixNano()}, true},
		"long before by the other time": {Stat{ID: ID{Ino: 1}, Ctime: at.UnixNano(), Mtime: at.Add(-time.Hour).UnixNano()}, true},
		"there is no change time":       {Stat{Mtime: at.Add(-time.Millisecond).UnixNano()}, true},
		"nor a young one":               {Stat{Mtime: at.Add(-time.Minute - 1).UnixNano()}, false},
	} {
		if got := tt.stat.Since(at); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A directory is the same one under another name, and another one under the same name.
func TestDirectoryID(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	ask := func(path string) ID {
		t.Helper()
		st, err := OfLink(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if of, err := OfFile(f); err != nil || of.ID != st.ID || !st.ID.Known() {
			t.Errorf("%+v and %+v, %v", of, st, err)
		}
		if of, err := Of(path); err != nil || of.ID != st.ID {
			t.Errorf("%+v and %+v, %v", of, st, err)
		}
		return st.ID
	}
	if err := os.Mkdir(a, 0o700); err != nil {
		t.Fatal(err)
	}
	was := ask(a)
	if err := os.Rename(a, b); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(a, 0o700); err != nil {
		t.Fatal(err)
	}
	if ask(b) != was || ask(a) == was {
		t.Errorf("was %v; now %v, and the other is %v", was, ask(b), ask(a))
	}
}
