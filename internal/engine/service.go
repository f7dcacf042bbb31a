package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
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
	front     *front             // the proxy; nil: none
	sockets   *sockets
	launches  map[int]*launch
	told      toldOnce
	early     atomic.Pointer[earlyEnd]
	given     []string // environment of the newest process, but for what hotreload adds
	server    answer   // does the program listen, as far as its earlier starts have shown
}

// answer is what is known of a yes-or-no question.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// settings are what the config says of a service, ready to be used. They do not change.
type settings struct {
	config.Service
	builder *builder.Builder // nil where nothing is built
	rules   []rule
}

// launch is one process, from the wish to start it to its end.
type launch struct {
	process *runner.Process
	feed    *feed // its standard input; nil: none
	stop    bool  // asked to end before it had started
	now     bool
	addr    string        // where it answers behind a proxy
	hurry   chan struct{} // closed when it must end at once
	rushed  bool          // hurry is closed
}

func newService(e *Engine, c config.Service) (*service, error) {
	v := &service{engine: e, name: c.Name, launches: map[int]*launch{}}
	v.wanted.Store(1)
	set, err := v.settings(c, v.cache())
	if err != nil {
		return nil, err
	}
	v.conf.Store(set)
	_, _ = v.variables() // known from now on; the start of the program reports a mistake
	if v.front, err = v.newFront(e); err != nil {
		return nil, err
	}
	if v.sockets, err = e.listen(c.Run.Listen); err != nil {
		v.release()
		return nil, err
	}
	return v, nil
}

// cache is the private directory of the service.
func (v *service) cache() string { return filepath.Join(v.engine.opt.Cache, cacheName(v.name)) }

// release gives back what the service holds for its programs.
func (v *service) release() {
	v.sockets.close()
	if v.front != nil {
		v.front.Close()
	}
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
		Command: b.Command.Argv,
		Shell:   b.Command.Shell,
		Output:  b.Output,
		Flags:   b.Flags,
		Tags:    b.Tags,
		Race:    b.Race,
		DWARF:   b.DWARF,
		Linker:  string(b.Linker),
		Engine:  string(b.Engine),
		Env:     proc.MergeEnv(proc.CleanEnv(e.opt.Env), b.Env),
		Cache:   cache,
		Timeout: b.Timeout,
		Name:    v.name,
		Compiling: func(gen int) {
			now := time.Now()
			v.began.Store(now.UnixNano())
			e.post(plan.Compiling{Service: v.name, Generation: gen, At: now})
		},
		Inputs:   v.inputs,
		Wait:     e.burstEnd,
		Stopping: v.waitsForCommand,
		Kill:     e.hurry,
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
	l := &launch{hurry: make(chan struct{})}
	v.mu.Lock()
	v.launches[a.Launch] = l
	v.mu.Unlock()
	v.engine.spawn(func() {
		defer func() {
			v.mu.Lock()
			delete(v.launches, a.Launch)
			v.mu.Unlock()
		}()
		v.live(a, l)
	})
}

