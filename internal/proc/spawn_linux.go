package proc

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

var (
	forkOnce     sync.Once
	forkRequests = make(chan func())
)

// fork starts a process from the fork thread, so that its PDEATHSIG means the end of this
// process and not that of some thread the Go scheduler has no more use for.
func fork(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	forkOnce.Do(func() { go forkThread() })
	done := make(chan struct{})
	forkRequests <- func() {
		pid, _, err = syscall.StartProcess(path, argv, attr)
		close(done)
	}
	<-done
	return pid, err
}

// forkThread never returns: its OS thread must live as long as the process.
func forkThread() {
	runtime.LockOSThread()
	for f := range forkRequests {
		f()
	}
}

// ownChildren are the processes that this one has started, and those re-parented to it.
func ownChildren() []int {
	pids, _ := procDir.children(os.Getpid())
	return pids
}
