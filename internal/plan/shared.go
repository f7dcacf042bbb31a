package plan

import (
	"fmt"
	"slices"

	"github.com/hotreload/hotreload/internal/event"
)

// share names in each change of this step all services of which the same is said, so that people can read it once.
// Programs get an event for each service, as ever.
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

// shared returns the event that may be said of several services, and what is equal if it is the same for them.
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
