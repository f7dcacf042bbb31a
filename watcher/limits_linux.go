package watcher

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// watchLimit and instanceLimit name the limit of inotify that binds, and its
// value. Each exists twice: for the machine, and per user namespace.
func watchLimit() (string, int) {
	return lowest("fs.inotify.max_user_watches", "user.max_inotify_watches")
}

func instanceLimit() (string, int) {
	return lowest("fs.inotify.max_user_instances", "user.max_inotify_instances")
}

func lowest(names ...string) (name string, value int) {
	for _, n := range names {
		text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(n, ".", "/"))
		if err != nil {
			continue
		}
		v, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && (name == "" || v < value) {
			name, value = n, v
		}
	}
	return name, value
}

func raiseHint(name string, to int) string {
	return fmt.Sprintf("sudo sysctl %[1]s=%[2]d   (to keep it: echo %[1]s=%[2]d | sudo tee /etc/sysctl.d/60-inotify.conf); "+
		"other programs of the same user count too, and for a container it is set on the host", name, to)
}

// fileBudget: an inotify watch costs no open file.
func fileBudget() int { return 0 }
