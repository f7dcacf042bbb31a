package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// world is a session in which nothing is real but the plan: the test is the file system, the
// builders and the programs. It runs in a bubble of synctest, so time passes only when all wait.
type world struct {
	t      *testing.T
	s      *Session
	files  *fakeFiles
	conf   *config.Config
	loaded func() (*config.Config, []config.Service, error)

	builders []*fakeBuilder
	builds   chan Job // that were asked for, and are not done
	starts   chan *fakeProcess
	pages    []*fakePage
	events   chan event.Event
	ended    chan int
}

// run makes a session of the services, and runs f beside it. At the end the session must come to
// its end without a request, once f has ended what runs.
func run(t *testing.T, once bool, services []config.Service, f func(*world)) {
	t.Helper()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, conf: config.Default(),
			builds: make(chan Job, 100), starts: make(chan *fakeProcess, 100), events: make(chan event.Event, 1000), ended: make(chan int, 1),
		}
		w.conf.Root, w.conf.Path = root, filepath.Join(root, config.FileName)
		if err := os.WriteFile(w.conf.Path, []byte("#\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{
			Config: w.conf, Services: services, Version: "v1", Cache: filepath.Join(root, "cache"), Once: once,
			App:   func(string, bool, []byte) {},
			Sinks: []event.Sink{w},
			Load:  func() (*config.Config, []config.Service, error) { return w.loaded() },
			Tools: Tools{
				Watch: nil, // of the fake files
				Files: func(o relevance.Options) Relevance {
					w.files = &fakeFiles{o: o, watches: o.Watch != nil, settings: relevance.NewSettingsFiles(), ready: make(chan struct{}), sources: map[string][]string{}}
					return w.files
				},
				Builder: w.builder, Together: func(jobs []Job) {
					for _, j := range jobs {
						w.builds <- j
					}
				},
				Program: func(_ *launch.Host, c config.Service, _ string, _ *launch.Sockets, _ companion.All) Program {
					return &fakeProgram{w: w, conf: c}
				},
				Companions: w.companions,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.s = s
		go func() {
			code, err := s.Run(context.Background())
			if err != nil {
				t.Error(err)
			}
			w.ended <- code
		}()
		f(w)
	})
}

// testService is one that builds with go.
func testService(name string, change ...func(*config.Service)) config.Service {
	s := config.Default().ForServices()[0]
	s.Name = name
	for _, f := range change {
		f(&s)
	}
	return s
}

// Emit implements event.Sink.
func (w *world) Emit(ev event.Event) { w.events <- ev }

func (w *world) builder(o builder.Options) (Builder, error) {
	if o.Package == "broken" {
		return nil, fmt.Errorf("%s: no such package", o.Package)
	}
	b := &fakeBuilder{o: o, w: w}
	w.builders = append(w.builders, b)
	return b, nil
}

func (w *world) companions(o CompanionOptions) (companion.All, error) {
	if o.conf.Proxy.Listen == "" {
		return nil, nil
	}
	p := &fakePage{url: "http://" + o.conf.Proxy.Listen}
	if o.conf.Proxy.Listen == "full" {
		p.err = errors.New("too many files")
	}
	w.pages = append(w.pages, p)
	return companion.All{p}, nil
}

// begin lets the watcher be ready, and returns the first build.
func (w *world) begin() Job {
	w.t.Helper()
	close(w.files.ready)
	return w.build()
}

// build is the next build that was asked for.
func (w *world) build() Job {
	w.t.Helper()
	return next(w, w.builds, "a build")
}

// start is the next process that was started.
func (w *world) start() *fakeProcess {
	w.t.Helper()
	return next(w, w.starts, "a start")
}

// next waits until all is at rest, so what has not come by then does not come.
func next[T any](w *world, c chan T, what string) (v T) {
	w.t.Helper()
	synctest.Wait()
	select {
	case v = <-c:
	default:
		w.t.Fatalf("no %s", what)
	}
	return v
}

// none fails if there is one.
func none[T any](w *world, c chan T, what string) {
	w.t.Helper()
	synctest.Wait()
	select {
	case v := <-c:
		w.t.Fatalf("%s: %+v", what, v)
	default:
	}
}

// live builds and starts what was asked for, up to the moment when it is live.
func (w *world) live(j Job) *fakeProcess {
	w.t.Helper()
	j.succeed()
	p := w.start()
	p.launched()
	p.step(plan.ReadyIs{Service: p.name, Launch: p.l.Launch})
	synctest.Wait()
	return p
}

// succeed ends a build with a program that no other build has made.
func (j Job) succeed() {
	j.Done(builder.Result{OK: true, Binary: fmt.Sprint("bin", j.Generation), Sum: [32]byte{byte(j.Generation), 1}})
}

// save is a change of a Go file.
func (w *world) save(names ...string) {
	effects := map[string]plan.Effect{}
	for _, name := range names {
		effects[name] = plan.Effect{Kind: plan.Rebuild, Why: "Go file", Rule: plan.NoRule, Input: true}
	}
	w.change(effects)
}

