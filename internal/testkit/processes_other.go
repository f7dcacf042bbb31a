//go:build unix && !linux && !darwin

package testkit

import (
	"os/exec"
	"strconv"
	"strings"
)

// State is the letter of a process's state: R, S, T (stopped), Z (a zombie); "" if there is none.
func State(pid int) string {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	text := strings.TrimSpace(string(state))
	if err != nil || text == "" {
		return ""
	}
	return text[:1]
}

func pids() []int { return nil }

func argsOf(int) (args, env []string) { return nil, nil }
