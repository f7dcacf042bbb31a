package control

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// A project that is gone leaves its cache behind; the next session of another one removes
// it, but none that is in use, young, or whose root is still there.
func TestPrune(t *testing.T) {
	base := t.TempDir()
	old := time.Now().Add(-2 * PruneAfter)
	project := func(name string, root string, last time.Time) (*Lock, string) {
		t.Helper()
		dir := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := Acquire(dir, root)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, "session.lock"), last, last); err != nil {
			t.Fatal(err)
		}
		return l, dir
	}
	release := func(l *Lock, _ string) {
		t.Helper()
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
	}
	gone := "project with a\ttab"
	if runtime.GOOS == "windows" {
		gone = "project" // no name has a tab there, and asking for one is another error
	}
	missing := filepath.Join(base, "no", "such", gone)
	own, cache := project("own", missing, old)
	defer own.Release()
	release(project("gone", missing, old))
	release(project("young", missing, time.Now()))
	release(project("there", t.TempDir(), old))
	used, _ := project("used", missing, old)
	defer used.Release()
	if err := os.Mkdir(filepath.Join(base, "stranger"), 0o700); err != nil {
		t.Fatal(err)
	}

	Prune(cache, Gone)
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"own", "stranger", "there", "used", "young"}; !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
	if _, err := Acquire(filepath.Join(base, "used"), missing); err == nil || err.(*HeldError).PID != os.Getpid() {
		t.Errorf("the owner of a lock is not named: %v", err)
	}
}
