package relevance

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// opening is how far it is known what the newest program opens.
type opening struct {
	built, known atomic.Int64 // how many programs there were, and up to which one the code has been read
	at           atomic.Int64 // when the newest was built
	of           openingOf    // what was read last; of the goroutine that reads graphs
}

// pending reports whether the code of the newest program has not been read yet.
func (o *opening) pending() bool { return o.built.Load() != o.known.Load() }

type openingOf struct {
	graph   *gograph.Graph
	sources int64
	dir     string
}

// discover reads what the code of the service opens, and has that watched. It runs next to the program, never in
// front of it; what changed in the meantime is judged once more.
func (j *Judge) discover(ctx context.Context, s *Subject) {
	of := openingOf{s.graph.Load(), j.judged.Load(), j.abs(s.conf.Load().Run.Dir)}
	if of.graph == nil || of == s.opening.of || !j.conf.Load().Watch.Discover {
		return
	}
	s.opening.of = of
	before, now := j.scope(), j.findOpens(of)
	if was := s.opens.Swap(now); reflect.DeepEqual(was.Opens(), now.Opens()) {
		return
	}
	j.watch().SetScope(j.scope())
	if j.CatchUp(ctx) != nil { // what was judged before is noted, and from here on everything is seen
		return
	}
	for _, f := range now.Files() {
		j.settings.learn(f)
		// What was not watched was not reported: the file's time is all there is.
		if _, unwatched := j.watch().IgnoredIn(before, f); unwatched {
			j.memory.noteUnread(s, plan.Change{Path: f, At: changedAt(f, time.Time{})})
		}
	}
}

func (j *Judge) findOpens(of openingOf) *discover.Set {
	return j.sources.Look(of.graph.Sources(), discover.Options{Root: j.root, Dir: of.dir, Also: of.graph.Trees()})
}

// judgeUnread judges once more what changed while it was not known what the program opens.
func (j *Judge) judgeUnread(s *Subject) {
	at := time.Unix(0, s.opening.at.Load())
	var changes []plan.Change
	for _, c := range j.memory.takeUnread(s) {
		if e := j.effect(s, c.Path); e.Kind != plan.None && c.At.After(at) {
			c.Effects, c.Why = map[string]plan.Effect{s.name: e}, ""
			changes = append(changes, c)
		}
	}
	if len(changes) > 0 {
		j.step(plan.Files{First: time.Now(), Changes: changes})
	}
}
