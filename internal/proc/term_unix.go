//go:build unix

package proc

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// foreground is the terminal that was lent to a group.
type foreground struct {
	tty *os.File

	mu    sync.Mutex
	modes *Modes // before the start
	own   *Modes // the group's, while it is suspended

	released bool
}

// newForeground prepares to lend tty to the group that is about to start. It returns nil
// if tty is not our controlling terminal, or if we are in its background.
func newForeground(tty *os.File) (*foreground, uintptr) {
	fd, err := descriptor(tty)
	if err != nil {
		return nil, 0
	}
	now, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	if err != nil {
		return nil, 0
	}
	if now != ownGroup() {
		// Lent already, to a group that is about to be replaced (start-first)? Then the
		// modes to restore are those of before that group.
		registry.mu.Lock()
		defer registry.mu.Unlock()
		if g := registry.groups[now]; g != nil && g.os.term != nil {
			return &foreground{tty: tty, modes: g.os.term.before()}, fd
		}
		return nil, 0
	}
	modes, err := ReadModes(tty)
	if err != nil {
		return nil, 0
	}
	if modes.Lflag&unix.TOSTOP != 0 {
		// We write from the background while the group has the terminal, which this
		// mode would stop us for.
		m := *modes
		m.Lflag &^= unix.TOSTOP
		SetModes(tty, &m)
	}
	GuardModes(modes, nil)
	return &foreground{tty: tty, modes: modes}, fd
}

func (t *foreground) before() *Modes {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.modes
}

func ownGroup() int {
	pgid, _ := unix.Getpgid(0) // unlike Getpgrp the same on every system
	return pgid
}

// release takes the terminal back from group pgid and restores its modes, once: at the end
// of the leader, for what it left running has no more business there, and at the latest
// when the group is given up. If another group has it by now (the shell, after Ctrl-Z; our
// next group) it is left alone.
func (t *foreground) release(pgid int) {
	t.mu.Lock()
	released := t.released
	t.released = true
	t.mu.Unlock()
	if !released && t.take(pgid) {
		SetModes(t.tty, t.before())
		GuardModes(nil, nil)
	}
}

// take makes us the foreground group if pgid is it, and reports whether we are.
func (t *foreground) take(pgid int) bool {
	fd, err := descriptor(t.tty)
	if err != nil {
		return false
	}
	own := ownGroup()
	now, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	if err == nil && now == pgid {
		makeForeground(fd, own)
		now, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	}
	return err == nil && now == own
}

// pause is release for a group that will go on.
func (t *foreground) pause(pgid int) {
	own, err := ReadModes(t.tty)
	if err != nil || !t.take(pgid) {
		return
	}
	t.mu.Lock()
	t.own = own
	modes := t.modes
	t.mu.Unlock()
	SetModes(t.tty, modes)
	GuardModes(nil, nil)
}

// resume gives the terminal back after pause, with the modes that the group had set. It
// returns false while we have not got it ourselves.
func (t *foreground) resume(pgid int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.own == nil {
		return true
	}
	fd, err := descriptor(t.tty)
	if err != nil {
		return true // nothing to wait for
	}
	switch now, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); {
	case err != nil:
		return true
	case now != ownGroup():
		return false
	}
	if m, err := ReadModes(t.tty); err == nil {
		t.modes = m // the shell or its user may have changed them meanwhile
	}
	GuardModes(t.modes, nil)
	SetModes(t.tty, t.own)
	t.own = nil
	return unix.IoctlSetPointerInt(int(fd), unix.TIOCSPGRP, pgid) == nil
}

// makeForeground does tcsetpgrp from the background. That raises SIGTTOU unless it is
// blocked in the calling thread; ignoring it would be inherited by children, a handler
// (SA_RESTART) would loop for ever, and Go offers no signal mask outside Linux. But the
// syscall package does exactly this call in a forked child, before it unblocks signals
// and executes a program. So a child is forked into our own group which then fails to
// execute anything.
func makeForeground(fd uintptr, pgrp int) {
	registry.spawn.Lock()
	defer registry.spawn.Unlock()
	syscall.ForkExec("/dev/null/none", []string{"none"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{Foreground: true, Ctty: int(fd), Pgid: pgrp},
	})
}
