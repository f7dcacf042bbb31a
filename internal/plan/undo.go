package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// edits are the inputs that differ from what the good program was built from.
type edits struct {
	built   map[string]Sum // by input: the content that the good program was built from
	trusted bool           // this is all: no events were lost, and no build was asked for otherwise
	at      time.Time      // the end of the good program's build: a change made earlier may be in it or not
}

// note takes in a change of an input.
func (e *edits) note(c Change, first time.Time) {
	if !c.At.After(e.at) || !first.After(e.at) {
		e.trusted = false // seen late: the good program may have been built from either content
	}
	built, known := e.built[c.Path]
	switch {
	case !known:
		e.built[c.Path] = c.Old
	case built == c.New:
		delete(e.built, c.Path)
	}
}

// undone reports whether the files are again what the running program was built from.
func (svc *service) undone() bool {
	p := svc.current()
	return len(svc.edits.built) == 0 && svc.edits.trusted && svc.programs.good != nil && !svc.starting() &&
		p != nil && (p.alive() || p == svc.done) && p.program == *svc.programs.good
}

// undo calls off what was under way for changes that are gone again.
func (s *State) undo(svc *service, paths []string) {
	s.say(svc, svc.gen, event.Changed{Paths: paths, Effect: None.String(), Why: "same as the running program", Undone: true})
	s.say(svc, svc.gen, event.Undone{Paths: paths})
	svc.failed.build, svc.failed.missedBuild = false, false
	s.dropBuild(svc)
}
