package proc

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A command with its output and exit code, on every system.
func TestRunProgram(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"0", "3", "255"} {
		var out, complain strings.Builder
		c := Cmd{Path: exe, Env: selfEnv("says", "CODE=7", "CODE="+code)} // the last one counts
		s, err := Run(t.Context(), Errand{Cmd: c, Stdout: &out, Stderr: &complain})
		if err != nil || strconv.Itoa(s.Code) != code || s.Signal != 0 || out.String() != "out\n" || complain.String() != "err\n" {
			t.Errorf("%+v, %v: %q, %q", s, err, out.String(), complain.String())
		}
	}
	p := run(t, Cmd{Path: exe, Env: selfEnv("says", "CODE=4"), Stderr: os.Stdout})
	if l := p.line(); l != "out" {
		t.Errorf("%q", l)
	}
	gone(t, p.Group)
	if s := p.State(); s.Code != 4 || p.Killed() != nil || !closed(p.Exited()) {
		t.Errorf("%+v, killed %v", s, p.Killed())
	}
	missing := Cmd{Path: filepath.Join(t.TempDir(), "gone")}
	if _, err := Run(t.Context(), Errand{Cmd: missing, Stdout: io.Discard}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(over, Errand{Cmd: missing, Stdout: io.Discard}); err != context.Canceled {
		t.Errorf("it was started although the context was over: %v", err)
	}
}
