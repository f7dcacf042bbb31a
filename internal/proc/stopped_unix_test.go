//go:build unix

package proc

import (
	"syscall"
	"testing"
)

// N5: what wait4 says of a process that was stopped, goes on, or has ended, with the numbers of each system.
func TestStoppedStatus(t *testing.T) {
	const linux, others = syscall.Signal(18), syscall.Signal(19) // SIGCONT
	for name, c := range map[string]struct {
		status uint32
		cont   syscall.Signal
		sig    syscall.Signal
		is     bool
	}{
		"Linux, SIGSTOP":     {19<<8 | 0x7f, linux, 19, true},
		"Linux, SIGTTIN":     {21<<8 | 0x7f, linux, 21, true},
		"Linux, goes on":     {0xffff, linux, 0, true},
		"Linux, exit 19":     {19 << 8, linux, 0, false},
		"Linux, killed":      {9, linux, 0, false},
		"Linux, core dumped": {0x80 | 6, linux, 0, false},
		"macOS, SIGSTOP":     {17<<8 | 0x7f, others, 17, true},
		"macOS, SIGTSTP":     {18<<8 | 0x7f, others, 18, true},
		"macOS, SIGTTIN":     {21<<8 | 0x7f, others, 21, true},
		"macOS, goes on":     {19<<8 | 0x7f, others, 0, true},
		"macOS, exit 0":      {0, others, 0, false},
		"macOS, exit 127":    {127 << 8, others, 0, false},
		"macOS, killed":      {9, others, 0, false},
		"FreeBSD, goes on":   {19, others, 0, true},
		"OpenBSD, goes on":   {0xffff, others, 0, true},
	} {
		if sig, is := stopped(c.status, c.cont); sig != c.sig || is != c.is {
			t.Errorf("%s: %d, %v, want %d, %v", name, sig, is, c.sig, c.is)
		}
	}
}
