// Package inspect keeps the newest requests that the proxies of a session have passed on, and
// sends one again to the newest program: when a person asks for it, or after every save.
//
// Requests are kept as they came and shown without credentials (mask.go). The real ones stay in
// memory, for the replay.
//
// A replay passes through the proxy. A client of its own was rejected: it would have to know when
// a request waits, and which program is the newest, as the proxy does.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// What a Log keeps: requests, bytes of one body, of one head, and of all together.
const (
	MaxRequests = 200
	MaxBody     = 64 << 10
	maxHead     = 64 << 10
	maxBytes    = 32 << 20
	maxRepeated = 10 // requests that are sent again after every save
)

// maxEvents is how many requests are reported per second. What is reported waits for a terminal, so
// a load test must not fill the memory with it.
const maxEvents = 100

// replayTimeout is how long a replay may take, with the wait for the program.
const replayTimeout = time.Minute

// Body is a body as far as it is kept.
type Body struct {
	Data  []byte
	Size  int64 // bytes that were seen
	Whole bool  // its end was seen
}

// Add takes a piece of the body; it keeps the first MaxBody bytes.
func (b *Body) Add(p []byte) {
	b.Size += int64(len(p))
	if room := MaxBody - len(b.Data); room > 0 {
		b.Data = append(b.Data, p[:min(room, len(p))]...)
	}
}

// complete reports whether Data is the whole body.
func (b *Body) complete() bool { return b.Whole && b.Size == int64(len(b.Data)) }

// Request is a request as it came. Nothing in it is changed after it was handed over.
type Request struct {
	Method string
	Target string // as in the request line
	Host   string
	Proto  string
	Remote string // address of the client
	TLS    bool
	Length int64 // as it was announced; -1: it was not
	Header http.Header
	Body   Body
}

// Answer is what the program answered, before the proxy has changed anything of it.
type Answer struct {
	Generation int // of the program; 0: the proxy itself has answered
	Status     int // 0: there was no answer
	Header     http.Header
	Body       Body
	Duration   time.Duration
}

// Record is one request with its answer.
type Record struct {
	Service string
	At      time.Time
	Held    time.Duration // before it was given to the program
	Request Request
	Answer  Answer
	Unfit   string // why it cannot be sent again, whatever is kept of it
}

// Sender sends a request to the newest program of a service, once that is live and has at least the
// generation. The answer goes nowhere else.
type Sender interface {
	Replay(ctx context.Context, r *Request, generation int) (Answer, error)
}

// Log is the requests of a session. It can be used by several goroutines.
type Log struct {
	mu      sync.Mutex
	entries []*entry // oldest first
	bytes   int
	ids     int
	senders map[string]Sender
	changed chan struct{} // closed and replaced at each change
	second  time.Time     // of the events that were reported last
	events  int           // in it
}

type entry struct {
	Record
	id       int
	refused  string // why it cannot be sent again
	repeat   bool   // after every save
	newest   *replay
	replaced context.CancelFunc // ends the replay that runs; nil: none does
}

// replay is the newest time that a request was sent again.
type replay struct {
	at     time.Time
	err    string
	before Answer // that it is compared with
	answer Answer
}

// New is an empty log.
func New() *Log { return &Log{senders: map[string]Sender{}, changed: make(chan struct{})} }

// Attach says who sends requests of a service again. detach ends that.
func (l *Log) Attach(service string, s Sender) (detach func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.senders[service] = s
	l.bump()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.senders[service] == s {
			delete(l.senders, service)
		}
		l.bump()
	}
}

// Changed is closed at the next change.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *Log) bump() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Add keeps a record. It returns the event that reports it; false if there are too many of them.
func (l *Log) Add(r Record) (event.Request, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &entry{Record: r, refused: refusal(&r)}
	if len(r.Request.Target) > maxHead {
		e.Request.Target = r.Request.Target[:1<<10]
	}
	l.ids++
	e.id = l.ids
	trim(e.Request.Header)
	trim(e.Answer.Header)
	l.entries = append(l.entries, e)
	l.bytes += e.size()
	l.evict()
	l.bump()
	if s := r.At.Truncate(time.Second); s != l.second {
		l.second, l.events = s, 0
	}
	l.events++
	return event.Request{
		Method: r.Request.Method, Path: path(r.Request.Target), Status: r.Answer.Status,
		DurationMS: event.MS(r.Answer.Duration), HeldMS: event.MS(r.Held),
	}, l.events <= maxEvents
}

// evict drops the oldest requests beyond the bounds: those last that are sent again after every save.
func (l *Log) evict() {
	for len(l.entries) > MaxRequests || l.bytes > maxBytes && len(l.entries) > 1 {
		i := slices.IndexFunc(l.entries[:len(l.entries)-1], func(e *entry) bool { return !e.repeat })
		i = max(i, 0)
		e := l.entries[i]
		if e.replaced != nil {
			e.replaced()
		}
		l.bytes -= e.size()
		l.entries = slices.Delete(l.entries, i, i+1)
	}
}

