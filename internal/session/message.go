package session

import (
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// message is what the loop takes from its queue.
type message interface{ message() }

type (
	// input is for the plan.
	input struct{ plan.Input }

	// said is something to report: see emit, and (aside) note.
	said struct {
		event event.Event
		aside bool
	}

	// question is asked again after every message until it says that it has its answer.
	question struct {
		ask  func() (done bool)
		done chan struct{}
	}

	// found comes from the files.
	found struct{ relevance.Report }

	// happened comes from a program.
	happened struct {
		svc   *service
		event launch.Event
	}

	// built is the end of a build.
	built struct {
		svc        *service
		set        *settings
		generation int
		result     builder.Result
	}

	// slow says that something takes its time to stop.
	slow struct {
		svc  *service
		what string
	}

	// hookOver is the end of the commands of a hook.
	hookOver struct {
		svc  *service
		hook string
	}

	// configured is a new list of services. The configurator waits until it is taken.
	configured struct {
		conf     *config.Config
		services []*service
		settings map[*service]*settings // of those whose settings have changed
		leaving  []*service
		coming   bool // others come when these have left
		taken    chan struct{}
	}

	// reconfigured hands the plan the services of this moment.
	reconfigured struct{ plan.Reconfigured }

	// toAll is for all processes.
	toAll struct{ do func(Process) }

	// rescan asks for a scan of all files.
	rescan struct{}
)

func (input) message()        {}
func (said) message()         {}
func (*question) message()    {}
func (found) message()        {}
func (happened) message()     {}
func (built) message()        {}
func (slow) message()         {}
func (hookOver) message()     {}
func (configured) message()   {}
func (reconfigured) message() {}
func (toAll) message()        {}
func (rescan) message()       {}

// take handles one message.
func (s *Session) take(m message) (code int, done bool) {
	switch m := m.(type) {
	case input:
		code, done = s.step(m.Input)
	case said:
		s.tell(m)
	case *question:
		s.open = append(s.open, m)
	case found:
		code, done = s.found(m.Report)
	case happened:
		code, done = s.happened(m.svc, m.event)
	case built:
		code, done = s.built(m)
	case slow:
		s.waitsFor(m.svc, m.what)
	case hookOver:
		s.hookOver(m.svc, m.hook)
	case configured:
		s.configured(m)
	case reconfigured:
		code, done = s.reconfigured(m.Reconfigured)
	case toAll:
		for _, svc := range s.services {
			for _, p := range svc.processes {
				m.do(p)
			}
		}
	case rescan:
		s.spawn(func() { _ = s.files.Sync(s.ctx) })
	}
	if !done {
		s.answer()
	}
	return code, done
}

func (s *Session) tell(m said) {
	if m.aside {
		s.note(m.event)
	} else {
		s.emit(m.event)
	}
}

// found takes what the files report.
func (s *Session) found(r relevance.Report) (code int, done bool) {
	switch r := r.(type) {
	case relevance.Step:
		return s.step(r.Input)
	case relevance.Said:
		s.emit(event.Event{Time: time.Now(), Body: r.Body})
	case relevance.Learned:
		s.files.Confirm(r)
		for _, svc := range s.services {
			if svc.subject == r.Subject && svc.early != nil {
				s.endedEarly(svc, *svc.early)
			}
		}
	}
	return 0, false
}

// configured takes a new list of services.
func (s *Session) configured(m configured) {
	s.conf, s.services, s.coming = m.conf, m.services, m.coming
	s.changing = s.changing || m.coming
	for svc, set := range m.settings {
		svc.set = set
	}
	for _, svc := range m.leaving {
		svc.leaving = true
	}
	close(m.taken)
}

// reconfigured hands the plan the services of this moment: another edit may have come in between.
func (s *Session) reconfigured(re plan.Reconfigured) (code int, done bool) {
	re.Services = s.specs()
	if code, done = s.step(re); done {
		return code, done
	}
	s.changing = s.coming
	for _, svc := range s.services {
		if svc.leaving && !s.state.Knows(svc.name) {
			s.forget(svc) // it left before the plan knew of it
		}
	}
	return 0, false
}

// forget gives back what a service held that has left.
func (s *Session) forget(svc *service) {
	if svc == nil || svc.forgotten {
		return
	}
	svc.forgotten = true
	s.spawn(func() {
		svc.release()
		s.config.left(svc)
	})
}
