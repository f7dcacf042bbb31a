package control

import "golang.org/x/sys/unix"

// parentOf returns the parent of a process, 0 if unknown.
func parentOf(pid int) int {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return int(k.Eproc.Ppid)
}
