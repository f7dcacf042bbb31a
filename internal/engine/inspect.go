package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/filestat"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/watcher"
)

// inspector stands between the watcher and the plan: it says what every changed
// file means to every service. It reads files, which the engine's goroutine
// must not.
type inspector struct {
	e  *Engine
	mu sync.Mutex
	// headers has, for the files whose imports, constraints and embeds are
	// known, the key of what the graph was made from.
	headers map[string]string
	heard   map[string]time.Time   // service and file -> state of the file that was told of
	missed  map[string]bool        // service and file: changed while no graph could say that it is an input
	unread  map[string]plan.Change // service and file: changed while it was not known what the program opens
	passes  chan chan struct{}
	// told has what was told of files while one watcher is put in the place of another.
	told      map[string]watcher.Sum
	handovers chan handover
	sources   atomic.Int64  // changes of Go files that were judged so far
	config    bool          // the config file has changed in this burst
	open      atomic.Bool   // a burst of changes is under way
	again     chan struct{} // it was empty a while ago
	writers   writers

	settings map[string]watcher.Change // of this burst; see decide
	silent   map[string]bool           // directories of which it was said that changes there mean nothing
	pieces   pieces
}

func newInspector(e *Engine) *inspector {
	return &inspector{e: e, headers: map[string]string{}, heard: map[string]time.Time{}, missed: map[string]bool{}, unread: map[string]plan.Change{}, passes: make(chan chan struct{}), handovers: make(chan handover), again: make(chan struct{}), silent: map[string]bool{}, settings: map[string]watcher.Change{}, pieces: pieces{}}
}

func (i *inspector) run() {
	batches := i.e.watch().Batches()
	for {
		select {
		case b, ok := <-batches:
			if !ok {
				return
			}
			i.e.post(i.files(i.news(b)))
		case h := <-i.handovers:
			batches = h.to.Batches()
			in := taken()
			i.decide(&in)
			i.e.post(in)
			close(h.done)
			if i.config { // the burst that it belongs to has no other end
				i.config = false
				i.e.reload(false)
			}
		case <-i.again:
			if fi, err := os.Stat(i.e.configPath()); err == nil && fi.Size() == 0 {
				i.e.reload(true)
			} // else its change is told like any other
		case done := <-i.passes:
			close(done)
		}
	}
}

