//go:build unix

package proc

import (
	"encoding/json"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Modes are the settings of a terminal, those of stty(1).
type Modes = unix.Termios

// ReadModes returns the terminal's modes. The error is ENOTTY if it is none, EIO if it
// has hung up.
func ReadModes(tty *os.File) (*Modes, error) {
	fd, err := descriptor(tty)
	if err != nil {
		return nil, err
	}
	return unix.IoctlGetTermios(int(fd), getTermios)
}

// SetModes sets them at once: waiting for the output to drain could block for ever on a
// terminal that was stopped by Ctrl-S. It must be called from the terminal's foreground
// (see [Foreground]), for from the background it would stop this process.
func SetModes(tty *os.File, m *Modes) error {
	fd, err := descriptor(tty)
	if err != nil {
		return err
	}
	return unix.IoctlSetTermios(int(fd), setTermios, m)
}

// RawOutput reports whether a newline leaves the cursor in its column on this terminal, as
// its modes are now.
func RawOutput(tty *os.File) bool {
	m, err := ReadModes(tty)
	return err == nil && (m.Oflag&unix.OPOST == 0 || m.Oflag&unix.ONLCR == 0)
}

// Foreground reports whether this process may read from the terminal and change its modes.
// It may not while another group has it: after Ctrl-Z and bg, or as `hotreload run &`.
// A terminal that is not this session's own knows no background.
func Foreground(tty *os.File) bool {
	fd, err := descriptor(tty)
	if err != nil {
		return false
	}
	pgrp, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err == unix.ENOTTY || err == nil && pgrp == ownGroup()
}

// GuardTerminal gives the terminal to the guards that will be started, so that they can
// put its modes back. Nil takes it away.
func GuardTerminal(tty *os.File) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	registry.tty = tty
}

// GuardModes has the guards put the terminal's modes back to saved if this process is
// killed. ours are the modes that it is about to set; nil if a program will set them. A
// nil saved says that all is as it was.
func GuardModes(saved, ours *Modes) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	registry.modes = nil
	if saved != nil {
		registry.modes = &modesRecord{Saved: *saved, Ours: ours, Group: ownGroup(), Shell: os.Getppid()}
	}
	tellGuards(registry.modes.record())
}

// modesRecord is what a guard has to know to put a terminal's modes back.
type modesRecord struct {
	Saved Modes
	Ours  *Modes
	Group int // of the process that is guarded
	Shell int // a process of the same session that outlives it: its parent
}

// record is the line for the guard; that of nil forgets the one before.
func (m *modesRecord) record() record {
	r := record{op: 't'}
	if m != nil {
		b, err := json.Marshal(m)
		if err != nil {
			return r
		}
		r.text = string(b)
	}
	return r
}

func parseModes(text string) *modesRecord {
	m := new(modesRecord)
	if text == "" || json.Unmarshal([]byte(text), m) != nil {
		return nil
	}
	return m
}

// guardTTY is the guard's descriptor of the terminal, if it was given one.
const guardTTY = 3

// putBack restores the modes, unless another group has the terminal by now: a shell that
// has seen its job die sets its own modes, and editing a line in others would not work.
// It is called by a guard, whose session has no terminal, so that nothing stops it.
func (m *modesRecord) putBack(groups []int) {
	if m == nil {
		return
	}
	now, err := unix.IoctlGetTermios(guardTTY, getTermios)
	if err != nil || *now == m.Saved {
		return
	}
	if m.Ours == nil || *now != *m.Ours {
		owner := terminalOwner(m.Shell)
		if owner <= 0 || owner != m.Group && !slices.Contains(groups, owner) {
			return
		}
	}
	unix.IoctlSetTermios(guardTTY, setTermios, &m.Saved)
}

// Suspend stops every group, as Ctrl-Z stops a job of a shell. A terminal that was lent is
// taken back with the modes of before. Continue undoes it.
func Suspend() {
	lockSpawn()
	groups := allGroups() // with the one that was just being forked
	registry.spawn.Unlock()
	for _, g := range groups {
		g.os.suspended.Store(true)
		g.signal(syscall.SIGTSTP)
		if g.os.term != nil {
			g.os.term.pause(g.pid)
		}
	}
}

// Continue lets the groups of Suspend go on. It returns false while a terminal that was
// lent cannot be given back, because this process has not got it: it was continued in the
// background. The group that needs it then stays stopped; call Continue again later.
func Continue() bool {
	all := true
	for _, g := range allGroups() {
		if !g.os.suspended.Load() {
			continue
		}
		if g.os.term != nil && !g.os.term.resume(g.pid) {
			all = false
			continue
		}
		g.os.suspended.Store(false)
		g.signal(syscall.SIGCONT)
	}
	return all
}

// lockSpawn locks registry.spawn after a Ctrl-Z. That reaches a child, too, which is just being
// forked and has not executed its program yet, and stops it in a group of its own: no shell would
// continue it. On Linux this process could not stop either, for the thread that forks waits for the
// exec, and no signal interrupts that.
func lockSpawn() {
	stops := make(chan os.Signal, 1)
	signal.Notify(stops, syscall.SIGCHLD)
	defer signal.Stop(stops)
	locked := make(chan struct{})
	go func() {
		registry.spawn.Lock()
		close(locked)
	}()
	for {
		continueForked()
		select {
		case <-locked:
			return
		case <-stops:
		}
	}
}

// continueForked continues the children that are no group's leader yet, and no guard.
func continueForked() {
	children := ownChildren()
	registry.mu.Lock()
	defer registry.mu.Unlock()
	for gd := range registry.guards {
		children = slices.DeleteFunc(children, func(pid int) bool { return pid == gd.pid })
	}
	for _, pid := range children {
		if registry.groups[pid] == nil {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

func allGroups() []*Group {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	var all []*Group
	for _, g := range registry.groups {
		all = append(all, g)
	}
	return all
}
