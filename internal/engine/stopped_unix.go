//go:build unix

package engine

import (
	"fmt"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/runner"
)

// stoppedBy explains why a program stands still, or lets Ctrl-Z stop all that it should.
func (v *service) stoppedBy(s runner.Spec, gen int, sig syscall.Signal) {
	if sig == syscall.SIGTSTP {
		// Ctrl-Z reaches only the group that has the terminal. Anybody else who sends this
		// signal to a program knows what he does.
		if s.Foreground != nil && v.engine.opt.Suspend != nil {
			v.engine.opt.Suspend()
		}
		return
	}
	did := "read from the terminal"
	if sig == syscall.SIGTTOU {
		did = "wanted to change the terminal's settings"
	}
	hint := "run.stdin = \"interactive\" gives it the terminal, \"app\" the lines that are typed"
	if s.Foreground != nil {
		hint = "another program has the terminal: the one that was given it first"
	}
	v.engine.emit(event.Event{Time: time.Now(), Service: v.name, Generation: gen, Body: event.Problem{
		Message: fmt.Sprintf("%s %s, which it has not got, and was stopped (%s)", v.name, did, signalName(sig)),
		Hint:    hint,
	}})
}
