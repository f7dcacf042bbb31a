package plan

import (
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// phase is a part of the way from a save to live.
type phase int

const (
	building phase = iota // also the commands that come before
	stopping
	starting
)

// span is when something of a phase was done; without an end it goes on.
type span struct {
	phase    phase
	from, to time.Time
}

// begin notes that a phase begins. What ended before the save that is wanted now is of
// no interest any more.
func (v *service) begin(p phase, at time.Time) {
	v.spans = slices.DeleteFunc(v.spans, func(x span) bool { return !x.to.IsZero() && x.to.Before(v.since) })
	v.spans = append(v.spans, span{phase: p, from: at})
}

// end notes that a phase ends.
func (v *service) end(p phase, at time.Time) {
	for i := range v.spans {
		if x := &v.spans[i]; x.phase == p && x.to.IsZero() {
			x.to = at
		}
	}
}

// ledger says where the time went from the save until now, when p is live. Every moment
// counts for one phase at most, the one that began first, so that the phases never make
// more than the whole; what is left is time spent waiting: for a need, for a place among the builds.
func (v *service) ledger(p *process, now time.Time) event.Live {
	spans := append(slices.Clone(v.spans), span{starting, p.started, p.readyAt})
	slices.SortStableFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	whole := max(event.MS(now.Sub(v.since)), 0)
	detected, first := int64(0), true
	var sums [starting + 1]int64
	done := int64(0) // milliseconds of the whole that are accounted for
	for _, x := range spans {
		if x.to.IsZero() {
			x.to = now
		}
		from := max(event.MS(x.from.Sub(v.since)), done)
		to := min(event.MS(x.to.Sub(v.since)), whole)
		if !x.to.After(v.since) || to < from {
			continue
		}
		if first {
			detected, first = from, false
		}
		sums[x.phase] += to - from
		done = to
	}
	return event.Live{LatencyMS: whole, DetectMS: detected, BuildMS: sums[building], StopMS: sums[stopping], StartMS: sums[starting]}
}
