package proc

import (
	"os"

	"golang.org/x/sys/unix"
)

// ownChildren are the processes that this one has started.
func ownChildren() []int {
	list, _ := unix.SysctlKinfoProcSlice("kern.proc.all")
	var pids []int
	for _, p := range list {
		if int(p.Eproc.Ppid) == os.Getpid() {
			pids = append(pids, int(p.Proc.P_pid))
		}
	}
	return pids
}
