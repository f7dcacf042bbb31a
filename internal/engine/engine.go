// Package engine carries out the plan: one goroutine owns the state, feeds it
// with what happens and does what it answers. All that takes time (builds,
// processes, graph loads) runs in goroutines of its own and comes back as an
// input, so Ctrl-C is always heard.
package engine

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proxy"
	"github.com/hotreload/hotreload/watcher"
)

// Options of a session.
type Options struct {
	Config   *config.Config // finished
	Services []config.Service
	Version  string
	Args     []string // arguments of the program from the command line; nil: those of the config
	Cache    string   // private directory of this project
	Env      []string // complete environment that hotreload was started with
	Once     bool

	// App takes the program's bytes; it may block.
	App func(service string, stderr bool, p []byte) // nil: this process writes no more
	// Sink takes the narration; it must not block.
	Sink event.Sink
	// Record, when given, also takes the program's output, as events.
	Record event.Sink
	// RecordFile is where Record writes, absolute and without links: a change of it, which
	// would be told in it, is none. Empty: nowhere.
	RecordFile string
	// Page, when given, is served by every proxy.
	Page http.Handler
	// Stdout and Stderr are set when they are terminals.
	Stdout, Stderr *os.File
	// Input is hotreload's standard input, for programs that want it (run.stdin).
	Input launch.Input
	// Suspend stops the session as Ctrl-Z does. It is called when a program that has the
	// terminal was stopped by it.
	Suspend func()

	// Load reads the config anew after an edit.
	Load func() (*config.Config, []config.Service, error)
	// Configured is told of an edit that is applied: the config before and after it, and
	// the services that there are now.
	Configured func(before, after *config.Config, services []string)
}

// Engine is one session.
type Engine struct {
	opt     Options
	root    string
	state   *plan.State
	inspect *inspector

	settings *settingsFiles

	roster    atomic.Pointer[roster]
	rosterMu  sync.Mutex                // of all below, and for changing the roster
	order     []string                  // of the services in the config
	returning map[string]config.Service // that come when all that leave are gone
	coming    atomic.Int64              // how many these are
	reserved  launch.Reserved           // what these will listen on, as far as it is free already
	urls      map[string]string         // of the proxies, as they were told last
	broken    bool                      // the config was saved with a mistake; of the inspector's goroutine
	changing  atomic.Bool               // there are such, or the plan has not heard of them

	watching   atomic.Pointer[watcher.Watcher]
	rewatching sync.Mutex         // one exchange at a time
	unwatch    context.CancelFunc // ends the watcher at work

	inputs chan any      // plan.Input, *question or func(), in the order in which they came
	open   []*question   // without an answer so far
	over   chan struct{} // closed when the session has ended
	hurry  chan struct{} // closed when nothing is waited for any more

	sources     discover.Cache
	guess       gograph.Guess // for services whose graph is not known
	outputs     []os.FileInfo // files that our own output goes to
	subscribers subscribers
	host        *launch.Host
	ports       proxy.FreePorts
	conf        atomic.Pointer[config.Config]
	timers      map[plan.Timer]*time.Timer
	ctx         context.Context
	cancel      context.CancelFunc
	work        sync.WaitGroup

	notify *notifier
}

// New prepares a session: the services with their builders, and the watcher.
// Nothing is started. Errors concern the configuration.
func New(o Options) (*Engine, error) {
	e := &Engine{
		opt:    o,
		root:   o.Config.Root,
		order:  namesOf(o.Services),
		inputs: make(chan any, 64),
		over:   make(chan struct{}),
		hurry:  make(chan struct{}),

		settings: newSettingsFiles(),
		timers:   map[plan.Timer]*time.Timer{},
		outputs:  outputs(),
	}
	e.conf.Store(o.Config)
	e.host = &launch.Host{
		Root: e.root, Env: o.Env, Args: o.Args, EnvFile: e.settings.variables, App: o.App,
		Output: func(ev event.Event) {
			if o.Record != nil {
				o.Record.Emit(ev)
			}
			e.subscribers.Emit(ev)
		},
		WantsOutput: func() bool { return o.Record != nil || e.subscribers.some.Load() },
		Stdout:      o.Stdout, Stderr: o.Stderr, Input: o.Input, Suspend: o.Suspend, Go: e.spawn,
	}
	var list []*service
	for _, c := range o.Services {
		v, err := newService(e, c)
		if err != nil {
			for _, v := range list {
				v.release()
			}
			return nil, err
		}
		list = append(list, v)
	}
	e.roster.Store(newRoster(list))
	e.state = plan.New(plan.Options{Services: e.specs(), Once: o.Once, Root: e.root + string(filepath.Separator)})
	if !o.Once {
		w, err := e.newWatcher(o.Config)
		if err != nil {
			return nil, err
		}
		e.watching.Store(w)
	}
	e.inspect = newInspector(e)
	return e, nil
}

