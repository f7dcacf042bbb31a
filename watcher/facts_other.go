//go:build !linux

package watcher

// Limits: there are none here but that of open files.
func Limits() []Limit { return nil }
