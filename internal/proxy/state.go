package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Proxy is one front proxy.
//
// The session reports to it in this order:
//
//	changed         requests wait from here on
//	Drain           before the old program is asked to end (stop-first)
//	SetUpstream     where the new one will answer
//	Promote         the new one answers from now on (start-first); Drain of the old one follows
//	live            the switch, if it has not been yet; what waited goes to the new one
//
// and at any time that a signal has stopped a process (Suspended), or that it goes on.
type Proxy struct {
	opt     Options
	ln      net.Listener
	certs   []tls.Certificate // nil: no TLS
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	secret  [32]byte
	session string // distinguishes the pages of this session from those of an earlier one

	base     context.Context
	cancel   context.CancelFunc
	handlers sync.WaitGroup
	encoded  sync.Once // it was reported that pages cannot be given the script
	console  console
	secure   atomic.Bool // the newest program speaks TLS, although its address does not say so

	mu   sync.Mutex    // guards what follows; never held across I/O, so Emit never blocks
	wake chan struct{} // closed and replaced at every change
	seq  int           // counts the changes
	held int           // requests that wait
	demand
	answering
	pages
}

// demand is what the session works on, and why it does not get there.
type demand struct {
	wanted   int       // newest generation that was asked for
	pending  bool      // it is neither live nor has it failed
	starting bool      // a process was started and is not live yet
	paused   bool      // nothing is built until further notice
	ended    bool      // the session is over
	closed   bool      // no request is taken any more
	trouble  *trouble  // why the wanted generation does not answer; nil if it does, or may soon
	troubles int       // counts them
	behind   time.Time // when what answers was left behind by a save; zero: it was not
}

// answering is where requests go.
type answering struct {
	next    string    // address of the program that is live next
	started process   // the newest process
	current *upstream // what answers, or answered last
	retired []*upstream

	suspended    *trouble // a signal has stopped the process suspendedPID; nil: none is stopped
	suspendedPID int
}

// pages is what browsers have and are to have.
type pages struct {
	page     int      // version of the pages: another number means that they load again
	css      int      // version of the style sheets and images
	cssFiles []string // base names of what the newest css version changed; nil: unknown
	touched  []string // base names of files with effect reload since then
	clients  map[*client]struct{}
}

type process struct{ pid, gen int }

// SetUpstream says where the next program will answer: host:port, https://host:port, or unix:PATH.
// Requests go there from the next `live` on. Without it, a new program is
// expected at the address of the old one.
func (p *Proxy) SetUpstream(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = addr
}

// Emit follows the narration of the session; the proxy is an event.Sink. It
// never blocks.
func (p *Proxy) Emit(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Body.(type) {
	case event.SessionEnded:
		p.endLocked()
	case event.Paused: // while nothing is built, the old program is the best there is
		p.paused = true
		p.bump()
	case event.Resumed:
		p.paused = false
		p.bump()
	}
	if e.Service == p.opt.Service {
		p.follow(e)
	}
}

// follow takes an event of the service.
func (p *Proxy) follow(e event.Event) {
	switch b := e.Body.(type) {
	case event.Changed:
		p.changed(e.Generation, b)
	case event.Undone:
		if p.current.answers() {
			p.fine(e.Generation)
		}
	case event.BuildStarted:
		// An edit of the config, or a repeated build, asks for a generation
		// without a change.
		p.want(e.Generation)
	case event.BuildFinished:
		p.built(e.Generation, b)
	case event.Started:
		p.started = process{b.PID, e.Generation}
		p.starting = true
		p.bump()
	case event.Ready:
		p.ready()
	case event.Live:
		p.live(e.Generation)
	case event.Exited:
		p.exited(e.Generation, e.Time, b)
	case event.Problem:
		if (p.pending || p.starting) && (e.Generation == 0 || e.Generation >= p.wanted) {
			p.fail(&trouble{kind: notStarted, gen: e.Generation, problem: b})
		}
	}
}

// ready means that the program that starts has become ready. One that takes the place of a
// broken one is never announced as live: it answers, marked as stale.
func (p *Proxy) ready() {
	if p.starting && !p.pending && p.trouble != nil && !p.current.answers() {
		p.switchTo(p.started.gen)
		p.bump()
	}
}

// want notes that a generation is asked for: requests wait for it.
func (p *Proxy) want(gen int) {
	if gen > p.wanted {
		p.wanted, p.pending = gen, true
		if p.behind.IsZero() {
			p.behind = time.Now()
		}
		p.bump()
	}
}

