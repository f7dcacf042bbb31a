package plan

import "github.com/hotreload/hotreload/internal/event"

// paused says for which services changes are recorded only: for all, or for none, except for
// those that had their own command since then. A name outlives its service, which may come back.
type paused struct {
	all    bool
	except map[string]bool
}

func (p *paused) set(service string, on bool) {
	switch {
	case service == "":
		*p = paused{all: on}
	case on == p.all:
		delete(p.except, service)
	default:
		if p.except == nil {
			p.except = map[string]bool{}
		}
		p.except[service] = true
	}
}

func (p *paused) has(service string) bool { return p.all != p.except[service] }

func (c Command) apply(s *State) {
	if s.quitting() && c.Do != DoQuit && c.Do != DoAbort {
		return
	}
	switch c.Do {
	case DoPause, DoResume:
		s.pause(c.Service, c.Do == DoPause)
	case DoQuit:
		if s.quitting() {
			s.abort()
		} else {
			s.quit(0, c.Why)
		}
	case DoAbort:
		s.quit(130, c.Why)
		s.abort()
	case DoStop:
		s.each(c.Service, s.stopService)
	case DoRestart:
		s.each(c.Service, func(svc *service) { s.restart(svc, false, c.Why) })
	case DoRebuild:
		s.each(c.Service, func(svc *service) { s.restart(svc, true, c.Why) })
	}
}

// each does something for one service, or for all.
func (s *State) each(service string, do func(*service)) {
	for _, svc := range s.services {
		if (service == "" || service == svc.Name) && svc.mode != leaving {
			do(svc)
		}
	}
}

// restart replaces the process, after a build if that is asked for, or if there is nothing else to run.
func (s *State) restart(svc *service, build bool, why string) {
	svc.mode = active
	build = build || svc.Builds && (svc.programs.good == nil || svc.failed.build && svc.OnError == StopRunning)
	effect := Restart
	if build && svc.Builds {
		effect = Rebuild
	}
	if build {
		svc.wantFreshBuild(s.now)
	} else {
		svc.wantRestart(s.now)
	}
	svc.replaceProcess()
	s.say(svc, svc.gen, event.Changed{Effect: effect.String(), Why: why})
}

// pause makes changes be recorded only, or be acted upon again: of one service, or of all.
func (s *State) pause(service string, paused bool) {
	for _, svc := range s.services {
		if s.isPaused(svc) {
			defer func() {
				if !s.isPaused(svc) && svc.pending() {
					svc.since = s.now // the pause is no part of the way to live
				}
			}()
		}
	}
	var b event.Body = event.Resumed{}
	held := event.Held{Reason: "resumed"}
	if paused {
		b, held.Reason = event.Paused{}, "paused: changes are remembered but not built"
	}
	if service == "" {
		s.paused.set("", paused)
		s.emit("", 0, b)
		s.emit("", 0, held)
		return
	}
	if svc := s.find(service); svc != nil {
		s.paused.set(service, paused)
		s.say(svc, svc.gen, b)
		s.say(svc, svc.gen, held)
	}
}

// stopService stops one service until it is restarted.
func (s *State) stopService(svc *service) {
	if svc.mode == stopped {
		return
	}
	svc.mode = stopped
	s.followLoops(svc) // to be remembered, like every change from now on
	svc.waits = waits{}
	s.dropStart(svc)
	s.stopAll(svc, false)
	s.sayWaiting(svc, svc.gen, event.Waiting{Reason: "stopped until it is restarted", Kind: event.WaitStopped})
}
