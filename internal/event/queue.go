package event

import (
	"sync"
	"time"
)

// Queue passes events to a sink from its own goroutine, so that a terminal
// that is stopped or slow never stops the one who emits. It is not bounded:
// events are few, and the program's output, which is not, does not pass here
// faster than it can be written (see Lines).
type Queue struct {
	mu     sync.Mutex
	wake   *sync.Cond
	events []Event
	closed bool
	done   chan struct{}
}

// NewQueue starts a queue in front of the sink.
func NewQueue(sink Sink) *Queue {
	q := &Queue{done: make(chan struct{})}
	q.wake = sync.NewCond(&q.mu)
	go q.run(sink)
	return q
}

// Emit implements Sink; it never blocks.
func (q *Queue) Emit(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.events = append(q.events, e)
		q.wake.Signal()
	}
}

// Close waits until everything was handed over, at most for the given time, and
// reports whether it was.
func (q *Queue) Close(patience time.Duration) bool {
	q.mu.Lock()
	q.closed = true
	q.wake.Signal()
	q.mu.Unlock()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-q.done:
		return true
	case <-t.C:
		return false
	}
}

func (q *Queue) run(sink Sink) {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.events) == 0 && !q.closed {
			q.wake.Wait()
		}
		batch := q.events
		q.events = nil
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, e := range batch {
			sink.Emit(e)
		}
	}
}
