package proc

import "golang.org/x/sys/unix"

// terminalOwner is the foreground group of the terminal of the process's session; 0 or
// less if unknown.
func terminalOwner(pid int) int {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return int(k.Eproc.Tpgid)
}
