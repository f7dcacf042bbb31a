//go:build unix && !linux

package proc

import (
	"os"
	"strconv"
	"syscall"
)

// Setup prepares this process for starting others, once: descriptors >= 3 that it
// inherited are not passed on. The warnings, one line each, say what this system does not
// permit.
func Setup() (warnings []string) {
	fds, _ := os.ReadDir("/dev/fd")
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= 3 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}
