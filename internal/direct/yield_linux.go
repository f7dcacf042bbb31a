package direct

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// yieldThread lets everybody else go first, until the goroutine ends: its thread ends with it. To Linux a thread is a process
// with a priority of its own.
func yieldThread() {
	runtime.LockOSThread()
	n, _ := strconv.Atoi(niceness)
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), n) // else it does not yield
}
