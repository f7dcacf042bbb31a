//go:build unix

package config

import (
	"fmt"
	"syscall"
)

var signals = map[string]syscall.Signal{
	"SIGTERM":  syscall.SIGTERM,
	"SIGINT":   syscall.SIGINT,
	"SIGHUP":   syscall.SIGHUP,
	"SIGQUIT":  syscall.SIGQUIT,
	"SIGKILL":  syscall.SIGKILL,
	"SIGUSR1":  syscall.SIGUSR1,
	"SIGUSR2":  syscall.SIGUSR2,
	"SIGABRT":  syscall.SIGABRT,
	"SIGALRM":  syscall.SIGALRM,
	"SIGCONT":  syscall.SIGCONT,
	"SIGPIPE":  syscall.SIGPIPE,
	"SIGTSTP":  syscall.SIGTSTP,
	"SIGWINCH": syscall.SIGWINCH,
}

// Signal is the signal of a name that passed Parse ("SIGTERM"). It is an error if this
// platform does not have it.
func Signal(name string) (syscall.Signal, error) {
	if s, ok := signals[name]; ok {
		return s, nil
	}
	return 0, fmt.Errorf("%q is no signal", name)
}
