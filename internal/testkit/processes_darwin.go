package testkit

import (
	"golang.org/x/sys/unix"
)

// State is the letter of a process's state: R, S, T (stopped), Z (a zombie); "" if there is none.
func State(pid int) string {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return ""
	}
	const states = "?IRSTZ" // SIDL is 1 (sys/proc.h)
	if s := int(k.Proc.P_stat); s > 0 && s < len(states) {
		return states[s : s+1]
	}
	return "?"
}

func pids() (all []int) {
	list, _ := unix.SysctlKinfoProcSlice("kern.proc.all")
	for _, k := range list {
		all = append(all, int(k.Proc.P_pid))
	}
	return all
}

func argsOf(pid int) (args, env []string) {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, nil // of another user, or it has ended
	}
	return parseArgs(raw)
}
