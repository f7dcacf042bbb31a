//go:build !unix

package config

import (
	"fmt"
	"slices"
	"syscall"
)

// signals that both syscall for Windows and for js/wasm name. On Windows only the end of
// a process can be caused: by asking (SIGTERM, SIGINT) or at once (SIGKILL).
var signals = map[Signal]syscall.Signal{
	"SIGTERM": syscall.SIGTERM,
	"SIGINT":  syscall.SIGINT,
	"SIGQUIT": syscall.SIGQUIT,
	"SIGKILL": syscall.SIGKILL,
}

// Number is the signal for the system. It is an error if this platform does not have it.
func (s Signal) Number() (syscall.Signal, error) {
	if n, ok := signals[s]; ok {
		return n, nil
	}
	if slices.Contains(signalNames, string(s)) {
		return 0, fmt.Errorf("this platform has no signal %s; use SIGTERM, SIGINT or SIGKILL", s)
	}
	return 0, fmt.Errorf("%q is not a signal", string(s))
}
