package plan

import "github.com/hotreload/hotreload/internal/event"

func (in ReadyIs) apply(s *State) {
	svc := s.find(in.Service)
	if svc == nil || svc.proc == nil || svc.proc.launch != in.Launch || !svc.proc.alive() {
		return
	}
	p := svc.proc
	if in.Problem != nil {
		in.Problem.Late = !s.canFallBack(svc, p) && !s.opt.Once
		s.say(svc, p.gen, *in.Problem)
		p.readiness, svc.latest.problem = late, in.Problem
		s.fallBack(svc, p)
		return
	}
	if p.readiness == late {
		svc.latest.problem = nil
	}
	p.readiness, p.readyAt = max(p.readiness, ready), s.now
	s.say(svc, p.gen, event.Ready{AfterMS: event.MS(s.now.Sub(p.started))})
	if svc.old != nil && !s.quitting() && svc.mode != leaving {
		// Also if something newer is wanted by now: it is newer than what served.
		s.do(Promote{svc.Name, p.launch})
		s.stop(svc, svc.old, false)
	}
	s.announce(svc)
}

// announce reports that the newest generation is live, once, when it is.
func (s *State) announce(svc *service) {
	p := svc.current()
	if p == nil || p.readiness != ready || !p.works() && p != svc.done || p.suspended != "" || !s.isNewest(svc) {
		return
	}
	p.readiness = live
	l := svc.ledger(p, s.now)
	l.First, l.Job = svc.latest.live == nil, svc.done != nil
	s.say(svc, svc.gen, l)
	svc.latest.live, svc.latest.liveGen = &l, svc.gen
	if svc.Rollback {
		svc.programs.lastLive = &p.program
	}
}

// isNewest reports whether nothing newer than what runs is wanted, or has failed.
func (s *State) isNewest(svc *service) bool {
	switch {
	case s.quitting(), svc.mode == leaving:
		return false
	case svc.failed.build, svc.failed.start, svc.failed.missedRestart == svc.gen:
		return false
	case svc.wants.build, svc.wants.oneMore, svc.programs.result != nil:
		return false
	}
	return !svc.starting()
}

// Suspended: a process that is suspended does nothing. When it goes on, it is live once more.
func (in Suspended) apply(s *State) {
	svc := s.find(in.Service)
	if svc == nil {
		return
	}
	p := svc.process(in.Launch)
	if !p.alive() || p.suspended == in.Signal {
		return
	}
	p.suspended = in.Signal
	switch {
	case in.Problem != nil:
		s.say(svc, p.gen, *in.Problem)
	case in.Signal != "":
		what := "by " + in.Signal + ", until SIGCONT"
		s.sayWaiting(svc, p.gen, event.Waiting{Reason: "suspended " + what, What: what, Kind: event.WaitSuspended})
	case p.readiness == live && p == svc.proc:
		p.readiness = ready
		if !svc.pending() {
			svc.since = s.now
		}
	}
}
