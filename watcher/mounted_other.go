//go:build !windows

package watcher

// mountedAt: what is no directory leads to none.
func mountedAt(path string) (string, error) { return path, errNoFile }
