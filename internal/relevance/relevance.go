// Package relevance knows what a changed path means to a service, and keeps that knowledge up to
// date: the import graph, what the code opens, the rules, the env files and the config.
//
// A verdict is a function of what is known at one moment (view). Around it, a Judge has two
// goroutines: one turns the batches of the watcher into inputs of the plan, the other reads the
// import graphs and what the code opens. In addition, the watcher's own goroutine asks which
// files count. What they share is in memory and in the Subjects, behind locks and atomics that
// nothing outside sees. The code that makes decisions gets values (Report).
//
// We rejected one goroutine for all of it: reading a graph takes seconds, and a save must not
// wait for that. We also rejected verdicts by the goroutine that makes decisions: they read
// files.
package relevance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// ErrEnded is returned to callers that wait for a Judge that has ended.
var ErrEnded = errors.New("the session has ended")

// Options of a Judge.
type Options struct {
	Config *config.Config // finished
	Env    []string       // complete environment that hotreload was started with
	Cache  string         // private directory of the project: no change there counts
	// RecordFile is where events are written, absolute and without links: a change of it, which
	// would be reported in it, is none. Empty: nowhere.
	RecordFile string

	// Watch makes a watcher; nil: nothing is watched, for --once.
	Watch func(watcher.Options) (Watcher, error)
	// Report takes what is found. It may be called from any goroutine.
	Report func(Report)
	// Edited is called when the config was saved, or is gone. No change is judged until it
	// returns.
	Edited func()
}

// Watcher is what a Judge needs of a watcher.Watcher.
type Watcher interface {
	Run(context.Context) error
	Ready() <-chan struct{}
	Batches() <-chan watcher.Batch
	Notices() <-chan watcher.Notice
	Sync(context.Context) error
	SetScope(watcher.Scope)
	Files(context.Context) []string
	Ignored(path string) (string, bool)
	IgnoredIn(scope watcher.Scope, path string) (string, bool)
	Stats() watcher.Stats
}

// Report is what a Judge finds.
type Report interface{ report() }

type (
	// Step is an input of the plan: plan.Files or plan.Touched.
	Step struct{ plan.Input }

	// Said is something to report.
	Said struct{ event.Body }

	// Learned says that the import graph of a service has been read, or what its code opens.
	// What followed from that was reported before. Whoever keeps the order of reports hands it
	// back by Confirm: from then on Unjudged knows of it.
	Learned struct {
		Subject *Subject
		graph   int64 // up to which change
		opens   int64 // up to which build
	}
)

func (Step) report()    {}
func (Said) report()    {}
func (Learned) report() {}

// Settings are what the config says of a service, ready to be used. They do not change.
type Settings struct {
	config.Service
	Rules   []Rule
	Builder Builder // nil where nothing asks for graphs
}

// Builder is what builds the service.
type Builder interface {
	Flags() []string
	SetHeaders([]builder.Headers) (changed bool)
}

// NewSettings prepares the settings of a service.
func NewSettings(c config.Service, b Builder) *Settings {
	return &Settings{Service: c, Rules: compileRules(c.Rules), Builder: b}
}

// Subject is what is known of one service.
type Subject struct {
	name string
	conf atomic.Pointer[Settings] // replaced when the config is edited
	// runsWithThis reports whether the program runs with the environment that it would have now.
	runsWithThis func() bool
	// given is a variable that the program was started with; empty if it has none, or does not run.
	given func(name string) string

	graph atomic.Pointer[gograph.Graph]
	opens atomic.Pointer[discover.Set] // what its code opens

	// wanted counts the changes after which the graph must be read again, loaded
	// is the count that the graph was read after. While they differ the graph
	// may not describe the files as they are, and every Go file counts, so that
	// nothing is missed.
	wanted, loaded atomic.Int64
	// tried is the count of wanted up to which reading the graph has come to an end, well or
	// not, and what it found is known to the plan. asked is the one for which Unjudged had it read.
	tried, asked atomic.Int64

	opening    opening
	awaitsPipe atomic.Bool  // a build failed for a named pipe, and is made again when that is gone
	growing    atomic.Int64 // when one of its files last changed that may still be growing
	// asOf is when the newest build that ran to its end began to read files.
	asOf, began atomic.Int64
}

// NewSubject knows nothing of the service but its settings. RunsWithThis reports whether its
// program runs with the environment that it would have now, and given is a variable of that environment;
// nil: there is no program.
func NewSubject(s *Settings, runsWithThis func() bool, given func(name string) string) *Subject {
	if runsWithThis == nil {
		runsWithThis = func() bool { return false }
	}
	if given == nil {
		given = func(string) string { return "" }
	}
	sub := &Subject{name: s.Name, runsWithThis: runsWithThis, given: given}
	sub.wanted.Store(1)
	sub.conf.Store(s)
	return sub
}

