package watchinfo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Limits are those of inotify: watches, and watchers ("instances").
func Limits() []Limit {
	watches, instances := inotifyUse()
	var out []Limit
	if name, v := WatchLimit(); name != "" {
		out = append(out, Limit{name, v, watches, RaiseHint(name, max(524288, 2*v))})
	}
	if name, v := InstanceLimit(); name != "" {
		out = append(out, Limit{name, v, instances, RaiseHint(name, max(512, 2*v))})
	}
	return out
}

// inotifyUse counts what this user's processes use. The limits are per user; what runs in
// other containers is not seen.
func inotifyUse() (watches, instances int) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(dirs) == 0 {
		return -1, -1
	}
	uid := uint32(os.Getuid())
	for _, d := range dirs {
		fi, err := os.Stat(d)
		if err != nil {
			continue
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Uid != uid {
			continue
		}
		fds, err := os.ReadDir(d + "/fd")
		if err != nil {
			continue
		}
		for _, fd := range fds {
			link, err := os.Readlink(d + "/fd/" + fd.Name())
			if err != nil || !strings.HasPrefix(link, "anon_inode:inotify") {
				continue
			}
			instances++
			info, _ := os.ReadFile(d + "/fdinfo/" + fd.Name())
			watches += bytes.Count(info, []byte("inotify wd:"))
		}
	}
	return watches, instances
}

// WatchLimit names the limit on watches of inotify that binds, and its value. It exists twice: for the machine, and per user namespace.
func WatchLimit() (string, int) {
	return lowest("fs.inotify.max_user_watches", "user.max_inotify_watches")
}

// InstanceLimit is the limit of watchers.
func InstanceLimit() (string, int) {
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

// RaiseHint says how to raise a limit.
func RaiseHint(name string, to int) string {
	return fmt.Sprintf("sudo sysctl %[1]s=%[2]d   (to keep it: echo %[1]s=%[2]d | sudo tee /etc/sysctl.d/60-inotify.conf); "+
		"other programs of the same user count too; for a container, set it on the host", name, to)
}
