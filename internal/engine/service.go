package engine

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
)

// service is one program: how it is built and run, and what runs of it now.
type service struct {
	engine *Engine
	name   string
	conf   atomic.Pointer[settings] // replaced when the config is edited

	leaving   atomic.Bool // the config has it no longer, or not like this
	forgotten atomic.Bool
	close     context.CancelFunc
	serving   sync.WaitGroup // the proxy

	graph atomic.Pointer[gograph.Graph]
	opens atomic.Pointer[discover.Set] // what its code opens
	// wanted counts the changes after which the graph must be read again, loaded
	// is the count that the graph was read after. While they differ the graph
	// may not describe the files as they are, and every Go file counts, so that
	// nothing is missed.
	wanted, loaded atomic.Int64
	opening        opening
	awaitsPipe     atomic.Bool // a build failed for a named pipe, and is made again when that is gone
	// tried is the count of wanted up to which reading the graph has come to an end, well or
	// not, and what it found has been posted.
	tried   atomic.Int64
	asked   int64        // the count for which Await had it read; of the engine's goroutine
	growing atomic.Int64 // when one of its files last changed that may still be growing
	// asOf is when the newest build that ran to its end began to read files.
	asOf, began atomic.Int64

	hooks hooks

	mu        sync.Mutex
	cancel    context.CancelFunc // ends the running build or rule commands
	stopQuiet context.CancelFunc // ends whenQuiet; nil: it was never called
	beside    companion.All      // the proxy, if there is one
	sockets   *launch.Sockets
	program   *launch.Program
	launches  map[int]*launch.Process
	early     atomic.Pointer[launch.EndedEarly] // an end that is explained when the import graph is there
}

// settings are what the config says of a service, ready to be used. They do not change.
type settings struct {
	config.Service
	builder *builder.Builder // nil where nothing is built
	rules   []rule
}

func newService(e *Engine, c config.Service) (*service, error) {
	v := &service{engine: e, name: c.Name, launches: map[int]*launch.Process{}}
	v.wanted.Store(1)
	set, err := v.settings(c, v.cache())
	if err != nil {
		return nil, err
	}
	v.conf.Store(set)
	if err = v.newFront(e); err != nil {
		return nil, err
	}
	if v.sockets, err = launch.Listen(e.root, c.Run.Listen, &e.reserved); err != nil {
		v.release()
		return nil, err
	}
	v.program = launch.NewProgram(e.host, c, filepath.Join(v.cache(), "state"), v.sockets, v.beside)
	return v, nil
}

// cache is the private directory of the service.
func (v *service) cache() string { return filepath.Join(v.engine.opt.Cache, cacheName(v.name)) }

// release gives back what the service holds for its programs.
func (v *service) release() {
	v.sockets.Close()
	v.beside.Close()
}

// settings makes the config usable; cache is where its builder keeps binaries.
func (v *service) settings(c config.Service, cache string) (*settings, error) {
	set := &settings{Service: c, rules: compileRules(v.engine.root, c.Rules)}
	var err error
	if set.builder, err = builder.New(v.buildOptions(c, cache)); err != nil {
		return nil, err
	}
	if g := v.graph.Load(); g != nil {
		set.builder.SetHeaders(headersOf(g))
	}
	return set, nil
}

func (v *service) buildOptions(c config.Service, cache string) builder.Options {
	b, e := c.Build, v.engine
	o := builder.Options{
		Dir:     e.root,
		Package: b.Package,
		Command: builder.Step{Argv: b.Command.Argv, Shell: b.Command.Shell},
		Output:  b.Output,
		GoBuild: builder.GoBuild{
			Flags: b.Flags, Tags: b.Tags, Race: b.Race, DWARF: b.DWARF, Linker: string(b.Linker), Engine: string(b.Engine),
		},
		Env:     proc.MergeEnv(proc.CleanEnv(e.opt.Env), b.Env),
		Cache:   cache,
		Timeout: b.Timeout,
		Name:    v.name,
		Hooks: builder.Hooks{
			Compiling: func(gen int) {
				now := time.Now()
				v.began.Store(now.UnixNano())
				e.post(plan.Compiling{Service: v.name, Generation: gen, At: now})
			},
			Inputs:   v.inputs,
			Wait:     e.burstEnd,
			Stopping: v.waitsForCommand,
			Kill:     e.hurry,
		},
	}
	for _, c := range b.Before {
		o.Before = append(o.Before, builder.Step{Argv: c.Argv, Shell: c.Shell})
	}
	return o
}

