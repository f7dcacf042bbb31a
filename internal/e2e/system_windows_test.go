package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/hotreload/hotreload/internal/testkit"
)

// exe is how the name of a program ends.
const exe = ".exe"

// events is the file into which hotreload writes its events. It is read as it grows.
type events struct {
	path  string
	file  *os.File
	ended chan struct{} // hotreload has ended, so nothing more comes
	stop  func()
}

func newEvents(t *testing.T) *events {
	t.Helper()
	e := &events{path: filepath.Join(t.TempDir(), "events"), ended: make(chan struct{})}
	e.stop = sync.OnceFunc(func() { close(e.ended) })
	write(t, e.path, "")
	f, err := os.Open(e.path)
	if err != nil {
		t.Fatal(err)
	}
	e.file = f
	return e
}

func (e *events) Read(p []byte) (int, error) {
	for last := false; ; {
		if n, err := e.file.Read(p); n > 0 || !errors.Is(err, io.EOF) || last {
			return n, err
		}
		select {
		case <-e.ended:
			last = true // once more: what it wrote before its end
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// noWriter is called when hotreload has ended.
func (e *events) noWriter() { e.stop() }

func (e *events) Close() error { return e.file.Close() }

// prepare makes a command one that can be interrupted: it has a group of its own, to which the
// console sends CTRL_BREAK.
func prepare(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// ask sends CTRL_BREAK, which is as good as Ctrl-C. Without a console, it is `hotreload stop`.
func (s *session) ask(syscall.Signal) {
	if interrupt(s.cmd) {
		return
	}
	stop := exec.Command(hotreload, "stop")
	stop.Dir, stop.Env = s.dir, s.cmd.Env
	if stop.Run() != nil {
		s.abort()
	}
}

// abort ends hotreload: there are no stacks without a signal.
func (s *session) abort() { _ = s.cmd.Process.Kill() }

// interrupt is Ctrl-C for another command than a session. false: this system has none here.
func interrupt(c *exec.Cmd) bool {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(c.Process.Pid)) == nil
}

// left are the programs that are left of the session: the last one of each service. The job object
// ends them with hotreload, a moment later.
func (s *session) left() (pids []int) {
	for _, pid := range s.newest() {
		end := time.Now().Add(5 * time.Second)
		for testkit.Alive(pid) && time.Now().Before(end) {
			time.Sleep(5 * time.Millisecond)
		}
		if testkit.Alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// newest are the processes that were started last, by their service.
func (s *session) newest() map[string]int {
	pids := map[string]int{}
	for _, e := range s.since(0) {
		if e.Event == "started" {
			pids[e.Service] = e.num("pid")
		}
	}
	return pids
}

// runs reports whether a process of the service is there.
func (s *session) runs(service string) bool { return testkit.Alive(s.newest()[service]) }

// rename puts a file in the place of another. As long as someone has that one open without sharing it,
// Windows refuses it: then editors and the go command try again, too.
func rename(t *testing.T, from, to string) {
	t.Helper()
	until(t, "rename of "+from, func() bool { return os.Rename(from, to) == nil })
}

// stopName is what a program that is asked to end receives: CTRL_BREAK.
const stopName = "interrupt"

// homeEnv makes a directory the user's home.
func homeEnv(dir string) string { return "USERPROFILE=" + dir }

// cacheEnv makes a directory the one of caches.
func cacheEnv(dir string) string { return "LocalAppData=" + dir }

// rebuildSignals: there are none.
var rebuildSignals []syscall.Signal

// killed is how the end of a program that was killed is reported, and killedOnce the exit code of --once.
var killed = programEnd{1, "", "exit code 1"}

const killedOnce = 1

// noFiles: a pipe and a device have no names in a directory.
var noFiles map[string]func(path string) error
