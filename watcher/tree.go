package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/watchinfo"
)

const (
	lockPoll    = 5 * time.Millisecond   // how often a held burst looks for .git/index.lock
	lockCap     = 10 * time.Second       // a lock older than this is taken for a leftover
	lostPoll    = 500 * time.Millisecond // how often a lost root is looked for
	checkEvery  = 2 * time.Second        // roots' inodes, and ignore files above them
	resyncEvery = time.Second            // at most one full look per overflow
	safetyEvery = time.Minute            // the slow look that finds what no event tells
	safetyMost  = 100 * time.Millisecond // ... only if it takes less than this
	safetyStep  = time.Millisecond       // how long it may keep an event waiting
	hashDelay   = 20 * time.Millisecond  // see background
	racyAge     = int64(2 * time.Second) // git's rule: mtime this young may hide a write
	openMost    = 64                     // files read before an Open batch is sent
	maxNotices  = 100
	maxLinkDirs = 256 // directories outside that are watched for the sake of links
	pollShare   = 20  // a look by the clock takes at most 1/20 of a core
)

// dir is one directory that is known: a node of the tree.
type dir struct {
	rules
	path string // real path: no element is a link
	id   fileID
	up   *dir     // node of the directory above; nil if that is none
	also []string // names from Scope.Dirs that it goes by
	ways []*way   // links that lead here
	busy bool     // names through these are being found out
	pass uint32   // last rescope that wanted it

	watched bool

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
	hashed bool // sum is of the content; otherwise it is the zero Sum, and unknown
	dirty  bool // must be read before sum says anything
	racy   bool // looked at so soon after its mtime that a write could hide
	link   bool // a symbolic link to a file
	minor  bool // probably nothing follows from it; valid if judged
	judged bool
}

// known is the sum that stands for the file: that of its content, or a stand-in
// that equals no content.
func (f *file) known() Sum {
	if f.hashed {
		return f.sum
	}
	return statSum(f.st)
}

// change is a file that may differ from what was reported.
type change struct {
	dir  *dir // tells the names to report, also after it was dropped
	name string
	base Sum  // what was reported last; zero: absent
	next bool // is in tree.fresh

	unheard string // the name that an event should have come for before this was found; "": one has
}

// tree is everything that the owner goroutine knows. Nothing in it is locked.
type tree struct {
	w     *Watcher
	be    backend
	scope Scope
	buf   []byte

	// The directories.
	nodes   map[string]*dir
	byID    map[fileID]*dir
	roots   []*root
	named   []*named            // Scope.Dirs, resolved
	ways    map[string]*way     // links to directories, by their path
	linked  int                 // directories entered through links
	pivots  map[string]stat     // paths whose binding decides where a path of Scope.Dirs leads
	links   map[string]string   // link to a file -> resolved target
	targets map[string][]string // resolved target -> links
	linkDir map[string]int      // directory of targets -> number of links
	relink  []string            // links to look at again
	watches int
	nfiles  int
	again   bool // the scope must be resolved anew
	passNo  uint32
	was     map[*dir]rules  // during a rescope: what held before
	before  Scope           // ... and the scope that asked for it
	outer   map[string]stat // ignore files above the trees

	// What has changed.
	burst    burst
	pending  map[string]*change
	fresh    []string          // pending since the last try to open
	turned   map[string]Change // names whose directory link leads elsewhere now
	minor    bool              // something minor happened since then
	relevant bool              // something that counts happened since the last settle
	eventAt  time.Time         // first hint since then
	rescan   bool              // the next batch says so
	queue    []queued
	owed     bool // an Open batch was received, its closing one not yet
	closed   int  // bursts that have ended
	sent     int  // ... and whose batch was received
	syncs    []waiting

	holdSince time.Time       // a burst is held since; zero: none
	stale     map[string]stat // index.lock files that outlived lockCap

	// What went wrong.
	unreadable map[string]bool
	newBad     []string
	limitErr   error
	full       bool // adding failed for lack of watches: do not try each
	budget     int  // where a watch costs an open file per file: how many; 0: no matter
	limitTold  bool
	linkedTold bool
	outbox     []Notice

	// When to look without an event.
	pollMode                                                        bool
	pollDev                                                         map[uint64]bool
	nextPoll, nextCheck, nextLost, nextSafety, resyncAt, lastResync time.Time
	scanTook                                                        time.Duration
	sweep                                                           []*dir
	sweepTook                                                       time.Duration

	hash   background
	look   look
	rounds uint32 // of polling
	made   uint32 // nodes
}

