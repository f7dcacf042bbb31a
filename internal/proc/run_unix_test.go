//go:build unix

package proc

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(script string) Cmd {
	return Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: os.Environ()}
}

func TestRun(t *testing.T) {
	var out, complain strings.Builder
	s, err := Run(t.Context(), Errand{Cmd: shell("echo a; echo b >&2; exit 3"), Stdout: &out, Stderr: &complain})
	if err != nil || s.Code != 3 || out.String() != "a\n" || complain.String() != "b\n" {
		t.Errorf("%+v, %v: %q, %q", s, err, out.String(), complain.String())
	}
	out.Reset()
	if _, err := Run(t.Context(), Errand{Cmd: shell("echo a; echo b >&2; echo c"), Stdout: &out}); err != nil || out.String() != "a\nb\nc\n" {
		t.Errorf("one stream: %q, %v", out.String(), err)
	}
	s, err = Run(t.Context(), Errand{Cmd: shell("kill -9 $$"), Stdout: io.Discard})
	if err != nil || s.Code != -1 || s.Signal != syscall.SIGKILL {
		t.Errorf("%+v, %v", s, err)
	}
}

// What a command leaves running is ended with it, or left alone: then Run waits for its output to be closed, and no longer.
func TestRunLeftovers(t *testing.T) {
	for _, whole := range []bool{true, false} {
		var out strings.Builder
		if _, err := Run(t.Context(), Errand{Cmd: shell("sleep 1000 >/dev/null 2>&1 & echo $!"), Stdout: &out, Whole: whole}); err != nil {
			t.Fatal(err)
		}
		left, err := strconv.Atoi(strings.TrimSpace(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(left, 0); (err == nil) == whole {
			t.Errorf("whole %v: the process that was left: %v", whole, err)
		}
		if !whole {
			syscall.Kill(left, syscall.SIGKILL)
		}
	}
	var out strings.Builder
	if _, err := Run(t.Context(), Errand{Cmd: shell("(while kill -0 $$ 2>/dev/null; do :; done; echo late) & echo first"), Stdout: &out}); err != nil || out.String() != "first\nlate\n" {
		t.Errorf("output that comes after the end of the command: %q, %v", out.String(), err)
	}
}

// When the context ends, so does the whole group: by the signal, or by SIGKILL when it does not heed it.
func TestRunCanceled(t *testing.T) {
	for _, tt := range []struct {
		trap string
		sig  syscall.Signal
		want string
	}{
		{"echo asked; exit 0", syscall.SIGTERM, "ready\nasked\n"},
		{"", syscall.SIGTERM, "ready\n"}, // ignored
		{"echo asked; exit 0", 0, "ready\n"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &trigger{on: "ready\n", do: cancel}
		grace := 10 * time.Second
		if tt.trap == "" {
			grace = 50 * time.Millisecond
		}
		if tt.sig == 0 {
			grace = 0
		}
		_, err := Run(ctx, Errand{Cmd: shell("exec 2>/dev/null; trap '" + tt.trap + "' TERM; echo ready; while :; do sleep 0.01; done"), Stdout: out, Signal: tt.sig, Grace: grace})
		if err != context.Canceled || out.text.String() != tt.want {
			t.Errorf("%+v: %q, %v", tt, out.text.String(), err)
		}
	}
}

// trigger does something when it is switched on.
type trigger struct {
	text strings.Builder
	on   string
	do   func()
}

func (w *trigger) Write(p []byte) (int, error) {
	w.text.Write(p)
	if w.text.String() == w.on {
		w.do()
	}
	return len(p), nil
}

// The grace is the command's. What it leaves behind when it has heeded the signal gets less.
func TestRunCanceledLeftovers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &trigger{on: "ready\n", do: cancel}
	script := "trap 'exit 0' TERM; (trap '' TERM; exec sleep 1000 >/dev/null 2>&1) & echo ready; while :; do sleep 0.01; done 2>/dev/null"
	if _, err := Run(ctx, Errand{Cmd: shell(script), Stdout: out, Signal: syscall.SIGTERM, Grace: time.Hour}); err != context.Canceled {
		t.Error(err)
	}
}

// T2: Kill ends the grace of a command that does not want to end.
func TestRunKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kill := make(chan struct{})
	said := make(chan string, 10)
	done := make(chan State, 1)
	go func() {
		s, err := Run(ctx, Errand{
			Cmd:    shell("trap 'echo asked' INT; echo ready; while :; do sleep 0.01; done"),
			Stdout: writerFunc(func(p []byte) { said <- string(p) }), Signal: syscall.SIGINT, Grace: time.Hour, Whole: true, Kill: kill,
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		done <- s
	}()
	for _, want := range []string{"ready\n", "asked\n"} {
		if got := <-said; got != want {
			t.Fatalf("%q, want %q", got, want)
		}
		cancel()
	}
	close(kill)
	select {
	case s := <-done:
		if s.Signal != syscall.SIGKILL {
			t.Errorf("%+v", s)
		}
	case <-time.After(patience):
		t.Fatal("it is waited for")
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
