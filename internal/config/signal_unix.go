//go:build unix

package config

import (
	"fmt"
	"syscall"
)

var signals = map[Signal]syscall.Signal{
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

// Number is the signal for the system.
func (s Signal) Number() (syscall.Signal, error) {
	if n, ok := signals[s]; ok {
		return n, nil
	}
	return 0, fmt.Errorf("%q is not a signal", string(s))
}
