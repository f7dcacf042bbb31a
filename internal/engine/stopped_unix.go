//go:build unix

package engine

import (
	"fmt"
	"syscall"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/runner"
)

// stoppedBy reports that a signal has stopped a program, or (0) that it goes on, or lets Ctrl-Z stop all that it should.
func (v *service) stoppedBy(s runner.Spec, launch, pid int, sig syscall.Signal) {
	in := plan.Suspended{Service: v.name, Launch: launch}
	var why *event.Problem
	switch sig {
	case 0:
	case syscall.SIGTSTP:
		// Ctrl-Z reaches only the group that has the terminal.
		if s.Foreground != nil && v.engine.opt.Suspend != nil {
			v.engine.opt.Suspend()
			return
		}
		in.Signal = signalName(sig)
	case syscall.SIGTTIN, syscall.SIGTTOU:
		in.Signal, in.Problem = signalName(sig), v.wantsTerminal(s, sig)
		why = in.Problem
	default:
		in.Signal = signalName(sig)
	}
	if why == nil && in.Signal != "" {
		why = &event.Problem{Message: "the program is suspended by " + in.Signal, Hint: "SIGCONT lets it go on"}
	}
	if v.front != nil {
		v.front.Suspended(pid, why)
	}
	v.engine.post(in)
}

// wantsTerminal explains why the terminal has stopped a program.
func (v *service) wantsTerminal(s runner.Spec, sig syscall.Signal) *event.Problem {
	did := "read from the terminal"
	if sig == syscall.SIGTTOU {
		did = "wanted to change the terminal's settings"
	}
	hint := "run.stdin = \"interactive\" gives it the terminal, \"app\" the lines that are typed"
	if s.Foreground != nil {
		hint = "another program has the terminal: the one that was given it first"
	}
	return &event.Problem{
		Message: fmt.Sprintf("%s %s, which it has not got, and was stopped (%s)", v.name, did, signalName(sig)),
		Hint:    hint,
	}
}