// Name is that of the service.
func (s *Subject) Name() string { return s.name }

// Configure replaces the settings. Rebuild says that the program is built differently now.
func (s *Subject) Configure(set *Settings, rebuild bool) {
	if g := s.graph.Load(); g != nil && set.Builder != nil && set.Builder != s.conf.Load().Builder {
		set.Builder.SetHeaders(headersOf(g))
	}
	s.conf.Store(set)
	if rebuild {
		s.wanted.Add(1)
	}
}

// graphOutdated reports whether the import graph has to be read again.
func (s *Subject) graphOutdated() bool { return s.wanted.Load() != s.loaded.Load() }

// Judge knows what changes mean to the services of a session.
type Judge struct {
	o        Options
	root     string
	conf     atomic.Pointer[config.Config]
	subjects atomic.Pointer[[]*Subject]
	settings *SettingsFiles
	sources  discover.Cache
	guess    gograph.Guess // for services whose graph is not known
	outputs  []os.FileInfo // files that our own output goes to
	memory   memory
	burst    burst

	watching   atomic.Pointer[Watcher]
	rewatching sync.Mutex         // one exchange at a time
	watchCtx   context.Context    // of the watcher at work
	unwatch    context.CancelFunc // ends it

	passes    chan chan struct{}
	handovers chan handover
	emptied   chan struct{}  // the config was empty a while ago
	reload    chan *Subject  // graphs to read again
	judged    atomic.Int64   // changes of Go files so far
	work      sync.WaitGroup // all goroutines
	ctx       context.Context
}

// New prepares a Judge. Nothing is started.
func New(o Options) *Judge {
	j := &Judge{
		o: o, root: o.Config.Root, settings: NewSettingsFiles(), outputs: outputs(),
		memory: newMemory(), burst: newBurst(),
		passes: make(chan chan struct{}), handovers: make(chan handover), emptied: make(chan struct{}), reload: make(chan *Subject, 256),
		ctx: context.Background(),
	}
	j.conf.Store(o.Config)
	j.subjects.Store(new([]*Subject))
	return j
}

// Open takes the first services, and prepares the watcher. Errors concern the configuration.
func (j *Judge) Open(subjects []*Subject) error {
	j.subjects.Store(&subjects)
	if j.o.Watch == nil {
		return nil
	}
	w, err := j.newWatcher(j.o.Config)
	if err == nil {
		j.watching.Store(&w)
	}
	return err
}

// Settings are the files that programs read their settings from.
func (j *Judge) Settings() *SettingsFiles { return j.settings }

// Watches reports whether files are watched.
func (j *Judge) Watches() bool { return j.o.Watch != nil }

// Start begins to watch, until ctx ends. Ready is closed when everything is watched, and what
// must be known before the first change is known.
func (j *Judge) Start(ctx context.Context) (ready <-chan struct{}) {
	j.ctx = ctx
	done := make(chan struct{})
	w := j.watch()
	if w == nil {
		close(done)
		return done
	}
	j.spawn(j.readGraphs)
	j.watchCtx, j.unwatch = context.WithCancel(ctx)
	j.observe(j.watchCtx, w)
	j.spawn(func() {
		defer close(done)
		j.learnSettings()
		select {
		case <-w.Ready():
		case <-ctx.Done():
		}
	})
	return done
}

// Begin begins to judge changes. What came before waits.
func (j *Judge) Begin() {
	if w := j.watch(); w != nil {
		ctx := j.watchCtx
		j.spawn(j.run)
		j.spawn(func() { j.notices(ctx, w) })
	}
}

// Wait returns when none of its goroutines works any more. The context of Start has ended.
func (j *Judge) Wait() { j.work.Wait() }

func (j *Judge) spawn(f func()) { j.work.Go(f) }

// Apply puts a config, and the services that there are now, into force.
func (j *Judge) Apply(c *config.Config, subjects []*Subject) {
	j.conf.Store(c)
	j.subjects.Store(&subjects)
	if w := j.watch(); w != nil {
		w.SetScope(j.scope()) // their rules and env files
	}
}

// Rewatch follows Apply: it watches as the config says now, and reads again what depends on it.
func (j *Judge) Rewatch(before *config.Config) {
	c := j.conf.Load()
	switch {
	case j.watch() == nil:
	case !reflect.DeepEqual(before.Watch, c.Watch):
		j.rewatch(c)
	default:
		j.watch().SetScope(j.scope()) // env files may be others
	}
	for _, s := range j.all() {
		j.Refresh(s) // what the program opens may be elsewhere now
	}
}

// NewRules follows Apply: other rules may name other files. No change is judged before it returns.
func (j *Judge) NewRules(before *config.Config) {
	if !reflect.DeepEqual(rulesOf(before), rulesOf(j.conf.Load())) {
		j.learnSettings()
		j.ReportRules()
	}
}