// cacheName makes a directory name of a service's name.
func cacheName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// job reports whether the program is one that does its work and ends.
func (s *settings) job() bool { return s.Run.Ready.Exit }

// What the config says, in the terms of the plan.
var (
	restartPolicies = map[config.Restart]plan.RestartPolicy{
		config.RestartNever: plan.RestartNever, config.RestartOnFailure: plan.RestartOnFailure, config.RestartAlways: plan.RestartAlways,
	}
	onBuildError = map[config.OnBuildError]plan.OnBuildError{
		config.KeepOnBuildError: plan.KeepRunning, config.StopOnBuildError: plan.StopRunning,
	}
)

func (s *settings) spec() plan.Service {
	return plan.Service{
		Name: s.Name, Needs: s.Needs, Builds: s.Builds(), Before: len(s.Build.Before) > 0,
		Restart: restartPolicies[s.Run.Restart], OnError: onBuildError[s.Run.OnBuildError],
		Group: s.builder.Group(), StopTimeout: s.Run.StopTimeout,
		Job:        s.job(),
		StartFirst: s.Run.Order == config.StartFirst && !s.job(), Rollback: s.Run.Rollback && !s.job(),
	}
}

// stale reports whether the import graph has to be read again.
func (v *service) stale() bool { return v.wanted.Load() != v.loaded.Load() }

func finished(res builder.Result) event.BuildFinished {
	b := event.BuildFinished{
		OK: res.OK, DurationMS: event.MS(res.Duration), Output: res.Output,
		Summary: res.Summary, Hint: res.Hint, OutputFile: res.OutputFile,
		Engine: res.Engine, Fallback: res.Fallback, Warnings: res.Warnings, Again: res.Again,
	}
	for _, d := range res.Diagnostics {
		ed := event.Diagnostic{File: d.File, Line: d.Line, Column: d.Column, Message: d.Message, Package: d.Package}
		if d.More != "" {
			ed.Message += "\n" + d.More
		}
		for _, l := range d.Frame {
			ed.Frame = append(ed.Frame, event.SourceLine{Number: l.Number, Text: l.Text})
		}
		b.Diagnostics = append(b.Diagnostics, ed)
	}
	return b
}

// runRules runs the commands of rules, in the order of the config.
func (v *service) runRules(a plan.RunRules) {
	ctx, end := v.begin()
	set := v.conf.Load()
	var steps []builder.Step
	for _, i := range slices.Sorted(slices.Values(a.Rules)) {
		if i < len(set.rules) { // the config may have lost rules meanwhile
			c := set.rules[i].command
			env := map[string]string{"HOTRELOAD_CHANGED": v.engine.pathList(a.Changed[i])}
			steps = append(steps, builder.Step{Argv: c.Argv, Shell: c.Shell, Env: env})
		}
	}
	v.engine.spawn(func() {
		res := set.builder.Steps(ctx, a.Generation, steps)
		if !res.OK && !res.Canceled {
			v.beforeFailure(ctx, a.Generation)
		}
		end()
		v.engine.post(plan.RulesDone{
			Service: v.name, Generation: a.Generation, OK: res.OK, Canceled: res.Canceled, Finished: finished(res),
		})
	})
}

// pathListMax is the size of the longest HOTRELOAD_CHANGED, in bytes: Windows has 32,767
// characters for a variable, Linux 128 KiB.
const pathListMax = 30_000

// pathList has one path per line, relative to the root. A name that would break its line is
// quoted, as Git does. It is empty if the paths are too many: then anything may have changed.
func (e *Engine) pathList(paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		p = e.rel(p)
		if strings.ContainsAny(p, "\n\r") {
			p = strconv.Quote(p)
		}
		b.WriteString(p + "\n")
	}
	if b.Len() > pathListMax {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (v *service) cancelJob() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cancel != nil {
		v.cancel()
	}
}

