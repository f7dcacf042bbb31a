package proc

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
)

func init() { modes["work"] = modeWork }

const (
	workMemory = 64 << 20
	workMicros = 100_000
)

// modeWork takes memory and time, says so, and ends with its input.
func modeWork() int {
	mem := make([]byte, workMemory)
	for i := range mem {
		mem[i] = byte(i)
	}
	for used := int64(0); used < workMicros; {
		var r syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
			return 1
		}
		used = r.Utime.Nano()/1000 + r.Stime.Nano()/1000
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return int(mem[0])
}

// U1: what a group uses is that of all its processes, also of one that has ended.
func TestUsage(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := run(t, Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", `"$0" <&0; echo over; sleep 1000`, self}, Env: selfEnv("work"), Stdin: in})
	in.Close()
	if l := p.line(); l != "ready" {
		t.Fatal(l)
	}
	u, ok := UsageOf(p.Pid())
	if !ok || u.Memory < workMemory || u.CPU.Microseconds() < workMicros*9/10 {
		t.Fatalf("while its child works: %+v, %v", u, ok)
	}
	keep.Close()
	if l := p.line(); l != "over" {
		t.Fatal(l)
	}
	after, ok := UsageOf(p.Pid())
	if !ok || after.CPU < u.CPU || after.Memory >= workMemory {
		t.Errorf("after its end: %+v, %v, before %+v", after, ok, u)
	}
	if u, ok := UsageOf(os.Getpid()); ok {
		t.Errorf("of no group: %+v", u)
	}
	p.Stop(syscall.SIGKILL, 0)
	gone(t, p.Group)
	if u, ok := UsageOf(p.Pid()); ok {
		t.Errorf("of a group that is gone: %+v", u)
	}
}

func TestParseUsage(t *testing.T) {
	u, ok := parseUsage([]byte("7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99 4096 5 x\n"))
	if !ok || u.CPU != 100*clockTick || u.Memory != 5*int64(os.Getpagesize()) {
		t.Errorf("%+v, %v", u, ok)
	}
	for _, bad := range []string{"", "7 (a) S 1", "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 x 20 30 40 20 0 1 0 99 4096 5 x"} {
		if u, ok := parseUsage([]byte(bad)); ok {
			t.Errorf("%q: %+v", bad, u)
		}
	}
}
