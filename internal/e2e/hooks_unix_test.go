//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Hooks run beside everything else, one of a kind at a time: while one is at work the newest
// event waits. They end with the session, and a failure of theirs is a problem, not a failure
// of the service. A service has its own.
func TestHooksBeside(t *testing.T) {
	t.Parallel()
	log := hookLog{t, filepath.Join(t.TempDir(), "log")}
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, shell(t, fmt.Sprintf(`
[run]
command = %[1]s
ready = "log:^up"

[hooks]
live = [%[2]s, "cat '%[3]s'"]

[services.a]

[services.b]
hooks.live = ["echo 'no such table' >&2; exit 3"]
hooks.failed = [%[2]s]
`, lives(), log.command(), gate)), nil)
	failed := s.wait("the failed hook", func(e ev) bool { return e.Event == "problem" })
	if failed.Service != "b" || !strings.Contains(failed.str("message"), "hooks.live: ") || !strings.Contains(failed.str("message"), "exit code 3") {
		t.Errorf("%s", failed.line)
	}
	until(t, "the output of the hook", func() bool { return strings.Contains(s.err.String(), "    no such table\n") })
	log.lines(1)
	for range 3 {
		if out, code := hr(t, s.dir, "restart", "a"); code != 0 {
			t.Fatalf("restart: exit %d: %s", code, out)
		}
	}
	until(t, "the hook at the gate", func() bool {
		pass, err := os.OpenFile(gate, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return false
		}
		pass.Close()
		return true
	})
	if got, want := log.lines(2), []string{"live a 1 live", "live a 4 live"}; !slices.Equal(got, want) {
		t.Errorf("hooks %q, want %q", got, want)
	}
	// It waits at the gate again.
	if code := s.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := log.lines(2); len(got) != 2 {
		t.Errorf("hooks %q", got)
	}
}
