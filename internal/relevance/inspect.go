package relevance

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// burst is what the goroutine that judges changes keeps of the burst under way, and of files that
// changed before.
type burst struct {
	open     atomic.Bool               // it is under way
	config   bool                      // the config file has changed in it
	settings map[string]watcher.Change // see undecided
	pieces   pieces
	silent   map[string]bool // directories of which it was reported that changes there mean nothing
	writers  writers
}

func newBurst() burst {
	return burst{settings: map[string]watcher.Change{}, pieces: pieces{}, silent: map[string]bool{}}
}

// run is the goroutine that judges changes.
func (j *Judge) run() {
	batches := j.watch().Batches()
	for {
		select {
		case b, ok := <-batches:
			if !ok {
				return
			}
			j.step(j.files(j.memory.once(b)))
		case h := <-j.handovers:
			batches = h.to.Batches()
			// Whatever burst the old watcher had begun to report, the new one ends.
			in := plan.Files{First: time.Now()}
			j.decide(&in)
			j.step(in)
			close(h.done)
			j.endOfConfigBurst() // it has no other end
		case <-j.emptied:
			if fi, err := os.Stat(j.configPath()); err == nil && fi.Size() == 0 {
				j.o.Edited()
			} // else its change is reported like any other
		case done := <-j.passes:
			close(done)
		}
	}
}

