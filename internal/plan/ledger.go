package plan

import (
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// phase is a part of the way from a save to live.
type phase int

const (
	spanBuild phase = iota // also the commands that come before
	spanStop
	spanStart
)

// span is when something of a phase was done; without an end it goes on.
type span struct {
	phase    phase
	from, to time.Time
}

// buildParts are how long a build compiled and linked, in milliseconds, as far as that is known.
type buildParts struct {
	at            time.Time // its end
	compile, link int64
}

// beginSpan notes that a phase begins. What ended before the save that is wanted now is of
// no interest any more.
func (svc *service) beginSpan(p phase, at time.Time) {
	svc.spans = slices.DeleteFunc(svc.spans, func(x span) bool { return !x.to.IsZero() && x.to.Before(svc.since) })
	svc.spans = append(svc.spans, span{phase: p, from: at})
}

// endSpan notes that a phase ends.
func (svc *service) endSpan(p phase, at time.Time) {
	for i := range svc.spans {
		if x := &svc.spans[i]; x.phase == p && x.to.IsZero() {
			x.to = at
		}
	}
}

// ledger says where the time went from the save until now, when p is live. Every moment
// counts for one phase at most, the one that began first, so that the phases never make
// more than the whole; what is left is time spent waiting: for a need, for a place among the builds.
func (svc *service) ledger(p *process, now time.Time) event.Live {
	spans := append(slices.Clone(svc.spans), span{spanStart, p.started, p.readyAt})
	slices.SortStableFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	whole := max(event.MS(now.Sub(svc.since)), 0)
	detected, first := int64(0), true
	var sums [spanStart + 1]int64
	done := int64(0) // milliseconds of the whole that are accounted for
	for _, x := range spans {
		if x.to.IsZero() {
			x.to = now
		}
		from := max(event.MS(x.from.Sub(svc.since)), done)
		to := min(event.MS(x.to.Sub(svc.since)), whole)
		if !x.to.After(svc.since) || to < from {
			continue
		}
		if first {
			detected, first = from, false
		}
		sums[x.phase] += to - from
		done = to
	}
	l := event.Live{LatencyMS: whole, DetectMS: detected, BuildMS: sums[spanBuild], StopMS: sums[spanStop], StartMS: sums[spanStart]}
	if svc.parts.at.After(svc.since) {
		l.LinkMS = min(svc.parts.link, l.BuildMS)
		l.CompileMS = min(svc.parts.compile, l.BuildMS-l.LinkMS)
	}
	return l
}
