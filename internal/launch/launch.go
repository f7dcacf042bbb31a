// Package launch takes one program from its settings to its end: environment, streams, standard
// input, sockets, readiness, who uses its port, and what it leaves behind.
//
// It reports upward by values (Event) and knows nothing about its caller. What all programs of a
// session share is the Host; what is known about one program over all its starts is the Program;
// one start is a Process.
//
// We rejected methods of the session's service for this: each of them could reach all of the
// session, and none could be tested without it.
package launch

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
)

// Host is what the programs of a session share. It does not change.
type Host struct {
	Root string
	Env  []string // complete environment that hotreload was started with
	Args []string // arguments of the program from the command line; nil: those of the config

	// EnvFile returns the variables of an env file, or what they were when it was last right.
	EnvFile func(path string) (map[string]string, error)

	// App takes the program's bytes; it may block.
	App func(service string, stderr bool, p []byte) // nil p: this process writes no more
	// Output, when given, also takes the program's output as events, as long as
	// WantsOutput says so. It must not block.
	Output      func(event.Event)
	WantsOutput func() bool

	// Stdout and Stderr are hotreload's own, where they are terminals.
	Stdout, Stderr *os.File
	// Input is hotreload's standard input, for programs that want it (run.stdin).
	Input Input
	// Suspend stops the session as Ctrl-Z does. It is called when a program that has the
	// terminal was stopped by it. May be nil.
	Suspend func()

	// Go runs a function in a goroutine that the session waits for.
	Go func(func())

	Logs  Logs
	relay relay
}

// Event is what happens to a program.
type Event interface{ event() }

type (
	// Step is a step in its life, for the plan.
	Step struct{ plan.Input }

	// Said is a problem to report. Aside says that it is no sign of whether the program
	// starts: it is for people, and no reason why the program is not there.
	Said struct {
		Generation int
		event.Problem
		Aside bool
	}

	// Slow says that something takes its time to stop: "app to stop, at most 10s".
	Slow struct{ What string }

	// AddressTaken says that the program could not listen. ExplainTaken finds out why.
	AddressTaken struct {
		Generation int
		PID        int
		Addr       string // empty: the program did not say which
		Env        []string
	}

	// EndedEarly says that the program ended at once and without an error. Program.Explain
	// finds a likely reason in its sources.
	EndedEarly struct {
		Generation int
		noInput    bool
	}
)

func (Step) event()         {}
func (Said) event()         {}
func (Slow) event()         {}
func (AddressTaken) event() {}
func (EndedEarly) event()   {}

// Program is what is known of one program over all its starts. Its methods may be called from
// any goroutine.
type Program struct {
	host       *Host
	name       string
	state      string // the directory of HOTRELOAD_STATE_DIR
	sockets    *Sockets
	companions companion.All
	conf       atomic.Pointer[config.Service]
	once       reportedOnce

	mu      sync.Mutex
	given   []string       // environment of the newest process, but for what hotreload adds
	running int            // processes
	adopted netip.AddrPort // where it listens although it is given a port; zero: not known
	server  triState       // does the program listen, as far as its earlier starts have shown
}

// triState is what is known of a yes-or-no question.
type triState int

const (
	unknown triState = iota
	yes
	no
)

// NewProgram knows nothing yet of the program. State is a directory that the program may use
// over restarts; it is made when it is needed.
func NewProgram(h *Host, c config.Service, state string, s *Sockets, companions companion.All) *Program {
	p := &Program{host: h, name: c.Name, state: state, sockets: s, companions: companions}
	p.Configure(c)
	_, _ = p.variables() // known from now on; the start of the program reports a mistake
	return p
}

// Configure replaces the settings, for the next start and as far as possible for what runs.
func (p *Program) Configure(c config.Service) { p.conf.Store(&c) }

// job reports whether the program is one that does its work and ends.
func (p *Program) job() bool { return p.conf.Load().Run.Ready.Exit }

