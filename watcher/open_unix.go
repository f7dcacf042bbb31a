//go:build unix

package watcher

import "syscall"

// openFlags keep an open from hanging on a FIFO that took a file's place.
const openFlags = syscall.O_NONBLOCK
