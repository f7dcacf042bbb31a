package proxy

import "syscall"

// The numbers of Winsock; package syscall invents its own for the Unix names.
const (
	errInUse        = syscall.Errno(10048) // WSAEADDRINUSE
	errNotAvailable = syscall.Errno(10049) // WSAEADDRNOTAVAIL
	errDenied       = syscall.Errno(10013) // WSAEACCES
)
