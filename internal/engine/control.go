package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
)

// errEnded answers questions to a session that is over.
var errEnded = errors.New("the session has ended")

// ErrNoService is returned for a service that the session does not have.
var ErrNoService = errors.New("no such service")

// question is put to the goroutine that owns the state. It is asked again after
// every input until it says that it has its answer.
type question struct {
	ask  func(*plan.State) (done bool)
	done chan struct{}
}

// ask puts a question to the engine and waits for its answer.
func (e *Engine) ask(ctx context.Context, f func(*plan.State) bool) error {
	q := &question{ask: f, done: make(chan struct{})}
	select {
	case e.inputs <- q:
	case <-e.over:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-q.done:
		return nil
	case <-e.over:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Snapshot is the state of the session at one moment.
type Snapshot struct {
	PID      int
	Version  string
	Dir      string
	Config   string
	Backend  string
	Watches  int
	Paused   bool
	Services []plan.Report
	Engines  map[string]builder.EngineStatus // of services that ask for the direct engine
	Proxies  map[string]string               // addresses of the proxies, of services that have one
}

// Snapshot describes the session.
func (e *Engine) Snapshot(ctx context.Context) (Snapshot, error) {
	s := Snapshot{PID: os.Getpid(), Version: e.opt.Version, Dir: e.root, Config: e.conf.Load().Path, Backend: "none"}
	if w := e.watch(); w != nil {
		st := w.Stats()
		s.Backend, s.Watches = st.Backend, st.Watches
	}
	s.Engines, s.Proxies = map[string]builder.EngineStatus{}, map[string]string{}
	for _, v := range e.all() {
		if url := v.beside.URL(); url != "" && !v.leaving.Load() {
			s.Proxies[v.name] = url
		}
		if es := v.conf.Load().builder.EngineStatus(); es.Wanted {
			s.Engines[v.name] = es
		}
	}
	err := e.ask(ctx, func(st *plan.State) bool {
		s.Services, s.Paused = st.Reports(), st.Paused()
		return true
	})
	return s, err
}

// Await returns when all that was asked for before the call, by files or by
// commands, has come to its end for the service (empty: for all). It does not
// trust the queue of file events: it looks at the files.
func (e *Engine) Await(ctx context.Context, service string) ([]plan.Report, error) {
	if service != "" && !slices.Contains(e.names(), service) {
		return nil, fmt.Errorf("%w: %q", ErrNoService, service)
	}
	if e.watch() != nil {
		if err := e.catchUp(ctx); err != nil {
			return nil, err
		}
	}
	var out []plan.Report
	err := e.ask(ctx, func(st *plan.State) bool {
		if e.changing.Load() {
			return false
		}
		out = out[:0]
		for _, r := range st.Reports() {
			if service != "" && r.Service != service {
				continue
			}
			// While paused nothing will happen, so there is nothing to wait for.
			if !r.Paused && (!r.Settled || e.unjudged(r)) {
				return false
			}
			out = append(out, r)
		}
		return true
	})
	return out, err
}

// unjudged reports whether a save may have been made that nothing could tell from one that
// concerns nobody: the import graph of the service is unknown or out of date, or it is not
// known yet what the program opens. It has the graph read, so that the answer comes.
func (e *Engine) unjudged(r plan.Report) bool {
	v := e.service(r.Service)
	if v == nil || e.watch() == nil || r.State == plan.StateStopped || !v.conf.Load().GoBuilds() {
		return false
	}
	wanted := v.wanted.Load()
	if v.tried.Load() >= wanted {
		return v.opening.pending()
	}
	if v.asked < wanted {
		v.asked = wanted
		e.spawn(func() { e.notify.graph(v) })
	}
	return true
}

// catchUp returns when every change of a file made before the call is an input of the plan.
func (e *Engine) catchUp(ctx context.Context) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	// What the watcher has handed over is now with the inspector; once it has
	// come by here, all of it has been posted.
	return e.inspect.pass(ctx)
}

// answer asks the open questions; those that have their answer are dropped.
func (e *Engine) answer() {
	e.open = slices.DeleteFunc(e.open, func(q *question) bool {
		if q.ask(e.state) {
			close(q.done)
			return true
		}
		return false
	})
}

// Subscribe returns the events from now on, as JSON lines. A reader that falls
// behind loses the stream: the channel is closed.
func (e *Engine) Subscribe(ctx context.Context) <-chan []byte {
	c := &subscriber{lines: make(chan []byte, 1024)}
	e.subscribers.add(c)
	context.AfterFunc(ctx, func() { e.subscribers.remove(c) })
	return c.lines
}

// subscribers is a sink that hands events to any number of readers and waits for
// none of them.
type subscribers struct {
	mu   sync.Mutex
	all  []*subscriber
	over bool
	some atomic.Bool // there is one: output is worth being cut into lines
}

type subscriber struct {
	lines  chan []byte
	closed bool
}

func (s *subscribers) add(c *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		close(c.lines)
		c.closed = true
		return
	}
	s.all = append(s.all, c)
	s.some.Store(true)
}

func (s *subscribers) remove(c *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
	s.all = slices.DeleteFunc(s.all, func(o *subscriber) bool { return o == c })
	s.some.Store(len(s.all) > 0)
}

func (s *subscribers) drop(c *subscriber) {
	if !c.closed {
		c.closed = true
		close(c.lines)
	}
}

// Emit implements event.Sink.
func (s *subscribers) Emit(ev event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return
	}
	line := ev.Line()
	s.all = slices.DeleteFunc(s.all, func(c *subscriber) bool {
		select {
		case c.lines <- line:
			return false
		default:
			s.drop(c)
			return true
		}
	})
}

func (s *subscribers) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, c := range s.all {
		s.drop(c)
	}
	s.all = nil
}
