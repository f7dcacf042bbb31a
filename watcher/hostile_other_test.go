//go:build !linux

package watcher

func helper() bool { return false }
