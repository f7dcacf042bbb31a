package watcher

// delivery is what waits for the receiver.
type delivery struct {
	queue  []queued
	owed   bool // an Open batch was received, its closing one not yet
	closed int  // bursts that have ended
	sent   int  // ... and whose batch was received
	syncs  []waiting
}

// queued is a batch that waits for its receiver.
type queued struct {
	Batch
	closed int // bursts that have ended up to and including this batch
}

// waiting is a Sync that waits for a burst to end and its batch to be received.
type waiting struct {
	target int
	done   chan struct{}
}

// send queues a batch. A closing one with nothing to say is left out, unless an Open one is to be
// closed. opened says that the burst has sent one. It returns whether b is queued.
func (q *delivery) send(b Batch, opened bool) bool {
	if !b.Open {
		q.closed++
		if len(b.Changes) == 0 && !opened {
			return false
		}
	}
	batches := make([]Batch, len(q.queue))
	for i, w := range q.queue {
		batches[i] = w.Batch
	}
	batches = enqueue(batches, b)
	if len(batches) == 1 && !b.Open {
		q.queue = q.queue[:0]
		if len(batches[0].Changes) > 0 || q.owed {
			q.queue = append(q.queue, queued{batches[0], q.closed})
		}
		return true
	}
	q.queue = append(q.queue, queued{b, q.closed})
	return true
}

// delivered takes note that the head of the queue was received.
func (q *delivery) delivered() {
	head := q.queue[0]
	q.queue = append(q.queue[:0], q.queue[1:]...)
	q.owed = head.Open
	if !head.Open {
		q.sent = head.closed
	}
}

// answer lets those Syncs return whose changes have been received.
func (q *delivery) answer() {
	if len(q.queue) == 0 {
		q.sent = q.closed
	}
	keep := q.syncs[:0]
	for _, s := range q.syncs {
		if s.target <= q.sent {
			close(s.done)
		} else {
			keep = append(keep, s)
		}
	}
	q.syncs = keep
}
