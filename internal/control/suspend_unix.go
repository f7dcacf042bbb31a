//go:build unix

package control

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/hotreload/hotreload/internal/proc"
)

// Suspend is Ctrl-Z: it stops everything that was started, gives the terminal back as it
// was, and stops this process. It returns at once or when the process goes on; Resume does
// the rest then.
//
// The process stops itself by SIGSTOP, because Go keeps its handler for SIGTSTP installed
// once there was one. SIGSTOP stops even where no one could continue us, so that is
// looked at first, as the kernel does for SIGTSTP.
func (in *Input) Suspend() {
	if orphaned() {
		return
	}
	in.os.mu.Lock()
	if in.os.suspended {
		in.os.mu.Unlock()
		return
	}
	in.os.suspended = true
	in.restore()
	in.os.mu.Unlock()
	proc.Suspend()
	_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
}

// Resume is what SIGCONT asks for. It returns false while the terminal that the program
// needs is not ours: try again later.
func (in *Input) Resume() bool {
	all := proc.Continue()
	in.os.mu.Lock()
	in.os.suspended = false
	in.os.mu.Unlock()
	in.interrupt()
	return all
}

// orphaned reports whether our process group is orphaned: no member has a parent in
// another group of this session, a shell that could continue it. Only our own ancestors
// are looked at; that is who started us, a shell or a make below one.
func orphaned() bool {
	group, session := unix.Getpgrp(), 0
	if s, err := unix.Getsid(0); err == nil {
		session = s
	}
	for pid := os.Getppid(); pid > 1; pid = parentOf(pid) {
		s, err := unix.Getsid(pid)
		if err != nil || s != session {
			return true
		}
		if g, err := unix.Getpgid(pid); err != nil || g != group {
			return err != nil
		}
	}
	return true
}
