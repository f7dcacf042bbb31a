//go:build unix

package control

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/hotreload/hotreload/internal/proc"
)

type osInput struct {
	fd   int
	tty  bool
	wake [2]int // a pipe that ends a wait

	mu        sync.Mutex
	keys      bool        // keys are wanted one by one
	saved     *proc.Modes // the terminal's own modes, while ours are set; nil: ours are not set
	suspended bool
}

// OpenInput prepares to read f; nothing is changed or read yet.
func OpenInput(f *os.File) (*Input, error) {
	in := &Input{f: f}
	in.os.fd = int(f.Fd())
	in.os.tty = term.IsTerminal(in.os.fd)
	if err := unix.Pipe(in.os.wake[:]); err != nil {
		return nil, err
	}
	for _, fd := range in.os.wake {
		unix.CloseOnExec(fd)
		_ = unix.SetNonblock(fd, true)
	}
	return in, nil
}

// background is how often it is looked whether the terminal is ours again. A shell's fg
// sends SIGCONT to a job only if it was stopped.
const background = time.Second

// Read waits for input, at most until ctx ends. The end of the input is io.EOF; that of
// a terminal (Ctrl-D) need not be the last.
//
// A terminal is read only while it is ours: reading it in the background would stop us. It
// is polled and not handed to the runtime's poller, because the file is shared with the
// parent shell and must stay in blocking mode.
func (in *Input) Read(ctx context.Context, p []byte) (int, error) {
	stop := context.AfterFunc(ctx, in.interrupt)
	defer stop()
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		fds := []unix.PollFd{{Fd: int32(in.os.wake[0]), Events: unix.POLLIN}}
		timeout := -1
		ours, err := in.ready()
		switch {
		case err != nil:
			return 0, io.EOF // hung up; the session gets SIGHUP
		case ours:
			fds = append(fds, unix.PollFd{Fd: int32(in.os.fd), Events: unix.POLLIN})
		default:
			timeout = int(background.Milliseconds())
		}
		if err := await(fds, timeout); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
		if fds[0].Revents != 0 {
			var buf [16]byte
			_, _ = unix.Read(in.os.wake[0], buf[:])
			continue
		}
		if !ours || fds[1].Revents == 0 {
			continue
		}
		if fds[1].Revents&unix.POLLNVAL != 0 {
			return 0, io.EOF
		}
		// The terminal may have been taken from us while we waited.
		if ours, err := in.ready(); err != nil || !ours {
			continue
		}
		n, err := unix.Read(in.os.fd, p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil, n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// await waits until something can be read. poll does not know /dev/tty on macOS (POLLNVAL), select does.
func await(fds []unix.PollFd, timeout int) error {
	if _, err := unix.Poll(fds, timeout); err != nil {
		return err
	}
	for _, f := range fds {
		if f.Revents&unix.POLLNVAL == 0 || f.Fd >= unix.FD_SETSIZE {
			continue
		}
		if _, err := unix.FcntlInt(uintptr(f.Fd), unix.F_GETFD, 0); err == nil {
			return choose(fds, timeout)
		}
	}
	return nil
}

// choose is await by select.
func choose(fds []unix.PollFd, timeout int) error {
	var set unix.FdSet
	most := 0
	for _, f := range fds {
		set.Set(int(f.Fd))
		most = max(most, int(f.Fd))
	}
	var limit *unix.Timeval
	if timeout >= 0 {
		t := unix.NsecToTimeval(int64(timeout) * int64(time.Millisecond))
		limit = &t
	}
	if _, err := unix.Select(most+1, &set, nil, nil, limit); err != nil {
		return err
	}
	for i, f := range fds {
		fds[i].Revents = 0
		if set.IsSet(int(f.Fd)) {
			fds[i].Revents = unix.POLLIN
		}
	}
	return nil
}

func (in *Input) interrupt() { _, _ = unix.Write(in.os.wake[1], []byte{0}) }

// ready reports whether input may be read now, and sees to the terminal's modes.
func (in *Input) ready() (bool, error) {
	o := &in.os
	if !o.tty {
		return true, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.suspended {
		return false, nil
	}
	if !proc.Foreground(in.f) {
		in.forget() // the shell has set its own modes
		_, err := proc.ReadModes(in.f)
		return false, err
	}
	if !o.keys || o.saved != nil {
		return true, nil
	}
	saved, err := proc.ReadModes(in.f)
	if err != nil {
		return false, err
	}
	// Signals and output processing stay as they are: Ctrl-C is still SIGINT.
	mode := *saved
	mode.Lflag &^= unix.ICANON | unix.ECHO
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	proc.GuardModes(saved, &mode)
	if err := proc.SetModes(in.f, &mode); err != nil {
		return false, err
	}
	o.saved = saved
	return true, nil
}

// single chooses between single keys and whole lines.
func (in *Input) single(on bool) {
	in.os.mu.Lock()
	defer in.os.mu.Unlock()
	in.os.keys = on
	if !on {
		in.restore()
	}
}

// restore puts the terminal's own modes back. It is called with mu held.
func (in *Input) restore() {
	if in.os.saved == nil {
		return
	}
	if proc.Foreground(in.f) {
		_ = proc.SetModes(in.f, in.os.saved)
	}
	in.forget()
}

func (in *Input) forget() {
	if in.os.saved != nil {
		in.os.saved = nil
		proc.GuardModes(nil, nil)
	}
}

// Close ends the use of the input; the file itself stays open. There must be no reader.
func (in *Input) Close() {
	in.single(false)
	for _, fd := range in.os.wake {
		unix.Close(fd)
	}
}
