//go:build unix

package builder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Beside runs commands while the builder is at work, gives each its input and environment, and
// waits for nothing when they do not read it. The end of the context kills them.
func TestBeside(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	b := newBuilder(t, Options{Dir: dir})
	<-b.turn // as a build that is under way
	defer func() { b.turn <- struct{}{} }()
	input := bytes.Repeat([]byte("x"), 1<<20)
	r := b.Beside(t.Context(), "hook", []Step{
		{Shell: "true", Input: input},
		{Shell: `cat | wc -c; echo "$NAME"`, Input: input, Env: map[string]string{"NAME": "hook"}},
		{Shell: "cat; echo no input"},
	})
	if got := strings.Fields(r.Output); !r.OK || strings.Join(got, " ") != "1048576 hook no input" {
		t.Errorf("%+v", r)
	}
	r = b.Beside(t.Context(), "hook", []Step{{Shell: "exit 3"}, {Shell: "echo second"}})
	if r.OK || r.Output != "" || r.Summary != "exit 3 failed with exit code 3" {
		t.Errorf("%+v", r)
	}

	fifo := filepath.Join(t.TempDir(), "runs")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Result)
	go func() {
		done <- b.Beside(ctx, "hook", []Step{{Shell: "trap '' INT TERM; echo > '" + fifo + "'; sleep 1000"}})
	}()
	if _, err := os.ReadFile(fifo); err != nil { // it runs
		t.Fatal(err)
	}
	cancel()
	if r := <-done; !r.Canceled {
		t.Errorf("%+v", r)
	}
}
