package watcher

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/filestat"
)

const (
	lookEvery = 1200 * time.Millisecond // how often the files that matter are checked, where events are expected
	lookRate  = 2400                    // ... and how many of them in that time at most: 1,000 take 0.2 to 0.3 % of a core
	lookShare = 20                      // ... and never more than 1/20 of a core, however slow the file system
	lookGrace = time.Second             // how much later than the check an event may come
	lookStep  = safetyStep              // how long it may delay an event
	slowTurns = 8                       // what cannot matter is polled in every eighth round
	maxBlame  = 1 << 10                 // changes without an event that are remembered for lookGrace
)

// look is the check that no event asks for. Some events are lost silently: with Docker Desktop,
// WSL, FUSE, or a write through another hard link or a mapping. A test write cannot detect that,
// because writes on this side are reported. So the stat of the files that matter (by Scope.Minor)
// and of their directories is checked about every second. What it finds is a change like any
// other. If no event for it comes within lookGrace, its file system is polled from then on.
//
// It is the only such check, on all systems. With kqueue and on Windows, fsnotify itself loses some
// events (see quirks). There, polling begins only after several changes in a row without an event.
type look struct {
	every time.Duration
	next  time.Time
	began time.Time // of the current round, or the last one
	took  time.Duration
	count int    // files and directories in it
	dirs  []*dir // still to be checked in this round
	path  []byte

	at    *dir // being checked without an event; nil: none
	blame map[string]blamed
	noted bool
}

// blamed is a change for which no event has come so far.
type blamed struct {
	dev   uint64
	due   time.Time // zero: its content is not known to have changed
	again bool      // due for the second time
}

// mattering is one file that is checked in every round.
type mattering struct {
	name string
	file *file
}

// judge finds out which files of d matter, and whether d does.
func (t *tree) judge(d *dir) {
	if d.judged {
		return
	}
	d.judged = true
	d.mattering = d.mattering[:0]
	paths := d.paths()
	for name, f := range d.files {
		if !f.judged {
			f.judged, f.minor = true, t.minorIn(paths, name)
		}
		if !f.minor {
			d.mattering = append(d.mattering, mattering{name, f})
		}
	}
	d.matters = len(d.mattering) > 0 || d.own || d.kept != 0 || d.root != nil && d.root.real == d.path || t.ruleLeads(d)
}

// minorFile reports whether probably nothing follows from the file.
func (t *tree) minorFile(d *dir, name string) bool {
	return t.scope.Minor != nil && t.minorIn(d.paths(), name)
}

// minorIn is minorFile for a directory of these names.
func (t *tree) minorIn(paths []string, name string) bool {
	return t.scope.Minor != nil && !slices.ContainsFunc(paths, func(p string) bool { return !t.scope.Minor(join(p, name)) })
}

// ruleLeads reports whether the scope would enter d even if it were only a link.
func (t *tree) ruleLeads(d *dir) bool {
	if t.scope.Enter == nil {
		return false
	}
	for _, p := range d.paths() {
		if t.scope.Enter(p, SkipLink) {
			return true
		}
	}
	return false
}

// unjudge forgets what mattered, after a change of the scope.
func (t *tree) unjudge() {
	for _, d := range t.nodes {
		d.judged = false
		for _, f := range d.files {
			f.judged = false
		}
	}
}

// lookRound goes on with the scan.
func (t *tree) lookRound(now time.Time) {
	l := &t.look
	if len(l.dirs) == 0 {
		l.began, l.took, l.count = now, 0, 0
		if !t.burst.active() { // what was no change
			maps.DeleteFunc(l.blame, func(_ string, b blamed) bool { return b.due.IsZero() })
		}
		for _, d := range t.nodes {
			if d.watched && d.counts() {
				l.dirs = append(l.dirs, d)
			}
		}
	}
	for start := now; len(l.dirs) > 0 && now.Sub(start) < lookStep; {
		d := l.dirs[len(l.dirs)-1]
		l.dirs = l.dirs[:len(l.dirs)-1]
		if !t.alive(d) || !d.watched {
			continue
		}
		if !d.judged {
			t.judge(d) // which is seldom, and no reason to look seldom
			now = time.Now()
		}
		if d.matters || t.q.loses() {
			t.lookInto(d)
			before := now
			now = time.Now()
			l.took += now.Sub(before)
			l.count += 1 + len(d.mattering)
		}
	}
	if l.next = now; len(l.dirs) == 0 {
		l.next = l.began.Add(lookAfter(l.every, l.count, l.took))
	}
}

// lookAfter is the time from the beginning of one round to that of the next.
func lookAfter(least time.Duration, count int, took time.Duration) time.Duration {
	return max(least, time.Duration(count)*lookEvery/lookRate, lookShare*took)
}