// waiting is a Sync that waits for a burst to end and its batch to be received.
type waiting struct {
	target int
	done   chan struct{}
}

func newTree(w *Watcher, scope Scope) *tree {
	return &tree{
		w:          w,
		scope:      scope,
		buf:        make([]byte, chunk),
		nodes:      map[string]*dir{},
		byID:       map[fileID]*dir{},
		ways:       map[string]*way{},
		pivots:     map[string]stat{},
		links:      map[string]string{},
		targets:    map[string][]string{},
		linkDir:    map[string]int{},
		outer:      map[string]stat{},
		burst:      burst{quiet: w.o.Debounce, limit: w.o.MaxWait},
		pending:    map[string]*change{},
		turned:     map[string]Change{},
		stale:      map[string]stat{},
		unreadable: map[string]bool{},
		pollDev:    map[uint64]bool{},
		budget:     fileBudget(),
		hash:       newBackground(),
		look:       look{blame: map[string]blamed{}},
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
	t.look.began, t.look.next = start, now.Add(lookEvery)
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

// open starts the backend that the options ask for. Whatever fails ends in
// polling: a watcher that stays up slowly beats one that is gone.
func (t *tree) open() {
	t.be = poll{}
	t.pollMode = true
	if t.w.o.Backend == Poll {
		return
	}
	n, err := t.newNotify()
	if err != nil {
		notice := Notice{
			Kind:    Limited,
			Message: fmt.Sprintf("cannot watch for events (%v): looking at the files every %v instead", err, t.w.o.PollInterval),
		}
		// EMFILE stands for two limits: inotify instances, and open files.
		if name, value := watchinfo.InstanceLimit(); errors.Is(err, syscall.EMFILE) && name != "" && canOpen() {
			notice.Message = fmt.Sprintf("the limit %s (%d) is used up: looking at the files every %v instead of waiting for events", name, value, t.w.o.PollInterval)
			notice.Hint = watchinfo.RaiseHint(name, max(512, 2*value))
		}
		t.notice(notice)
		return
	}
	t.be, t.pollMode = n, false
	if t.w.test.backend != nil {
		t.be = t.w.test.backend(n)
	}
}

// names are all names of all files that count.
func (t *tree) names() []string {
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

func canOpen() bool {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func (t *tree) newNotify() (*notify, error) {
	if err := t.w.test.notifyError; err != nil {
		return nil, err
	}
	return newNotify(t.w.test.pause)
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

// release drops a directory whose name was bound or unbound anew: the watch, and
// those below it, may belong to what has moved away under that name.
func (t *tree) release(h hint) {
	if h.op&(opGone|opBound) == 0 {
		return
	}
	if d := t.nodes[h.path]; d != nil {
		t.drop(d)
	}
}

func (t *tree) lookAt(h hint) {
	if h.op == opChmod && !t.unreadable[h.path] {
		return // touch and chmod; a directory may have become readable
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
	if foldsCase && h.op&opGone != 0 {
		t.list(d, mode{})
		return
	}
	t.syncEntry(d, name, h.op)
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
		old := t.scope
		t.scope = scope
		t.unjudge()
		t.rescope(old, false)
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

// answer lets those Syncs return whose changes have been received.
func (t *tree) answer() {
	if len(t.queue) == 0 {
		t.sent = t.closed
	}
	keep := t.syncs[:0]
	for _, s := range t.syncs {
		if s.target <= t.sent {
			close(s.done)
		} else {
			keep = append(keep, s)
		}
	}
	t.syncs = keep
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

func (t *tree) notice(n Notice) {
	if len(t.outbox) >= maxNotices {
		t.outbox = t.outbox[1:]
	}
	t.outbox = append(t.outbox, n)
}

// publish brings the figures up to date, and says in one line what the looks of
// this round ran into.
func (t *tree) publish() {
	if n := len(t.newBad); n > 0 {
		what := fmt.Sprintf("cannot read the directory %q", t.newBad[0])
		if n > 1 {
			what += fmt.Sprintf(" and %d more", n-1)
		}
		t.notice(Notice{Kind: Unreadable, Message: what + ": changes in it are not seen", Hint: "make it readable, or exclude it"})
		t.newBad = nil
	}
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

// polled reports whether some directory is looked at by the clock.
func (t *tree) polled() bool { return t.pollMode || len(t.nodes) > t.watches }
