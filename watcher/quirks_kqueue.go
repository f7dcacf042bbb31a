//go:build !linux && !windows

package watcher

// system has the quirks of this system: macOS and the BSDs.
var system = kqueueQuirks
