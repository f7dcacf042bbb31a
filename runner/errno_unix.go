//go:build unix

package runner

import "syscall"

const (
	errTextBusy   = syscall.ETXTBSY
	errExecFormat = syscall.ENOEXEC
	errTooBig     = syscall.E2BIG
)
