package watcher

import "time"

// schedule is when to look without an event.
type schedule struct {
	nextPoll, nextCheck, nextLost, nextSafety, resyncAt, lastResync time.Time
	readAgain                                                       time.Time // what is in tree.later

	rounds    uint32 // of polling
	scanTook  time.Duration
	sweep     []*dir // of the safety look
	sweepTook time.Duration
}

// clock does what is due by the time.
func (t *tree) clock(now time.Time) {
	due := func(at *time.Time) bool {
		if at.IsZero() || now.Before(*at) {
			return false
		}
		*at = time.Time{}
		return true
	}
	if due(&t.resyncAt) {
		t.resync()
	}
	if due(&t.nextLost) {
		t.again = true
	}
	if due(&t.readAgain) {
		t.readLater()
	}
	if due(&t.nextCheck) {
		t.check()
		t.nextCheck = now.Add(checkEvery)
	}
	if t.again {
		t.rescope(t.scope, true)
	}
	if due(&t.nextPoll) {
		t.pollPass(true)
		t.nextPoll = time.Now().Add(t.pollInterval())
	}
	if due(&t.nextSafety) {
		t.safety(now)
	}
	if t.watches > 0 && due(&t.look.next) {
		t.lookRound(now)
	}
	t.convict(now)
	t.hash.run(t, now)
}

// next is when clock or settle has something to do.
func (t *tree) next() time.Time {
	at := t.nextCheck
	earlier := func(c time.Time) {
		if !c.IsZero() && c.Before(at) {
			at = c
		}
	}
	earlier(t.resyncAt)
	earlier(t.readAgain)
	earlier(t.nextLost)
	if t.polled() {
		earlier(t.nextPoll)
	}
	earlier(t.nextSafety)
	earlier(t.nextLook())
	earlier(t.hash.due)
	if t.burst.active() {
		if t.holdSince.IsZero() {
			earlier(t.burst.due())
		} else {
			earlier(time.Now().Add(lockPoll))
		}
	}
	return at
}

// pollInterval follows the rule that looking takes at most 1/20 of a core.
func (t *tree) pollInterval() time.Duration {
	return pollIntervalFor(t.w.o.PollInterval, t.scanTook)
}

func pollIntervalFor(least, took time.Duration) time.Duration {
	return max(least, pollShare*took)
}

// fullPass looks at everything.
func (t *tree) fullPass() {
	t.check()
	for _, d := range t.sorted(nil) {
		t.refresh(d, mode{})
	}
	t.retryUnreadable()
	if t.again {
		t.rescope(t.scope, true)
	}
}

// pollPass looks at what is not watched: all of it, or, with slow, at what cannot matter only
// when it is its turn.
func (t *tree) pollPass(slow bool) {
	if !t.polled() {
		return
	}
	start := time.Now()
	if t.pollMode {
		t.check()
	}
	t.rounds++
	for _, d := range t.sorted(func(d *dir) bool { return !d.watched }) {
		m := mode{}
		if slow && d.counts() && d.turn != t.rounds%slowTurns {
			if t.judge(d); !d.matters {
				continue
			}
			m.light = true
		}
		t.refresh(d, m)
	}
	for path, was := range t.pivots {
		if st, _ := lstat(path); st != was {
			t.again = true
		}
	}
	if t.again {
		t.rescope(t.scope, true)
	}
	t.scanTook = time.Since(start)
}

// safety is a slow scan of everything watched. It finds what no event reports
// (writes through a mapping, a mount) and costs next to nothing: a step of a
// millisecond at a time, so that an event is never kept waiting, and at most
// 1/2000 of a core.
func (t *tree) safety(now time.Time) {
	if len(t.sweep) == 0 {
		if t.burst.active() || t.watches == 0 {
			t.nextSafety = now.Add(safetyEvery)
			return
		}
		t.retryUnreadable()
		t.sweep = t.sorted(func(d *dir) bool { return d.watched })
		t.sweepTook = 0
	}
	start := time.Now()
	for len(t.sweep) > 0 && time.Since(start) < safetyStep {
		t.refresh(t.sweep[0], mode{})
		t.sweep = t.sweep[1:]
	}
	t.sweepTook += time.Since(start)
	switch {
	case len(t.sweep) > 0:
		t.nextSafety = now
	case t.sweepTook > maxSafety:
		t.nextSafety = now.Add(time.Hour)
	default:
		t.nextSafety = now.Add(safetyAfter(t.sweepTook))
		t.sweep = nil
	}
}

// safetyAfter: however large the tree, an idle watcher uses 0.0 % of a core.
func safetyAfter(took time.Duration) time.Duration { return max(safetyEvery, 2000*took) }

func (t *tree) retryUnreadable() {
	for path := range t.unreadable {
		at, name := splitPath(path)
		if d := t.nodes[path]; d != nil {
			t.refresh(d, mode{})
		} else if d := t.nodes[at]; d != nil && d.counts() {
			t.syncEntry(d, name, 0)
		}
	}
}
