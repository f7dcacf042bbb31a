//go:build unix

package proc

import "golang.org/x/sys/unix"

// GroupOf is the process group of a process, 0 if unknown. That of a [Group] is its Pid.
func GroupOf(pid int) int {
	g, err := unix.Getpgid(pid)
	if err != nil {
		return 0
	}
	return g
}
