//go:build !linux && !darwin

package watcher

// fsType is not known here; Options.Backend says what to do.
func fsType(string, string) string { return "" }
