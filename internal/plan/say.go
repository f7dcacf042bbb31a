package plan

import (
	"fmt"
	"slices"

	"github.com/hotreload/hotreload/internal/event"
)

// say reports an event of a service.
func (s *State) say(svc *service, gen int, b event.Body) { s.emit(svc.Name, gen, b) }

// sayWaiting reports that something waits, in the older form too.
func (s *State) sayWaiting(svc *service, gen int, w event.Waiting) {
	s.say(svc, gen, w)
	s.say(svc, gen, event.Held{Reason: w.Reason})
}

func (s *State) emit(service string, gen int, b event.Body) {
	s.do(Say{event.Event{Time: s.now, Service: service, Generation: gen, Body: b}})
}

// share names in each change of this step all services for which the same is reported, so that people can read
// it once. Programs still get an event for each service.
func (s *State) share() {
	if len(s.services) < 2 {
		return
	}
	services := map[string][]string{}
	for _, a := range s.out {
		if e, key := shared(a); key != "" && !slices.Contains(services[key], e.Service) {
			services[key] = append(services[key], e.Service)
		}
	}
	for i, a := range s.out {
		e, key := shared(a)
		switch b := e.Body.(type) {
		case event.Changed:
			b.Services = services[key]
			e.Body = b
		case event.Undone:
			b.Services = services[key]
			e.Body = b
		default:
			continue
		}
		s.out[i] = Say{e}
	}
}

// shared returns the event that may be reported of several services, and what is equal if it is the same for them.
func shared(a Action) (e event.Event, key string) {
	say, ok := a.(Say)
	if !ok {
		return e, ""
	}
	switch say.Event.Body.(type) {
	case event.Changed, event.Undone:
		return say.Event, fmt.Sprintf("%T %[1]q", say.Event.Body)
	}
	return e, ""
}
