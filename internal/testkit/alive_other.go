//go:build unix && !linux

package testkit

import (
	"os/exec"
	"strconv"
	"strings"
)

// Alive reports whether a process exists and is not a zombie.
func Alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && len(state) > 0 && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}
