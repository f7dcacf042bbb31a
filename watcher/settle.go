package watcher

import (
	"slices"
	"time"
)

// settling is what has changed, until it is reported.
type settling struct {
	burst    burst
	pending  map[string]*change
	fresh    []string          // pending since the last try to open
	later    []string          // files that another program does not share now
	turned   map[string]Change // names whose directory link leads elsewhere now
	minor    bool              // something minor happened since then
	relevant bool              // something that counts happened since the last settle
	eventAt  time.Time         // first hint since then
	rescan   bool              // the next batch has the mark

	holdSince time.Time       // a burst is held since; zero: none
	stale     map[string]stat // index.lock files that outlived lockCap
}

// current is the file that a change is about, as it is known now; nil if absent.
func (t *tree) current(c *change) (*dir, *file) {
	d := t.nodes[c.dir.path]
	if d == nil {
		return nil, nil
	}
	return d, d.files[c.name]
}

// settle decides what is sent: at once, at the end of the burst, or not at all.
func (t *tree) settle(now time.Time) {
	relevant, minor, first := t.relevant, t.minor, t.eventAt
	t.relevant, t.minor, t.eventAt = false, false, time.Time{}
	if first.IsZero() || first.After(now) {
		first = now
	}
	if !relevant && !minor && !t.burst.active() {
		return
	}
	held := t.held(now)
	if t.w.o.Early && !held && !t.burst.opened && len(t.fresh) > 0 {
		t.tryOpen(first)
	}
	if relevant && (t.burst.active() || len(t.pending)+len(t.turned) > 0) {
		if !t.burst.active() {
			t.burst.event(first)
		}
		t.burst.event(now)
	}
	if minor && len(t.pending)+len(t.turned) > 0 {
		t.burst.minorEvent(first)
	}
	if t.burst.active() && !held && !now.Before(t.burst.due()) {
		t.tryClose()
	}
	if !t.burst.active() {
		t.holdSince = time.Time{} // nothing is held
	}
}

// held reports whether git is at work in one of the trees: a build of half a
// checkout is wasted. Measured, the lock exists from before the first write to
// after the last; leftovers of a crash exist too, hence the cap.
func (t *tree) held(now time.Time) bool {
	locked := t.locked()
	if locked && !t.holdSince.IsZero() && now.Sub(t.holdSince) >= lockCap {
		for _, r := range t.roots {
			if st, err := lstat(r.lock); r.lock != "" && err == nil {
				t.stale[r.lock] = st
			}
		}
		locked = false
	}
	switch {
	case locked && t.holdSince.IsZero():
		t.holdSince = now
	case !locked && !t.holdSince.IsZero():
		t.holdSince = time.Time{}
		if t.burst.active() {
			t.burst.released(now)
		}
	}
	return locked
}

func (t *tree) locked() bool {
	for _, r := range t.roots {
		if r.lock == "" || r.lost {
			continue
		}
		if st, err := lstat(r.lock); err == nil && t.stale[r.lock] != st {
			return true
		}
	}
	return false
}

// tryOpen sends the Open batch if there is a change of content. Removals and
// files that are empty just now are no reason: they are how many editors save.
func (t *tree) tryOpen(first time.Time) {
	content := false
	n, i := 0, 0
	for ; i < len(t.fresh); i++ {
		c := t.pending[t.fresh[i]]
		if c == nil {
			continue
		}
		c.next = false
		d, f := t.current(c)
		if f != nil && f.dirty {
			if n == maxOpen {
				c.next = true
				break
			}
			n++
			t.read(d, c.name, f)
			if _, f = t.current(c); f != nil && f.dirty {
				continue // it is read later
			}
		}
		var now Sum
		if f != nil {
			now = f.known()
		}
		if now == c.base {
			t.same(t.fresh[i], c)
			continue
		}
		content = content || f != nil && f.st.Size > 0
	}
	t.fresh = append(t.fresh[:0], t.fresh[i:]...)
	t.relevant = false // reading notes what it found gone; that is in pending
	if !content {
		return
	}
	if !t.burst.active() || t.burst.minor {
		t.burst.event(first)
	}
	t.burst.opened = true
	t.fresh = nil
	t.report(t.collect(true), true)
}

