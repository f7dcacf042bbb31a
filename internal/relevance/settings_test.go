package relevance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// L3, L16: a program that is started while an editor has its env file empty gets the earlier
// values. When the watcher reports that the file is empty, it is meant.
func TestEmptyEnvFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	s := NewSettingsFiles()
	want := func(when, value string) {
		t.Helper()
		values, err := s.Variables(path)
		if err != nil || values["A"] != value {
			t.Errorf("%s: A is %q (%v), want %q", when, values["A"], err, value)
		}
	}
	testkit.Write(t, path, "")
	want("nothing is known", "")
	testkit.Write(t, path, "A=1\n")
	want("written", "1")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	want("truncated", "1")
	testkit.Write(t, path, "A=2\n")
	want("the content came", "2")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if v := s.envSaved(path); v.err != nil {
		t.Error(v.err)
	}
	want("reported as empty", "")
	testkit.Write(t, path, "A=3\n")
	want("written again", "3")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("removed", "")

	testkit.Write(t, path, "A=4\n")
	want("and there again", "4")
	testkit.Write(t, path, "A='")
	want("with a mistake", "4")
	if _, err := NewSettingsFiles().Variables(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mistake at the start: %v", err)
	}
}
