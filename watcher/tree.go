package watcher

import (
	"context"
	"os"
	"path/filepath"
	"sort"
	"time"
)

const (
	lockPoll    = 5 * time.Millisecond   // how often a held burst looks for .git/index.lock
	lockCap     = 10 * time.Second       // a lock older than this is taken for a leftover
	lostPoll    = 500 * time.Millisecond // how often a lost root is looked for
	checkEvery  = 2 * time.Second        // roots' inodes, and ignore files above them
	resyncEvery = time.Second            // at most one full look per overflow
	safetyEvery = time.Minute            // the slow scan that finds what no event reports
	maxSafety   = 100 * time.Millisecond // ... only if it takes less than this
	safetyStep  = time.Millisecond       // how long it may delay an event
	hashDelay   = 20 * time.Millisecond  // see background
	tryEvery    = 50 * time.Millisecond  // how often a file is tried that another program does not share
	maxTries    = 40                     // ... and how many times, until its stat stands for its content
	racyAge     = int64(2 * time.Second) // git's rule: mtime this young may hide a write
	maxOpen     = 64                     // files read before an Open batch is sent
	maxNotices  = 100
	maxLinkDirs = 256 // directories outside that are watched because of links
	pollShare   = 20  // polling takes at most 1/20 of a core
)

// dir is one directory that is known: a node of the tree.
type dir struct {
	rules
	path string // real path: no element is a link
	id   fileID
	up   *dir     // node of the directory above; nil if that is none
	also []string // its names from Scope.Dirs
	ways []*way   // links that lead here
	busy bool     // names through these are being found out
	pass uint32   // last rescope that wanted it

	watched bool
	entries int // in it when it was listed

	matters   bool        // a file of it matters, or one that may come to be; valid if judged
	judged    bool        // ... and is up to date
	mattering []mattering // its files that matter
	listed    int64       // its own time of change when it was listed
	turn      uint32      // in which round it is polled if it cannot matter

	files map[string]*file
	subs  map[string]*dir
}

func (d *dir) join(name string) string { return join(d.path, name) }

