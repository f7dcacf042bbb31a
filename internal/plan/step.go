package plan

import "time"

// Step takes one input and returns what is to be done, in order.
func (s *State) Step(at time.Time, in Input) []Action {
	s.now, s.out, s.joined = at, nil, map[string]int{}
	if s.end.stage == exited || s.quitting() && asksForMore(in) {
		return nil
	}
	in.apply(s)
	for again := true; again; {
		again = false
		for _, svc := range s.services {
			was := s.up(svc)
			s.advance(svc)
			s.announce(svc)
			s.collect(svc)
			// A job whose program turned out to be the same: the services before it in the list that
			// wait for it get another turn.
			again = again || !was && s.up(svc)
		}
	}
	s.forget()
	s.finish()
	s.share()
	return s.out
}

// asksForMore reports whether an input is ignored once the session is to end.
func asksForMore(in Input) bool {
	switch in.(type) {
	case Begin, Files, Touched, Reconfigured:
		return true
	}
	return false
}

func (Begin) apply(s *State) {
	s.begun = true
	for _, svc := range s.services {
		svc.wantBuild(s.now)
	}
}

func (in Fired) apply(s *State) {
	if in.Timer.What == StopDeadline {
		s.overdue(in.Timer)
		return
	}
	svc := s.find(in.Timer.Service)
	if svc == nil || s.quitting() {
		return
	}
	switch in.Timer.What {
	case SlowBuild:
		s.slowJob(svc, in)
	case Backoff:
		s.backoffOver(svc)
	case Loop:
		s.followLoops(svc)
	case Shown:
		if !s.now.Before(svc.wants.shownAt) {
			svc.wants.shownAt = time.Time{}
		}
	}
}

// policy says what a service does next. The first row whose condition holds decides, so the
// order is the policy: an earlier row is more important than a later one.
var policy = []struct {
	when func(*State, *service) bool
	then func(*State, *service)
}{
	{(*State).isEnding, (*State).doNothing},     // the session stops everything, in its order: finish
	{(*State).isLeaving, (*State).stopLeaving},  // the config no longer has it
	{(*State).isWorking, (*State).watchJob},     // one job at a time, unless something newer is wanted
	{(*State).isStopped, (*State).doNothing},    // changes are remembered until it is restarted
	{(*State).isPaused, (*State).finishRestart}, // changes are remembered until it is resumed
	{(*State).isInBurst, (*State).speculate},    // more changes may come at any moment
	{(*State).hasRules, (*State).runRules},      // their commands come before signals, reload, build and restart
	{(*State).always, (*State).carryOut},        // nothing is in the way of what was asked for
}

// advance starts what can be started for one service.
func (s *State) advance(svc *service) {
	for _, row := range policy {
		if row.when(s, svc) {
			row.then(s, svc)
			return
		}
	}
}

func (s *State) isEnding(*service) bool      { return s.quitting() }
func (s *State) isLeaving(svc *service) bool { return svc.mode == leaving }
func (s *State) isWorking(svc *service) bool { return svc.job != nil }
func (s *State) isStopped(svc *service) bool { return svc.mode == stopped }
func (s *State) isPaused(svc *service) bool  { return s.paused.has(svc.Name) }
func (s *State) isInBurst(svc *service) bool { return svc.burst.stage != noBurst }
func (s *State) hasRules(svc *service) bool  { return len(svc.wants.rules) > 0 }
func (s *State) always(*service) bool        { return true }

func (s *State) doNothing(*service) {}

// stopLeaving stops a service that the config no longer has. What needs it leaves too, and is
// gone first, as at the end of the session.
func (s *State) stopLeaving(svc *service) {
	if svc.proc != nil && !s.needed(svc) {
		s.stopAll(svc, false)
	}
}

// watchJob calls the job off if something newer is wanted. In the meantime a program may start
// that must not wait for it.
func (s *State) watchJob(svc *service) {
	// Commands that lead to no build run to their end: what they have
	// written so far is half of something.
	outdated := svc.wants.build && svc.job.leadsToBuild() && svc.job.gen != svc.gen
	if outdated || svc.job.failing && len(svc.wants.rules) > 0 {
		s.overtake(svc)
	}
	if svc.wants.start == startOlder {
		s.start(svc)
	}
}

// finishRestart completes a restart that had begun before the pause.
func (s *State) finishRestart(svc *service) {
	if svc.wants.start == noStart {
		return
	}
	if svc.programs.result != nil {
		s.useResult(svc)
	}
	s.start(svc)
}

// speculate starts a build before the burst is over. Only the first one: a formatter or
// a checkout that rewrites a thousand files costs one build.
func (s *State) speculate(svc *service) {
	if svc.wants.build && svc.burst.source == parses && svc.burst.stage != speculated &&
		len(svc.wants.rules) == 0 && svc.programs.result == nil && s.mayBuild(svc) {
		svc.burst.stage = speculated
		s.build(svc)
	}
}

// carryOut does everything that was asked for and can be done now.
func (s *State) carryOut(svc *service) {
	w := &svc.wants
	for _, sig := range w.signals {
		s.signal(svc, sig)
	}
	w.signals = nil
	if svc.programs.result != nil {
		s.useResult(svc)
	}
	if w.restart && !w.build {
		w.restart, svc.programs.fallback, svc.done = false, nil, nil
		w.atLeastStart()
	}
	s.start(svc)
	// A page that a new program is about to serve is reloaded by that.
	if w.reload != reloadNothing && w.shownAt.IsZero() && !w.build && w.start == noStart {
		s.do(ReloadPages{svc.Name, svc.gen, w.reload == reloadCSS})
		w.reload, w.apart = reloadNothing, reloadNothing
	}
	// What can start does so before the one more build.
	if w.oneMore && !w.build && (w.start == noStart || svc.waits.names != "") {
		svc.wantFreshBuild(svc.since) // for the person it is still the same save
	}
	if w.build && s.mayBuild(svc) {
		s.build(svc)
	}
}
