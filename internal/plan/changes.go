package plan

import (
	"maps"
	"slices"

	"github.com/hotreload/hotreload/internal/event"
)

// burst is what is known of the changes that arrive at the moment.
type burst struct {
	stage  burstStage
	source source // what was saved last
}

type burstStage int

const (
	noBurst    burstStage = iota
	openBurst             // more changes that concern the service may follow
	speculated            // ... and the one build that may start before the end has been started
)

// source says whether a build of what was saved last can succeed.
type source int

const (
	unclear source = iota
	parses         // a speculative build makes sense
	torn           // it does not parse: every build will fail
)

func (in Files) apply(s *State) {
	concerned := map[string]bool{}
	for _, svc := range s.services {
		if svc.mode == leaving {
			continue
		}
		if in.Lost {
			svc.edits.trusted = false
		}
		concerns := s.changed(svc, in, concerned)
		switch {
		case !in.Open:
			svc.burst.stage = noBurst
		case svc.burst.stage == noBurst && (concerns || slices.Contains(in.Undecided, svc.Name)):
			svc.burst.stage = openBurst
		}
	}
	s.reportIgnored(in.Changes, concerned)
}

// reportIgnored reports the changes that concern no service: once, not once per service.
func (s *State) reportIgnored(changes []Change, concerned map[string]bool) {
	ignored := map[string][]string{}
	for _, c := range changes {
		if !concerned[c.Path] {
			ignored[c.Why] = append(ignored[c.Why], c.Path)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(ignored)) {
		s.emit("", 0, event.Changed{Paths: ignored[why], Effect: None.String(), Why: why})
	}
}

// verdict is what a batch of changes means to one service.
type verdict struct {
	paths   [Rebuild + 1][]string // by kind of effect
	why     [Rebuild + 1]string   // the first reason
	command [Rebuild + 1]bool     // the command of a rule runs
	rules   []int
	torn    bool
}

func (v *verdict) add(c Change, e Effect) {
	v.paths[e.Kind] = append(v.paths[e.Kind], c.Path)
	if v.why[e.Kind] == "" {
		v.why[e.Kind] = e.Why
	}
	if e.Rule != NoRule {
		v.command[e.Kind] = true
		v.rules = union(v.rules, []int{e.Rule})
	}
	v.torn = v.torn || e.Kind == Rebuild && c.Torn
}

func (v *verdict) has(k Kind) bool { return len(v.paths[k]) > 0 }

// onlyBuild reports whether there is nothing to do besides a build (and signals or reloads).
func (v *verdict) onlyBuild() bool {
	return v.has(Rebuild) && !v.has(Restart) && len(v.rules) == 0
}

// concerns reports whether anything is to be done.
func (v *verdict) concerns() bool {
	return v.has(Rebuild) || v.has(Restart) || v.has(Signal) || v.has(Reload) || len(v.rules) > 0
}

// changed takes in what a batch means to a service, and reports whether it concerns it.
func (s *State) changed(svc *service, in Files, concerned map[string]bool) bool {
	v := s.judge(svc, in, concerned)
	concerns := v.concerns()
	if v.onlyBuild() && svc.undone() {
		s.undo(svc, v.paths[Rebuild])
		v.paths[Rebuild] = nil
	}
	rebuild, restart := v.has(Rebuild), v.has(Restart)
	rebuild = rebuild || restart && !svc.programs.texts.IsZero() // started otherwise, it may not read them any more
	if len(v.rules) > 0 {
		rebuild = rebuild || svc.failed.missedBuild
		restart = restart || svc.failed.missedRestart > 0
	}
	gen := svc.gen
	if rebuild || restart {
		gen++ // wanted below
	}
	s.reportChanges(svc, gen, v)
	switch {
	case rebuild:
		svc.wantBuild(in.First)
		svc.burst.source = sourceOf(in, v)
	case restart:
		svc.wantRestart(in.First)
	}
	if restart {
		svc.replaceProcess()
	}
	svc.wants.rules = union(svc.wants.rules, v.rules)
	return concerns
}

func (s *State) reportChanges(svc *service, gen int, v *verdict) {
	for k := Rebuild; k >= None; k-- {
		if v.has(k) {
			s.say(svc, gen, event.Changed{Paths: v.paths[k], Effect: k.String(), Why: v.why[k], Command: v.command[k]})
		}
	}
}

func sourceOf(in Files, v *verdict) source {
	switch {
	case v.torn:
		return torn
	case in.Solid:
		return parses
	}
	return unclear
}

// judge sorts the changes of a batch, and notes in wants what needs no new generation: signals,
// reloads, and what the commands of rules are to be given.
func (s *State) judge(svc *service, in Files, concerned map[string]bool) *verdict {
	v := &verdict{}
	for _, c := range in.Changes {
		e, ok := c.Effects[svc.Name]
		if !ok {
			continue
		}
		concerned[c.Path] = true
		if e.Kind == Rebuild && !svc.Builds {
			e.Kind = Restart
		}
		if e.Input && svc.absorbs(c, s.now) {
			svc.edits.note(c, in.First)
			continue
		}
		if s.waitsInLoop(svc, c, e) {
			continue
		}
		if e.Rule != NoRule {
			svc.wants.trigger(e.Rule, c.Path)
		}
		v.add(c, e)
		switch e.Kind {
		case Rebuild:
			svc.edits.note(c, in.First)
			if e.Rule != NoRule {
				svc.edits.trusted = false // what the command writes is not undone with the file
			}
		case Signal:
			svc.wants.signals = union(svc.wants.signals, []string{e.Signal})
		case Reload:
			svc.wants.reloads(e)
			if e.After > 0 {
				svc.wants.shownAt = s.now.Add(e.After)
				s.do(Arm{Timer{svc.Name, Shown}, e.After})
			}
			if e.Texts {
				svc.programs.texts = c.At
			}
		}
	}
	return v
}

// trigger notes for the command of a rule what has changed.
func (w *wants) trigger(rule int, paths ...string) {
	if w.triggers == nil {
		w.triggers = map[int]map[string]bool{}
	}
	if w.triggers[rule] == nil {
		w.triggers[rule] = map[string]bool{}
	}
	for _, p := range paths {
		w.triggers[rule][p] = true
	}
}

func (w *wants) reloads(e Effect) {
	kind := reloadPage
	if e.CSS {
		kind = reloadCSS
	}
	w.reload = max(w.reload, kind)
	if e.Rule == NoRule {
		w.apart = max(w.apart, kind)
	}
}

func (in Touched) apply(s *State) {
	if svc := s.find(in.Service); svc != nil && svc.Builds && svc.mode != leaving {
		svc.wantFreshBuild(in.At)
		s.say(svc, svc.gen, event.Changed{Paths: in.Paths, Effect: Rebuild.String(), Why: in.Why})
	}
}
