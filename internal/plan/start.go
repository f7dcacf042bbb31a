package plan

import "github.com/hotreload/hotreload/internal/event"

// start launches the good program, when what it needs is live: after what runs is gone,
// or (start-first) next to it.
func (s *State) start(svc *service) {
	if !s.mayStart(svc) {
		return
	}
	if svc.Builds && (svc.programs.good == nil || svc.failed.build && svc.OnError == StopRunning) {
		svc.wants.start, svc.programs.fallback = noStart, nil
		return
	}
	// What runs goes on while its successor has to wait.
	if s.mustWait(svc) || !s.hasPlace(svc) {
		return
	}
	s.launch(svc)
}

// mayStart reports whether a start is wanted and nothing newer will replace it.
func (s *State) mayStart(svc *service) bool {
	switch {
	case svc.programs.result != nil:
		return false
	case svc.wants.start == startGood:
		return svc.job == nil && (!svc.wants.build || s.isPaused(svc))
	}
	return svc.wants.start == startOlder
}

// hasPlace reports whether one more process may start, and asks the one that is in the way to end.
func (s *State) hasPlace(svc *service) bool {
	switch {
	case svc.proc == nil:
		return true
	case svc.old.askedToEnd():
		return false // two are enough: the oldest has its time to end
	case svc.old == nil && svc.StartFirst && svc.proc.alive() && svc.proc.readiness >= ready:
		return true
	}
	s.stop(svc, svc.proc, false)
	return false
}

func (s *State) launch(svc *service) {
	svc.launches++
	program, gen := Program{Generation: svc.gen}, s.generationOf(svc)
	switch {
	case svc.programs.fallback != nil:
		program, gen = *svc.programs.fallback, svc.programs.fallback.Generation
	case svc.programs.good != nil:
		program = *svc.programs.good
	}
	if svc.programs.fallback == nil {
		svc.failed.start = false
		svc.latest.problem, svc.latest.exit = nil, nil
	}
	svc.programs.fallback = nil
	svc.wants.start, svc.wants.reload, svc.wants.apart, svc.added = noStart, reloadNothing, reloadNothing, false
	svc.failed.missedRestart, svc.latest.command = 0, nil
	svc.old, svc.proc = svc.proc, &process{
		launch: svc.launches, gen: gen, restarts: svc.restarts, program: program, started: s.now,
	}
	s.do(Disarm{Timer{svc.Name, Backoff}})
	s.do(Launch{svc.Name, svc.launches, gen, program})
}

// generationOf is the generation that a launch belongs to: the newest, unless
// that one is not built and the last good program is used in its place.
func (s *State) generationOf(svc *service) int {
	if svc.programs.good != nil && (svc.failed.build || svc.wants.build) {
		return svc.programs.good.Generation
	}
	return svc.gen
}

func (in Launched) apply(s *State) {
	svc := s.find(in.Service)
	if svc == nil || svc.proc == nil || svc.proc.launch != in.Launch {
		return
	}
	p := svc.proc
	if in.Problem != nil {
		s.notLaunched(svc, p, in.Problem)
		return
	}
	p.pid = in.PID
	s.say(svc, p.gen, event.Started{PID: in.PID})
	for _, sig := range p.signals {
		if p.alive() {
			s.do(SendSignal{svc.Name, p.launch, sig})
		}
	}
	p.signals = nil
}

func (s *State) notLaunched(svc *service, p *process, problem *event.Problem) {
	problem.Last = !s.canFallBack(svc, p) && !p.askedToEnd() && !s.opt.Once
	s.say(svc, p.gen, *problem)
	svc.latest.problem, svc.latest.exit = problem, nil
	if s.opt.Once {
		s.quit(1, "the program could not be started")
	}
	svc.proc, svc.old = svc.old, nil
	if !p.askedToEnd() {
		s.fallBack(svc, p)
	}
}
