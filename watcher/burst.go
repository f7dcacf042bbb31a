package watcher

import (
	"cmp"
	"slices"
	"time"
)

// burst is the debounce: times in, a deadline out. It reads no clock.
type burst struct {
	quiet, limit time.Duration

	first  time.Time // first event; zero: no burst
	since  time.Time // what limit counts from: first, or the end of a hold
	last   time.Time // what quiet counts from
	opened bool      // the Open batch was sent
	minor  bool      // only minor changes so far
	floor  time.Time // before which a burst of minor changes does not close
	waited time.Time // when the one more quiet time for an empty file was taken; zero: not yet
}

func (b *burst) active() bool { return !b.first.IsZero() }

// event starts the burst, or prolongs it.
func (b *burst) event(now time.Time) {
	if !b.active() {
		b.first, b.since = now, now
	} else if b.minor {
		// The save begins now, whatever a log was doing.
		b.first, b.since = now, now
	}
	b.minor = false
	b.last = now
}

// minorPause is the least time between bursts of minor changes.
const minorPause = 250 * time.Millisecond

// minorEvent starts a burst, which later minor events do not prolong.
func (b *burst) minorEvent(now time.Time) {
	if !b.active() {
		b.event(now)
		b.minor = true
	}
}

// due is when the burst closes.
func (b *burst) due() time.Time {
	if b.minor {
		due := b.last.Add(b.quiet)
		if due.Before(b.floor) {
			due = b.floor
		}
		return due
	}
	quiet, limit := b.last.Add(b.quiet), b.since.Add(b.limit)
	// The one more wait is granted beyond the limit too: it is a file that is just being
	// written. But it is one: what is written without end is reported all the same.
	if !b.waited.IsZero() && limit.Before(b.waited.Add(b.quiet)) {
		limit = b.waited.Add(b.quiet)
	}
	if quiet.Before(limit) {
		return quiet
	}
	return limit
}

// wait grants one more quiet time, once per burst.
func (b *burst) wait(now time.Time) bool {
	if !b.waited.IsZero() {
		return false
	}
	b.waited = now
	b.last = now
	return true
}

// released is the end of a hold: both times count from here.
func (b *burst) released(now time.Time) { b.last, b.since = now, now }

// end closes the burst.
func (b *burst) end(now time.Time) {
	floor := b.floor
	if b.minor {
		floor = now.Add(minorPause)
	}
	*b = burst{quiet: b.quiet, limit: b.limit, floor: floor}
}

// enqueue adds b to the batches that wait for the receiver. Whatever a closing
// batch finds waiting, it absorbs; so at most two ever wait (a closing one, and
// the Open one of the next burst). gone says that nothing is left to be sent.
func enqueue(q []Batch, b Batch) []Batch {
	if b.Open || len(q) == 0 {
		return append(q, b)
	}
	for i := len(q) - 1; i >= 0; i-- {
		b = mergeBatches(q[i], b)
	}
	return []Batch{b}
}

func mergeBatches(a, b Batch) Batch {
	by := make(map[string]Change, len(a.Changes)+len(b.Changes))
	for _, c := range a.Changes {
		by[c.Path] = c
	}
	for _, c := range b.Changes {
		if old, ok := by[c.Path]; ok {
			c.Old = old.Old
		}
		by[c.Path] = c
	}
	out := make([]Change, 0, len(by))
	for _, c := range by {
		if c.Old != c.New {
			out = append(out, c)
		}
	}
	sortChanges(out)
	return Batch{First: a.First, Changes: out, Open: b.Open, Rescan: a.Rescan || b.Rescan}
}

func sortChanges(c []Change) {
	slices.SortFunc(c, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
}