func (w *world) change(effects map[string]plan.Effect) {
	w.files.n++
	w.files.o.Report(relevance.Step{Input: plan.Files{First: time.Now(), Changes: []plan.Change{{
		Path: filepath.Join(w.s.root, "main.go"), Old: plan.Sum{byte(w.files.n)}, New: plan.Sum{byte(w.files.n + 1)}, At: time.Now(), Effects: effects,
	}}}})
}

// said returns the events that came since the last call, each by its name and service.
func (w *world) said() (list []event.Event) {
	synctest.Wait()
	for {
		select {
		case ev := <-w.events:
			list = append(list, ev)
		default:
			return list
		}
	}
}

// names are those of the events since the last call.
func (w *world) names() (list []string) {
	for _, ev := range w.said() {
		list = append(list, ev.Body.Name())
	}
	return list
}

// problem returns the first problem since the last call, "" if there was none.
func (w *world) problem() string {
	for _, ev := range w.said() {
		if p, ok := ev.Body.(event.Problem); ok {
			return p.Message
		}
	}
	return ""
}

// edit saves the config: that is what it says now.
func (w *world) edit(conf *config.Config, services ...config.Service) {
	if conf == nil {
		c := *w.conf
		conf = &c
	}
	w.loaded = func() (*config.Config, []config.Service, error) { return conf, services, nil }
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.files.o.Edited()
	}()
	<-done
	synctest.Wait()
}

// quit ends the session, with what still runs.
func (w *world) quit(running ...*fakeProcess) int {
	w.t.Helper()
	w.s.Command(plan.Command{Do: plan.DoQuit, Why: "the test is over"})
	synctest.Wait()
	for _, p := range running {
		if p.stops == "" {
			w.t.Errorf("%s was not asked to stop", p.name)
		}
		p.gone(event.Exited{})
	}
	return next(w, w.ended, "end of the session")
}