func (e *Engine) newWatcher(c *config.Config) (*watcher.Watcher, error) {
	return watcher.New(watcher.Options{
		Scope:        e.scope(),
		Exclude:      c.Watch.Exclude,
		Gitignore:    c.Watch.Gitignore,
		Debounce:     atLeast(c.Watch.Debounce),
		MaxWait:      atLeast(c.Watch.MaxWait),
		Backend:      watcher.Backend(c.Watch.Backend),
		PollInterval: c.Watch.PollInterval,
		Early:        true,
	})
}

// Command hands in a command of a person or a program. It may be called from any
// goroutine, also before and after Run.
func (e *Engine) Command(c plan.Command) { e.post(c) }

// post queues an input. After the end of the session it is dropped.
func (e *Engine) post(in any) {
	select {
	case e.inputs <- in:
	case <-e.over:
	}
}

// Run is the session. It returns the exit code once every process has ended and
// every goroutine is done.
func (e *Engine) Run(ctx context.Context) (code int, err error) {
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		close(e.over)
		for _, v := range e.all() {
			v.sockets.Close()
		}
		e.subscribers.end()
		e.cancel()
		for _, t := range e.timers {
			t.Stop()
		}
		e.work.Wait()
		e.reserved.Drop()
	}()
	stop := context.AfterFunc(ctx, func() {
		e.post(plan.Command{Do: plan.DoQuit, Why: "the session was canceled"})
	})
	defer stop()

	e.notify = newNotifier(e)
	for _, v := range e.all() {
		e.serve(v)
	}
	if w := e.watch(); w != nil {
		var watching context.Context
		watching, e.unwatch = context.WithCancel(e.ctx)
		e.observe(watching, w)
		// Everything is watched before anything is built: a save during the
		// first build is then seen like any other.
		learned := make(chan struct{})
		e.spawn(func() {
			defer close(learned)
			e.learnSettings()
		})
		for _, c := range []<-chan struct{}{w.Ready(), learned} {
			if code, done := e.until(c); done {
				return code, nil
			}
		}
		e.spawn(e.inspect.run)
		e.spawn(func() { e.notices(watching, w) })
	}
	e.sayStarted()
	if e.watch() != nil {
		e.spawn(e.sayRules)
	}
	if code, done := e.step(plan.Begin{}); done {
		return code, nil
	}
	for {
		if code, done := e.take(<-e.inputs); done {
			return code, nil
		}
	}
}

// take handles one message: an input of the plan, or a question about it.
func (e *Engine) take(m any) (code int, done bool) {
	switch m := m.(type) {
	case plan.Input:
		if code, done = e.step(m); done {
			return code, true
		}
	case *question:
		e.open = append(e.open, m)
	case func():
		m()
	}
	e.answer()
	return 0, false
}

// until waits for something at the start, the first scan. Only a command can end it early.
func (e *Engine) until(c <-chan struct{}) (code int, done bool) {
	for {
		select {
		case <-c:
			return 0, false
		case m := <-e.inputs:
			if code, done := e.take(m); done {
				return code, true
			}
		}
	}
}

func (e *Engine) sayStarted() {
	b := event.SessionStarted{Dir: e.root, Config: e.conf.Load().Path, Backend: "none", Version: e.opt.Version}
	if w := e.watch(); w != nil {
		st := w.Stats()
		b.Backend, b.Watches = st.Backend, st.Watches
	}
	e.rosterMu.Lock()
	for _, v := range e.all() {
		b.Services = append(b.Services, v.name)
		if url := v.beside.URL(); url != "" {
			b.URLs = append(b.URLs, url)
		}
		e.sayProxy(v, false)
	}
	e.rosterMu.Unlock()
	e.say(b)
}

// step is the heart: one input in, its actions carried out.
func (e *Engine) step(in plan.Input) (code int, done bool) {
	var builds []plan.Build
	for _, a := range e.state.Step(time.Now(), in) {
		switch a := a.(type) {
		case plan.Exit:
			code, done = a.Code, true
		case plan.Build:
			builds = append(builds, a)
		default:
			e.do(a)
		}
	}
	e.build(builds)
	return code, done
}

