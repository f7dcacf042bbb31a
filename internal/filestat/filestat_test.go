package filestat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
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

// Exact notices what puts the content's time back: the change time, which no such tool sets, is another one.
func TestExact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func(string) (Stat, error){Exact, ExactLink} {
		before, err := ask(path)
		if err != nil || !before.ID.Known() || before.Ctime == 0 || before.Mtime == 0 || before.Size != 3 || before.Kind != File {
			t.Fatalf("%+v, %v", before, err)
		}
		for end := time.Now().Add(testkit.Deadline); ; {
			if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, time.Unix(0, before.Mtime)); err != nil {
				t.Fatal(err)
			}
			after, err := ask(path)
			if err != nil || after.Mtime != before.Mtime || after.ID != before.ID {
				t.Fatalf("%+v, then %+v, %v", before, after, err)
			}
			if after.Ctime > before.Ctime {
				break // the clock of the file system has gone on
			}
			if time.Now().After(end) {
				t.Fatalf("the change time stays %d", after.Ctime)
			}
		}
	}
	if _, err := Exact(path + "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
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
