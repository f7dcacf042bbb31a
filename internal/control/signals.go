package control

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/plan"
)

// Session is what signals and keys act on.
type Session interface {
	Command(plan.Command)
	Signal(syscall.Signal) // to every program
	Resize()
	Look() // at all files: events may have been lost
}

// Signals turns signals into commands until ctx ends. It must run before
// anything is started: from then on a signal no longer ends the process by
// itself. in is stopped and continued with the session
// (Ctrl-Z, fg); hangup reports whether the terminal is gone.
//
// Only Notify is used, never Ignore: what is ignored stays ignored in every
// program that is started (processes.md, P6).
func Signals(ctx context.Context, s Session, in *Input, hangup func() bool) {
	ch := make(chan os.Signal, 16)
	notify(ch)
	go func() {
		defer signal.Stop(ch)
		h := handler{s: s, in: in, hangup: hangup}
		for {
			select {
			case sig := <-ch:
				h.handle(sig)
			case <-h.again:
				h.resume()
			case <-ctx.Done():
				return
			}
		}
	}()
}

type handler struct {
	s      Session
	in     *Input
	hangup func() bool
	again  <-chan time.Time // when to try to resume once more
	//lint:ignore U1000 Windows does not use it
	ctrlC
}

// resume goes on after a stop. What the program needs of the terminal may not be there
// yet: continued in the background, it has to wait for fg.
func (h *handler) resume() {
	h.again = nil
	if !h.in.Resume() {
		h.again = time.After(time.Second)
	}
}
