package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// A rule's command can write a file that its own rule names, and a program a file for which
// it is restarted: each change leads to the next one, without end. Nothing distinguishes such a
// change from a save with certainty, so none is dropped: after a few rounds in a row it waits
// until the file is calm, and where little else can have written it, each time several times
// longer. To stop for good was rejected: a test that saves one template a hundred times in a
// row, each time when the last one is live, looks the same from here.

const (
	maxSure   = 3                       // rounds in a row when the file changed while our command ran, or before the program was ready
	maxRounds = 120                     // ... or soon after its start
	soonAfter = 2 * time.Second         // how soon that is
	fileTick  = 5 * time.Millisecond    // by which the times of files lag, with most kernels
	firstCalm = 1200 * time.Millisecond // how long a file has to be calm the first time; longer than a burst lasts (watch.max_wait)
)

// feedback is what is known of changes that may follow from what we did for the last one.
type feedback struct {
	files map[string]*loop
	rules interval // in which the newest commands of rules ran
}

// loop is a file whose changes may follow from what its last change led to.
type loop struct {
	rounds   int       // in a row
	sure     int       // how many of the last ones are certain
	acted    time.Time // when its last change was acted upon
	gen      int       // ... and the generation that followed from it, if it asks for one
	late     *Change   // what is to be acted upon when it is calm
	delay    time.Duration
	followed bool // it was acted upon after the delay
}

type interval struct{ from, to time.Time }

// waitsInLoop reports whether a change is to wait, because it is one of a series that feeds itself.
func (s *State) waitsInLoop(svc *service, c Change, e Effect) bool {
	if e.Input || e.Kind < Signal && e.Rule == NoRule {
		return false // a build absorbs what its commands write; a reload starts nothing that could write
	}
	l := svc.feedback.files[c.Path]
	if l == nil {
		l = &loop{}
		svc.feedback.files[c.Path] = l
	}
	if s.following {
		l.acted, l.gen = s.now, svc.gen+1
		return false
	}
	cause, sure := svc.causeOf(c.At, l, e)
	if cause == "" {
		*l = loop{}
	}
	l.count(sure)
	if l.sure < maxSure && l.rounds <= maxRounds {
		l.acted, l.gen = s.now, svc.gen+1
		return false
	}
	if l.late != nil {
		c.Old = l.late.Old
	}
	l.late = &c
	switch {
	case l.delay == 0:
		l.delay = firstCalm
		s.say(svc, svc.gen, event.Problem{
			Message: fmt.Sprintf("%s keeps changing, each time after %s", strings.TrimPrefix(c.Path, s.opt.Root), cause),
			Hint:    "hotreload waits longer each time before it reacts: exclude the file (watch.exclude), or give it a rule with effect = \"none\"",
		})
	case l.followed && sure:
		l.delay *= 8
	}
	l.followed = false
	s.do(Arm{Timer{svc.Name, Loop}, l.delay})
	return true
}

func (l *loop) count(sure bool) {
	l.rounds++
	if sure {
		l.sure++
	} else {
		l.sure = max(l.sure-1, 0)
	}
}

// causeOf names what we began since the file's last change and may have written it at that
// time; empty: nothing. Sure means that only little else can have. A start that was asked for
// by something else proves nothing, as long as the file is not known for it: a person saves
// and restarts at the same time.
func (svc *service) causeOf(at time.Time, l *loop, e Effect) (cause string, sure bool) {
	if l.acted.IsZero() {
		return "", false
	}
	within := func(from, to time.Time) bool {
		return !from.Before(l.acted) && !at.Before(from.Add(-clockSlack)) && (to.IsZero() || !at.After(to.Add(clockSlack)))
	}
	if svc.ownCommand(within) {
		return "a command that hotreload runs for it", true
	}
	if e.Kind == Signal && within(l.acted, l.acted.Add(soonAfter)) {
		return "the signal to " + svc.Name, false
	}
	if p := svc.proc; p != nil && (p.gen == l.gen || l.delay > 0) && within(p.started, p.started.Add(soonAfter)) {
		return "a start of " + svc.Name, p.readiness < ready || at.Before(p.readyAt.Add(-fileTick))
	}
	return "", false
}

// ownCommand reports whether a command that we run was at work within a time.
func (svc *service) ownCommand(within func(from, to time.Time) bool) bool {
	for _, j := range []*job{svc.job, svc.recent.job} {
		if j != nil && j.generates && within(j.writes, j.compiling) {
			return true
		}
	}
	ran := svc.feedback.rules
	return !ran.from.IsZero() && within(ran.from, ran.to)
}

// followLoops acts upon the files that were waited for. Their changes keep their times: a build that
// ended later may have read them.
func (s *State) followLoops(svc *service) {
	in := Files{First: s.now}
	for _, l := range svc.feedback.files {
		if l.late == nil {
			continue
		}
		in.Changes = append(in.Changes, *l.late)
		l.late, l.followed = nil, true
	}
	slices.SortFunc(in.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	s.following = true
	s.changed(svc, in, map[string]bool{})
	s.following = false
}

// looping reports whether a change of the service waits that will be acted upon soon.
func (svc *service) looping() bool {
	for _, l := range svc.feedback.files {
		if l.late != nil && l.delay <= firstCalm {
			return true
		}
	}
	return false
}

// forgetLoops drops what waits.
func (s *State) forgetLoops(svc *service) {
	waits := false
	for _, l := range svc.feedback.files {
		waits = waits || l.late != nil
	}
	if waits {
		s.do(Disarm{Timer{svc.Name, Loop}})
	}
	clear(svc.feedback.files)
}
