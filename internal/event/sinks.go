package event

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// OutputSink is a sink that also takes what the programs write, as Output events, while
// WantsOutput says so. These come from several goroutines.
type OutputSink interface {
	Sink
	WantsOutput() bool
}

// WithOutput is a sink that always wants the output. Its Emit must be safe for several goroutines.
func WithOutput(s Sink) OutputSink { return always{s} }

type always struct{ Sink }

func (always) WantsOutput() bool { return true }

// Sinks hand each event to all of them.
type Sinks []Sink

// Emit implements Sink.
func (all Sinks) Emit(e Event) {
	for _, s := range all {
		s.Emit(e)
	}
}

// Output hands an Output event to those that want it.
func (all Sinks) Output(e Event) {
	for _, s := range all {
		if o, ok := s.(OutputSink); ok && o.WantsOutput() {
			o.Emit(e)
		}
	}
}

// WantsOutput reports whether one of them wants it: then output is worth being cut into lines.
func (all Sinks) WantsOutput() bool {
	return slices.ContainsFunc(all, func(s Sink) bool {
		o, ok := s.(OutputSink)
		return ok && o.WantsOutput()
	})
}

// Subscribers are a sink that hands events, as JSON lines, to any number of readers and waits for
// none of them. The zero value has none.
type Subscribers struct {
	mu   sync.Mutex
	all  []*subscriber
	over bool
	some atomic.Bool
}

type subscriber struct {
	lines  chan []byte
	closed bool
}

// maxBehind is how many lines a reader may be behind.
const maxBehind = 1024

// Subscribe returns the events from now on, until ctx ends. A reader that falls behind loses the
// stream: the channel is closed.
func (s *Subscribers) Subscribe(ctx context.Context) <-chan []byte {
	c := &subscriber{lines: make(chan []byte, maxBehind)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		close(c.lines)
		return c.lines
	}
	s.all = append(s.all, c)
	s.some.Store(true)
	context.AfterFunc(ctx, func() { s.remove(c) })
	return c.lines
}

func (s *Subscribers) remove(c *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.close()
	s.all = slices.DeleteFunc(s.all, func(o *subscriber) bool { return o == c })
	s.some.Store(len(s.all) > 0)
}

func (c *subscriber) close() {
	if !c.closed {
		c.closed = true
		close(c.lines)
	}
}

// Emit implements Sink.
func (s *Subscribers) Emit(ev Event) {
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
			c.close()
			return true
		}
	})
}

// WantsOutput implements OutputSink.
func (s *Subscribers) WantsOutput() bool { return s.some.Load() }

// End closes all streams, also those of later readers.
func (s *Subscribers) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, c := range s.all {
		c.close()
	}
	s.all = nil
}
