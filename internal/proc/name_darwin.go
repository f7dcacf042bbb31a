package proc

import (
	"golang.org/x/sys/unix"
)

// NameOf is the command name of a process, "" if it is unknown.
func NameOf(pid int) string {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(k.Proc.P_comm[:])
}