// pass returns when every batch that was received before the call has been reported.
func (j *Judge) pass(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case j.passes <- done:
	case <-j.ctx.Done():
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// maxSpeculative is the number of files in an open batch above which it is taken
// for the beginning of something larger: a checkout, a generator, a formatter.
const maxSpeculative = 8

// files is what a batch means.
func (j *Judge) files(b watcher.Batch) plan.Files {
	in := plan.Files{
		First: b.First, Open: b.Open, Lost: b.Rescan,
		Solid: len(b.Changes) > 0 && len(b.Changes) <= maxSpeculative,
	}
	for _, c := range b.Changes {
		switch {
		case c.Path == j.configPath():
			j.burst.config = true
		case j.own(c.Path):
		case !j.undecided(&in, c):
			j.change(&in, c, nil)
		}
	}
	j.burst.open.Store(b.Open)
	if !b.Open {
		j.decide(&in)
		j.burst.pieces.close(time.Now())
		j.endOfConfigBurst()
	}
	return in
}

// emptyGrace is how long a config may be empty before that is taken for an edit.
const emptyGrace = time.Second

// endOfConfigBurst applies an edit of the config.
//
// An empty file is most likely one that is just being written: many editors truncate, then
// write, and on a busy machine time passes between the two. Only one that stays empty is
// meant.
func (j *Judge) endOfConfigBurst() {
	if !j.burst.config {
		return
	}
	j.burst.config = false
	if fi, err := os.Stat(j.configPath()); err == nil && fi.Size() == 0 {
		time.AfterFunc(emptyGrace, func() {
			select {
			case j.emptied <- struct{}{}:
			case <-j.ctx.Done():
			}
		})
		return
	}
	j.o.Edited()
}

// change says what one file means to every service, but to those that it does not concern.
func (j *Judge) change(in *plan.Files, c watcher.Change, except func(*Subject) bool) {
	pc := planChange(c)
	complete, generated := j.graphChange(c)
	pc.Generated = generated
	now := time.Now()
	f := judgedFile{
		Change: &pc, complete: complete, now: now, goesOn: j.burst.pieces.next(c.Path, now),
		unread: c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && isData(j.root, c.Path),
		exists: c.New != (watcher.Sum{}), texts: j.memory.newTexts(c.Path),
	}
	for _, s := range j.all() {
		if except != nil && except(s) {
			pc.Why, f.unread = "nothing has changed for the program", false
			continue
		}
		j.judge(in, s, &f)
	}
	if len(pc.Effects) == 0 && filepath.Ext(c.Path) != ".go" && j.burst.writers.writes(c.Path, time.Now()) {
		return
	}
	if len(pc.Effects) == 0 && f.unread {
		j.explainUnread(c.Path, pc.At)
	}
	in.Changes = append(in.Changes, pc)
}

// judgedFile is a change on its way past the services.
type judgedFile struct {
	*plan.Change
	complete bool // the file can be compiled
	goesOn   bool // it goes on with a change just before
	exists   bool
	unread   bool     // it is a file that a program could read, and so far none does
	texts    []string // of templ, if nothing else has changed
	now      time.Time
}

// judge says what one file means to one service.
func (j *Judge) judge(in *plan.Files, s *Subject, f *judgedFile) {
	v := j.view(s)
	e := v.effect(f.Path)
	if !v.unsure() {
		e = s.onlyTexts(e, f.Path, f.texts)
	}
	if v.unsure() && !e.Input {
		j.memory.postpone(s, f.Path)
	}
	if e.Kind == plan.None && e.Rule == plan.NoRule {
		if f.Why == "" {
			f.Why = e.Why
		}
		j.memory.noteUnread(s, *f.Change)
		f.unread = f.unread && j.unread(s, v, f.Path)
		return
	}
	if e.Input && !f.complete {
		in.Solid, f.Torn = false, filepath.Ext(f.Path) == ".go" && f.exists
	}
	if e.Input && !f.complete || f.goesOn && (e.Kind == plan.Rebuild || e.Rule != plan.NoRule) {
		s.growing.Store(f.now.UnixNano())
	}
	f.Effects[s.name] = e
	if e.Input {
		j.memory.report(s, f.Path, f.At)
	}
}

// unread reports whether it is certain that a file of which no effect is known means nothing to
// the service: then a rule is missing, if the program does read it.
func (j *Judge) unread(s *Subject, v view, path string) bool {
	r, _ := v.rule(path)
	return r == nil && v.set.GoBuilds() && !v.unsure() && !s.opening.pending() && !s.opens.Load().Writes(path)
}

// planChange is the change without its effects.
func planChange(c watcher.Change) plan.Change {
	return plan.Change{
		Path: c.Path, Old: plan.Sum(c.Old), New: plan.Sum(c.New),
		At: changedAt(c.Path, time.Now()), Effects: map[string]plan.Effect{},
	}
}

// graphChange notes whether the change can alter what a program is built from,
// and reports whether the file as it is now could be compiled at all, and whether it says
// that it is generated.
func (j *Judge) graphChange(c watcher.Change) (complete, generated bool) {
	switch {
	case gograph.IsModuleFile(c.Path):
	case filepath.Ext(c.Path) == ".go":
		j.judged.Add(1)
		h := gocmd.HeaderOf(c.Path)
		old, known := j.memory.header(c.Path, h.Key)
		complete, generated = h.Complete, h.Generated
		if known && old == h.Key && c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && !j.broken() {
			return complete, generated
		}
		if !known && c.Old != (watcher.Sum{}) && !j.isInput(c.Path) {
			return complete, generated // of no program here so far; the importing file will show it
		}
	case c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && !gograph.Includes(c.Path):
		return true, false // the set of files is what it was
	default:
		complete = true
	}
	for _, s := range j.all() {
		if s.conf.Load().GoBuilds() && j.effect(s, c.Path).Input {
			s.wanted.Add(1)
		}
	}
	return complete, generated
}

// broken says that some graph is incomplete. It may have been read while an editor had a file empty: its header is now
// what it always was, and yet the graph is to be read again.
func (j *Judge) broken() bool {
	return slices.ContainsFunc(j.all(), func(s *Subject) bool { g := s.graph.Load(); return g != nil && g.Broken() })
}

func (j *Judge) isInput(path string) bool {
	return slices.ContainsFunc(j.all(), func(s *Subject) bool { return j.effect(s, path).Input })
}

// notices passes on what the watcher has to report.
func (j *Judge) notices(ctx context.Context, w Watcher) {
	for {
		select {
		case n, ok := <-w.Notices():
			if !ok {
				return
			}
			j.say(event.Problem{Message: n.Message, Hint: n.Hint})
		case <-ctx.Done():
			return
		}
	}
}
