package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// B6: the reason why a directory is no program is printed once.
func TestB6ReasonOnce(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod":        "module example.test/none\n\ngo 1.25\n",
		"other/main.go": "//go:build never\n\npackage main\n\nfunc main() {}\n",
	})
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, reason := range map[string]string{
		"./empty": "no Go files in ", "./other": "build constraints exclude all Go files in ",
	} {
		out, code := hr(t, dir, "run", "--once", name)
		if code != 1 || strings.Count(out, reason) != 1 {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
	}
}
