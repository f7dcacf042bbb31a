package testkit

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// State is the letter of a process's state: R, S, T (stopped), Z (a zombie); "" if there is none.
func State(pid int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if err != nil || rest == "" {
		return ""
	}
	return rest[:1]
}

func pids() (all []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

func argsOf(pid int) (args, env []string) {
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
		if err != nil || len(text) == 0 {
			return nil
		}
		return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	}
	return read("cmdline"), read("environ")
}
