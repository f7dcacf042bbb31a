//go:build linux || darwin || freebsd

package builder

import "golang.org/x/sys/unix"

// freeSpace is what an ordinary user may still write on the file system of a path.
func freeSpace(path string) (bytes uint64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, false
	}
	return uint64(st.Bavail) * uint64(st.Bsize), true
}