func (v *service) live(a plan.Launch, l *launch) {
	e := v.engine
	out, outDone := v.stream(a, "stdout", e.opt.Stdout)
	errs, errDone := v.stream(a, "stderr", e.opt.Stderr)
	spec, err := v.runSpec(a, l)
	var p *runner.Process
	var feed *feed
	if err == nil {
		spec.Stdout, spec.Stderr = out, errs
		feed, err = v.giveInput(&spec, a.Generation)
	}
	if err == nil {
		p, err = runner.Start(spec)
	}
	if err != nil {
		feed.close()
		e.post(plan.Launched{Service: v.name, Launch: a.Launch, Problem: problem("cannot start "+v.name, err)})
		return
	}
	v.mu.Lock()
	l.process, l.feed = p, feed
	if l.stop {
		feed.leave()
		if l.now {
			p.Kill()
		} else {
			v.stopProcess(p)
		}
	}
	v.mu.Unlock()
	e.post(plan.Launched{Service: v.name, Launch: a.Launch, PID: p.Pid()})

	ready := p.Ready()
	if v.conf.Load().job() {
		ready = nil // its end says it
	}
	stopped := p.Stopped()
	exited := p.Exited()
	ended := func(x runner.Exit) {
		if why, yes := userEnded(spec, x); yes {
			e.quitFor(why)
		}
		v.tidyUp(spec, x)
		e.post(plan.Ended{Service: v.name, Launch: a.Launch, Exit: exit(p.Pid(), x)})
	}
	var elsewhere, remains <-chan time.Time
	if v.front != nil && v.front.auto && spec.Ready.TCP == l.addr {
		t := time.NewTicker(portPatience)
		defer t.Stop()
		elsewhere = t.C
	}
	for {
		select {
		case <-elsewhere:
			if ready == nil || v.otherPort(a.Generation, p, l.addr) {
				elsewhere = nil
			}
		case err := <-ready:
			switch {
			case !errors.Is(err, runner.ErrLate):
				ready = nil
			case v.noLonger(spec.Ready, a.Program.Binary):
				ready, err = nil, nil
			case v.conf.Load().Run.ReadyTimeout == 0:
				continue
			}
			if errors.Is(err, runner.ErrEnded) {
				continue // its end is told, with the reason; twice would be noise
			}
			r := plan.ReadyIs{Service: v.name, Launch: a.Launch}
			if err != nil {
				r.Problem = problem("", fmt.Errorf("%s is %w", v.name, err))
				v.elsewhere(p, spec.Ready, r.Problem)
			} else {
				v.learn(p, spec.Ready)
				if v.front != nil {
					v.front.SetUpstream(l.addr)
				}
			}
			e.post(r)
		case sig := <-stopped:
			v.stoppedBy(spec, a.Launch, p.Pid(), sig)
		case addr := <-p.InUse():
			v.addressTaken(a.Generation, p.Pid(), addr, spec.Env)
		case x := <-exited:
			exited, ready, stopped = nil, nil, nil
			ended(x)
			v.explainEarlyEnd(spec, a.Generation, x)
			t := time.NewTimer(leftoverGrace)
			defer t.Stop()
			remains = t.C
		case <-remains:
			v.stillRuns(a.Generation, p)
		case <-p.Gone():
			if exited != nil {
				select {
				case x := <-exited:
					ended(x)
				default:
				}
			}
			select {
			case addr := <-p.InUse():
				v.addressTaken(a.Generation, p.Pid(), addr, spec.Env)
			default:
			}
			outDone()
			errDone()
			feed.close()
			v.leftBehind(a.Generation, p)
			e.post(plan.Gone{Service: v.name, Launch: a.Launch})
			return
		}
	}
}

func exit(pid int, x runner.Exit) event.Exited {
	ev := event.Exited{
		PID: pid, Code: x.Code, DurationMS: event.MS(x.Duration), Reason: x.Reason, Killed: x.Killed,
	}
	if x.Signal != 0 {
		ev.Code, ev.Signal, ev.Number = -1, signalName(x.Signal), int(x.Signal)
	}
	if x.Panic != nil {
		ev.Panic, ev.File, ev.Line = x.Panic.Stack, x.Panic.Frame.File, x.Panic.Frame.Line
	}
	return ev
}

// problem is why the program of a service does not run.
func problem(what string, err error) *event.Problem {
	p := &event.Problem{Message: err.Error(), Hint: advice.Hint(err), Failed: true}
	if what != "" {
		p.Message = what + ": " + p.Message
	}
	return p
}