// start runs the program beside the engine and reports every step of its life.
func (v *service) start(a plan.Launch) {
	l := v.program.New(a, v.happened)
	v.mu.Lock()
	v.launches[a.Launch] = l
	v.mu.Unlock()
	v.engine.spawn(func() {
		defer func() {
			v.mu.Lock()
			delete(v.launches, a.Launch)
			v.mu.Unlock()
		}()
		l.Run()
	})
}

// happened takes what a program reports.
func (v *service) happened(ev launch.Event) {
	e := v.engine
	switch ev := ev.(type) {
	case launch.Step:
		e.post(ev.Input)
	case launch.Said:
		of := event.Event{Time: time.Now(), Service: v.name, Generation: ev.Generation, Body: ev.Problem}
		if ev.Aside {
			e.note(of)
		} else {
			e.emit(of)
		}
	case launch.Slow:
		v.waitsFor(ev.What)
	case launch.AddressTaken:
		e.spawn(func() {
			var all []config.Service
			for _, o := range e.all() {
				all = append(all, o.conf.Load().Service)
			}
			p := v.program.ExplainTaken(ev, all, e.conf.Load().Control.Listen)
			e.emit(event.Event{Time: time.Now(), Service: v.name, Generation: ev.Generation, Body: p})
		})
	case launch.EndedEarly:
		v.endedEarly(ev)
	}
}

// endedEarly explains the end of a program, now or when its sources are known: the first build
// is over before that.
func (v *service) endedEarly(ev launch.EndedEarly) {
	if v.graph.Load() == nil && v.conf.Load().GoBuilds() {
		v.early.Store(&ev)
		if v.graph.Load() == nil || v.early.Swap(nil) == nil {
			return
		}
	}
	var sources []string
	if g := v.graph.Load(); g != nil {
		sources = append([]string{}, g.Sources()...)
	}
	if p, ok := v.program.Explain(ev, sources); ok {
		v.engine.post(func() { // after its end has been reported
			v.engine.note(event.Event{Time: time.Now(), Service: v.name, Generation: ev.Generation, Body: p})
		})
	}
}

func (v *service) explainWithGraph() {
	if end := v.early.Swap(nil); end != nil {
		v.endedEarly(*end)
	}
}

// waitsForCommand reports that a canceled command takes its time to end.
func (v *service) waitsForCommand(command string) { v.waitsFor("`" + command + "` to stop") }

func (v *service) waitsFor(what string) {
	v.engine.post(func() {
		if v.engine.state.Quitting() {
			what += "; Ctrl-C again kills it"
		}
		reason := "waits for " + what
		for _, b := range []event.Body{event.Waiting{Reason: reason, What: "for " + what}, event.Held{Reason: reason}} {
			v.engine.note(event.Event{Time: time.Now(), Service: v.name, Body: b})
		}
	})
}

func (v *service) envFiles() []string { return launch.EnvFiles(v.engine.root, v.conf.Load().Run) }

// reads reports whether the program reads the file at its start.
func (v *service) reads(path string) bool { return slices.Contains(v.envFiles(), path) }

// process is the one of that launch; nil if it is gone.
func (v *service) process(n int) *launch.Process {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.launches[n]
}

func (v *service) stop(n int, now bool) {
	if l := v.process(n); l != nil {
		l.Stop(now)
	}
}

func (v *service) signal(n int, name string) {
	sig, err := config.Signal(name).Number()
	if err != nil {
		v.engine.note(event.Event{Time: time.Now(), Service: v.name, Body: event.Problem{Message: err.Error()}})
		return
	}
	if l := v.process(n); l != nil {
		l.Signal(sig)
	}
}

// promote lets what is beside the program know that the process of the launch takes over.
func (v *service) promote(n int) {
	if l := v.process(n); l != nil && l.Pid() != 0 {
		v.beside.Promote(l.Pid())
	}
}

func (v *service) each(f func(*launch.Process)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.launches {
		f(l)
	}
}
