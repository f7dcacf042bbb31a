//go:build !unix

package watcher

const openFlags = 0
