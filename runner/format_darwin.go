package runner

import "syscall"

// formatErrors are those of a file that the system cannot run. That of a program for another processor is EBADARCH, for
// example of one for amd64 on a Mac without Rosetta.
var formatErrors = []error{syscall.ENOEXEC, syscall.EBADARCH, syscall.EBADEXEC, syscall.EBADMACHO}
