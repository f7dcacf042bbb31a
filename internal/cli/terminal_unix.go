//go:build unix

package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hangup returns a function that reports whether the terminal is gone which hotreload was
// started from. Its streams show it, if one of them is the terminal; else, if all are
// redirected, the session does.
func hangup(streams ...any) func() bool {
	had := hasTerminal()
	return func() bool {
		for _, s := range streams {
			if f, ok := s.(*os.File); ok && f != nil && isTerminalGone(f) {
				return true
			}
		}
		return had && !hasTerminal()
	}
}

// hasTerminal reports whether this session has a terminal.
func hasTerminal() bool {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// isTerminalGone reports whether the file was a terminal that has hung up: its
// settings can no longer be read, though it is no pipe and no ordinary file.
func isTerminalGone(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return errors.Is(err, unix.EIO)
}

// showsColor: every terminal does, but for those that TERM names.
func showsColor(*os.File) bool { return true }