// bump wakes all waiting requests and informs every browser that something is different.
func (p *Proxy) bump() {
	p.seq++
	close(p.wake)
	p.wake = make(chan struct{})
	for c := range p.clients {
		c.kick()
	}
}

func (p *Proxy) changed(gen int, b event.Changed) {
	switch b.Effect {
	case "rebuild", "restart":
		p.want(gen)
	case "reload":
		for _, f := range b.Paths {
			p.touched = append(p.touched, filepath.Base(f))
		}
	}
}

// fine means that what answers is what is wanted, under whatever number.
func (p *Proxy) fine(gen int) {
	p.behind = time.Time{}
	p.current.gen = gen
	if p.pending || p.trouble != nil {
		p.pending, p.trouble = false, nil
		p.bump()
	}
}

func (p *Proxy) fail(t *trouble) {
	p.troubles++
	t.id = p.troubles
	t.p = p
	p.trouble = t
	p.pending, p.starting = false, false
	p.bump()
}

func (p *Proxy) built(gen int, b event.BuildFinished) {
	switch {
	case gen < p.wanted: // something newer is wanted by now
	case !b.OK:
		// The command of a rule that leads to no new program leaves the old one
		// in the right.
		note := !p.pending && p.current.answers() && gen <= p.current.gen
		p.fail(&trouble{kind: buildFailed, gen: gen, build: b, note: note})
	case b.Unchanged && p.current.answers():
		p.fine(gen)
	}
}

// switchTo makes the program at the next address the one that answers.
func (p *Proxy) switchTo(gen int) {
	old, addr := p.current, p.next
	if addr == "" && old != nil {
		addr = old.addr
	}
	if old != nil {
		old.closeIdle()
		if old.answers() {
			p.retired = append(p.retired, old)
		}
	}
	p.next = ""
	p.current = newUpstream(p, addr, gen, p.started.pid)
	p.starting = false
	p.page++
}

func (p *Proxy) live(gen int) {
	p.wanted = max(p.wanted, gen)
	if p.starting || p.current == nil || !p.current.answers() || p.current.gen != gen {
		p.switchTo(gen)
	} // else it answers already, since `ready`
	// An older generation than the wanted one is the last good program: it
	// answers, and what is wrong with the newest stays to be seen.
	if gen == p.wanted {
		p.pending, p.trouble, p.behind = false, nil, time.Time{}
	}
	p.touched = nil
	p.bump()
}

func (p *Proxy) exited(gen int, at time.Time, b event.Exited) {
	is := func(pid, of int) bool { return pid == b.PID && (pid != 0 || of == gen) }
	current := p.current != nil && is(p.current.pid, p.current.gen)
	newest := is(p.started.pid, p.started.gen)
	if current {
		p.current.gone = true
		p.current.closeIdle()
	}
	p.retired = slices.DeleteFunc(p.retired, func(u *upstream) bool {
		if !is(u.pid, u.gen) {
			return false
		}
		u.gone = true
		u.closeIdle()
		return true
	})
	if newest {
		p.starting = false
	}
	if b.PID == p.suspendedPID {
		p.suspended, p.suspendedPID = nil, 0
	}
	broken := p.trouble != nil && p.trouble.kind == buildFailed && !p.trouble.note
	switch {
	case b.Expected || !current && !newest:
	case p.pending && gen < p.wanted: // the next one is on its way
	case broken: // the build has to be fixed first
	default:
		// One generation can run several times.
		since := at.Add(-time.Duration(b.DurationMS)*time.Millisecond - 100*time.Millisecond)
		p.fail(&trouble{kind: crashed, gen: gen, exit: b, since: since})
		return
	}
	p.bump()
}

func (p *Proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *Proxy) endLocked() {
	if p.ended {
		return
	}
	p.ended = true
	for _, u := range append([]*upstream{p.current}, p.retired...) {
		if u != nil {
			u.cut()
		}
	}
	p.bump()
}

// Reload lets every browser load its pages again, or (css) only fetch
// stylesheets and images again. It returns how many browsers it reached: the
// tabs of one share one stream.
func (p *Proxy) Reload(css bool) (clients int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if css {
		p.css++
		p.cssFiles = p.touched
	} else {
		p.page++
	}
	p.touched = nil
	if p.trouble != nil && p.trouble.note {
		p.trouble = nil
	}
	p.bump()
	return len(p.clients)
}

// Promote makes the process, the newest that was started, the one that answers.
func (p *Proxy) Promote(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.starting && p.started.pid == pid {
		p.switchTo(p.started.gen)
		p.bump()
	}
}