func join(dir, name string) string {
	if os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// splitPath is filepath.Split for a clean absolute path, without a trailing separator.
func splitPath(path string) (dir, name string) {
	i := len(path) - 1
	for i > 0 && !os.IsPathSeparator(path[i]) {
		i--
	}
	if i <= len(filepath.VolumeName(path)) {
		return path[:i+1], path[i+1:]
	}
	return path[:i], path[i+1:]
}

// file is one file that counts. Its sum is what was reported last, or what it
// was found with; a newer state is in tree.pending.
type file struct {
	sum    Sum
	st     stat
	hashed bool  // sum is of the content; otherwise it is the zero Sum, and unknown
	dirty  bool  // must be read before sum says anything
	racy   bool  // looked at so soon after its mtime that a write could hide
	link   bool  // a symbolic link to a file
	tries  uint8 // to read it while another program did not share it
	minor  bool  // probably nothing follows from it; valid if judged
	judged bool
}

// known is the sum of the file's content, or a placeholder that equals no
// content.
func (f *file) known() Sum {
	if f.hashed {
		return f.sum
	}
	return statSum(f.st)
}

// change is a file that may differ from what was reported.
type change struct {
	dir  *dir // has the names to report, also after it was dropped
	name string
	base Sum  // what was reported last; zero: absent
	next bool // is in tree.fresh

	unheard string // the name that an event should have come for before this was found; "": one has
}

// tree is everything that the owner goroutine knows. Nothing in it is locked.
type tree struct {
	w   *Watcher
	buf []byte

	directories
	scoping
	linkTable
	coverage
	schedule
	settling
	delivery
	reports

	hash background
	look look
}

// directories are those that are known.
type directories struct {
	nodes  map[string]*dir
	byID   map[fileID]*dir
	nfiles int
	made   uint32 // nodes
}

func newTree(w *Watcher, scope Scope) *tree {
	q, every := system, lookEvery
	if w.test.quirks != nil {
		q = *w.test.quirks
	}
	if w.test.lookEvery != 0 {
		every = w.test.lookEvery
	}
	return &tree{
		w:           w,
		buf:         make([]byte, chunk),
		directories: directories{nodes: map[string]*dir{}, byID: map[fileID]*dir{}},
		scoping:     scoping{scope: scope, ways: map[string]*way{}, pivots: map[string]stat{}, outer: map[string]stat{}},
		linkTable:   linkTable{links: map[string]string{}, targets: map[string][]string{}, linkDir: map[string]int{}},
		coverage:    coverage{q: q, pollDev: map[uint64]bool{}, refused: map[uint64]bool{}, misses: map[uint64]int{}, budget: fileBudget()},
		settling: settling{
			burst:   burst{quiet: w.o.Debounce, limit: w.o.MaxWait},
			pending: map[string]*change{}, turned: map[string]Change{}, stale: map[string]stat{},
		},
		reports: reports{unreadable: map[string]bool{}},
		hash:    newBackground(),
		look:    look{every: every, blame: map[string]blamed{}},
	}
}

func (t *tree) run(ctx context.Context) error {
	t.open()
	defer func() { t.be.close() }()
	defer t.hash.stop()

	start := time.Now()
	t.rescope(Scope{}, false)
	now := time.Now()
	t.scanTook = now.Sub(start)
	t.nextCheck, t.nextSafety = now.Add(checkEvery), now.Add(safetyAfter(t.scanTook))
	t.nextPoll = now.Add(t.pollInterval())
	t.look.began, t.look.next = start, now.Add(t.look.every)
	t.publish()
	close(t.w.ready)

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		t.round()
		t.serve()
		t.clock(time.Now())
		t.settle(time.Now())
		t.answer()
		t.publish()

		var out chan<- Batch
		var head Batch
		if len(t.queue) > 0 {
			out, head = t.w.batches, t.queue[0].Batch
		}
		var tell chan<- Notice
		var notice Notice
		if len(t.outbox) > 0 {
			tell, notice = t.w.notices, t.outbox[0]
		}
		timer.Reset(time.Until(t.next()))
		select {
		case <-ctx.Done():
			return nil
		case <-t.be.wake():
		case <-t.w.wake:
		case <-timer.C:
		case out <- head:
			t.delivered()
		case tell <- notice:
			t.outbox = t.outbox[1:]
		case r := <-t.hash.results:
			t.hash.got(r, time.Now())
		}
	}
}

// round carries out the hints that have come.
func (t *tree) round() {
	hints, since, lost := t.be.take()
	if !since.IsZero() && t.eventAt.IsZero() {
		t.eventAt = since
	}
	if lost {
		clear(t.look.blame)
	}
	if lost && t.resyncAt.IsZero() {
		// Coalesced: a flood that goes on overflows again and again.
		t.resyncAt = time.Now()
		if next := t.lastResync.Add(resyncEvery); next.After(t.resyncAt) {
			t.resyncAt = next
		}
	}
	if len(hints) > 0 {
		t.cleared(hints)
		t.follow(hints)
		t.checkRoots()
	}
	if len(t.relink) > 0 {
		t.relinked()
	}
	if t.again {
		t.rescope(t.scope, true)
	}
}

// follow reconciles the names that hints point at.
func (t *tree) follow(hints []hint) {
	// Rule A: all releases come before the first add.
	if !t.w.test.noRuleA {
		for _, h := range hints {
			t.release(h)
		}
	}
	for _, h := range hints {
		t.lookAt(h)
	}
	if t.w.test.noRuleA {
		for _, h := range hints {
			t.release(h)
		}
	}
}

// release drops a directory whose name was bound or unbound again: the watch, and
// those below it, may belong to what has moved away under that name.
func (t *tree) release(h hint) {
	if h.op&(opGone|opBound) == 0 {
		return
	}
	d := t.nodes[h.path]
	if d == nil {
		return
	}
	if t.q.watchesFiles && h.op&opGone == 0 {
		// fsnotify reports this for each directory that is watched again. And when a directory was renamed just
		// after it had changed, fsnotify ends the watch and reports nothing.
		st, err := lstat(d.path)
		if err == nil && st.Kind == kindDir && st.ID == d.id && (!d.watched || t.be.keep(d.path) == nil) {
			return
		}
	}
	t.drop(d)
}