// RunsWithThis reports whether what runs has the environment that it would have now.
func (p *Program) RunsWithThis() bool {
	now, err := p.variables()
	p.mu.Lock()
	defer p.mu.Unlock()
	return err == nil && p.running > 0 && slices.Equal(now, p.given)
}

// Given is a variable that what runs was started with; empty if it has none, or if nothing runs.
func (p *Program) Given(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == 0 {
		return ""
	}
	value, _ := proc.LookupEnv(p.given, name)
	return value
}

// isServer reports whether the program has been seen to listen.
func (p *Program) isServer() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server == yes
}

func (p *Program) learnServer(s triState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = s
}

// Process is one start of a program, from the wish to its end.
type Process struct {
	program *Program
	launch  plan.Launch
	report  func(Event)
	hurry   chan struct{} // closed when it must end at once

	mu      sync.Mutex
	process *runner.Process // nil: not started yet
	feed    *feed           // its standard input; nil: none
	stop    bool            // asked to end before it had started
	now     bool
	rushed  bool // hurry is closed
}

// New is one start, which Run makes. Report may be called from any goroutine.
func (p *Program) New(l plan.Launch, report func(Event)) *Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	return &Process{program: p, launch: l, report: report, hurry: make(chan struct{})}
}

// Pid is 0 before the process runs.
func (l *Process) Pid() int {
	if p := l.running(); p != nil {
		return p.Pid()
	}
	return 0
}

func (l *Process) running() *runner.Process {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.process
}

// Listeners are the ports on which the process listens.
func (l *Process) Listeners() (ports []string) {
	if p := l.running(); p != nil {
		for _, at := range p.Listeners() {
			ports = append(ports, portOf(at.String()))
		}
	}
	return ports
}

// Signal sends the signal, if the process runs.
func (l *Process) Signal(sig syscall.Signal) {
	if p := l.running(); p != nil {
		_ = p.Signal(sig)
	}
}

// Resize copies the terminal's size to the process's pseudo-terminals.
func (l *Process) Resize() {
	if p := l.running(); p != nil {
		p.Resize()
	}
}

// Stop ends the process: after its companions have nothing left for it, or now. It does not wait.
func (l *Process) Stop(now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed.leave()
	switch {
	case l.process == nil:
		l.stop, l.now = true, l.now || now
	case now:
		if !l.rushed {
			l.rushed = true
			close(l.hurry)
		}
		l.process.Kill()
	case len(l.program.companions) > 0 || !l.program.isServer():
		l.program.host.Go(func() {
			l.program.seeListening(l.process)
			l.drain()
			l.ask(l.process)
		})
	default:
		l.ask(l.process)
	}
}

// started notes the process, and ends it if that was asked for in the meantime.
func (l *Process) started(p *runner.Process, f *feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.process, l.feed = p, f
	switch {
	case !l.stop:
	case l.now:
		f.leave()
		p.Kill()
	default:
		f.leave()
		l.ask(p)
	}
}

// slowStop is how long a program may take to end before that is reported.
const slowStop = time.Second

// ask asks the process to end.
func (l *Process) ask(p *runner.Process) {
	p.Stop()
	time.AfterFunc(slowStop, func() {
		select {
		case <-p.Gone():
		default:
			l.report(Slow{l.program.name + " to stop, at most " + l.program.conf.Load().Run.StopTimeout.String()})
		}
	})
}

// drain lets the requests that the program works on end before it is asked to end; at most for
// the time that it has to stop.
func (l *Process) drain() {
	if len(l.program.companions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.program.conf.Load().Run.StopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.program.companions.Drain(ctx, l.process.Pid())
	}()
	select {
	case <-done:
	case <-l.process.Gone():
		cancel()
		<-done
	case <-l.hurry:
		cancel()
		<-done
	}
}

// seeListening notes that a program is a server, should it have needed longer to listen than
// it was given. That reads the system's tables.
func (p *Program) seeListening(r *runner.Process) {
	if !p.isServer() && r.Listens() {
		p.learnServer(yes)
	}
}
