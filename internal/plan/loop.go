package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// A rule's command can write a file that its own rule names, and a program a file for which
// it is restarted: each change leads to the next one, without end. Nothing tells such a
// change from a save with certainty, so none is dropped: after a few rounds in a row it waits
// until the file is calm, and where little else can have written it, each time several times
// longer. To stop for good was rejected: a test that saves one template a hundred times in a
// row, each time when the last one is live, looks the same from here.

const (
	loopSure  = 3                       // rounds in a row when the file changed while our command ran, or before the program was ready
	loopMaybe = 120                     // ... or soon after its start
	loopTick  = 5 * time.Millisecond    // by which times of files lag, with most kernels
	loopSoon  = 2 * time.Second         // how soon that is
	loopFirst = 1200 * time.Millisecond // how long a file has to be calm the first time; longer than a burst lasts (watch.max_wait)
)

// loop is a file whose changes may follow from what its last change led to.
type loop struct {
	rounds   int       // in a row
	sure     int       // ... of which the last ones are certain
	acted    time.Time // when its last change was acted upon
	gen      int       // ... and the generation that came of it, if it asks for one
	late     *Change   // what is to be acted upon when it is calm
	delay    time.Duration
	followed bool // it was acted upon after the delay
}

type interval struct{ from, to time.Time }

// loops reports whether a change is to wait, because it is one of a series that feeds itself.
func (s *State) loops(v *service, c Change, e Effect) bool {
	if e.Input || e.Kind < Signal && e.Rule == NoRule {
		return false // a build absorbs what its commands write; a reload starts nothing that could write
	}
	l := v.loops[c.Path]
	if l == nil {
		l = &loop{}
		v.loops[c.Path] = l
	}
	if s.following {
		l.acted, l.gen = s.now, v.gen+1
		return false
	}
	who, sure := v.follows(c.At, l, e)
	if who == "" {
		*l = loop{}
	}
	l.rounds++
	if sure {
		l.sure++
	} else {
		l.sure = max(l.sure-1, 0)
	}
	if l.sure < loopSure && l.rounds <= loopMaybe {
		l.acted, l.gen = s.now, v.gen+1
		return false
	}
	if l.late != nil {
		c.Old = l.late.Old
	}
	l.late = &c
	switch {
	case l.delay == 0:
		l.delay = loopFirst
		s.say(v, v.gen, event.Problem{
			Message: fmt.Sprintf("%s changes again and again, each time after %s", strings.TrimPrefix(c.Path, s.opt.Root), who),
			Hint:    "hotreload waits longer each time before it acts on it; exclude the file (watch.exclude), or give it a rule with effect = \"none\"",
		})
	case l.followed && sure:
		l.delay *= 8
	}
	l.followed = false
	s.do(Arm{Timer{v.Name, Loop}, l.delay})
	return true
}

// follows says what of ours, begun since the file's last change, may have written it at that
// time; empty: nothing. Sure means that only little else can have. A start that was asked for
// by something else proves nothing, as long as the file is not known for it: a person saves
// and restarts at the same time.
func (v *service) follows(at time.Time, l *loop, e Effect) (who string, sure bool) {
	since := l.acted
	if since.IsZero() {
		return "", false
	}
	within := func(from, to time.Time) bool {
		return !from.Before(since) && !at.Before(from.Add(-clockSlack)) && (to.IsZero() || !at.After(to.Add(clockSlack)))
	}
	for _, j := range []*job{v.job, v.last} {
		if j != nil && j.generates && within(j.begun, j.compile) {
			return "a command that hotreload runs for it", true
		}
	}
	if !v.ran.from.IsZero() && within(v.ran.from, v.ran.to) {
		return "a command that hotreload runs for it", true
	}
	if e.Kind == Signal && within(since, since.Add(loopSoon)) {
		return "the signal to " + v.Name, false
	}
	if p := v.proc; p != nil && (p.gen == l.gen || l.delay > 0) && within(p.started, p.started.Add(loopSoon)) {
		if !p.ready || at.Before(p.readyAt.Add(-loopTick)) {
			return "a start of " + v.Name, true
		}
		return "a start of " + v.Name, false
	}
	return "", false
}

// followLoops acts upon the files that were waited for.
func (s *State) followLoops(v *service) {
	in := Files{First: s.now}
	for _, l := range v.loops {
		if l.late == nil {
			continue
		}
		c := *l.late
		c.At = s.now
		in.Changes = append(in.Changes, c)
		l.late, l.followed = nil, true
	}
	slices.SortFunc(in.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	s.following = true
	s.changedService(v, in, map[string]bool{})
	s.following = false
}

// looping reports whether a change of the service waits that will be acted upon soon.
func (v *service) looping() bool {
	for _, l := range v.loops {
		if l.late != nil && l.delay <= loopFirst {
			return true
		}
	}
	return false
}

// forgetLoops drops what waits.
func (s *State) forgetLoops(v *service) {
	waits := false
	for _, l := range v.loops {
		waits = waits || l.late != nil
	}
	if waits {
		s.do(Disarm{Timer{v.Name, Loop}})
	}
	clear(v.loops)
}