// Suspended says that a signal has stopped the process, and why, or (nil) that it goes on.
// A connection to it would be accepted, and never answered.
func (p *Proxy) Suspended(pid int, why *event.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case why != nil:
		gen := p.started.gen
		if p.current != nil && p.current.pid == pid {
			gen = p.current.gen
		}
		p.troubles++
		p.suspended = &trouble{p: p, id: p.troubles, kind: suspended, gen: gen, problem: *why}
		p.suspendedPID = pid
	case p.suspendedPID == pid:
		p.suspended, p.suspendedPID = nil, 0
	}
	p.bump()
}

// halted is why the program that is to answer does nothing; nil if it does, or if another
// one is on its way. mu is held.
func (p *Proxy) halted() *trouble {
	who := p.started
	if p.current.answers() {
		who = process{p.current.pid, p.current.gen}
	}
	if p.suspended == nil || who.pid != p.suspendedPID || p.pending && p.wanted > who.gen {
		return nil
	}
	return p.suspended
}

// Drain waits until the process that is to be stopped works on no request, or ctx ends.
// From now on it is given nothing new. WebSockets and event streams are not waited for:
// they are cut, so that their clients come back and reach the next program. A process
// that never answered has nothing to drain.
func (p *Proxy) Drain(ctx context.Context, pid int) {
	p.mu.Lock()
	var list []*upstream
	for _, u := range append(slices.Clone(p.retired), p.current) {
		if u.answers() && u.pid == pid {
			list = append(list, u)
		}
	}
	for _, u := range list {
		u.drain()
	}
	p.bump()
	p.mu.Unlock()
	for _, u := range list {
		select {
		case <-u.idle:
		case <-ctx.Done():
		}
		u.closeIdle()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = slices.DeleteFunc(p.retired, func(u *upstream) bool { return slices.Contains(list, u) })
}

// verdict is what is to be done with a request now.
type verdict int

const (
	wait verdict = iota
	full
	explain
	forward
)

// admission is a verdict with what it needs.
type admission struct {
	verdict verdict
	wake    <-chan struct{} // closed when the verdict may be another one
	up      *upstream
	stale   string   // value of X-Hotreload-Stale
	page    int      // version of the page that the answer is
	css     int      // ... and of its style sheets
	trouble *trouble // what to explain
}

// query is a request with what the proxy has to know of it.
type query struct {
	*http.Request
	use      use
	held     bool
	given    bool // its body was given to a program
	kept     keptForm
	replayed bool    // it is sent again, and its answer goes nowhere
	record   *record // nil: it is not kept
	stranger bool    // it came under a name that is not ours: nothing of ours is shown
}

// admit decides, and counts the request where it goes in the same breath: Drain
// cannot come in between.
func (p *Proxy) admit(q *query) admission {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := admission{wake: p.wake, page: p.page, css: p.css, trouble: p.trouble}
	if t := p.halted(); t != nil {
		a.trouble = t
	}
	a.verdict = p.decide(q)
	switch a.verdict {
	case wait:
		if !q.held {
			if p.held >= p.opt.MaxHeld {
				a.verdict = full
				return a
			}
			q.held = true
			p.held++
		}
		return a
	case forward:
		a.up = p.current
		a.up.inflight++
		switch {
		case p.pending:
			a.stale = fmt.Sprintf("paused; generation=%d; answers=%d", p.wanted, p.current.gen)
		case p.trouble != nil && !p.trouble.note:
			a.stale = p.trouble.stale(p.current.gen)
		}
	case explain:
		if p.ended {
			a.trouble = &trouble{p: p, kind: sessionOver}
		}
	}
	p.leaveLocked(q)
	return a
}

func (p *Proxy) decide(q *query) verdict {
	switch {
	case p.ended, p.halted() != nil:
		return explain
	case p.pending && p.paused && p.current.answers():
		return forward
	case p.pending:
		return wait
	case !p.current.answers():
		if p.trouble == nil || p.starting {
			return wait
		}
		return explain
	case p.trouble == nil || p.trouble.note:
		return forward
	case p.trouble.kind != buildFailed || p.opt.WhenBroken == "serve":
		// A program that did not come up next to the old one, or was replaced by
		// the last good one: that was asked for, and is marked.
		return forward
	case q.use == asset || q.use == page && p.opt.Inject && !q.stranger:
		return forward // the overlay says what is wrong; the page below it is whole
	}
	return explain
}

func (p *Proxy) leave(q *query) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaveLocked(q)
}

func (p *Proxy) leaveLocked(q *query) {
	if q.held {
		q.held = false
		p.held--
	}
}
