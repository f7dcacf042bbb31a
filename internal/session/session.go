// Package session carries out the plan. One goroutine owns all state: it takes one message after
// another from its queue (inputs of the plan, questions, what programs, builds and files report),
// feeds the plan and does what the plan answers. Everything that takes time runs elsewhere and
// comes back as a message, so Ctrl-C always works.
//
// There is no lock here, and no process is started here. Both are behind interfaces (Tools), so a
// test needs neither. A second goroutine, the configurator, owns the list of services that the
// config asks for; it hands a new list to the loop and waits until the loop has taken it over.
//
// We rejected services that hold the session: each of them could reach everything, so everything
// needed locks, and nothing could be tested without processes.
package session

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
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
	// Sinks take the narration, and those that want it the output. They must not block.
	Sinks []event.Sink
	// RecordFile is where one of them writes, absolute and without links: a change of it, which
	// would be reported in it, is none. Empty: nowhere.
	RecordFile string
	// Page, when given, is served by every proxy.
	Page http.Handler
	// Requests keeps what the proxies pass on, where the config asks for it. It is one of Sinks.
	Requests *inspect.Log
	// Editor starts the command of proxy.editor.
	Editor func(argv []string) error
	// Stdout and Stderr are set when they are terminals.
	Stdout, Stderr *os.File
	// Input is hotreload's standard input, for programs that want it (run.stdin).
	Input launch.Input
	// Suspend stops the session as Ctrl-Z does. It is called when a program that has the
	// terminal was stopped by it.
	Suspend func()

	// Load reads the config again after an edit.
	Load func() (*config.Config, []config.Service, error)
	// Configured is called after an edit that is applied: the config before and after it, and
	// the services that there are now. May be nil.
	Configured func(before, after *config.Config, services []string)

	// Tools replaces what a session works with; its zero value is the real thing.
	Tools Tools
}

// Session is one session.
type Session struct {
	opt         Options
	root        string
	state       *plan.State
	files       Relevance
	config      *configurator
	host        *launch.Host
	sinks       event.Sinks
	subscribers event.Subscribers

	queue  chan message
	over   chan struct{} // closed when the session has ended
	hurry  chan struct{} // closed when nothing is waited for any more
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	// Of the loop.
	conf     *config.Config
	services []*service  // those of the config in its order, then those that leave
	coming   bool        // services come when others have left
	changing bool        // there are such, or the plan does not know of them yet
	open     []*question // without an answer so far
	timers   map[plan.Timer]*time.Timer
	hurried  bool // hurry is closed
}

// New prepares a session: the services with their builders, and the watcher.
// Nothing is started. Errors concern the configuration.
func New(o Options) (*Session, error) {
	s := &Session{
		opt: o, root: o.Config.Root, conf: o.Config,
		queue: make(chan message, 64), over: make(chan struct{}), hurry: make(chan struct{}),
		timers: map[plan.Timer]*time.Timer{},
	}
	s.opt.Tools.complete()
	s.sinks = append(append(s.sinks, o.Sinks...), &s.subscribers)
	files := relevance.Options{
		Config: o.Config, Env: o.Env, Cache: o.Cache, RecordFile: o.RecordFile,
		Report: func(r relevance.Report) { s.post(found{r}) },
		Edited: func() { s.config.edited() },
	}
	if !o.Once {
		files.Watch = s.opt.Tools.Watch
	}
	s.files = s.opt.Tools.Files(files)
	s.host = &launch.Host{
		Root: s.root, Env: o.Env, Args: o.Args, EnvFile: s.files.Settings().Variables, App: o.App,
		Output: s.sinks.Output, WantsOutput: s.sinks.WantsOutput,
		Stdout: o.Stdout, Stderr: o.Stderr, Input: o.Input, Suspend: o.Suspend, Go: s.spawn,
	}
	s.config = newConfigurator(s)
	var err error
	if s.services, err = s.config.begin(o.Services); err != nil {
		return nil, err
	}
	if err := s.files.Open(subjectsOf(s.services)); err != nil {
		s.config.release()
		return nil, err
	}
	s.state = plan.New(plan.Options{Services: s.specs(), Once: o.Once, Root: s.root + string(filepath.Separator)})
	return s, nil
}

// Command hands in a command of a person or a program. It may be called from any
// goroutine, also before and after Run.
func (s *Session) Command(c plan.Command) { s.post(input{c}) }

// Problem reports something that a person should know about, which happened outside the session.
func (s *Session) Problem(p event.Problem) { s.say(p) }

// Signal passes a signal on to every program, for SIGQUIT: a goroutine dump.
func (s *Session) Signal(sig syscall.Signal) {
	s.post(toAll{func(p Process) { p.Signal(sig) }})
}

// Resize copies the terminal's size to the programs' pseudo-terminals.
func (s *Session) Resize() { s.post(toAll{Process.Resize}) }

// Look scans all files, because events may have been lost: hotreload, or the whole
// machine, was stopped for a while.
func (s *Session) Look() { s.post(rescan{}) }

// post queues a message. After the end of the session it is dropped. The loop itself must not
// call it: it would wait for itself when the queue is full.
func (s *Session) post(m message) {
	select {
	case s.queue <- m:
	case <-s.over:
	}
}

// say reports something about the session, from any goroutine but the loop.
func (s *Session) say(b event.Body) { s.post(said{event: event.Event{Time: time.Now(), Body: b}}) }

