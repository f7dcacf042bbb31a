package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Report is the status of a service at one moment.
type Report struct {
	Service    string
	Generation int    // newest wanted state
	State      string // see below
	Settled    bool   // nothing that was asked for is still under way
	Stale      bool   // something older than the last save is answering

	PID      int // of the process that runs; 0 if none
	Running  int // generation that it belongs to
	Since    time.Time
	WaitsFor string // services that must be live first
	Held     string // the same for people, with what is wrong with them
	Paused   bool   // changes are only recorded
	Texts    bool   // the program reads texts from files that are newer than its build

	Build          *event.BuildFinished // the newest build that ran to its end, or commands of rules that have failed
	Exit           *event.Exited        // how the last process ended, if none runs
	Problem        *event.Problem       // why the last one did not start or become ready
	Live           *event.Live          // the last time that the service was live
	LiveGeneration int
}

// States of a service.
const (
	StateBuilding = "building" // a build, or the commands before it
	StateStarting = "starting" // a process was started and is not ready
	StateStopping = "stopping" // the old process is ending
	StateWaiting  = "waiting"  // for services that it needs, a free place to build, the end of a burst of changes, or texts that the page does not show yet
	StateLive     = "live"     // or, of a job, its work is done
	StateFailed   = "failed"   // the newest state did not build, or did not start, or the command of a rule has failed
	StateEnded    = "ended"    // the program has ended without being asked to
	StateStopped  = "stopped"  // by a command, until it is restarted
	StateIdle     = "idle"     // nothing was asked for yet

	StateSuspended = "suspended" // a signal has stopped the program for the moment
)

// latest is what the status and the report of the next change need to know of the past.
type latest struct {
	build   *event.BuildFinished // the newest build that ran to its end
	command *event.BuildFinished // how the newest commands of rules failed, until they succeed or the program is started
	exit    *event.Exited        // how the last process ended
	problem *event.Problem       // why the last launch failed or did not become ready
	live    *event.Live
	liveGen int
}

// Reports describes every service, in the order of the config.
func (s *State) Reports() []Report {
	var out []Report
	settled := map[string]bool{}
	var services []*service
	for _, svc := range s.services {
		if svc.mode == leaving {
			continue
		}
		services = append(services, svc)
		r := svc.report()
		r.Settled = r.Settled && s.begun // before, every service is still wanted
		r.Paused, r.Texts = s.isPaused(svc), !svc.programs.texts.IsZero()
		out = append(out, r)
		settled[svc.Name] = r.Settled
	}
	// What waits for a service that does not become live without help waits for a
	// person. Chains of needs settle from their end, one link a round.
	for range out {
		for i, svc := range services {
			if settled[svc.Name] || out[i].State != StateWaiting || svc.waits.names == "" {
				continue
			}
			if _, ends := s.leavers(svc); ends {
				continue // they leave without help
			}
			out[i].Settled = true
			for _, n := range svc.Needs {
				out[i].Settled = out[i].Settled && settled[n]
			}
			settled[svc.Name] = out[i].Settled
		}
	}
	return out
}

// Knows reports whether there is such a service, also if it is leaving.
func (s *State) Knows(service string) bool { return s.find(service) != nil }

// Quitting reports whether the session has been asked to end.
func (s *State) Quitting() bool { return s.quitting() }

// Paused reports whether changes are only recorded, whatever they concern.
func (s *State) Paused() bool {
	present, running := false, false
	for _, svc := range s.services {
		if svc.mode != leaving {
			present, running = true, running || !s.isPaused(svc)
		}
	}
	return present && !running || !present && s.paused.all
}

// states says in which state a service is. The first row that holds decides.
var states = []struct {
	state   string
	settled bool // nothing changes without a new input from outside
	is      func(*service) bool
}{
	{StateBuilding, false, func(svc *service) bool { return svc.job != nil }},
	{StateStopping, false, func(svc *service) bool { return svc.proc.askedToEnd() }},
	{StateStarting, false, (*service).comingUp},
	{StateStopped, true, func(svc *service) bool { return svc.mode == stopped }},
	{StateWaiting, false, (*service).waiting},
	{StateFailed, true, (*service).hasFailed},
	{StateIdle, true, func(svc *service) bool { return svc.gen == 0 }},
	{StateEnded, true, func(svc *service) bool { return !svc.isThere() && svc.done == nil }},
	{StateSuspended, true, func(svc *service) bool { return svc.isThere() && svc.proc.suspended != "" }},
	{StateLive, true, func(svc *service) bool { return true }},
}

// isThere reports whether the newest process runs, or is ending.
func (svc *service) isThere() bool { return svc.proc != nil && !svc.proc.hasEnded() }

func (svc *service) comingUp() bool {
	return svc.isThere() && svc.proc.readiness == notReady && svc.proc.suspended == ""
}

func (svc *service) waiting() bool {
	return svc.pending() || svc.burst.stage != noBurst || len(svc.wants.rules) > 0 || !svc.wants.shownAt.IsZero() || svc.looping()
}

func (svc *service) hasFailed() bool {
	return svc.failed.build || svc.failed.start || svc.latest.command != nil ||
		svc.isThere() && svc.proc.readiness == late || svc.proc == nil && svc.latest.problem != nil
}

func (svc *service) report() Report {
	r := Report{
		Service: svc.Name, Generation: svc.gen, WaitsFor: svc.waits.names, Held: svc.waits.reason,
		Build: svc.latest.build, Exit: svc.latest.exit, Problem: svc.latest.problem,
		Live: svc.latest.live, LiveGeneration: svc.latest.liveGen,
	}
	if svc.latest.command != nil && !svc.failed.build {
		r.Build = svc.latest.command
	}
	for _, row := range states {
		if row.is(svc) {
			r.State, r.Settled = row.state, row.settled
			break
		}
	}
	if r.State == StateSuspended {
		r.Held = "suspended by " + svc.proc.suspended
	}
	if p := svc.answering(); p != nil {
		r.PID, r.Running, r.Since = p.pid, p.gen, p.started
		r.Stale = p.pid != 0 && (p != svc.proc || svc.isBehind(r.State))
	}
	return r
}

// answering is the process that answers: the newest, or the one before it until that is ready; nil if none runs.
func (svc *service) answering() *process {
	p := svc.proc
	if p != nil && p.readiness < ready && svc.old != nil && !svc.old.hasEnded() {
		p = svc.old
	}
	if p == nil || p.hasEnded() {
		return nil
	}
	return p
}

// isBehind reports whether the newest process is older than what is wanted, in that state.
func (svc *service) isBehind(state string) bool {
	switch state {
	case StateLive, StateStarting:
		return false
	}
	return svc.proc.readiness != late || svc.failed.build
}