// size is about what an entry takes.
func (e *entry) size() int {
	n := 1<<10 + len(e.Request.Target) + headSize(e.Request.Header) + cap(e.Request.Body.Data) + e.Answer.size()
	if e.newest != nil {
		n += e.newest.before.size() + e.newest.answer.size()
	}
	return n
}

func (a *Answer) size() int { return headSize(a.Header) + cap(a.Body.Data) }

func headSize(h http.Header) (n int) {
	for k, values := range h {
		for _, v := range values {
			n += len(k) + len(v) + 64
		}
	}
	return n
}

// trim drops a head that is too large to keep.
func trim(h http.Header) {
	if headSize(h) > maxHead {
		clear(h)
	}
}

// refusal is why a request cannot be sent again; empty: it can.
func refusal(r *Record) string {
	switch b := r.Request.Body; {
	case r.Unfit != "":
		return r.Unfit
	case headSize(r.Request.Header) > maxHead || len(r.Request.Target) > maxHead:
		return fmt.Sprintf("its head is larger than %d KiB, so it is not kept", maxHead>>10)
	case b.Size > MaxBody:
		return fmt.Sprintf("its body is larger than %d KiB, so only the beginning is kept", MaxBody>>10)
	case !b.complete():
		return "its body was not read to the end"
	}
	return ""
}

// Errors of Replay and Repeat.
var (
	ErrUnknown = errors.New("no such request; the last 200 are kept")
	errRefused = errors.New("this request cannot be sent again")
)

// find is nil if the request is not there. mu is held.
func (l *Log) find(id int) *entry {
	i := slices.IndexFunc(l.entries, func(e *entry) bool { return e.id == id })
	if i < 0 {
		return nil
	}
	return l.entries[i]
}

// Repeat says whether a request is sent again after every save.
func (l *Log) Repeat(id int, on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(id)
	switch {
	case e == nil:
		return ErrUnknown
	case on && e.refused != "":
		return fmt.Errorf("%w: %s", errRefused, e.refused)
	case on && !e.repeat:
		n := 0
		for _, o := range l.entries {
			if o.repeat {
				n++
			}
		}
		if n >= maxRepeated {
			return fmt.Errorf("%d requests are sent again after every save already", n)
		}
	}
	e.repeat = on
	l.bump()
	return nil
}

// Replay sends a request again, to the newest program once it is live, and returns when the answer
// is there.
func (l *Log) Replay(ctx context.Context, id int) (Detail, error) {
	if err := l.replay(ctx, id, 0); err != nil {
		return Detail{}, err
	}
	return l.Get(id)
}

// replay sends a request to a program of at least this generation. Its newest answer is what the
// next one is compared with. An error is one of the request, not of the answer.
func (l *Log) replay(ctx context.Context, id, generation int) error {
	l.mu.Lock()
	e := l.find(id)
	var why error
	switch {
	case e == nil:
		why = ErrUnknown
	case e.refused != "":
		why = fmt.Errorf("%w: %s", errRefused, e.refused)
	case l.senders[e.Service] == nil:
		why = fmt.Errorf("%w: its service has no proxy with proxy.inspect now", errRefused)
	}
	if why != nil {
		l.mu.Unlock()
		return why
	}
	sender := l.senders[e.Service]
	if e.replaced != nil {
		e.replaced() // a newer save: the answer to the older one is not needed
	}
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	defer cancel()
	e.replaced = cancel
	before := e.Answer
	if e.newest != nil && e.newest.err == "" {
		before = e.newest.answer
	}
	l.mu.Unlock()

	at := time.Now()
	answer, err := sender.Replay(ctx, &e.Request, generation)
	trim(answer.Header)

	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%w: a newer replay has replaced this one", errRefused)
	}
	e.replaced = nil
	kept := l.find(id) != nil
	if kept {
		l.bytes -= e.size()
	}
	e.newest = &replay{at: at, before: before, answer: answer}
	if err != nil {
		e.newest.err = err.Error()
		if e.newest.answer = before; errors.Is(err, context.DeadlineExceeded) {
			e.newest.err = fmt.Sprintf("no answer within %s", replayTimeout)
		}
	}
	if kept {
		l.bytes += e.size()
		l.evict()
	}
	l.bump()
	return nil
}

// Emit implements event.Sink: what a browser may see after a save is asked for again.
func (l *Log) Emit(ev event.Event) {
	generation := 0
	switch ev.Body.(type) {
	case event.Live:
		generation = ev.Generation
	case event.Reloaded:
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.repeat && e.Service == ev.Service {
			go func() { _ = l.replay(context.Background(), e.id, generation) }()
		}
	}
}
