//go:build unix

package control

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/plan"
)

func notify(ch chan<- os.Signal) {
	sigs := []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGPIPE,
		syscall.SIGCONT,
	}
	// A shell without job control has it ignored in what it starts.
	if !signal.Ignored(syscall.SIGTSTP) {
		sigs = append(sigs, syscall.SIGTSTP)
	}
	// nohup starts us with SIGHUP ignored, and means it.
	if !signal.Ignored(syscall.SIGHUP) {
		sigs = append(sigs, syscall.SIGHUP)
	}
	signal.Notify(ch, sigs...)
}

func (h *handler) handle(sig os.Signal) {
	s := h.s
	switch sig {
	case syscall.SIGINT:
		if h.pressed(time.Now()) {
			s.Command(plan.Command{Do: plan.DoQuit, Why: "Ctrl-C"})
		}
	case syscall.SIGTERM:
		s.Command(plan.Command{Do: plan.DoQuit, Why: "SIGTERM"})
	case syscall.SIGHUP:
		if h.hangup() {
			s.Command(plan.Command{Do: plan.DoQuit, Why: "the terminal is gone"})
			return
		}
		s.Command(plan.Command{Do: plan.DoRebuild, Why: "SIGHUP"})
	case syscall.SIGUSR1:
		s.Command(plan.Command{Do: plan.DoRebuild, Why: "SIGUSR1"})
	case syscall.SIGQUIT:
		s.Signal(syscall.SIGQUIT)
	case syscall.SIGWINCH:
		s.Resize()
	case syscall.SIGTSTP:
		h.in.Suspend()
	case syscall.SIGCONT:
		h.resume()
		// The terminal may have another size by now. While we were stopped, file events
		// stayed in the kernel's queue, which may have overflowed.
		s.Resize()
		s.Look()
	case syscall.SIGPIPE:
		// Caught so that a write to a closed pipe returns an error, which ends
		// the session in an orderly way, instead of killing us at once.
	}
}

// ctrlC knows when Ctrl-C was pressed last.
type ctrlC struct{ last time.Time }

// echo is the time in which a second SIGINT is the first one once more: the terminal sends
// Ctrl-C to all in the foreground, and some who start us (go tool, npm) pass it on besides.
// Nobody presses it twice that fast, and taken for two it would kill the program.
const echo = 100 * time.Millisecond

// pressed reports whether a SIGINT is one that was not seen before.
func (c *ctrlC) pressed(now time.Time) bool {
	if now.Sub(c.last) < echo {
		return false
	}
	c.last = now
	return true
}
