package direct

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// yieldThread lets everybody else go first, until the goroutine ends: its thread ends with it. To Linux a thread is a process
// with a priority of its own.
func yieldThread() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) // else it does not yield
}
