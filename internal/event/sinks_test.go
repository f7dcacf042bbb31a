package event

import (
	"context"
	"testing"
)

type counter int

func (c *counter) Emit(Event) { *c++ }

// Events reach all sinks; output reaches those that want it.
func TestSinks(t *testing.T) {
	var plain, record counter
	var readers Subscribers
	all := Sinks{&plain, WithOutput(&record), &readers}
	all.Emit(Event{Body: Started{}})
	all.Output(Event{Body: Output{}})
	if plain != 1 || record != 2 || !all.WantsOutput() {
		t.Errorf("plain %d, record %d", plain, record)
	}
	if (Sinks{&plain, &readers}).WantsOutput() {
		t.Error("output is wanted by no reader")
	}
}

// A reader gets what comes after it, loses the stream when it falls behind, and does not outlive
// the session.
func TestSubscribers(t *testing.T) {
	var s Subscribers
	s.Emit(Event{Body: Started{PID: 1}})
	ctx, cancel := context.WithCancel(t.Context())
	slow, gone := s.Subscribe(t.Context()), s.Subscribe(ctx)
	if !s.WantsOutput() {
		t.Error("a reader wants no output")
	}
	cancel()
	for range gone { // until it is closed
	}
	for range maxBehind + 1 {
		s.Emit(Event{Body: Started{PID: 2}})
	}
	n := 0
	for range slow {
		n++
	}
	if n != maxBehind {
		t.Errorf("%d lines before the stream was lost, want %d", n, maxBehind)
	}
	last := s.Subscribe(t.Context())
	s.End()
	if _, open := <-last; open {
		t.Error("a line after the end")
	}
	if _, open := <-s.Subscribe(t.Context()); open {
		t.Error("a stream that begins after the end")
	}
}