// pass returns when every batch that was received before the call has been posted.
func (i *inspector) pass(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case i.passes <- done:
	case <-i.e.over:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// speculative is the number of files in an open batch above which it is taken
// for the beginning of something larger: a checkout, a generator, a formatter.
const speculative = 8

func (i *inspector) files(b watcher.Batch) plan.Files {
	in := plan.Files{
		First: b.First, Open: b.Open, Lost: b.Rescan,
		Solid: len(b.Changes) > 0 && len(b.Changes) <= speculative,
	}
	reload := false
	for _, c := range b.Changes {
		if c.Path == i.e.configPath() {
			reload = true
			continue
		}
		if i.e.own(c.Path) {
			continue
		}
		if !i.undecided(&in, c) {
			i.change(&in, c, nil)
		}
	}
	i.open.Store(b.Open)
	if !b.Open {
		i.decide(&in)
		i.pieces.close(time.Now())
	}
	i.config = i.config || reload
	if i.config && !b.Open {
		i.config = false
		i.e.reload(false)
	}
	return in
}

// change says what one file means to every service, but to those that it does not concern.
func (i *inspector) change(in *plan.Files, c watcher.Change, except func(*service) bool) {
	pc := planChange(c)
	complete, generated := i.graphChange(c)
	pc.Generated = generated
	unread := c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && i.e.isData(c.Path)
	now := time.Now()
	goesOn := i.pieces.next(c.Path, now)
	for _, v := range i.e.all() {
		unsure := v.conf.Load().GoBuilds() && (v.graph.Load() == nil || v.stale())
		if except != nil && except(v) {
			pc.Why, unread = "nothing has changed for the program", false
			continue
		}
		e := v.effect(c.Path)
		if unsure && !e.Input {
			i.miss(v, c.Path)
		}
		if e.Kind == plan.None && e.Rule == plan.NoRule {
			if pc.Why == "" {
				pc.Why = e.Why
			}
			i.noteUnread(v, pc)
			unread = unread && v.conf.Load().GoBuilds() && !unsure && !v.opening.pending() && v.rule(c.Path) == nil && !v.opens.Load().Writes(c.Path)
			continue
		}
		if e.Input && !complete {
			in.Solid, pc.Torn = false, filepath.Ext(c.Path) == ".go" && c.New != (watcher.Sum{})
		}
		if e.Input && !complete || goesOn && (e.Kind == plan.Rebuild || e.Rule != plan.NoRule) {
			v.growing.Store(now.UnixNano())
		}
		pc.Effects[v.name] = e
		if e.Input {
			i.tell(v, c.Path, pc.At)
		}
	}
	if len(pc.Effects) == 0 && filepath.Ext(c.Path) != ".go" && i.writers.writes(c.Path, time.Now()) {
		return
	}
	if len(pc.Effects) == 0 && unread {
		i.explainUnread(c.Path, pc.At)
	}
	in.Changes = append(in.Changes, pc)
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
func (i *inspector) graphChange(c watcher.Change) (complete, generated bool) {
	switch {
	case gograph.IsModuleFile(c.Path):
	case filepath.Ext(c.Path) == ".go":
		i.sources.Add(1)
		h := gocmd.HeaderOf(c.Path)
		i.mu.Lock()
		old, known := i.headers[c.Path]
		i.headers[c.Path] = h.Key
		i.mu.Unlock()
		complete, generated = h.Complete, h.Generated
		if known && old == h.Key && c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && !i.broken() {
			return complete, generated
		}
		if !known && c.Old != (watcher.Sum{}) && !i.isInput(c.Path) {
			return complete, generated // of no program here so far; the importing file will tell
		}
	case c.Old != (watcher.Sum{}) && c.New != (watcher.Sum{}) && !gograph.Includes(c.Path):
		return true, false // the set of files is what it was
	default:
		complete = true
	}
	i.outdate(c.Path)
	return complete, generated
}

// outdate says that the graphs which have the file as an input are to be read again.
func (i *inspector) outdate(path string) (of []*service) {
	for _, v := range i.e.all() {
		if v.conf.Load().GoBuilds() && v.effect(path).Input {
			v.wanted.Add(1)
			of = append(of, v)
		}
	}
	return of
}

// broken says that some graph is incomplete. It may have been read while an editor had a file empty: its header is now
// what it always was, and yet the graph is to be read again.
func (i *inspector) broken() bool {
	return slices.ContainsFunc(i.e.all(), func(v *service) bool { g := v.graph.Load(); return g != nil && g.Broken() })
}

func (i *inspector) isInput(path string) bool {
	return slices.ContainsFunc(i.e.all(), func(v *service) bool { return v.effect(path).Input })
}

// readGraph reads the import graph of a service anew, lets the watcher look
// where it says, and asks for a build if an input that was not known as one has
// changed since the newest build began.
func (i *inspector) readGraph(ctx context.Context, v *service) {
	if !v.conf.Load().GoBuilds() || !v.stale() {
		return
	}
	asked, sources := v.wanted.Load(), i.sources.Load()
	defer func() {
		v.tried.Store(max(v.tried.Load(), asked))
		i.e.post(func() {}) // whoever waits asks again
	}()
	began := time.Now()
	g, err := gograph.Load(ctx, v.graphOptions())
	if ctx.Err() != nil {
		return
	}
	old := v.graph.Load()
	if err != nil {
		// Without a graph every Go file counts, which is slower, not wrong. The
		// build says what is the matter.
		return
	}
	if g.Broken() {
		g = gograph.Merge(old, g)
	}
	known := map[string]bool{}
	if old != nil {
		for _, f := range old.Inputs() {
			known[f] = true
		}
	}
	before := i.e.scope()
	v.graph.Store(g)
	v.loaded.Store(asked)
	v.explainWithGraph()
	i.e.watch().SetScope(i.e.scope())
	// Once this returns, what SetScope added is watched, and what had changed before
	// has been judged. From here on a change is announced.
	if err := i.e.catchUp(ctx); err != nil {
		return
	}
	missed := i.takeMissed(v)
	var touched []string
	asOf := time.Unix(0, v.asOf.Load())
	for _, f := range g.Inputs() {
		if known[f] || i.toldOf(v, f) || v.asOf.Load() == 0 || !changedAt(f, time.Time{}).After(asOf) {
			continue
		}
		// Where the watcher looked already, a change of content was announced, and what
		// was not announced was a touch, or a save without a change. Elsewhere the
		// file's time is all there is.
		if _, unwatched := i.e.watch().IgnoredIn(before, f); unwatched || missed[f] {
			touched = append(touched, f)
		}
	}
	if len(touched) > 0 {
		i.e.post(plan.Touched{Service: v.name, Paths: touched, At: time.Now(), Why: "changed while the import graph was read"})
	}
	if set := v.conf.Load(); set.builder.SetHeaders(headersOf(g)) {
		var files []string
		for _, h := range headersOf(g) {
			files = append(files, h.Files...)
		}
		if len(files) > 0 {
			i.e.post(plan.Touched{Service: v.name, Paths: files, At: time.Now(), Why: "a C header outside of its package's directory, which go build has not looked at"})
		}
	}
	i.learnHeaders(ctx, g)
	// What the go command has read of a file that was written meanwhile may be nothing, and the
	// next change of that file may be one of a function's body, after which no graph is read.
	if g.Broken() && i.sources.Load() != sources || writtenSince(g.Inputs(), began) {
		v.wanted.Add(1)
		i.e.spawn(func() { i.e.notify.graph(v) }) // when it was the turn of other services
	}
}

// writtenSince reports whether one of the Go files has changed since a moment.
func writtenSince(files []string, t time.Time) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		st, _ := filestat.Of(f)
		return filepath.Ext(f) == ".go" && st.Changed().After(t)
	})
}