func (t *tree) lookAt(h hint) {
	switch {
	case h.op != opChmod || t.unreadable[h.path]: // a directory may have become readable
	case t.q.truncates:
		h.op = 0
	default:
		return // touch and chmod
	}
	for _, link := range t.targets[h.path] {
		at, name := splitPath(link)
		if d := t.nodes[at]; d != nil {
			t.syncEntry(d, name, h.op|opWrite)
		}
	}
	if _, ok := t.pivots[h.path]; ok {
		t.again = true
	}
	if w := t.ways[h.path]; w != nil && w.on {
		t.again = true
	}
	at, name := splitPath(h.path)
	d := t.nodes[at]
	if d == nil {
		return
	}
	if name == ".git" && h.op&(opBound|opGone) != 0 {
		t.again = true // git init, git clone into it, or the end of a repository
	}
	if !d.counts() {
		return
	}
	if name == ".gitignore" && t.w.o.Gitignore && d.deep {
		t.again = true
	}
	if t.q.foldsCase && h.op&opGone != 0 {
		if t.q.watchesFiles && d.watched {
			// Another file may have the name by now. fsnotify has taken it for the one that was moved away, if it met the
			// change of the directory first. Whoever watches it before it is listed misses nothing.
			t.keepFile(h.path)
		}
		t.list(d, mode{})
		return
	}
	t.syncEntry(d, name, h.op)
}

// keepFile watches what is a file under this name now.
func (t *tree) keepFile(path string) {
	if st, err := lstat(path); err == nil && st.Kind == kindFile {
		_ = t.be.keep(path) // the scan finds what is missed
	}
}

// serve answers the requests of other goroutines.
func (t *tree) serve() {
	w := t.w
	w.mu.Lock()
	requests := w.requests
	w.requests = nil
	changed := w.rescope
	w.rescope = false
	scope := w.scope
	w.mu.Unlock()
	if changed {
		t.enter(scope)
	}
	for _, r := range requests {
		if r.do != nil {
			r.do(t)
		}
		if r.sync == nil {
			continue
		}
		t.fullPass()
		now := time.Now()
		t.settle(now)
		target := t.closed
		if t.burst.active() {
			target++
		}
		t.syncs = append(t.syncs, waiting{target, r.sync})
	}
}

// enter goes over to another scope.
func (t *tree) enter(scope Scope) {
	old := t.scope
	t.scope = scope
	t.unjudge()
	t.rescope(old, false)
}

// names are all names of all files that count.
func (t *directories) names() []string {
	out := make([]string, 0, t.nfiles)
	for _, d := range t.nodes {
		if len(d.files) == 0 {
			continue
		}
		for _, at := range d.paths() {
			for name := range d.files {
				out = append(out, join(at, name))
			}
		}
	}
	return out
}

func (t *directories) alive(d *dir) bool { return t.nodes[d.path] == d }

// sorted returns the nodes, those above before those below.
func (t *directories) sorted(only func(*dir) bool) []*dir {
	out := make([]*dir, 0, len(t.nodes))
	for _, d := range t.nodes {
		if only == nil || only(d) {
			out = append(out, d)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].path < out[j].path })
	return out
}

// publish brings the figures up to date, and says in one line what the looks of
// this round ran into.
func (t *tree) publish() {
	t.tellUnreadable()
	if t.limitErr != nil && !t.limitTold {
		t.limitTold = true
		t.limitNotice()
	}
	t.limitErr = nil

	s := Stats{Backend: "notify", Watches: t.watches, Files: t.nfiles}
	if t.pollMode || t.watches == 0 && len(t.nodes) > 0 {
		s.Backend = "poll"
	} else if t.polled() {
		s.Backend = "notify+poll"
	}
	t.w.mu.Lock()
	t.w.stats = s
	t.w.mu.Unlock()
}