func (e *Engine) do(a plan.Action) {
	switch a := a.(type) {
	case plan.Say:
		e.emit(a.Event)
	case plan.RunRules:
		e.service(a.Service).runRules(a)
	case plan.CancelBuild:
		e.service(a.Service).cancelJob()
	case plan.KillBuilds:
		select {
		case <-e.hurry: // a third Ctrl-C
		default:
			close(e.hurry)
		}
	case plan.Launch:
		e.service(a.Service).start(a)
	case plan.Stop:
		e.service(a.Service).stop(a.Launch, a.Now)
	case plan.Promote:
		e.service(a.Service).promote(a.Launch)
	case plan.SendSignal:
		e.service(a.Service).signal(a.Launch, a.Signal)
	case plan.ReloadPages:
		e.reloadPages(a)
	case plan.Arm:
		if t := e.timers[a.Timer]; t != nil {
			t.Stop()
		}
		timer := a.Timer
		e.timers[timer] = time.AfterFunc(a.After, func() { e.post(e.fired(timer)) })
	case plan.Disarm:
		if t := e.timers[a.Timer]; t != nil {
			t.Stop()
		}
	case plan.Discard:
		v := e.service(a.Service)
		e.spawn(func() { v.conf.Load().builder.Remove(a.Binary) })
	case plan.Forget:
		e.forget(a.Service)
	default:
		panic(fmt.Sprintf("unknown action %T", a))
	}
}

// spawn runs f in a goroutine that Run waits for.
func (e *Engine) spawn(f func()) {
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		f()
	}()
}

func (e *Engine) emit(ev event.Event) {
	e.note(ev)
	for _, v := range e.all() {
		if ev.Service == v.name || ev.Service == "" {
			v.beside.Emit(ev)
		}
		if ev.Service == v.name {
			v.hear(ev)
		}
	}
}

// note reports what says nothing about whether a program comes up: the page of the proxy
// would show it as the reason why it does not, and a hook would take it for a failure.
func (e *Engine) note(ev event.Event) {
	e.opt.Sink.Emit(ev)
	e.subscribers.Emit(ev)
	if e.opt.Record != nil {
		e.opt.Record.Emit(ev)
	}
}

func (e *Engine) say(b event.Body) { e.emit(event.Event{Time: time.Now(), Body: b}) }

// Problem tells something that a person should know about, which happened beside the engine.
func (e *Engine) Problem(p event.Problem) { e.say(p) }

// notices passes on what the watcher has to say.
func (e *Engine) notices(ctx context.Context, w *watcher.Watcher) {
	for {
		select {
		case n, ok := <-w.Notices():
			if !ok {
				return
			}
			e.say(event.Problem{Message: n.Message, Hint: n.Hint})
		case <-ctx.Done():
			return
		}
	}
}

// Signal passes a signal on to every program, for SIGQUIT: a goroutine dump.
func (e *Engine) Signal(sig syscall.Signal) {
	for _, v := range e.all() {
		v.each(func(l *launch.Process) { l.Signal(sig) })
	}
}

// Resize copies the terminal's size to the programs' pseudo-terminals.
func (e *Engine) Resize() {
	for _, v := range e.all() {
		v.each((*launch.Process).Resize)
	}
}

func (e *Engine) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(e.root, path)
}

func (e *Engine) rel(path string) string {
	r, err := filepath.Rel(e.root, path)
	if err != nil {
		return path
	}
	return r
}

// notifier collapses requests to look at the graph and the scope again.
type notifier struct {
	e    *Engine
	kick chan *service
}

func newNotifier(e *Engine) *notifier {
	n := &notifier{e: e, kick: make(chan *service, 256)}
	if e.watch() != nil {
		e.spawn(n.run)
	}
	return n
}

// graph asks for the import graph of a service to be read again, beside
// everything else.
func (n *notifier) graph(v *service) {
	select {
	case n.kick <- v:
	case <-n.e.ctx.Done():
	}
}

func (n *notifier) run() {
	for {
		select {
		case v := <-n.kick:
			n.e.inspect.readGraph(n.e.ctx, v)
			n.e.inspect.discover(n.e.ctx, v)
		case <-n.e.ctx.Done():
			return
		}
	}
}

// atLeast keeps an explicit zero of the config from meaning the watcher's default.
func atLeast(d time.Duration) time.Duration { return max(d, time.Nanosecond) }

// Look looks at all files, because events may have been lost: hotreload, or the whole
// machine, was stopped for a while.
func (e *Engine) Look() {
	e.post(func() {
		if e.watch() != nil {
			e.spawn(func() { _ = e.sync(e.ctx) })
		}
	})
}

// URLs are the pages that a person can open: those of the proxies.
func (e *Engine) URLs() []string {
	var urls []string
	for _, v := range e.all() {
		if url := v.beside.URL(); url != "" {
			urls = append(urls, url)
		}
	}
	return urls
}

// Logs hands over what the programs have written: see launch.Logs.
func (e *Engine) Logs(ctx context.Context, service string, lines int, follow bool, take func([]launch.Written) error) error {
	return e.host.Logs.Read(ctx, e.over, service, lines, follow, take)
}
