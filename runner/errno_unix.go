//go:build unix

package runner

import "syscall"

const (
	errTextBusy = syscall.ETXTBSY
	errTooBig   = syscall.E2BIG
)

const (
	executeBits   = true // a file that may be executed has one
	refusedHint   = "a directory in its path is not accessible, the file system is mounted noexec, or a security policy forbids it"
	argumentLimit = "Linux allows 128 KiB per argument or variable, macOS 1 MiB for all"
)

// writerHint is how to find who has a file open.
func writerHint(path string) string { return "find that process with: fuser " + path }
