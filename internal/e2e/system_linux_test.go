package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What asks a terminal for its modes, here and in the programs of the tests.
const (
	getTermios     = unix.TCGETS
	getTermiosName = "TCGETS"
	setTermiosName = "TCSETS"
)

var sedInPlace = []string{"sed", "-i"}

// guards are the guard processes that have the terminal. They have no environment to be
// known by.
func (x *tty) guards() (dirs []string) {
	x.t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range all {
		args, _ := os.ReadFile(filepath.Join(d, "cmdline"))
		link, _ := os.Readlink(filepath.Join(d, "fd", "3"))
		if strings.HasPrefix(string(args), "hotreload\x00__guard\x00") && link == x.name {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// cpu is what a process has used, in hundredths of a second.
func cpu(t *testing.T, pid int) (ticks int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	for _, n := range f[11:13] {
		var v int
		fmt.Sscan(n, &v)
		ticks += v
	}
	return ticks
}

// cacheEnv makes a directory the one of caches.
func cacheEnv(dir string) string { return "XDG_CACHE_HOME=" + dir }
