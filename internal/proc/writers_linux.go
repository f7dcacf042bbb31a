package proc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Written reports whether a process has the file open for writing: a log, a database, a redirected output. It costs a
// look at all descriptors of all processes that may be looked at, a few milliseconds.
func Written(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		dir := "/proc/" + p.Name()
		f, err := os.Open(dir + "/fd")
		if err != nil {
			continue
		}
		fds, _ := f.Readdirnames(-1)
		f.Close()
		for _, fd := range fds {
			if link, err := os.Readlink(dir + "/fd/" + fd); err == nil && link == real && writable(dir+"/fdinfo/"+fd) {
				return true
			}
		}
	}
	return false
}

// writable reads the flags of an open file, which are octal: its last digit has the access mode.
func writable(fdinfo string) bool {
	data, err := os.ReadFile(fdinfo)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if flags, ok := strings.CutPrefix(line, "flags:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(flags), 8, 64)
			return err == nil && n&3 != 0 // not O_RDONLY
		}
	}
	return false
}