// stream is where one output of the program goes: to the screen, and to whoever
// records it.
func (v *service) stream(a plan.Launch, name string, tty *os.File) (s runner.Stream, done func()) {
	e := v.engine
	stderr := name == "stderr"
	lines := &event.Lines{Service: v.name, Stream: name, Generation: a.Generation, Now: time.Now, Emit: func(ev event.Event) {
		if e.opt.Record != nil {
			e.opt.Record.Emit(ev)
		}
		e.subscribers.Emit(ev)
	}}
	return runner.Stream{TTY: tty, Write: func(p []byte) {
			e.logs.write(v.name, a.Generation, stderr, p)
			if e.opt.Record != nil || e.subscribers.some.Load() {
				lines.Write(p)
			}
			e.opt.App(v.name, stderr, p)
		}}, func() {
			lines.Close()
			e.opt.App(v.name, stderr, nil)
		}
}

// runSpec is how the program is started this time: env files are read anew.
func (v *service) runSpec(a plan.Launch, l *launch) (runner.Spec, error) {
	e, r := v.engine, v.conf.Load().Run
	args := r.Args
	if e.opt.Args != nil {
		args = e.opt.Args
	}
	dir := e.abs(r.Dir)
	s := runner.Spec{Dir: dir, Ready: v.readiness(a.Program.Binary)}
	switch {
	case len(r.Command) > 0:
		for _, arg := range r.Command {
			s.Args = append(s.Args, strings.ReplaceAll(arg, "{binary}", a.Program.Binary))
		}
		s.Args = append(s.Args, args...)
	case a.Program.Binary != "":
		s.Args = append([]string{a.Program.Binary}, args...)
	default:
		return s, advice.With(errors.New("there is no program to run"), "set build.output to the file that build.command makes, or run.command")
	}
	var err error
	if s.Env, err = v.environment(a.Generation); err != nil {
		return s, err
	}
	if s.Path, err = lookup(s.Args[0], dir, s.Env); err != nil {
		return s, err
	}
	if s.StopSignal, err = r.StopSignal.Number(); err != nil {
		return s, err
	}
	s.StopTimeout = r.StopTimeout
	if len(v.sockets.files) > 0 {
		s.Sockets, s.SocketNames = v.sockets.files, v.sockets.names
		if r.Ready.IsZero() {
			// A connection proves nothing here: the kernel accepts it for a
			// program that is dead.
			s.Ready = runner.Ready{After: survives}
		}
	}
	if v.front != nil {
		if l.addr, err = v.front.address(); err != nil {
			return s, err
		}
		for _, kv := range v.front.env(l.addr) {
			k, val, _ := strings.Cut(kv, "=")
			s.Env = proc.SetEnv(s.Env, k, val)
		}
		if r.Ready.IsZero() {
			s.Ready = v.front.ready(l.addr, r.ReadyTimeout)
		}
	}
	return s, nil
}

// survives is how long a program must live to count as live when nothing tells that it is
// ready. Counting it as live from its start was rejected: a worker that panicked 100 ms later
// had been reported as live, and with start-first it had ended the good one.
const survives = 300 * time.Millisecond

// readiness is when the program counts as live. Without a setting, a server is ready when
// it listens, and everything else when it has lived for a moment. Which one it is, its
// predecessor has shown, or what is linked into it.
func (v *service) readiness(binary string) runner.Ready {
	r := v.conf.Load().Run
	if c := r.Ready; !c.IsZero() { // a job has none of these: the plan learns of its end anyway
		return runner.Ready{TCP: c.TCP, HTTP: c.HTTP, Log: c.Log, Notify: c.Notify, After: c.After, Timeout: r.ReadyTimeout}
	}
	patience := r.ReadyTimeout
	if patience == 0 { // no limit, but for finding out that it is no server
		patience = listenMost
	}
	v.mu.Lock()
	server := v.server
	v.mu.Unlock()
	switch server {
	case yes:
		return runner.Ready{Listen: true, Timeout: patience}
	case unknown:
		switch canListen(binary) {
		case unknown:
			return runner.Ready{Listen: true, Grace: listenGrace}
		case yes:
			// Migrations may come first. A program that is no server, because of its arguments,
			// is late for once.
			return runner.Ready{Listen: true, Grace: patience}
		}
	}
	return runner.Ready{After: survives}
}

