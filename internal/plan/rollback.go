package plan

import (
	"fmt"

	"github.com/hotreload/hotreload/internal/event"
)

// What runs if the newest program does not become ready: with start-first what serves until now,
// with rollback the program that was live last.

// fallbackFor is what takes the place of process p: a process that serves, or a program; both nil
// if there is none.
func (s *State) fallbackFor(svc *service, p *process) (serves *process, program *Program) {
	serves, program = svc.other(p), svc.programs.lastLive
	switch {
	case s.quitting() || svc.mode != active || s.opt.Once || p == svc.old:
	case serves.alive():
		return serves, nil
	case svc.Rollback && program != nil && program.Binary != "" &&
		program.Binary != p.program.Binary && !program.same(p.program):
		return nil, program
	}
	return nil, nil
}

func (s *State) canFallBack(svc *service, p *process) bool {
	serves, program := s.fallbackFor(svc, p)
	return serves != nil || program != nil
}

// fallBack puts an older program in the place of process p, if there is one.
func (s *State) fallBack(svc *service, p *process) {
	serves, program := s.fallbackFor(svc, p)
	switch {
	case serves != nil:
		s.sayWaiting(svc, serves.gen, event.Waiting{
			Reason: fmt.Sprintf("generation %d keeps serving: the newest program never became ready", serves.gen),
			Kind:   event.WaitServing, Since: serves.started,
		})
	case program != nil:
		s.say(svc, program.Generation, event.Problem{
			Message: fmt.Sprintf("rolled back to generation %d: the newest program never became ready", program.Generation),
			Hint:    "you are seeing an older version until this is fixed",
		})
		svc.programs.fallback = program
		svc.wants.atLeastStart()
	default:
		return
	}
	svc.failed.start = true
	if p == svc.proc {
		s.stop(svc, p, false)
	}
}
