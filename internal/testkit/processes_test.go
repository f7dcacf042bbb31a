package testkit

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

// N5: arguments and environment of a process, in the form of macOS (sys/sysctl.h, KERN_PROCARGS2).
func TestParseArgs(t *testing.T) {
	count := binary.NativeEndian.AppendUint32(nil, 3)
	for _, c := range []struct {
		name      string
		raw       string
		args, env []string
	}{
		{"all", "/bin/app\x00\x00\x00\x00app\x00\x00b c\x00A=1\x00B=\x00\x00ptr_munge=x\x00", []string{"app", "", "b c"}, []string{"A=1", "B="}},
		{"no environment", "/bin/app\x00app\x00a\x00b\x00\x00stack_guard=\x00", []string{"app", "a", "b"}, nil},
		{"cut off", "/bin/app\x00app", []string{"app"}, nil},
	} {
		args, env := parseArgs(slices.Concat(count, []byte(c.raw)))
		if !slices.Equal(args, c.args) || !slices.Equal(env, c.env) {
			t.Errorf("%s: %q %q", c.name, args, env)
		}
	}
	if args, env := parseArgs([]byte("\x01")); args != nil || env != nil {
		t.Errorf("%q %q", args, env)
	}
}

// A process that has ended is not alive, one that runs is, on every system.
func TestAlive(t *testing.T) {
	if !Alive(os.Getpid()) || State(os.Getpid()) == "" {
		t.Errorf("this process: %q", State(os.Getpid()))
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess(exe, []string{exe, "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if Alive(p.Pid) {
		t.Errorf("a process that has ended: %q", State(p.Pid))
	}
}
