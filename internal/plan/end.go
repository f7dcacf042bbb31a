package plan

import (
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

const (
	lastGrace  = time.Second            // for what could be asked to end only when the time for all was over
	lastMoment = 100 * time.Millisecond // ... and for what was asked even later
)

// end is how far the end of the session has come.
type end struct {
	stage  endStage
	code   int
	reason string
}

type endStage int

const (
	notEnding endStage = iota
	asked              // everything is asked to end, in its order
	timed              // and there is a deadline for all
	overTime           // which has passed: what is left has a last grace
	exited             // Exit was the last action
)

// quitting reports whether everything is to end.
func (s *State) quitting() bool { return s.end.stage != notEnding }

// quit asks everything to end; Exit follows when it has.
func (s *State) quit(code int, reason string) {
	if s.quitting() {
		return
	}
	s.end = end{asked, code, reason}
	for _, svc := range s.services {
		s.dropAll(svc)
	}
}

// abort kills what is still there.
func (s *State) abort() {
	s.end.code = 130
	for _, svc := range s.services {
		s.stopAll(svc, true)
	}
	if slices.ContainsFunc(s.services, func(svc *service) bool { return svc.job != nil }) {
		s.do(KillBuilds{})
	}
}

// finish stops the services in reverse order of need, and answers with Exit at the end.
func (s *State) finish() {
	if !s.quitting() {
		return
	}
	busy, later := false, false
	longest := lastGrace
	for _, svc := range s.services {
		busy = busy || svc.job != nil || svc.proc != nil
		if svc.proc == nil {
			continue
		}
		longest = max(longest, svc.StopTimeout)
		if !s.needed(svc) {
			s.stopAll(svc, false)
		}
		later = later || slices.ContainsFunc(svc.procs(), func(p *process) bool { return !p.askedToEnd() })
	}
	// A chain of services that do not end would take the sum of their times: instead
	// all of them have the time of the slowest.
	if later && s.end.stage < timed {
		s.end.stage = timed
		s.do(Arm{Timer{What: StopDeadline}, longest})
	}
	if !busy {
		if s.end.stage >= timed {
			s.do(Disarm{Timer{What: StopDeadline}})
		}
		s.end.stage = exited
		s.emit("", 0, event.SessionEnded{Reason: s.end.reason})
		s.do(Exit{s.end.code, s.end.reason})
	}
}

// overdue kills what has had its time when the time for all to end is over, so that what it kept
// waiting is still asked to end, in its order: with a last grace, and after that with a moment for
// each.
func (s *State) overdue(t Timer) {
	if !s.quitting() {
		return
	}
	least, next := lastGrace, lastGrace
	if s.end.stage == overTime {
		least, next = lastMoment, lastMoment
	}
	s.end.stage = overTime
	for _, svc := range s.services {
		for _, p := range svc.procs() {
			took := s.now.Sub(p.askedAt)
			if !p.askedToEnd() || p.kill != notKilled || took < least {
				continue
			}
			p.kill = killed
			if took < svc.StopTimeout {
				p.kill = killedEarly
			}
			s.stop(svc, p, true)
		}
	}
	s.do(Arm{t, next})
}

// reportKilled reports that a process was killed before its own time was over, if nothing else has.
func (s *State) reportKilled(svc *service, p *process) {
	if p.kill == killedEarly {
		s.say(svc, p.gen, event.Problem{Message: "killed: did not stop in time", Hint: "the limit is the longest run.stop_timeout"})
	}
}
