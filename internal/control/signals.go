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
	ctrlC  time.Time        // when it was pressed last
}

// echo is the time in which a second SIGINT is the first one once more: the terminal sends
// Ctrl-C to all in the foreground, and some who start us (go tool, npm) pass it on besides.
// Nobody presses it twice that fast, and taken for two it would kill the program.
const echo = 100 * time.Millisecond

// pressed reports whether a SIGINT is one that was not seen before.
func (h *handler) pressed(now time.Time) bool {
	if now.Sub(h.ctrlC) < echo {
		return false
	}
	h.ctrlC = now
	return true
}

// resume goes on after a stop. What the program needs of the terminal may not be there
// yet: continued in the background, it has to wait for fg.
func (h *handler) resume() {
	h.again = nil
	if !h.in.Resume() {
		h.again = time.After(time.Second)
	}
}
