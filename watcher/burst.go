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
	waited time.Time // since when the end waits for the content of an empty file; zero: it has not
	until  time.Time // ... and for how long
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
	// An empty file is waited for beyond the limit too: it is just being written. But what is
	// written without end is reported all the same.
	if limit.Before(b.until) {
		limit = b.until
	}
	if quiet.Before(limit) {
		return quiet
	}
	return limit
}

// truncated is how long a file that had a content, and is empty, is waited for. A busy machine
// leaves an editor that much time between the two steps of a save.
const truncated = 250 * time.Millisecond

// wait puts the end off for a file that is empty just now: for one quiet time, or for the longer
// time that is given, from the first call in the burst.
func (b *burst) wait(now time.Time, grace time.Duration) bool {
	if b.waited.IsZero() {
		b.waited = now
	}
	until := b.waited.Add(max(grace, b.quiet))
	if !now.Before(until) {
		return false
	}
	b.until, b.last = until, until.Add(-b.quiet)
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
