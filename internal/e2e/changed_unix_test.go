//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// L15: the command of a rule finds in HOTRELOAD_CHANGED what it has to work on: the files of
// its own rule, those that were removed and those of a run that failed included.
func TestL15Changed(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	dir := shell(t, fmt.Sprintf(`
[run]
command = ["sleep", "1000"]

[[rules]]
paths = ["web/**/*.templ"]
effect = "restart"
command = "printf '%%s\n' \"$HOTRELOAD_CHANGED\" >> '%[1]s'; echo end >> '%[1]s'; test ! -e fails"

[[rules]]
paths = ["*.po"]
effect = "restart"
command = "printf 'po %%s\n' \"$HOTRELOAD_CHANGED\" >> '%[1]s'; echo end >> '%[1]s'"
`, log), "web/a.templ", "a", "web/in here/b.templ", "b", "c.po", "c")
	s := start(t, dir, nil, withEnv("HOTRELOAD_CHANGED=inherited"))
	s.waitFor("live")
	// received is what the commands got since the last call: several runs, if a burst of
	// saves was closed in between.
	received := func() []string {
		t.Helper()
		lines := strings.Split(strings.TrimSuffix(read(t, log), "\n"), "\n")
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		lines = slices.DeleteFunc(lines, func(l string) bool { return l == "end" })
		slices.Sort(lines)
		return slices.Compact(lines)
	}
	expect := func(want ...string) {
		t.Helper()
		if got := received(); !slices.Equal(got, want) {
			t.Errorf("the commands got %q, want %q\n%s", got, want, s.dump())
		}
	}
	write(t, filepath.Join(dir, "web/in here/b.templ"), "b2")
	write(t, filepath.Join(dir, "web/new.templ"), "new")
	write(t, filepath.Join(dir, "c.po"), "c2")
	write(t, filepath.Join(dir, "other.txt"), "other")
	s.live()
	expect("po c.po", "web/in here/b.templ", "web/new.templ")

	if err := os.Remove(filepath.Join(dir, "web/a.templ")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "web/two\nlines.templ"), "x")
	s.live()
	expect(`"web/two\nlines.templ"`, "web/a.templ")

	write(t, filepath.Join(dir, "fails"), "")
	write(t, filepath.Join(dir, "web/new.templ"), "new 2")
	s.wait("the failure", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
	expect("web/new.templ")
	if err := os.Remove(filepath.Join(dir, "fails")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "web/in here/b.templ"), "b3")
	s.live()
	expect("web/in here/b.templ", "web/new.templ")
}