// headersOf are the headers that the builder has to look at.
func headersOf(g *gograph.Graph) (out []builder.Headers) {
	for _, h := range g.OutsideHeaders(builder.HeaderFile) {
		out = append(out, builder.Headers(h))
	}
	return out
}

// tell notes that the service was told of the file as it was at that time.
func (i *inspector) tell(v *service, path string, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.heard[v.name+"\x00"+path] = at
}

// miss notes a change that means nothing to the service as far as is known, and that
// the graph may judge otherwise.
func (i *inspector) miss(v *service, path string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.missed[v.name+"\x00"+path] = true
}

// takeMissed returns the files of miss, and forgets them.
func (i *inspector) takeMissed(v *service) map[string]bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := map[string]bool{}
	for key := range i.missed {
		if path, ok := strings.CutPrefix(key, v.name+"\x00"); ok {
			out[path] = true
			delete(i.missed, key)
		}
	}
	return out
}

// toldOf reports whether the service was told of the file as it is now: then it is
// built for anyway, though no graph knew the file.
func (i *inspector) toldOf(v *service, path string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, ok := i.heard[v.name+"\x00"+path]
	return ok && !changedAt(path, time.Time{}).After(at)
}

// learnHeaders remembers what the graph was made from, so that the first edit of
// a function body costs no second look at the graph.
func (i *inspector) learnHeaders(ctx context.Context, g *gograph.Graph) {
	for _, f := range g.Inputs() {
		if ctx.Err() != nil {
			return
		}
		if filepath.Ext(f) != ".go" {
			continue
		}
		i.mu.Lock()
		_, known := i.headers[f]
		i.mu.Unlock()
		if known {
			continue
		}
		key := gocmd.HeaderOf(f).Key
		i.mu.Lock()
		if _, known := i.headers[f]; !known {
			i.headers[f] = key
		}
		i.mu.Unlock()
	}
}

func (v *service) graphOptions() gograph.Options {
	set := v.conf.Load()
	b := set.Build
	o := gograph.Options{Dir: v.engine.root, Package: b.Package, Env: proc.MergeEnv(proc.CleanEnv(v.engine.opt.Env), b.Env)}
	// The very flags of the build, once it has found them out: it merges tags with those of
	// GOFLAGS, where the go command would take the last ones alone.
	if o.Flags = set.builder.Flags(); o.Flags != nil {
		return o
	}
	o.Tags, o.Flags = b.Tags, slices.Clone(b.Flags)
	if b.Race {
		o.Flags = append(o.Flags, "-race")
	}
	return o
}

