//go:build !linux

package proc

// Written is not known here.
func Written(string) bool { return false }
