//go:build unix

package launch

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalName is the name of a signal, "SIGTERM".
func signalName(s syscall.Signal) string {
	if n := unix.SignalName(s); n != "" {
		return n
	}
	return fmt.Sprintf("signal %d", int(s))
}
