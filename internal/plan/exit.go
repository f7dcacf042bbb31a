package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
	backoffReset = 10 * time.Second // a program that lived this long starts again with the first
)

// sequel is what follows from the end of a process.
type sequel int

const (
	nothing     sequel = iota // it stays down
	asPlanned                 // it was asked to end, or all of it is to end
	workDone                  // a job has done its work
	superseded                // another process takes its place already
	endsSession               // --once
	fallsBack                 // an older program takes its place
	startsAgain               // run.restart
)

// sequelOf says what follows from the end of a process. The first that applies decides.
func (s *State) sequelOf(svc *service, p *process, x event.Exited) sequel {
	switch {
	case p.askedToEnd() || s.quitting() || svc.mode == leaving:
		return asPlanned
	case svc.Job && p == svc.proc && x.Code == 0:
		return workDone
	case p != svc.proc && !svc.proc.askedToEnd():
		return superseded
	case s.opt.Once:
		return endsSession
	case p.readiness == notReady && s.canFallBack(svc, p):
		return fallsBack
	case svc.Restart == RestartAlways || svc.Restart == RestartOnFailure && x.Code != 0:
		return startsAgain
	}
	return nothing
}

func (in Ended) apply(s *State) {
	svc := s.find(in.Service)
	if svc == nil {
		return
	}
	p := svc.process(in.Launch)
	if p == nil || p.hasEnded() {
		return
	}
	next := s.sequelOf(svc, p, in.Exit)
	in.Exit.Expected = p.askedToEnd() || svc.Job && p == svc.proc && in.Exit.Code == 0
	in.Exit.Again = next == startsAgain
	p.markEnded()
	if p == svc.proc || svc.proc.askedToEnd() { // nothing takes its place, or not any more
		svc.latest.exit = &in.Exit
	}
	s.say(svc, p.gen, in.Exit)
	if p.kill == killedEarly && (len(in.Exit.Killed) > 0 || endedInTime(in.Exit)) {
		p.kill = killed // nothing is left to be reported
	}
	switch next {
	case workDone:
		s.jobDone(svc, p, in.Exit.Reason)
	case superseded:
		s.stop(svc, p, false) // the rest of its group has no use
	case endsSession:
		s.stop(svc, p, false)
		s.quit(exitCode(in.Exit), in.Exit.Reason)
	case fallsBack:
		s.fallBack(svc, p)
		svc.latest.problem = &event.Problem{Message: "ended before it was ready: " + in.Exit.Reason}
	case startsAgain:
		s.backOff(svc, p)
	}
}

// endedInTime reports whether an exit does not look like a kill. Windows has no signals: a killed
// program has an exit code there.
func endedInTime(x event.Exited) bool {
	return x.Code == 0 || x.Signal != "" && x.Signal != "SIGKILL"
}

// exitCode is the code of a session that ends with its program.
func exitCode(x event.Exited) int {
	if x.Signal != "" {
		return 128 + x.Number // as a shell reports it
	}
	return x.Code
}

// jobDone notes that a job has done its work.
func (s *State) jobDone(svc *service, p *process, reason string) {
	p.readiness = max(p.readiness, ready)
	if svc.wants.start == noStart { // else it was the work of an older program
		svc.done = p
	}
	s.say(svc, p.gen, event.Ready{AfterMS: event.MS(s.now.Sub(p.started))})
	s.announce(svc)
	if s.opt.Once && !slices.ContainsFunc(s.services, func(d *service) bool { return d.done == nil }) {
		s.stop(svc, p, false)
		s.quit(0, reason)
	}
}

// backOff starts a program that has ended again after a while, which doubles each time.
func (s *State) backOff(svc *service, p *process) {
	if s.now.Sub(p.started) >= backoffReset {
		svc.backoff = 0
	}
	svc.backoff = min(max(2*svc.backoff, firstBackoff), maxBackoff)
	what := fmt.Sprintf("in %s (restart = %q)", svc.backoff, svc.Restart)
	s.sayWaiting(svc, svc.gen, event.Waiting{Reason: "starts again " + what, What: what, Kind: event.WaitBackoff})
	s.do(Arm{Timer{svc.Name, Backoff}, svc.backoff})
}

func (s *State) backoffOver(svc *service) {
	// With start-first what is there may be the one before it, which is still ending.
	if svc.proc.alive() {
		return
	}
	if !svc.pending() {
		svc.since = s.now
	}
	svc.wants.atLeastStart() // of what is good by then, if a build is under way
}

func (in Gone) apply(s *State) {
	svc := s.find(in.Service)
	if svc == nil {
		return
	}
	p := svc.process(in.Launch)
	if p == nil {
		return
	}
	s.reportKilled(svc, p)
	if p == svc.old {
		svc.old = nil
		return
	}
	if svc.old == nil {
		svc.endSpan(spanStop, s.now)
	}
	svc.proc, svc.old = svc.old, nil // what was to be replaced continues
}
