package watcher

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Limits are those of inotify: watches, and watchers ("instances").
func Limits() []Limit {
	watches, instances := inotifyUse()
	var out []Limit
	if name, v := watchLimit(); name != "" {
		out = append(out, Limit{name, v, watches, raiseHint(name, max(524288, 2*v))})
	}
	if name, v := instanceLimit(); name != "" {
		out = append(out, Limit{name, v, instances, raiseHint(name, max(512, 2*v))})
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
