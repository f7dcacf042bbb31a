//go:build unix

package runner

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// signalName is "SIGTERM"; real-time signals have no name.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return sig.String()
}
