package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// does is a command for a config, as a list: the steps of testdata/tool. What follows "--" is $* in them.
func does(steps ...string) string {
	quoted := []string{strconv.Quote(tool)}
	for _, s := range steps {
		quoted = append(quoted, strconv.Quote(s))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// inShell is the same as a line for the shell, also as one of TOML: its words have no $, and no quotes.
func inShell(steps ...string) string {
	return `'"` + strings.Join(append([]string{tool}, steps...), `" "`) + `"'`
}

// lives is a command that says so, waits for its end, and says that.
func lives() string { return does("trap bye", "echo up", "wait") }

// goCalls puts a go command into PATH that notes how it is called, and returns the variable and
// what it noted.
func goCalls(t *testing.T) (path string, calls func() string) {
	t.Helper()
	bin := t.TempDir()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, "real"), real)
	write(t, filepath.Join(bin, "log"), "")
	data, err := os.ReadFile(tool)
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteProgram(t, filepath.Join(bin, "go"+exe), data)
	return "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), func() string { return read(t, filepath.Join(bin, "log")) }
}
