//go:build unix && !linux

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What asks a terminal for its modes, here and in the programs of the tests.
const (
	getTermios     = unix.TIOCGETA
	getTermiosName = "TIOCGETA"
	setTermiosName = "TIOCSETA"
)

var sedInPlace = []string{"sed", "-i", ""}

// guards are the guard processes that have the terminal. They have no environment to be
// known by.
func (x *tty) guards() (pids []string) {
	x.t.Helper()
	all, err := exec.Command("ps", "-axo", "pid=,command=").Output()
	if err != nil {
		x.t.Fatal(err)
	}
	for line := range strings.Lines(string(all)) {
		pid, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(strings.TrimSpace(command), "hotreload __guard") {
			continue
		}
		open, _ := exec.Command("lsof", "-a", "-p", pid, "-d", "3", "-Fn").Output()
		if strings.Contains(string(open), "\nn"+x.name+"\n") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cpu is what a process has used, in hundredths of a second.
func cpu(t *testing.T, pid int) (ticks int) {
	t.Helper()
	text, err := exec.Command("ps", "-o", "time=", "-p", fmt.Sprint(pid)).Output() // 1:02.03
	if err != nil {
		t.Fatal(err)
	}
	var minutes, seconds, hundredths int
	if _, err := fmt.Sscanf(strings.TrimSpace(string(text)), "%d:%d.%d", &minutes, &seconds, &hundredths); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return (minutes*60+seconds)*100 + hundredths
}

// cacheEnv makes a directory the one of caches: macOS has it in the home.
func cacheEnv(dir string) string { return "HOME=" + dir }
