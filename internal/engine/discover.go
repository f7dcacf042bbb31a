package engine

import (
	"context"
	"reflect"
	"strings"
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
	of           openingOf    // what was read last; of the notifier's goroutine
}

// pending reports whether the code of the newest program has not been read yet.
func (o *opening) pending() bool { return o.built.Load() != o.known.Load() }

type openingOf struct {
	graph   *gograph.Graph
	sources int64
	dir     string
}

// opensFile returns the place in the code of the service that opens the file.
func (v *service) opensFile(path string) (discover.Open, bool) {
	if !v.engine.conf.Load().Watch.Discover {
		return discover.Open{}, false
	}
	return v.opens.Load().Match(path)
}

// builtNow notes that there is a new program, before anybody hears of it: a file that changes from now on
// may be one that it has opened.
func (v *service) builtNow() {
	v.opening.at.Store(time.Now().UnixNano())
	v.opening.built.Add(1)
}

// discover reads what the code of the service opens, and has that watched. It runs beside the program, never in
// front of it; what changed meanwhile is judged once more.
func (i *inspector) discover(ctx context.Context, v *service) {
	built := v.opening.built.Load()
	defer func() { i.discovered(v, built) }()
	of := openingOf{v.graph.Load(), i.sources.Load(), i.e.abs(v.conf.Load().Run.Dir)}
	if of.graph == nil || of == v.opening.of || !i.e.conf.Load().Watch.Discover {
		return
	}
	v.opening.of = of
	before, now := i.e.scope(), i.e.findOpens(of)
	if was := v.opens.Swap(now); reflect.DeepEqual(was.Opens(), now.Opens()) {
		return
	}
	i.e.watch().SetScope(i.e.scope())
	if i.e.catchUp(ctx) != nil { // what was judged before is noted, and from here on everything is seen
		return
	}
	for _, f := range now.Files() {
		i.e.settings.learn(f)
		// What was not watched has told nothing: the file's time is all there is.
		if _, unwatched := i.e.watch().IgnoredIn(before, f); unwatched {
			i.noteUnread(v, plan.Change{Path: f, At: changedAt(f, time.Time{})})
		}
	}
}

func (e *Engine) findOpens(of openingOf) *discover.Set {
	return e.sources.Look(of.graph.Sources(), discover.Options{Root: e.root, Dir: of.dir, Also: of.graph.Trees()})
}

// discovered judges once more what changed while it was not known what the program opens. Who waits for that is told
// when the plan has it.
func (i *inspector) discovered(v *service, built int64) {
	at := time.Unix(0, v.opening.at.Load())
	i.mu.Lock()
	var changes []plan.Change
	for key, c := range i.unread {
		if name, _, _ := strings.Cut(key, "\x00"); name != v.name {
			continue
		}
		delete(i.unread, key)
		if e := v.effect(c.Path); e.Kind != plan.None && c.At.After(at) {
			c.Effects, c.Why = map[string]plan.Effect{v.name: e}, ""
			changes = append(changes, c)
		}
	}
	i.mu.Unlock()
	if len(changes) > 0 {
		i.e.post(plan.Files{First: time.Now(), Changes: changes})
	}
	i.e.post(func() { v.opening.known.Store(built) })
}

// noteUnread keeps a change that means nothing as far as is known, while it is not known what the program opens.
func (i *inspector) noteUnread(v *service, c plan.Change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if v.opening.pending() {
		i.unread[v.name+"\x00"+c.Path] = c
	}
}