// effect is what a change of the file means to the service.
func (v *service) effect(path string) plan.Effect {
	none := plan.Effect{Rule: plan.NoRule}
	if v.reads(path) {
		return plan.Effect{Kind: plan.Restart, Why: "read at the start", Rule: plan.NoRule}
	}
	input, why := v.input(path)
	if r, glob := v.matched(path); r != nil {
		e := plan.Effect{Kind: r.effect, Rule: plan.NoRule, Signal: r.signal, CSS: r.effect == plan.Reload && isAsset(path), Why: "rule " + glob, Input: input}
		if !r.command.IsZero() {
			e.Rule = r.index
		}
		if input && e.Kind < plan.Rebuild {
			// A rule cannot make the program older than its sources.
			e.Kind, e.Why = plan.Rebuild, why
		}
		return e
	}
	if input {
		return plan.Effect{Kind: plan.Rebuild, Why: why, Rule: plan.NoRule, Input: true}
	}
	if o, ok := v.opensFile(path); ok {
		e := plan.Effect{Kind: plan.Restart, Why: "opened by " + o.Place, Rule: plan.NoRule}
		if o.Reload {
			e.Kind, e.CSS = plan.Reload, isAsset(path)
		}
		return e
	}
	if none.Why = why; v.engine.isData(path) {
		none.Why = "no program is built from it, no rule names it, and no code opens it by a literal name; a rule makes it count"
	}
	return none
}

// input reports whether the service is built from the file, and why.
func (v *service) input(path string) (bool, string) {
	set := v.conf.Load()
	if !set.Builds() {
		return false, "no rule names it"
	}
	if !set.GoBuilds() && !set.IsSet("build.package") {
		// What a custom command reads is not known: every Go file of the tree
		// may be part of it.
		if inputByName(path) {
			what := "Go file"
			if gograph.IsModuleFile(path) {
				what = "module file"
			}
			return true, what + " (the build command may read it)"
		}
		return false, "neither a Go file nor named by a rule"
	}
	g := v.graph.Load()
	if g == nil || v.stale() {
		if what, ok := v.engine.guess.Input(path); ok {
			return true, what + " (the import graph is being read)"
		}
		if g == nil {
			return false, "no source file, not embedded, and not named by a rule"
		}
	}
	verdict := g.Verdict(path)
	return verdict.Input, verdict.Reason
}

// inputByName judges by the name alone.
func inputByName(path string) bool {
	if gograph.IsModuleFile(path) {
		return true
	}
	return filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go")
}

// rule is a rule of the config, ready to be matched.
type rule struct {
	index   int
	paths   []string
	effect  plan.Kind
	command config.Command
	signal  string
	root    string
}

var kinds = map[config.Effect]plan.Kind{
	config.EffectRebuild: plan.Rebuild, config.EffectRestart: plan.Restart, config.EffectReload: plan.Reload,
	config.EffectSignal: plan.Signal, config.EffectNone: plan.None,
}

func compileRules(root string, rules []config.Rule) []rule {
	var out []rule
	for n, c := range rules {
		out = append(out, rule{
			index: n, paths: c.Paths, effect: kinds[c.Effect], command: c.Command, signal: string(c.Signal), root: root,
		})
	}
	return out
}

// rule returns the first rule that names the file.
func (v *service) rule(path string) *rule {
	r, _ := v.matched(path)
	return r
}

// matched is that rule, and the one of its globs that matches.
func (v *service) matched(path string) (*rule, string) {
	rel, err := filepath.Rel(v.engine.root, path)
	if err != nil {
		return nil, ""
	}
	rel = filepath.ToSlash(rel)
	rules := v.conf.Load().rules
	for n := range rules {
		for _, p := range rules[n].paths {
			if ok, _ := doublestar.Match(p, rel); ok {
				return &rules[n], p
			}
		}
	}
	return nil, ""
}

// isAsset reports whether a page can take the file without loading again.
func isAsset(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".css", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico":
		return true
	}
	return false
}

// changedAt is when a file got what it has (filestat.Stat.Changed); the fallback if there is none.
func changedAt(path string, fallback time.Time) time.Time {
	st, err := filestat.Of(path)
	if err != nil {
		return fallback
	}
	return st.Changed()
}
