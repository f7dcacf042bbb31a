//go:build !linux && !darwin && !freebsd && !windows

package builder

// freeSpace is not known: the systems have no common call for it.
func freeSpace(string) (bytes uint64, known bool) { return 0, false }