// noLonger reports whether a program that is late to listen, as it did before, is no server
// any more, and forgets that it was. It is asked late, because most servers listen soon, and one that
// panics on its way there may be unable to listen, too.
func (v *service) noLonger(r runner.Ready, binary string) bool {
	if !r.Listen || canListen(binary) != no {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.server = unknown
	return true
}

// listenGrace is how long the first start of a program of which nothing is known is given
// to listen, before it counts as started though it may be no server.
const listenGrace = 500 * time.Millisecond

// listenMost is the same for a program that could listen, where ready_timeout sets no limit.
const listenMost = 10 * time.Second

// learn notes whether the program, which is ready, is a server. One that could not listen has
// shown nothing: the next one may.
func (v *service) learn(p *runner.Process, r runner.Ready) {
	listens := p.Listens()
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case listens:
		v.server = yes
	case r.Listen && r.Grace > 0:
		v.server = no
	}
}

// isServer reports whether the program has been seen to listen.
func (v *service) isServer() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.server == yes
}

// canListen reports whether a Go program could listen on a TCP or Unix socket: the linker
// leaves the function out of those that do not call it, and its name in the table that
// stack traces need, which is there even without symbols. Unknown: it is no Go program.
func canListen(binary string) answer {
	f, err := os.Open(binary)
	if err != nil {
		return unknown
	}
	defer f.Close()
	found, err := contains(f, []byte("net.(*sysListener).listen"), []byte("runtime.goexit"))
	switch {
	case err != nil || !found[1]:
		return unknown
	case found[0]:
		return yes
	}
	return no
}

// contains reports for each word whether it occurs in what is read.
func contains(r io.Reader, words ...[]byte) ([]bool, error) {
	found := make([]bool, len(words))
	longest := 0
	for _, w := range words {
		longest = max(longest, len(w))
	}
	buf := make([]byte, 0, 256<<10)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for i, w := range words {
			found[i] = found[i] || bytes.Contains(buf, w)
		}
		if err == io.EOF || !slices.Contains(found, false) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		if rest := len(buf) - longest; rest > 0 {
			buf = buf[:copy(buf[:cap(buf)], buf[rest:])]
		}
	}
}

func (v *service) envFiles() []string {
	var files []string
	for _, f := range v.conf.Load().Run.EnvFiles {
		files = append(files, v.engine.abs(f))
	}
	return files
}

// reads reports whether the program reads the file at its start.
func (v *service) reads(path string) bool { return slices.Contains(v.envFiles(), path) }

func (v *service) stop(n int, now bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.launches[n]
	if l != nil {
		l.feed.leave()
	}
	switch {
	case l == nil:
	case l.process == nil:
		l.stop, l.now = true, l.now || now
	case now:
		if !l.rushed {
			l.rushed = true
			close(l.hurry)
		}
		l.process.Kill()
	case v.front != nil || v.server != yes:
		v.engine.spawn(func() {
			v.seeListening(l.process)
			v.drain(l)
			v.stopProcess(l.process)
		})
	default:
		v.stopProcess(l.process)
	}
}

// seeListening notes that a program is a server, should it have needed longer to listen than
// it was given. That reads the system's tables.
func (v *service) seeListening(p *runner.Process) {
	if !v.isServer() && p.Listens() {
		v.mu.Lock()
		v.server = yes
		v.mu.Unlock()
	}
}

func (v *service) signal(n int, name string) {
	sig, err := config.Signal(name).Number()
	if err != nil {
		v.engine.note(event.Event{Time: time.Now(), Service: v.name, Body: event.Problem{Message: err.Error()}})
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.launches[n]; l != nil && l.process != nil {
		_ = l.process.Signal(sig)
	}
}

func (v *service) each(f func(*launch)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.launches {
		f(l)
	}
}
