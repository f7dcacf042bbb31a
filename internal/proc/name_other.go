//go:build unix && !linux && !darwin

package proc

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// NameOf is the command name of a process, "" if it is unknown.
func NameOf(pid int) string {
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || len(out) == 0 {
		return ""
	}
	return filepath.Base(strings.TrimSpace(string(out)))
}
