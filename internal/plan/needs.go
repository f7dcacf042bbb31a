package plan

import (
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/event"
)

// waits is what a service that could start waits for.
type waits struct {
	names  string // services
	reason string // the same, with what is wrong with them
}

// up reports whether the service answers, or of a job whether it has done its work for the
// files as they are, or before they were broken.
func (s *State) up(svc *service) bool {
	if svc.done != nil {
		return s.isPaused(svc) ||
			!svc.pending() && !svc.wants.oneMore && !(svc.failed.build && svc.OnError == StopRunning)
	}
	return slices.ContainsFunc(svc.procs(), (*process).works)
}

// mustWait reports whether the service waits for others, and reports it if that is news.
func (s *State) mustWait(svc *service) bool {
	w := s.waitsFor(svc)
	// Reported again when what is waited for fails, not when it is at work again.
	if w.names != "" && (svc.waits.names != w.names || svc.waits.reason != w.reason && w.reason != w.names) {
		s.sayWaiting(svc, svc.gen, event.Waiting{For: w.names, Reason: "waits for " + w.reason, What: "for " + w.reason})
	}
	svc.waits = w
	return w.names != ""
}

// waitsFor names the services that must be live first.
func (s *State) waitsFor(svc *service) waits {
	var names, reasons []string
	sep := ", "
	for _, n := range svc.Needs {
		needed := s.find(n)
		if needed != nil && s.up(needed) {
			continue
		}
		names = append(names, n)
		if why := needed.failure(); why != "" {
			n += ", which " + why
			sep = "; "
		}
		reasons = append(reasons, n)
	}
	if len(names) == 0 {
		if names, ends := s.leavers(svc); ends {
			return waits{names, names + " to end"}
		}
	}
	return waits{strings.Join(names, ", "), strings.Join(reasons, sep)}
}

// leavers are the services that one which was added waits for until they are gone: it may
// be one of them under a new name, and want the same port.
func (s *State) leavers(svc *service) (names string, ends bool) {
	var list []string
	for _, other := range s.services {
		if svc.added && other.mode == leaving && other.proc != nil {
			list = append(list, other.Name)
		}
	}
	return strings.Join(list, ", "), len(list) > 0
}

// failure says why a service will not be ready without help; empty while it may be.
func (svc *service) failure() string {
	switch {
	case svc == nil:
		return "does not exist"
	case svc.mode == stopped:
		return "was stopped"
	case svc.building():
		return ""
	case svc.proc.alive() && svc.proc.suspended != "":
		return "is suspended (" + svc.proc.suspended + ")"
	case svc.proc.comesUp():
		return ""
	case svc.failed.build:
		return "does not build"
	case svc.proc != nil && svc.proc.readiness == late && !svc.proc.askedToEnd():
		return "did not become ready"
	case svc.starting():
		return ""
	}
	return svc.down()
}

// comesUp reports whether a process is there that is or may become ready.
func (p *process) comesUp() bool { return p != nil && !p.hasEnded() && p.readiness != late }

// down says why no process runs; empty if one does.
func (svc *service) down() string {
	switch {
	case svc.proc != nil && !svc.proc.hasEnded():
		return ""
	case svc.latest.exit != nil:
		return "has ended (" + svc.latest.exit.Reason + ")"
	case svc.proc == nil && svc.latest.problem != nil:
		return "could not be started"
	}
	return ""
}

// needed reports whether a service that needs this one, and ends with it, still has a process.
func (s *State) needed(svc *service) bool {
	for _, other := range s.services {
		if other.proc != nil && slices.Contains(other.Needs, svc.Name) && (s.quitting() || other.mode == leaving) {
			return true
		}
	}
	return false
}
