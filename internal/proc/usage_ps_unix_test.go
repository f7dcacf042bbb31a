//go:build unix

package proc

import (
	"os/exec"
	"syscall"
	"testing"
)

// N5: what the ps of this system prints is understood.
func TestPs(t *testing.T) {
	out, err := exec.Command("ps", psArgs...).Output()
	if err != nil {
		t.Skip(err)
	}
	if u, ok := parsePs(string(out), syscall.Getpgrp()); !ok || u.Memory == 0 {
		t.Errorf("%+v, %v of the own group in:\n%s", u, ok, out)
	}
}
