//go:build unix

package proxy

import "syscall"

const (
	errInUse        = syscall.EADDRINUSE
	errNotAvailable = syscall.EADDRNOTAVAIL
	errDenied       = syscall.EACCES
)
