package ui

import (
	"sync"

	"github.com/hotreload/hotreload/internal/event"
)

// Switch is a sink that can be exchanged for another one while events come in, for an
// edit of log.format.
type Switch struct {
	mu   sync.Mutex
	sink event.Sink
}

// Set makes sink the one that the events go to from now on.
func (s *Switch) Set(sink event.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
}

// Emit implements event.Sink.
func (s *Switch) Emit(e event.Event) {
	s.mu.Lock()
	sink := s.sink
	s.mu.Unlock()
	sink.Emit(e)
}