// spawn runs f in a goroutine that Run waits for.
func (s *Session) spawn(f func()) { s.work.Go(f) }

// Run is the session. It returns the exit code once every process has ended and
// every goroutine is done.
func (s *Session) Run(ctx context.Context) (code int, err error) {
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer s.end()
	stop := context.AfterFunc(ctx, func() {
		s.post(input{plan.Command{Do: plan.DoQuit, Why: "the session was canceled"}})
	})
	defer stop()

	s.spawn(s.config.run)
	for _, svc := range s.services {
		s.config.serve(svc)
	}
	// Everything is watched before anything is built: a save during the
	// first build is then seen like any other. Only a command can end that early.
	for ready := s.files.Start(s.ctx); ready != nil; {
		select {
		case <-ready:
			ready = nil
		case m := <-s.queue:
			if code, done := s.take(m); done {
				return code, nil
			}
		}
	}
	s.files.Begin()
	s.sayStarted()
	s.files.ReportRules()
	if code, done := s.step(plan.Begin{}); done {
		return code, nil
	}
	for {
		if code, done := s.take(<-s.queue); done {
			return code, nil
		}
	}
}

func (s *Session) end() {
	close(s.over)
	s.subscribers.End()
	s.cancel()
	for _, t := range s.timers {
		t.Stop()
	}
	s.work.Wait()
	s.files.Wait()
	s.config.end()
}

func (s *Session) sayStarted() {
	b := event.SessionStarted{Dir: s.root, Config: s.conf.Path, Version: s.opt.Version}
	b.Backend, b.Watches = s.files.Stats()
	for _, svc := range s.services {
		b.Services = append(b.Services, svc.name)
		b.URLs = append(b.URLs, svc.companions.URL())
	}
	s.emit(event.Event{Time: time.Now(), Body: b})
}

// step is the heart: one input in, its actions carried out.
func (s *Session) step(in plan.Input) (code int, done bool) {
	var builds []plan.Build
	for _, a := range s.state.Step(time.Now(), in) {
		switch a := a.(type) {
		case plan.Exit:
			code, done = a.Code, true
		case plan.Build:
			builds = append(builds, a)
		default:
			s.do(a)
		}
	}
	s.build(builds)
	return code, done
}

func (s *Session) do(a plan.Action) {
	switch a := a.(type) {
	case plan.Say:
		s.emit(a.Event)
	case plan.RunRules:
		s.runRules(s.service(a.Service), a)
	case plan.CancelBuild:
		s.service(a.Service).cancelJob()
	case plan.KillBuilds:
		if !s.hurried { // a third Ctrl-C
			s.hurried = true
			close(s.hurry)
		}
	case plan.Launch:
		s.start(s.service(a.Service), a)
	case plan.Stop:
		if p := s.service(a.Service).processes[a.Launch]; p != nil {
			p.Stop(a.Now)
		}
	case plan.Promote:
		s.service(a.Service).promote(a.Launch)
	case plan.SendSignal:
		s.signal(s.service(a.Service), a)
	case plan.ReloadPages:
		s.reloadPages(a)
	case plan.Arm:
		s.arm(a)
	case plan.Disarm:
		if t := s.timers[a.Timer]; t != nil {
			t.Stop()
		}
	case plan.Discard:
		b := s.service(a.Service).set.builder
		s.spawn(func() { b.Remove(a.Binary) })
	case plan.Forget:
		s.forget(s.service(a.Service))
	default:
		panic(fmt.Sprintf("unknown action %T", a))
	}
}

// arm starts a timer. Its input says what a build has left on the disk so far.
func (s *Session) arm(a plan.Arm) {
	if t := s.timers[a.Timer]; t != nil {
		t.Stop()
	}
	in := plan.Fired{Timer: a.Timer}
	var b Builder
	if a.Timer.What == plan.SlowBuild {
		if svc := s.service(a.Timer.Service); svc != nil {
			b = svc.set.builder
		}
	}
	s.timers[a.Timer] = time.AfterFunc(a.After, func() {
		if b != nil {
			p := b.Progress()
			in.Compiled, in.Packages = p.Compiled, p.Packages
		}
		s.post(input{in})
	})
}

// emit reports what the plan decided, or what became of a program: also to the companions of the
// program, and to the hooks.
func (s *Session) emit(ev event.Event) {
	s.sinks.Emit(ev)
	for _, svc := range s.services {
		if ev.Service == svc.name || ev.Service == "" {
			svc.companions.Emit(ev)
		}
		if ev.Service == svc.name {
			svc.followPages(ev)
			for _, h := range svc.hooks.follow(ev) {
				s.runHook(svc, h, ev)
			}
		}
	}
}

// note reports what says nothing about whether a program starts: the page of the proxy
// would show it as the reason why it does not, and a hook would take it for a failure.
func (s *Session) note(ev event.Event) {
	s.sinks.Emit(ev)
	if svc := s.service(ev.Service); svc != nil {
		svc.followPages(ev)
	}
}

// service is nil if there is none of that name.
func (s *Session) service(name string) *service {
	for _, svc := range s.services {
		if svc.name == name {
			return svc
		}
	}
	return nil
}

// specs is what the plan learns of the services of the config.
func (s *Session) specs() (out []plan.Service) {
	for _, svc := range s.services {
		if !svc.leaving {
			out = append(out, svc.set.spec())
		}
	}
	return out
}
