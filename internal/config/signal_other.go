//go:build !unix

package config

import (
	"fmt"
	"slices"
	"syscall"
)

// signals that both syscall for Windows and for js/wasm name. On Windows only the end of
// a process can be caused: by asking (SIGTERM, SIGINT) or at once (SIGKILL).
var signals = map[string]syscall.Signal{
	"SIGTERM": syscall.SIGTERM,
	"SIGINT":  syscall.SIGINT,
	"SIGQUIT": syscall.SIGQUIT,
	"SIGKILL": syscall.SIGKILL,
}

// Signal is the signal of a name that passed Parse ("SIGTERM"). It is an error if this
// platform does not have it.
func Signal(name string) (syscall.Signal, error) {
	if s, ok := signals[name]; ok {
		return s, nil
	}
	if slices.Contains(signalNames, name) {
		return 0, fmt.Errorf("this platform has no signal %s; use SIGTERM, SIGINT or SIGKILL", name)
	}
	return 0, fmt.Errorf("%q is no signal", name)
}
