//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package watcher

import "golang.org/x/sys/unix"

// fileBudget: fsnotify on kqueue opens every file of a watched directory (its
// issues 8 and 129). Half of the limit is left for builds and the program: without a
// free descriptor no process can be started.
func fileBudget() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0
	}
	return int(min(uint64(r.Cur), 1<<20) / 2)
}
