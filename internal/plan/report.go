package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Report is what can be said of a service at one moment.
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
	Held     string // the same for people, with what is the matter with them
	Paused   bool   // changes are only noted

	Build          *event.BuildFinished // the newest build that ran to its end, or commands of rules that have failed
	Exit           *event.Exited        // how the last process ended, if none runs
	Problem        *event.Problem       // why the last one did not start or get ready
	Live           *event.Live          // the last time that the service was live
	LiveGeneration int
}

// States of a service.
const (
	StateBuilding = "building" // a build, or the commands before it
	StateStarting = "starting" // a process was started and is not ready
	StateStopping = "stopping" // the old process is ending
	StateWaiting  = "waiting"  // for services that it needs, a free place to build, or the end of a burst of changes
	StateLive     = "live"     // or, of a job, its work is done
	StateFailed   = "failed"   // the newest state did not build, or did not start, or the command of a rule has failed
	StateEnded    = "ended"    // the program has ended by itself
	StateStopped  = "stopped"  // by a command, until it is restarted
	StateIdle     = "idle"     // nothing was asked for yet

	StateSuspended = "suspended" // a signal has stopped the program for the moment
)

// Reports describes every service, in the order of the config.
func (s *State) Reports() []Report {
	var out []Report
	settled := map[string]bool{}
	var services []*service
	for _, v := range s.services {
		if v.leaving {
			continue
		}
		services = append(services, v)
		r := v.report()
		r.Settled = r.Settled && s.awake // before, every service is still wanted
		r.Paused = s.idle(v)
		out = append(out, r)
		settled[v.Name] = r.Settled
	}
	// What waits for a service that does not become live by itself waits for a
	// person. Chains of needs settle from their end, one link a round.
	for range out {
		for i, v := range services {
			if settled[v.Name] || out[i].State != StateWaiting || v.waiting == "" {
				continue
			}
			if _, ends := s.leavers(v); ends {
				continue // they leave without anybody's help
			}
			out[i].Settled = true
			for _, n := range v.Needs {
				out[i].Settled = out[i].Settled && settled[n]
			}
			settled[v.Name] = out[i].Settled
		}
	}
	return out
}

// Knows reports whether there is such a service, be it one that leaves.
func (s *State) Knows(service string) bool { return s.find(service) != nil }

// Quitting reports whether the session has been asked to end.
func (s *State) Quitting() bool { return s.quitting }

// Paused reports whether changes are only recorded, whatever they concern.
func (s *State) Paused() bool {
	present, running := false, false
	for _, v := range s.services {
		if !v.leaving {
			present, running = true, running || !s.idle(v)
		}
	}
	return present && !running || !present && s.paused.all
}

func (v *service) report() Report {
	r := Report{
		Service: v.Name, Generation: v.gen, WaitsFor: v.waiting, Held: v.excuse,
		Build: v.told.build, Exit: v.told.exit, Problem: v.told.problem,
		Live: v.told.live, LiveGeneration: v.told.liveGen,
	}
	if v.told.command != nil && !v.broken {
		r.Build = v.told.command
	}
	p := v.proc
	alive := p != nil && !p.ended
	answers := p
	if v.old != nil && !p.ready && !v.old.ended {
		answers = v.old
	}
	if answers != nil && !answers.ended {
		r.PID, r.Running, r.Since = answers.pid, answers.gen, answers.started
	}
	busy := v.pending() || v.open || len(v.rules) > 0 || v.looping()
	switch {
	case v.job != nil:
		r.State = StateBuilding
	case p != nil && p.stopping:
		r.State, busy = StateStopping, true
	case alive && !p.ready && !p.unready && p.suspended == "":
		r.State, busy = StateStarting, true
	case v.parked:
		r.State, busy = StateStopped, false
	case busy:
		r.State = StateWaiting
	case v.broken || v.fallen || v.told.command != nil || alive && p.unready || p == nil && v.told.problem != nil:
		r.State = StateFailed
	case v.gen == 0:
		r.State = StateIdle
	case !alive && v.done == nil:
		r.State = StateEnded
	case alive && p.suspended != "":
		r.State, r.Held = StateSuspended, "suspended by "+p.suspended
	default:
		r.State = StateLive
	}
	r.Settled = !busy
	r.Stale = r.PID != 0 && (answers != p || r.State != StateLive && r.State != StateStarting && !(p.unready && !v.broken))
	return r
}
