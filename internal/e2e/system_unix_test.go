//go:build unix

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// exe is how the name of a program ends.
const exe = ""

// events is the pipe into which hotreload writes its events.
type events struct {
	path string
	*os.File
	keep *os.File // a writer of the test's: the reader has no end of file before hotreload is there
}

func newEvents(t *testing.T) *events {
	t.Helper()
	e := &events{path: filepath.Join(t.TempDir(), "events")}
	if err := syscall.Mkfifo(e.path, 0o600); err != nil {
		t.Fatal(err)
	}
	var err, err2 error
	e.File, err = os.OpenFile(e.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	e.keep, err2 = os.OpenFile(e.path, os.O_WRONLY, 0)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return e
}

// noWriter is called when hotreload has ended.
func (e *events) noWriter() { e.keep.Close() }

// prepare makes a command one that can be interrupted.
func prepare(*exec.Cmd) {}

// ask sends the signal.
func (s *session) ask(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }

// abort ends hotreload with the stacks of its goroutines.
func (s *session) abort() { _ = s.cmd.Process.Signal(syscall.SIGABRT) }

// interrupt is Ctrl-C for another command than a session. false: this system has none here.
func interrupt(c *exec.Cmd) bool { return c.Process.Signal(syscall.SIGINT) == nil }

// left are the processes that are left of the sessions of the test.
func (s *session) left() (pids []int) {
	for _, p := range processesOf(s.t.Name()) {
		pids = append(pids, p.PID)
	}
	return pids
}

// processesOf finds the processes that were started below a session of the test, wherever they
// have gone: their environment shows it.
func processesOf(test string) []testkit.Process { return testkit.Processes(mark(test)) }

// runs reports whether a process of the service is there.
func (s *session) runs(service string) bool {
	return slices.ContainsFunc(processesOf(s.t.Name()), func(p testkit.Process) bool {
		return slices.Contains(p.Env, "HOTRELOAD_SERVICE="+service)
	})
}

// rename puts a file in the place of another.
func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// stopName is what a program that is asked to end receives.
const stopName = "terminated"

// homeEnv makes a directory the user's home.
func homeEnv(dir string) string { return "HOME=" + dir }

// rebuildSignals are the signals that rebuild or restart.
var rebuildSignals = []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP}

// killed is how the end of a program that was killed is reported, and killedOnce the exit code of --once.
var killed = programEnd{-1, "SIGKILL", "killed by signal 9"}

const killedOnce = 128 + 9

// noFiles make something of a name that is there, and that no one can read to its end.
var noFiles = map[string]func(path string) error{
	"is a named pipe": func(p string) error { return syscall.Mkfifo(p, 0o600) },
	"is a device":     func(p string) error { return os.Symlink("/dev/zero", p) },
}