func (w *world) want(what string, got, want any) {
	w.t.Helper()
	if !reflect.DeepEqual(got, want) {
		w.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// fakeFiles knows of changes what the test says.
type fakeFiles struct {
	o        relevance.Options
	watches  bool
	settings *relevance.SettingsFiles
	ready    chan struct{}
	sources  map[string][]string
	pipe     string
	unjudged bool
	n        int
	calls    []string // what was asked for, but for questions
	subjects []*relevance.Subject
}

func (f *fakeFiles) call(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

// called returns the calls since the last one that begin with a word.
func (f *fakeFiles) called(words ...string) (list []string) {
	synctest.Wait()
	for _, c := range f.calls {
		if slices.Contains(words, strings.Fields(c)[0]) {
			list = append(list, c)
		}
	}
	f.calls = nil
	return list
}

func (f *fakeFiles) Open(s []*relevance.Subject) error           { f.subjects = s; return nil }
func (f *fakeFiles) Settings() *relevance.SettingsFiles          { return f.settings }
func (f *fakeFiles) Start(context.Context) <-chan struct{}       { return f.ready }
func (f *fakeFiles) Begin()                                      {}
func (f *fakeFiles) Wait()                                       {}
func (f *fakeFiles) Watches() bool                               { return f.watches }
func (f *fakeFiles) Stats() (string, int)                        { return "fake", 3 }
func (f *fakeFiles) Sync(context.Context) error                  { f.call("sync"); return nil }
func (f *fakeFiles) CatchUp(ctx context.Context) error           { return ctx.Err() }
func (f *fakeFiles) Unjudged(*relevance.Subject) bool            { return f.unjudged }
func (f *fakeFiles) Confirm(l relevance.Learned)                 { f.call("confirm %s", l.Subject.Name()) }
func (f *fakeFiles) Rewatch(*config.Config)                      { f.call("rewatch") }
func (f *fakeFiles) NewRules(*config.Config)                     { f.call("newrules") }
func (f *fakeFiles) ReportRules()                                {}
func (f *fakeFiles) Compiling(s *relevance.Subject, _ time.Time) { f.call("compiling %s", s.Name()) }
func (f *fakeFiles) Inputs(*relevance.Subject) []string          { return []string{"main.go"} }
func (f *fakeFiles) BurstEnd(context.Context) bool               { return false }
func (f *fakeFiles) AwaitNoPipe(s *relevance.Subject, path string) {
	f.call("nopipe %s %s", s.Name(), path)
}
func (f *fakeFiles) BeforeFailure(_ context.Context, s *relevance.Subject) {
	f.call("failure %s", s.Name())
}
func (f *fakeFiles) Built(s *relevance.Subject, ok bool)   { f.call("built %s %v", s.Name(), ok) }
func (f *fakeFiles) AfterBuild(*relevance.Subject, bool)   {}
func (f *fakeFiles) Sources(s *relevance.Subject) []string { return f.sources[s.Name()] }
func (f *fakeFiles) Trees(s *relevance.Subject) []string   { return f.sources[s.Name()] }

func (f *fakeFiles) Apply(_ *config.Config, s []*relevance.Subject) {
	f.subjects = s
	var names []string
	for _, sub := range s {
		names = append(names, sub.Name())
	}
	f.call("apply %s", strings.Join(names, ","))
}

func (f *fakeFiles) AwaitPipe(ctx context.Context, _ []*relevance.Subject) string {
	if f.pipe == "" {
		<-ctx.Done()
	}
	return f.pipe
}

// fakeBuilder makes what the test says.
type fakeBuilder struct {
	w        *world
	o        builder.Options
	steps    chan fakeSteps // nil: they succeed at once
	quiet    chan struct{}
	wanted   bool
	mismatch error
	removed  []string
}

// fakeSteps are commands at work: the test answers.
type fakeSteps struct {
	id     string
	steps  []builder.Step
	ctx    context.Context
	result chan builder.Result
}

func (b *fakeBuilder) Flags() []string                   { return nil }
func (b *fakeBuilder) SetHeaders([]builder.Headers) bool { return false }
func (b *fakeBuilder) Group() string                     { return b.o.GoBuild.Linker }
func (b *fakeBuilder) EngineStatus() builder.EngineStatus {
	return builder.EngineStatus{Wanted: b.wanted, Ready: true}
}
func (b *fakeBuilder) Idle(context.Context) error { return b.mismatch }
func (b *fakeBuilder) Progress() builder.Progress { return builder.Progress{Compiled: 7, Packages: 9} }
func (b *fakeBuilder) Remove(path string)         { b.removed = append(b.removed, path) }
func (b *fakeBuilder) Quiet(ctx context.Context) error {
	select {
	case <-b.quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *fakeBuilder) Steps(ctx context.Context, _ int, steps []builder.Step) builder.Result {
	return b.Beside(ctx, "rules", steps)
}

func (b *fakeBuilder) Beside(ctx context.Context, id string, steps []builder.Step) builder.Result {
	if b.steps == nil {
		return builder.Result{OK: true}
	}
	s := fakeSteps{id, steps, ctx, make(chan builder.Result)}
	b.steps <- s
	return <-s.result
}

// fakeProgram starts processes that the test plays.
type fakeProgram struct {
	w    *world
	conf config.Service
}

func (p *fakeProgram) Configure(c config.Service) { p.conf = c }
func (p *fakeProgram) RunsWithThis() bool         { return true }
func (p *fakeProgram) Given(string) string        { return "" }
func (p *fakeProgram) New(l plan.Launch, report func(launch.Event)) Process {
	return &fakeProcess{fakeProgram: p, name: p.conf.Name, l: l, report: report, end: make(chan struct{})}
}

func (p *fakeProgram) ExplainTaken(t launch.AddressTaken, services []config.Service, control string) event.Problem {
	return event.Problem{Message: fmt.Sprintf("%s: %d services, %q", t.Addr, len(services), control)}
}

func (p *fakeProgram) Explain(_ launch.EndedEarly, sources []string) (event.Problem, bool) {
	return event.Problem{Message: "early: " + strings.Join(sources, ",")}, true
}

type fakeProcess struct {
	*fakeProgram
	name    string
	l       plan.Launch
	report  func(launch.Event)
	end     chan struct{}
	pid     int
	stops   string // "stop", "now"
	signals []syscall.Signal
	resized int
}

func (p *fakeProcess) Run() {
	p.w.starts <- p
	<-p.end
}

func (p *fakeProcess) Stop(now bool) {
	p.stops = "stop"
	if now {
		p.stops = "now"
	}
}

func (p *fakeProcess) Signal(s syscall.Signal) { p.signals = append(p.signals, s) }
func (p *fakeProcess) Resize()                 { p.resized++ }
func (p *fakeProcess) Pid() int                { return p.pid }
func (p *fakeProcess) Listeners() []string     { return nil }

func (p *fakeProcess) step(in plan.Input) { p.report(launch.Step{Input: in}) }

func (p *fakeProcess) launched() {
	p.pid = 100 + p.l.Launch
	p.step(plan.Launched{Service: p.name, Launch: p.l.Launch, PID: p.pid})
}

// gone ends the process.
func (p *fakeProcess) gone(x event.Exited) {
	p.step(plan.Ended{Service: p.name, Launch: p.l.Launch, Exit: x})
	p.step(plan.Gone{Service: p.name, Launch: p.l.Launch})
	close(p.end)
	synctest.Wait()
}

// fakePage is a companion that remembers what it got.
type fakePage struct {
	url      string
	events   int
	promoted []int
	closed   bool
	ran      bool
	err      error // with which it ends at once
}

func (p *fakePage) Emit(event.Event)                { p.events++ }
func (p *fakePage) Close() error                    { p.closed = true; return nil }
func (p *fakePage) Place() (companion.Place, error) { return companion.Place{}, nil }
func (p *fakePage) SetUpstream(companion.Place)     {}
func (p *fakePage) Promote(pid int)                 { p.promoted = append(p.promoted, pid) }
func (p *fakePage) Drain(context.Context, int)      {}
func (p *fakePage) Suspended(int, *event.Problem)   {}
func (p *fakePage) URL() string                     { return p.url }
func (p *fakePage) Reload(bool) int                 { return 2 }
func (p *fakePage) Run(ctx context.Context) error {
	p.ran = true
	if p.err == nil {
		<-ctx.Done()
	}
	return p.err
}

// port is the port of an address that is free.
func port(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
