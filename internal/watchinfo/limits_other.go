//go:build !linux

package watchinfo

// Limits: there are none here but that of open files.
func Limits() []Limit { return nil }

// WatchLimit is none: on the BSDs and macOS a watch is an open file, on Windows a handle.
func WatchLimit() (string, int) { return "", 0 }

// InstanceLimit is none.
func InstanceLimit() (string, int) { return "", 0 }
