package control

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/hotreload/hotreload/internal/plan"
)

// Closing the console window, logging off and shutting down arrive as SIGTERM.
func notify(ch chan<- os.Signal) { signal.Notify(ch, os.Interrupt, syscall.SIGTERM) }

func (h *handler) handle(sig os.Signal) {
	s := h.s
	switch sig {
	case os.Interrupt:
		s.Command(plan.Command{Do: plan.DoQuit, Why: "Ctrl-C"})
	case syscall.SIGTERM:
		s.Command(plan.Command{Do: plan.DoQuit, Why: "the console is closing"})
	}
}

// ctrlC: the console sends each Ctrl-C once.
//
//lint:ignore U1000 see handler
type ctrlC struct{}
