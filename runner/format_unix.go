//go:build unix && !darwin

package runner

import "syscall"

// formatErrors are those of a file that the system cannot run.
var formatErrors = []error{syscall.ENOEXEC}