// rulesOf are all the rules of a config.
func rulesOf(c *config.Config) (out []config.Rule) {
	for _, s := range c.ForServices() {
		out = append(out, s.Rules...)
	}
	return out
}

// Stats are those of the watcher; the backend is "none" without one.
func (j *Judge) Stats() (backend string, watches int) {
	w := j.watch()
	if w == nil {
		return "none", 0
	}
	st := w.Stats()
	return st.Backend, st.Watches
}

// CatchUp returns when every change of a file made before the call has been reported.
func (j *Judge) CatchUp(ctx context.Context) error {
	if j.watch() == nil {
		return nil
	}
	if err := j.Sync(ctx); err != nil {
		return err
	}
	// What the watcher has handed over is now being judged; once that has come by here, all of
	// it has been reported.
	return j.pass(ctx)
}

// Unjudged reports whether a save may have been made that cannot be distinguished from one that
// means nothing: the import graph of the service is unknown or out of date, or it is not
// known yet what the program opens. It has the graph read, so that the answer comes.
func (j *Judge) Unjudged(s *Subject) bool {
	if j.watch() == nil || !s.conf.Load().GoBuilds() {
		return false
	}
	wanted := s.wanted.Load()
	if s.tried.Load() >= wanted {
		return s.opening.pending()
	}
	if s.asked.Swap(wanted) < wanted {
		j.Refresh(s)
	}
	return true
}

// Confirm takes back what was learned, when all that was reported before has been taken.
func (j *Judge) Confirm(l Learned) {
	s := l.Subject
	s.tried.Store(max(s.tried.Load(), l.graph))
	s.opening.known.Store(max(s.opening.known.Load(), l.opens))
}

// Refresh asks for the import graph of a service, and what its code opens, to be read again if
// that is necessary. It does not wait.
func (j *Judge) Refresh(s *Subject) {
	if j.watch() == nil {
		return
	}
	j.spawn(func() {
		select {
		case j.reload <- s:
		case <-j.ctx.Done():
		}
	})
}

// Compiling says that the compiler of a build starts now.
func (j *Judge) Compiling(s *Subject, at time.Time) { s.began.Store(at.UnixNano()) }

// Built says that a build has come to its end. It is called before the plan knows of it: a file
// that changes from now on may be one that the new program has opened.
func (j *Judge) Built(s *Subject, ok bool) {
	s.asOf.Store(s.began.Load())
	if ok && j.watch() != nil {
		s.opening.at.Store(time.Now().UnixNano())
		s.opening.built.Add(1)
	}
}

// AfterBuild reads the graph next to the program, if it has to be read.
func (j *Judge) AfterBuild(s *Subject, ok bool) {
	if ok || s.graphOutdated() {
		j.Refresh(s)
	}
}

// BurstEnd waits for the end of a burst of changes, if one is under way. The result of a build
// is not used before that, so nothing is lost; and only then it can be seen that the compiler
// has read a file which was put back before the burst ended, and is no change.
func (j *Judge) BurstEnd(ctx context.Context) (waited bool) {
	if j.watch() == nil || !j.burst.open.Load() {
		return false
	}
	_ = j.CatchUp(ctx)
	return true
}

// Sources are the program's own files; nil if they are not known.
func (j *Judge) Sources(s *Subject) []string {
	if g := s.graph.Load(); g != nil {
		return append([]string{}, g.Sources()...)
	}
	return nil
}

// Trees are the directories of the program's local modules; nil if they are not known.
func (j *Judge) Trees(s *Subject) []string {
	if g := s.graph.Load(); g != nil {
		return g.Trees()
	}
	return nil
}

// all are the services, also those that are leaving.
func (j *Judge) all() []*Subject { return *j.subjects.Load() }

// watch is the watcher at work; nil with --once.
func (j *Judge) watch() Watcher {
	if w := j.watching.Load(); w != nil {
		return *w
	}
	return nil
}

func (j *Judge) step(in plan.Input) { j.o.Report(Step{in}) }

func (j *Judge) say(b event.Body) { j.o.Report(Said{b}) }

func (j *Judge) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(j.root, path)
}

func (j *Judge) rel(path string) string {
	r, err := filepath.Rel(j.root, path)
	if err != nil {
		return path
	}
	return r
}

// configPath is the file whose edits apply: that of the session, or the one that
// would be it if it were written.
func (j *Judge) configPath() string { return ConfigPath(j.conf.Load()) }

// ConfigPath is the file whose edits apply to a session with that config.
func ConfigPath(c *config.Config) string {
	if c.Path != "" {
		return c.Path
	}
	return filepath.Join(c.Root, config.FileName)
}
