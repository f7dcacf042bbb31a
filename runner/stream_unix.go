//go:build unix

package runner

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const sigWinch = syscall.SIGWINCH

// stream is one output stream: a pipe, or a pseudo-terminal.
type stream struct {
	file  *os.File // our end
	other *os.File // the process's end
	raw   syscall.RawConn
	tty   *os.File // whose size is copied; nil: a pipe
	taps  []func([]byte)
	idle  atomic.Bool // everything that was read has been passed on, and nothing was left to read
	done  chan struct{}

	passed atomic.Int64 // bytes that have been passed on

	otherOnce sync.Once
}

func newStream(tty *os.File, taps []func([]byte)) (*stream, error) {
	s := &stream{tty: tty, taps: taps, done: make(chan struct{})}
	var err error
	if tty == nil {
		s.file, s.other, err = os.Pipe()
	} else {
		s.file, s.other, err = openPty()
	}
	if err != nil {
		return nil, err
	}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		s.other.Close()
		return nil, err
	}
	s.resize()
	return s, nil
}

// openPty opens a pseudo-terminal whose output processing is off, so that the bytes pass
// unchanged ("\n" would become "\r\n").
func openPty() (ours, theirs *os.File, err error) {
	m, theirs, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	// Opening it put the master into blocking mode, in which a close does not end a read.
	// The descriptor is therefore made non-blocking and given to a new File.
	defer m.Close()
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(fd, true)
		ours = os.NewFile(uintptr(fd), m.Name())
	}
	if err == nil {
		err = plainOutput(int(theirs.Fd()))
	}
	if err != nil {
		theirs.Close()
		if ours != nil {
			ours.Close()
		}
		return nil, nil, err
	}
	return ours, theirs, nil
}

func plainOutput(fd int) error {
	modes, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	modes.Oflag &^= unix.OPOST
	return unix.IoctlSetTermios(fd, setTermios, modes)
}

// resize copies the terminal's size and says whether the stream has a terminal.
func (s *stream) resize() bool {
	if s.tty == nil {
		return false
	}
	var size *unix.Winsize
	rc, err := s.tty.SyscallConn()
	if err != nil {
		return false
	}
	rc.Control(func(fd uintptr) { size, err = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ) })
	if err != nil || size == nil {
		return false
	}
	s.raw.Control(func(fd uintptr) { unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	return true
}

// copy passes the output on until its end.
func (s *stream) copy() {
	defer close(s.done)
	buf := make([]byte, 64<<10)
	for {
		var n int
		var err error
		e := s.raw.Read(func(fd uintptr) bool {
			s.idle.Store(false) // before the bytes leave the kernel: see drained
			for {
				n, err = syscall.Read(int(fd), buf)
				if err != syscall.EINTR {
					break
				}
			}
			if err == syscall.EAGAIN {
				s.idle.Store(true)
				return false
			}
			return true
		})
		if e != nil && err == syscall.EAGAIN && s.awaitInput() {
			continue
		}
		if n > 0 {
			for _, f := range s.taps {
				f(buf[:n])
			}
			s.passed.Add(int64(n))
		}
		if e != nil || err != nil || n <= 0 { // a terminal ends with EIO
			return
		}
	}
}

// awaitInput waits until there is something to read, without the runtime's poller, which may refuse
// a pseudo-terminal on systems other than Linux. False: the stream was closed.
func (s *stream) awaitInput() bool {
	for {
		ready := false
		err := s.raw.Control(func(fd uintptr) { ready = readable(int(fd), awaitTime) })
		if err != nil || ready {
			return err == nil
		}
	}
}

// awaitTime is how long a close may wait for awaitInput.
const awaitTime = 50 * time.Millisecond

// readable says whether a read would not block, after at most the given time. poll does not know
// every device on macOS (POLLNVAL), select does.
func readable(fd int, wait time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	if err == unix.EINTR {
		return wait == 0 // not known: the caller asks again
	}
	if n == 0 || fds[0].Revents&unix.POLLNVAL == 0 {
		return err != nil || n > 0
	}
	if fd >= unix.FD_SETSIZE { // neither can wait for it, so it is read at this interval
		time.Sleep(wait)
		return wait > 0
	}
	var set unix.FdSet
	set.Set(fd)
	limit := unix.NsecToTimeval(wait.Nanoseconds())
	n, err = unix.Select(fd+1, &set, nil, nil, &limit)
	return err != nil || n > 0
}

// drained says whether everything that was written before the call has been passed on.
// The order matters: the kernel has nothing, then the reader has nothing.
func (s *stream) drained() bool {
	select {
	case <-s.done:
		return true
	default:
	}
	more := true
	err := s.raw.Control(func(fd uintptr) { more = readable(int(fd), 0) })
	return err != nil || !more && s.idle.Load()
}

// started is called when the process has its end of the stream. The last close of a
// pseudo-terminal discards what was not read yet where keepTerminal is set: our copy of that end
// then stays open until the process is gone and its output was read.
func (s *stream) started() {
	if s.tty == nil || !keepTerminal {
		s.closeOther()
	}
}

func (s *stream) closeOther() { s.otherOnce.Do(func() { s.other.Close() }) }

func (s *stream) close() {
	s.closeOther()
	s.file.Close()
}