// tryClose ends the burst, unless it turns out to go on.
func (t *tree) tryClose() {
	t.relevant = false
	if t.polled() {
		t.pollPass(t.burst.minor)
	}
	for path, c := range t.pending {
		if d := t.nodes[c.dir.path]; d != nil && d.counts() && t.pending[path] == c {
			t.syncEntry(d, c.name, 0)
		}
	}
	if t.goesOn() {
		return
	}
	t.readDirty()
	t.round() // what came while reading
	if t.goesOn() {
		return
	}
	empty, grace := t.readDirty()
	t.relevant = false
	if empty && t.burst.wait(time.Now(), grace) {
		return // truncated, and its content is still to come
	}
	t.report(t.collect(false), false)
	t.burst.end(time.Now())
	t.fresh = nil
}

// goesOn prolongs the burst if something happened, and reports whether it may go on.
func (t *settling) goesOn() bool {
	if !t.relevant {
		return false
	}
	t.relevant = false
	now := time.Now()
	t.burst.event(now)
	return now.Before(t.burst.due())
}

// readDirty reads what is pending and reports whether a changed file is empty, and how long its
// content is waited for. A log that a program truncates is no save: it delays none.
func (t *tree) readDirty() (empty bool, grace time.Duration) {
	for path, c := range t.pending {
		d, f := t.current(c)
		if f != nil && f.dirty {
			t.read(d, c.name, f)
			_, f = t.current(c)
		}
		switch {
		case f == nil || f.dirty: // gone, or read later
		case f.known() == c.base:
			t.same(path, c)
		case f.st.Size == 0:
			empty = true
			if c.base != (Sum{}) && !t.minorFile(d, c.name) {
				grace = truncated
			}
		}
	}
	return empty, grace
}

// same takes what is no change out of pending.
func (t *tree) same(path string, c *change) {
	delete(t.pending, path)
	if b, ok := t.look.blame[c.unheard]; ok && b.due.IsZero() {
		delete(t.look.blame, c.unheard)
	}
}

// collect turns what is pending into changes. It leaves what is not read yet, and for an
// Open batch files that are empty just now.
func (t *tree) collect(open bool) []Change {
	var out []Change
	for path, c := range t.pending {
		_, f := t.current(c)
		var now Sum
		if f != nil {
			if f.dirty || open && f.st.Size == 0 {
				continue
			}
			now = f.known()
		}
		if now == c.base {
			t.same(path, c)
			continue
		}
		delete(t.pending, path)
		t.accuse(c.unheard)
		for _, name := range c.dir.names(c.name) {
			out = append(out, Change{Path: name, Old: c.base, New: now})
		}
	}
	for _, c := range t.turned {
		if i := slices.IndexFunc(out, func(o Change) bool { return o.Path == c.Path }); i >= 0 {
			out[i].Old = c.Old // the name is another file's, and that has changed since
			continue
		}
		out = append(out, c)
	}
	clear(t.turned)
	sortChanges(out)
	return compactChanges(out)
}

// compactChanges leaves one change per path, should two directories go by one name.
func compactChanges(in []Change) []Change {
	out := in[:0]
	for _, c := range in {
		if n := len(out); n > 0 && out[n-1].Path == c.Path {
			out[n-1] = c
			continue
		}
		out = append(out, c)
	}
	return out
}

// report hands the changes over, at the end of the burst or, open, before it.
func (t *tree) report(changes []Change, open bool) {
	b := Batch{First: t.burst.first, Changes: changes, Open: open, Rescan: t.rescan}
	if t.send(b, t.burst.opened) {
		t.rescan = false
	}
}

// differ notes the names whose content is another one now.
func (t *settling) differ(old, now map[string]Sum) {
	for path := range old {
		if _, there := now[path]; !there {
			now[path] = Sum{}
		}
	}
	for path, sum := range now {
		was := old[path]
		if before, ok := t.turned[path]; ok {
			was = before.Old
		}
		delete(t.turned, path)
		if was != sum {
			t.turned[path] = Change{Path: path, Old: was, New: sum}
			t.relevant = true
		}
	}
}
