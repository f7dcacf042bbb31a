package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "4242 (a) b (c) S 17 4242 4242 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 5 0 987654 1000000 200 18446744073709551615\n"
	p, err := parseStat(line)
	want := process{pid: 4242, parent: 17, started: 987654, cpu: 3100 * time.Millisecond}
	if err != nil || p != want {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1", "x (x) S 17 1 1 0 -1 1 1 0 0 0 1 1 1 1 20 0 5 0 9 1 1"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParseBusy(t *testing.T) {
	got, ok := parseBusy("cpu  100 20 30 9999 888 4 6 77 5 5\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	if !ok || got != 1600*time.Millisecond {
		t.Errorf("%v, %v", got, ok)
	}
	for _, bad := range []string{"", "intr 1 2 3 4 5 6 7 8", "cpu 1 2"} {
		if _, ok := parseBusy(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestStatusBytes(t *testing.T) {
	const s = "Name:\tx\nVmRSS:\t   14336 kB\nRssAnon:\t    1024 kB\n"
	if got := statusBytes(s, "VmRSS:"); got != 14<<20 {
		t.Errorf("%d", got)
	}
	if got := statusBytes(s, "RssShmem:"); got != 0 {
		t.Errorf("%d", got)
	}
}

// A child that is ended takes those with it that it left behind, and no others.
func TestEndLeavesNobody(t *testing.T) {
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	// The shell starts a process in a new session and ends without waiting for it.
	c, err := start([]string{"sh", "-c", `setsid sleep 600 & trap "exit 0" INT TERM; while :; do sleep 600 & wait; done`}, t.TempDir(), os.Environ(), t.TempDir()+"/log")
	if err != nil {
		t.Fatal(err)
	}
	var below []process
	for deadline := time.Now().Add(time.Minute); len(below) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("only %d processes were started", len(below))
		}
		below = descendants(c.pid())
	}
	c.end(syscall.SIGTERM, time.Minute)
	for _, p := range below {
		for deadline := time.Now().Add(time.Minute); ; {
			again, err := processStat(p.pid)
			if err != nil || again.started != p.started {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d still runs", p.pid)
			}
		}
	}
	if _, err := processStat(other.Process.Pid); err != nil {
		t.Errorf("a process of another: %v", err)
	}
}