// lookInto looks at one directory: whether names came or went, and at its files that matter.
func (t *tree) lookInto(d *dir) {
	t.look.at = d
	defer func() { t.look.at = nil }()
	path := append(t.look.path[:0], d.path...)
	switch st, err := filestat.Raw(append(path, 0), false); {
	case err == nil && st.ID == d.id:
		if st.Mtime != d.listed {
			t.list(d, mode{names: true})
		}
	case d.up != nil && (err == nil || gone(err)):
		t.look.at = d.up // whose event is missing
		t.refresh(d, mode{})
		return
	}
	path = append(path, '/')
	n := len(path)
	for _, m := range d.mattering {
		f := m.file
		if f.dirty || !f.hashed && t.hash.working() {
			continue // the event was first, or the content is about to be known
		}
		path = append(append(path[:n], m.name...), 0)
		if st, err := filestat.Raw(path, f.link); (err == nil && !st.Same(f.st) || err != nil && gone(err)) && d.files[m.name] == f {
			t.lookAgain(d, m.name, f)
		}
	}
	t.look.path = path[:0]
}

// lookAgain takes in a file that is not what it was.
func (t *tree) lookAgain(d *dir, name string, f *file) {
	path := d.join(name)
	if t.pending[path] != nil {
		return // known already
	}
	old := f.known()
	if t.read(d, name, f); d.files[name] == f {
		t.note(d, path, name, old)
	} // else it is gone, and that is noted
}

// suspect takes note that something was found before an event came for it, and returns the name
// that the event should have.
func (t *tree) suspect(path string) string {
	l := &t.look
	if rel, ok := relTo(l.at.path, path); ok { // the event of a new directory has the directory's name
		first, _, _ := strings.Cut(rel, "/")
		path = l.at.join(first)
	}
	if _, ok := l.blame[path]; !ok && len(l.blame) < maxBlame {
		l.blame[path] = blamed{dev: l.at.id.Dev}
	}
	return path
}

// accuse takes note that what was suspected has turned out to be a change.
func (t *tree) accuse(name string) {
	if b, ok := t.look.blame[name]; ok && b.due.IsZero() {
		b.due = time.Now().Add(lookGrace)
		t.look.blame[name] = b
	}
}

// cleared takes back what was noted for names whose events have come.
func (t *tree) cleared(hints []hint) {
	if len(t.look.blame)+len(t.misses) == 0 {
		return
	}
	for _, h := range hints {
		if len(t.misses) > 0 {
			at, _ := splitPath(h.path)
			if d := t.nodes[at]; d != nil {
				delete(t.misses, d.id.Dev)
			}
		}
		delete(t.look.blame, h.path)
		for _, link := range t.targets[h.path] {
			delete(t.look.blame, link)
		}
	}
}

// convict polls the file systems of those changes for which no event has come in time.
func (t *tree) convict(now time.Time) {
	for path, b := range t.look.blame {
		switch {
		case b.due.IsZero() || now.Before(b.due):
			continue
		case !b.again: // this process may have been stopped since, and the reader of events with it
			b.due, b.again = now.Add(lookGrace/4), true
			t.look.blame[path] = b
			continue
		}
		delete(t.look.blame, path)
		if t.pollDev[b.dev] {
			continue
		}
		if t.misses[b.dev]++; t.misses[b.dev] >= t.q.trust {
			delete(t.misses, b.dev)
			if t.unreported(path, b.dev) {
				continue
			}
		}
		at, _ := splitPath(path)
		if d := t.nodes[at]; d != nil && d.watched {
			t.renew(d)
		}
	}
}

// renew makes the watch of a directory again that did not report a change in it.
func (t *tree) renew(d *dir) {
	t.unwatchFiles(d)
	t.be.remove(d.path, d.id)
	d.watched = false
	t.watches--
	t.refresh(d, mode{})
}

// unreported gives up the events of a file system, if it may, and reports whether it did.
func (t *tree) unreported(path string, dev uint64) bool {
	message := fmt.Sprintf("%s has changed, and the file system did not report it", path)
	if t.w.o.Backend != Auto {
		if !t.look.noted {
			t.look.noted = true
			t.notice(Notice{Kind: Polling, Message: message, Hint: "set watch.backend to auto or poll"})
		}
		return false
	}
	t.pollDev[dev] = true
	for _, d := range t.nodes {
		if d.watched && d.id.Dev == dev {
			t.be.remove(d.path, d.id)
			d.watched = false
			t.watches--
		}
	}
	t.full = false
	t.nextPoll = time.Now().Add(t.pollInterval())
	t.notice(Notice{
		Kind:    Polling,
		Message: fmt.Sprintf("%s: polling all files there every %v from now on", message, t.w.o.PollInterval),
		Hint:    "watch.backend = \"poll\" does so from the start",
	})
	return true
}

// nextLook is when the look has something to do; zero: never.
func (t *tree) nextLook() (at time.Time) {
	if t.watches > 0 {
		at = t.look.next
	}
	for _, b := range t.look.blame {
		if !b.due.IsZero() && (at.IsZero() || b.due.Before(at)) {
			at = b.due
		}
	}
	return at
}
