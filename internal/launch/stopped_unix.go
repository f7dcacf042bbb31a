//go:build unix

package launch

import (
	"fmt"
	"syscall"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
)

// stoppedBy reports that a signal has stopped the program, or (0) that it continues, or lets
// Ctrl-Z stop all that it should.
func (s *supervision) stoppedBy(sig syscall.Signal) {
	in := plan.Suspended{Service: s.name, Launch: s.l.launch.Launch}
	var why *event.Problem
	switch sig {
	case 0:
	case syscall.SIGTSTP:
		// Ctrl-Z reaches only the group that has the terminal.
		if s.spec.Foreground != nil && s.host.Suspend != nil {
			s.host.Suspend()
			return
		}
		in.Signal = signalName(sig)
	case syscall.SIGTTIN, syscall.SIGTTOU:
		in.Signal, in.Problem = signalName(sig), s.wantsTerminal(sig)
		why = in.Problem
	default:
		in.Signal = signalName(sig)
	}
	if why == nil && in.Signal != "" {
		why = &event.Problem{Message: "the program is suspended by " + in.Signal, Hint: "SIGCONT resumes it"}
	}
	s.companions.Suspended(s.process.Pid(), why)
	s.l.step(in)
}

// wantsTerminal explains why the terminal has stopped a program.
func (s *supervision) wantsTerminal(sig syscall.Signal) *event.Problem {
	did := "tried to read from the terminal"
	if sig == syscall.SIGTTOU {
		did = "tried to change the terminal's settings"
	}
	hint := "run.stdin = \"interactive\" gives it the terminal, \"app\" the lines that are typed"
	if s.spec.Foreground != nil {
		hint = "the terminal belongs to the program that got it first"
	}
	return &event.Problem{
		Message: fmt.Sprintf("%s %s, which it does not have, and was stopped (%s)", s.name, did, signalName(sig)),
		Hint:    hint,
	}
}
