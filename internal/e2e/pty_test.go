//go:build unix

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hotreload/hotreload/internal/testkit"
	"golang.org/x/sys/unix"
)

// tty is a pseudo-terminal and the person in front of it.
type tty struct {
	t      *testing.T
	master *os.File
	name   string       // of the terminal, as /dev/pts/7
	before unix.Termios // its modes until a program changes them
	mu     sync.Mutex
	screen bytes.Buffer // everything that was printed
	at     int          // up to here was looked at
	news   *sync.Cond
	closed bool
}

// newTTY opens a terminal of 80x24.
func newTTY(t *testing.T) (*tty, *os.File) {
	t.Helper()
	m, s, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(m, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	// A master in blocking mode could not be closed while it is read.
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	x := &tty{t: t, master: os.NewFile(uintptr(fd), "pty"), name: s.Name()}
	x.news, x.before = sync.NewCond(&x.mu), x.modes()
	go x.read()
	t.Cleanup(x.hangUp)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("terminal:\n%s", x.text())
		}
	})
	return x, s
}

func (x *tty) read() {
	buf := make([]byte, 4096)
	for {
		n, err := x.master.Read(buf)
		x.mu.Lock()
		x.screen.Write(buf[:n])
		x.closed = err != nil
		x.news.Broadcast()
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *tty) hangUp() { x.master.Close() }

func (x *tty) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *tty) press(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// see waits until the text is printed; the next call goes on behind it.
func (x *tty) see(text string) {
	x.t.Helper()
	end := time.Now().Add(deadline) // before the timer, as in tryWait
	timeout := time.AfterFunc(deadline, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.news.Broadcast()
	})
	defer timeout.Stop()
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if i := bytes.Index(x.screen.Bytes()[x.at:], []byte(text)); i >= 0 {
			x.at += i + len(text)
			return
		}
		if x.closed || !time.Now().Before(end) {
			x.t.Fatalf("the terminal does not show %q; since the last time:\n%s", text, x.screen.Bytes()[x.at:])
		}
		x.news.Wait()
	}
}

func (x *tty) ioctl(f func(fd int) error) {
	x.t.Helper()
	rc, err := x.master.SyscallConn()
	if err == nil {
		err2 := rc.Control(func(fd uintptr) { err = f(int(fd)) })
		if err == nil {
			err = err2
		}
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// modes are those of the terminal, as stty shows them.
func (x *tty) modes() unix.Termios {
	x.t.Helper()
	var m *unix.Termios
	x.ioctl(func(fd int) (err error) { m, err = unix.IoctlGetTermios(fd, getTermios); return err })
	return *m
}

// keyMode reports whether keys arrive singly and without echo.
func (x *tty) keyMode() bool {
	x.t.Helper()
	return x.modes().Lflag&(unix.ICANON|unix.ECHO) == 0
}

// foreground is the group that has the terminal.
func (x *tty) foreground() (pgrp int) {
	x.t.Helper()
	x.ioctl(func(fd int) (err error) { pgrp, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP); return err })
	return pgrp
}

func (x *tty) resize(cols, rows uint16) {
	x.t.Helper()
	x.ioctl(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
}

// onTTY makes the process the leader of a session with the terminal.
func onTTY(s *os.File) option {
	return func(c *exec.Cmd) {
		c.Stdin, c.Stdout, c.Stderr = s, s, s
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
		c.Env = append(c.Env, "TERM=xterm-256color", "PS1=PROMPT$ ")
	}
}

// quit ends a session that is in order, with Ctrl-C.
func (s *session) quit(x *tty) {
	s.t.Helper()
	x.press("\x03")
	if code := s.exit(); code != 0 {
		s.t.Errorf("exit %d", code)
	}
}

// startTTY runs hotreload alone in a terminal.
func startTTY(t *testing.T, dir string, args []string, opts ...option) (*session, *tty) {
	t.Helper()
	x, slave := newTTY(t)
	s := start(t, dir, args, append([]option{onTTY(slave)}, opts...)...)
	slave.Close()
	t.Cleanup(x.hangUp) // before the session's: a shell ends by nothing else
	return s, x
}

// below makes the command line the child of another program; $HR in its arguments stands
// for it. The words of the command line have no blanks.
func below(argv ...string) option {
	return func(c *exec.Cmd) {
		line := strings.Join(append([]string{hotreload}, c.Args[1:]...), " ")
		path, err := exec.LookPath(argv[0])
		if err != nil {
			panic(err)
		}
		c.Path, c.Args = path, nil
		for _, a := range argv {
			c.Args = append(c.Args, strings.ReplaceAll(a, "$HR", line))
		}
		c.Env = append(c.Env, "HR="+line)
	}
}

// startShell runs hotreload as a job of an interactive shell.
func startShell(t *testing.T, dir string, args []string, opts ...option) (*session, *tty) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash here, whose job control is the subject")
	}
	s, x := startTTY(t, dir, args, append([]option{below("bash", "--norc", "--noprofile", "-i")}, opts...)...)
	x.see("PROMPT$ ")
	x.press("$HR\n")
	return s, x
}

// suspend presses Ctrl-Z. Then hotreload and the program are stopped, and the shell has the terminal as it was.
func (x *tty) suspend(pid, app int) {
	x.t.Helper()
	x.press("\x1a")
	x.see("Stopped")
	x.see("PROMPT$ ")
	until(x.t, "both are stopped", func() bool { return stopped(pid) && stopped(app) })
	x.press("stty -a | grep -o ' .icanon\\| icanon'\n")
	x.see(" icanon\r\n")
	x.see("PROMPT$ ")
}

// leaveShell ends the shell, once hotreload has ended.
func (s *session) leaveShell(x *tty) {
	s.t.Helper()
	x.see("PROMPT$ ")
	x.press("exit\n")
	s.exit()
}

// pid is the process of hotreload itself, wherever it runs.
func (s *session) pid() int {
	s.t.Helper()
	var pid int
	until(s.t, "hotreload runs", func() bool {
		for _, p := range processesOf(s.t.Name()) {
			if strings.HasPrefix(p.Args, hotreload+" run") {
				pid = p.PID
				return true
			}
		}
		return false
	})
	return pid
}

func stopped(pid int) bool { return testkit.State(pid) == "T" }

func ended(pid int) bool { return !testkit.Alive(pid) }
