package session

import (
	"context"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/proxy"
	"github.com/hotreload/hotreload/internal/relevance"
	"github.com/hotreload/hotreload/watcher"
)

// Tools are what a session works with: whatever reads files for long, builds or starts processes.
type Tools struct {
	Watch      func(watcher.Options) (relevance.Watcher, error)
	Files      func(relevance.Options) Relevance
	Builder    func(builder.Options) (Builder, error)
	Together   func([]Job) // makes builds of one group; it returns when all that it started is gone
	Program    func(*launch.Host, config.Service, string, *launch.Sockets, companion.All) Program
	Companions func(CompanionOptions) (companion.All, error)
}

// Relevance says what changes of files mean: relevance.Judge.
type Relevance interface {
	Open([]*relevance.Subject) error
	Settings() *relevance.SettingsFiles
	Start(context.Context) (ready <-chan struct{})
	Begin()
	Wait()
	Watches() bool
	Stats() (backend string, watches int)
	Sync(context.Context) error
	CatchUp(context.Context) error
	Unjudged(*relevance.Subject) bool
	Confirm(relevance.Learned)

	// After an edit of the config.
	Apply(*config.Config, []*relevance.Subject)
	Rewatch(before *config.Config)
	NewRules(before *config.Config)
	ReportRules()

	// Around a build.
	Compiling(*relevance.Subject, time.Time)
	Inputs(*relevance.Subject) []string
	BurstEnd(context.Context) bool
	AwaitPipe(context.Context, []*relevance.Subject) string
	AwaitNoPipe(*relevance.Subject, string)
	BeforeFailure(context.Context, *relevance.Subject)
	Built(s *relevance.Subject, ok bool)
	AfterBuild(s *relevance.Subject, ok bool)
	Sources(*relevance.Subject) []string
	Trees(*relevance.Subject) []string
}

// Builder builds one program: builder.Builder.
type Builder interface {
	relevance.Builder
	Group() string
	Steps(ctx context.Context, generation int, steps []builder.Step) builder.Result
	Beside(ctx context.Context, id string, steps []builder.Step) builder.Result
	Idle(context.Context) error
	Quiet(context.Context) error
	Progress() builder.Progress
	EngineStatus() builder.EngineStatus
	Remove(path string)
}

// Job is one of several builds that are made together.
type Job struct {
	Builder    Builder
	Context    context.Context
	Generation int
	Done       func(builder.Result) // called once, from any goroutine
}

// Program starts one program, over and over: launch.Program.
type Program interface {
	Configure(config.Service)
	RunsWithThis() bool
	Given(name string) string
	New(plan.Launch, func(launch.Event)) Process
	ExplainTaken(t launch.AddressTaken, services []config.Service, control string) event.Problem
	Explain(end launch.EndedEarly, sources []string) (event.Problem, bool)
}

// Process is one start of a program: launch.Process.
type Process interface {
	Run()
	Stop(now bool)
	Signal(syscall.Signal)
	Resize()
	Pid() int
	Listeners() []string
}

// complete fills in the real things.
func (t *Tools) complete() {
	if t.Watch == nil {
		t.Watch = func(o watcher.Options) (relevance.Watcher, error) { return watcher.New(o) }
	}
	if t.Files == nil {
		t.Files = func(o relevance.Options) Relevance { return relevance.New(o) }
	}
	if t.Builder == nil {
		t.Builder = func(o builder.Options) (Builder, error) { return builder.New(o) }
	}
	if t.Together == nil {
		t.Together = together
	}
	if t.Program == nil {
		t.Program = newProgram
	}
	if t.Companions == nil {
		ports := &proxy.FreePorts{}
		t.Companions = func(o CompanionOptions) (companion.All, error) { return newFront(o, ports) }
	}
}

func together(jobs []Job) {
	real := make([]builder.Job, len(jobs))
	for i, j := range jobs {
		real[i] = builder.Job{Builder: j.Builder.(*builder.Builder), Context: j.Context, Generation: j.Generation, Done: j.Done}
	}
	builder.Together(real)
}

type program struct{ *launch.Program }

func newProgram(h *launch.Host, c config.Service, state string, s *launch.Sockets, companions companion.All) Program {
	return program{launch.NewProgram(h, c, state, s, companions)}
}

func (p program) New(l plan.Launch, report func(launch.Event)) Process {
	return p.Program.New(l, report)
}

// CompanionOptions say which companions a program has. Only newFront and tests read them.
type CompanionOptions struct {
	conf     config.Service
	dir      string
	reserved *launch.Reserved
	page     http.Handler    // is served by a proxy; nil: none
	roots    func() []string // directories of the user's code outside of the project
	output   func(gen int, since time.Time) []byte
	notice   func(event.Problem)
	editor   func(argv []string) error

	requests  *inspect.Log
	requested func(event.Request)
	console   func(generation int, c event.Console)
}

// newFront makes the proxy of a service, if it is to have one.
func newFront(o CompanionOptions, ports *proxy.FreePorts) (companion.All, error) {
	c, app := o.conf.Proxy, o.conf.Proxy.App
	if c.Listen == "" {
		return nil, nil
	}
	if app == config.AutoApp {
		app = ""
	}
	at, secure := c.Address()
	cert, key := "", ""
	if secure {
		cert, key = abs(o.dir, c.Cert), abs(o.dir, c.Key)
	}
	opt := proxy.Options{
		Listen: at, Listener: o.reserved.Proxy(at), Cert: cert, Key: key, Service: o.conf.Name, Hold: c.Hold, Inject: c.Inject,
		WhenBroken: string(c.WhenBroken), Editor: c.EditorLink(), EditorCommand: c.EditorCommand(), RunEditor: o.editor, Dir: o.dir, Hosts: c.Hosts, Roots: o.roots, Page: o.page,
		Output: o.output, Notice: o.notice,
	}
	if c.Inspect {
		opt.Requests, opt.Requested = o.requests, o.requested
	}
	if c.Console && c.Inject {
		opt.Console = o.console
	}
	f, err := proxy.NewFront(opt, app, ports)
	if err != nil {
		return nil, err
	}
	return companion.All{f}, nil
}

// buildEnv is the environment of a build.
func buildEnv(env []string, more map[string]string) []string {
	return proc.MergeEnv(proc.CleanEnv(env), more)
}

func abs(root, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(root, path)
}

func rel(root, path string) string {
	r, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return r
}
