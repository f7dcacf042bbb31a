package session

import (
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// start starts the program, which reports every step of its life.
func (s *Session) start(svc *service, a plan.Launch) {
	p := svc.program.New(a, func(ev launch.Event) { s.post(happened{svc, ev}) })
	svc.processes[a.Launch] = p
	s.spawn(p.Run)
}

// happened takes what a program reports.
func (s *Session) happened(svc *service, ev launch.Event) (code int, done bool) {
	switch ev := ev.(type) {
	case launch.Step:
		switch in := ev.Input.(type) {
		case plan.Gone:
			delete(svc.processes, in.Launch)
		case plan.Launched:
			if in.Problem != nil {
				delete(svc.processes, in.Launch)
			}
		}
		return s.step(ev.Input)
	case launch.Said:
		s.tell(said{event.Event{Time: time.Now(), Service: svc.name, Generation: ev.Generation, Body: ev.Problem}, ev.Aside})
	case launch.Slow:
		s.waitsFor(svc, ev.What)
	case launch.AddressTaken:
		s.addressTaken(svc, ev)
	case launch.EndedEarly:
		s.endedEarly(svc, ev)
	}
	return 0, false
}

// addressTaken reports why a program could not listen. To find that out takes time.
func (s *Session) addressTaken(svc *service, ev launch.AddressTaken) {
	var all []config.Service
	for _, o := range s.services {
		all = append(all, o.set.Service)
	}
	control := s.conf.Control.Listen
	s.spawn(func() {
		p := svc.program.ExplainTaken(ev, all, control)
		s.post(said{event: event.Event{Time: time.Now(), Service: svc.name, Generation: ev.Generation, Body: p}})
	})
}

// endedEarly explains an early end, now or when the program's sources are known: the first build
// is over before that.
func (s *Session) endedEarly(svc *service, ev launch.EndedEarly) {
	sources := s.files.Sources(svc.subject)
	if sources == nil && svc.set.GoBuilds() {
		svc.early = &ev
		return
	}
	svc.early = nil
	s.spawn(func() {
		if p, ok := svc.program.Explain(ev, sources); ok {
			s.post(said{event.Event{Time: time.Now(), Service: svc.name, Generation: ev.Generation, Body: p}, true})
		}
	})
}

// waitsFor reports that something takes its time to stop.
func (s *Session) waitsFor(svc *service, what string) {
	if s.state.Quitting() {
		what += "; Ctrl-C again kills it"
	}
	reason := "waits for " + what
	for _, b := range []event.Body{event.Waiting{Reason: reason, What: "for " + what}, event.Held{Reason: reason}} {
		s.note(event.Event{Time: time.Now(), Service: svc.name, Body: b})
	}
}

// signal sends the signal that a rule names.
func (s *Session) signal(svc *service, a plan.SendSignal) {
	sig, err := config.Signal(a.Signal).Number()
	if err != nil {
		s.note(event.Event{Time: time.Now(), Service: svc.name, Body: event.Problem{Message: "effect = \"signal\": " + err.Error(), Hint: `effect = "restart" works on every system`}})
		return
	}
	if p := svc.processes[a.Launch]; p != nil {
		p.Signal(sig)
	}
}

// reloadPages reloads the pages in the browsers behind the proxy. Without one nothing is reloaded,
// but the event is what a script or an editor can act on, if a rule asks for it.
func (s *Session) reloadPages(a plan.ReloadPages) (clients int) {
	svc := s.service(a.Service)
	page, ok := svc.page()
	if svc != nil && !ok && !slices.ContainsFunc(svc.set.Rules, func(r relevance.Rule) bool { return r.Effect == plan.Reload }) {
		return 0
	}
	b := event.Reloaded{Kind: "page", NoProxy: !ok}
	if a.CSS {
		b.Kind = "css"
	}
	if ok {
		b.Clients = page.Reload(a.CSS)
	}
	s.emit(event.Event{Time: time.Now(), Service: a.Service, Generation: a.Generation, Body: b})
	return b.Clients
}
