package proc

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"testing"
)

func init() { modes["suspended"] = modeSuspended }

// modeSuspended is pressed Ctrl-Z while it starts one process after another, again and again.
func modeSuspended() int {
	// The collector waits for the fork, and every goroutine for the collector. hotreload collects
	// too rarely for that to matter; here it would be all the time.
	debug.SetGCPercent(-1)
	Setup()
	pressed := make(chan os.Signal, 1)
	signal.Notify(pressed, syscall.SIGTSTP)
	started := make(chan struct{})
	go func() {
		for {
			if _, err := Run(context.Background(), Errand{Cmd: Cmd{Path: "/bin/true"}}); err != nil {
				fmt.Println(err)
			}
			select {
			case started <- struct{}{}:
			default:
			}
		}
	}()
	for range 100 {
		<-started // and the next one is on its way
		_ = syscall.Kill(0, syscall.SIGTSTP)
		<-pressed
		Suspend()
		Continue()
	}
	fmt.Println("still starts processes")
	return 0
}

// T10: Ctrl-Z reaches a process that is just being forked, too. Stopped before it has executed its
// program, nobody would continue it, and nothing could be started any more.
func TestForkedGoesOn(t *testing.T) {
	p := run(t, Cmd{Path: selfLink, Args: []string{"suspended"}, Env: []string{modeVar + "=suspended"}})
	if got := p.line(); got != "still starts processes" {
		t.Error(got)
	}
}
