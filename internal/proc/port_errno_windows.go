package proc

import "golang.org/x/sys/windows"

// The numbers of Winsock; package syscall invents its own for the Unix names.
const (
	errAddrInUse    = windows.WSAEADDRINUSE
	errAddrNotAvail = windows.WSAEADDRNOTAVAIL
	errAccess       = windows.WSAEACCES
)
