// Package watcher turns file events into settled batches of content changes.
//
//	err := watcher.Watch(ctx, watcher.Options{Scope: watcher.Scope{Trees: []string{dir}}},
//		func(b watcher.Batch) {
//			for _, c := range b.Changes {
//				fmt.Println(c.Path)
//			}
//		})
//
// A change is a change of content. The hash of every file is known soon after the start, so that
// touch, chmod, a save without a change and an undo are silent. The package knows nothing of
// builds: it reports files, and its caller decides.
//
// Events only say where to look; directory listings are the truth. One goroutine owns the tree.
// It scans wherever an event, the poll clock or a request points, and compares what it finds with
// what it knew. The rules that make this right on top of inotify:
//
//   - A directory is watched before it is listed, so that nothing is missed in between.
//   - Rule A: within one scan, watches are released before new ones are added.
//   - Rule B: an inode that is already watched under another path has moved; the old path is
//     released first. inotify gives one descriptor per inode, and fsnotify keeps the first name
//     it was given for it, so a moved directory would otherwise be reported under its old name,
//     or not at all.
//   - A directory that was renamed, removed or created again is dropped with all its watches and
//     read again, even if the path exists again.
//   - A queue overflow makes everything suspect: new watches, full scan.
//
// What was rejected, and why:
//
//   - To report the events of fsnotify, filtered: they are lost in an overflow, come twice or not
//     at all for a rename, and never for what a new directory held before it was watched.
//   - Modification times as the measure of a change: formatters, checkouts and touch alter them
//     without altering the content, and a tool can set them back.
//   - fanotify and FSEvents, which watch a whole tree at once: the former needs privileges, and
//     both report ignored files too, so node_modules would cost more than it does now.
//   - A probe that writes a file to find out whether a mount sends events: writes on this side
//     are reported even where writes on the other side are not. The files that matter are
//     compared about every second instead (look.go).
//   - One goroutine for each tree: a file can be moved between two trees, and would be in both.
//
// Stability: before 1.0 the fields of [Scope] and the kinds of [Notice] may change. Watch, New,
// Options, Batch and Change will stay.
package watcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	defaultDebounce     = 20 * time.Millisecond
	defaultMaxWait      = time.Second
	defaultPollInterval = 500 * time.Millisecond
	defaultMaxHash      = 16 << 20
)

// ErrStopped is returned by Sync when Run has ended.
var ErrStopped = errors.New("watcher has stopped")

// Options says what to watch, and how. Only Scope is required.
type Options struct {
	Scope Scope

	// Exclude holds doublestar globs relative to each tree. A pattern without a
	// slash matches at any depth, one that ends in a slash only directories. A
	// directory that matches is not entered.
	Exclude []string

	// Gitignore honours the .gitignore files in and above the trees (up to the
	// top of the git repository) and .git/info/exclude. Edits apply live.
	Gitignore bool

	// Debounce is the quiet time that closes a burst, MaxWait the age that closes
	// it regardless. Zero: 20 ms and 1 s.
	Debounce, MaxWait time.Duration

	// Backend is where changes are learned from. Empty: Auto.
	Backend Backend

	// PollInterval is the least time between two looks at what is polled. Zero: 500 ms.
	PollInterval time.Duration

	// MaxHash is the size in bytes above which a file is not read but compared by
	// size, times and inode. Zero: 16 MiB.
	MaxHash int64

	// Early sends one more Batch at once at the first change of content of a burst, with Open
	// set: for a caller that begins its work while more changes may come.
	Early bool
}

// Backend is where changes are learned from.
type Backend string

const (
	Auto   Backend = "auto"   // Notify, but Poll on file systems that send no events
	Notify Backend = "notify" // events of the system
	Poll   Backend = "poll"   // the files are compared by the clock
)

// Scope says which files count. All paths are absolute.
type Scope struct {
	// Trees are watched with everything below them, except for noise, Exclude
	// and what git ignores.
	Trees []string

	// Dirs are directories whose own files count (not what is below), even if
	// the directory itself is ignored, or outside the trees, or not there yet.
	// Patterns that match a single file in a directory that is not ignored still
	// apply to it; Keep overrides them.
	Dirs []string

	// Keep is asked about a file that would be skipped: true means that it counts
	// anyway. It is called by the goroutine of Run, and by Ignored; it must be quick,
	// and its answers must not change while the Scope is in use. Nil: never.
	Keep func(file string, why Skip) bool

	// Enter is asked about a directory that would be skipped, or a link to one, under
	// each of its names, and then about all directories below. True means that it is
	// entered. In it, only files for which Keep is true count, and what is found through
	// a link is reported under the link's name. The rest is as for Keep. Nil: never.
	Enter func(dir string, why Skip) bool

	// Minor is asked about a file that has changed: true means that probably nothing
	// will follow from it. Its change is reported like any other, but later (a burst of
	// such changes closes at most four times a second), and it neither opens a burst
	// of other changes nor extends one: a log that a program writes next to its sources
	// must not delay a save. It is called from the watcher's goroutine. Nil: none is minor.
	Minor func(file string) bool
}

// Skip is why a file or a directory is skipped by default.
type Skip uint8

const (
	SkipGit     Skip = iota + 1 // git ignores it, or the directory that holds it
	SkipExclude                 // Options.Exclude names it
	SkipNoise                   // a directory by whose name it is known: node_modules, .git
	SkipLink                    // a link to a directory, or what was reached through one
)

// Batch is a set of changes that belong together.
type Batch struct {
	First   time.Time // when the first event of the burst was seen
	Changes []Change  // since the last Batch sent, sorted by path, each path once

	// Open is true for a batch of Options.Early: more may follow. A batch that is not Open says
	// that the burst has settled. One always follows an Open batch, if need be without Changes.
	// Otherwise a batch has Changes. A file that was written, or replaced, and holds again what
	// was reported of it, is in none.
	Open bool

	// Rescan is true if events had been lost, or a tree had been away, and everything was looked at.
	Rescan bool
}

// Change is a file whose content is not what it was.
type Change struct {
	Path     string
	Old, New Sum
}

// Sum identifies a content. The zero Sum means: no such file.
// Sums are comparable within one process only.
type Sum [16]byte

// Notice is something that a person should know, once.
type Notice struct {
	Kind    Kind
	Message string
	Hint    string // what to do about it; may be empty
}

// Kind is what a Notice is about.
type Kind string

const (
	Overflow   Kind = "overflow"   // events were lost, and all files compared
	Limited    Kind = "limit"      // a limit of the system: some directories are polled, or not watched
	Polling    Kind = "poll"       // a file system does not report changes
	RootLost   Kind = "root-lost"  // a tree is gone
	RootBack   Kind = "root-back"  // ... and is there again
	Unreadable Kind = "unreadable" // changes in a directory cannot be seen
)

// Stats are figures of the running watcher.
type Stats struct {
	Backend string // "notify", "poll" or "notify+poll"
	Watches int    // directories watched by events of the system
	Files   int    // files that count
}

// Watcher watches. Make one with New, then call Run once.
type Watcher struct {
	o       Options
	exclude []glob
	batches chan Batch
	notices chan Notice
	ready   chan struct{}
	done    chan struct{} // closed when Run has ended
	wake    chan struct{} // a request is waiting; capacity 1

	mu       sync.Mutex
	scope    Scope
	rescope  bool
	requests []request
	stats    Stats
	running  bool

	test testHooks
}

// request is work for the owner of the tree: a Sync, or a function of a test.
type request struct {
	sync chan struct{} // closed when done
	do   func(*tree)   // or this, run between two rounds
}

// testHooks let tests replace parts of the system, or turn off a rule to see that it is needed.
type testHooks struct {
	mountinfo        string        // instead of /proc/self/mountinfo
	pause            chan struct{} // the reader of events waits on it before each event
	hashing          func(string)  // called by the reading in the background, between a file's stat and its content
	reading          func(string)  // ... by the owner
	listing          func(string)  // called between the watch of a directory and its listing
	noRuleA, noRuleB bool
	notifyError      error // from opening the notify backend
	source           func() (source, error)
	quirks           *quirks       // instead of the system's
	lookEvery        time.Duration // instead of lookEvery
	backend          func(backend) backend
}

// Watch watches until ctx ends, and then returns nil. It calls each once without changes when
// everything is watched, and then with every settled batch, always from this goroutine. While each
// works, batches are merged. Notices are dropped, and Options.Early is ignored: use New for these.
func Watch(ctx context.Context, o Options, each func(Batch)) error {
	o.Early = false
	w, err := New(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-w.Ready()
	each(Batch{})
	for b := range w.Batches() {
		each(b)
	}
	return <-ended
}

// New checks the options. It starts nothing.
func New(o Options) (*Watcher, error) {
	if o.Debounce < 0 || o.MaxWait < 0 || o.PollInterval < 0 || o.MaxHash < 0 {
		return nil, errors.New("debounce, max_wait, poll_interval and the hash limit must not be negative")
	}
	if o.Debounce == 0 {
		o.Debounce = defaultDebounce
	}
	if o.MaxWait == 0 {
		o.MaxWait = defaultMaxWait
	}
	if o.PollInterval == 0 {
		o.PollInterval = defaultPollInterval
	}
	if o.MaxHash == 0 {
		o.MaxHash = defaultMaxHash
	}
	switch o.Backend {
	case "":
		o.Backend = Auto
	case Auto, Notify, Poll:
	default:
		return nil, fmt.Errorf("unknown watch backend %q: want auto, notify or poll", o.Backend)
	}
	exclude, err := parseGlobs(o.Exclude)
	if err != nil {
		return nil, err
	}
	scope, err := cleanScope(o.Scope)
	if err != nil {
		return nil, err
	}
	return &Watcher{
		o:       o,
		exclude: exclude,
		scope:   scope,
		batches: make(chan Batch),
		notices: make(chan Notice),
		ready:   make(chan struct{}),
		done:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}, nil
}

func cleanScope(s Scope) (Scope, error) {
	clean := func(paths []string) ([]string, error) {
		out := make([]string, 0, len(paths))
		for _, p := range paths {
			if !filepath.IsAbs(p) {
				return nil, fmt.Errorf("directory to watch must be absolute: %q", p)
			}
			out = append(out, filepath.Clean(p))
		}
		slices.Sort(out)
		return slices.Compact(out), nil
	}
	trees, err := clean(s.Trees)
	if err != nil {
		return Scope{}, err
	}
	dirs, err := clean(s.Dirs)
	if err != nil {
		return Scope{}, err
	}
	s.Trees, s.Dirs = trees, dirs
	return s, nil
}

// Run watches until ctx ends, and then returns nil. It may be called once. It
// closes Batches when it returns, and leaves no goroutine behind.
func (w *Watcher) Run(ctx context.Context) error {
	w.mu.Lock()
	if w.running {
		w.mu.Unlock()
		return errors.New("watcher: Run was called twice")
	}
	w.running = true
	scope := w.scope
	w.rescope = false
	w.mu.Unlock()

	defer close(w.done)
	defer close(w.batches)
	return newTree(w, scope).run(ctx)
}

// Batches delivers the changes. It is closed when Run returns. Batches that are
// not received in time are merged: the receiver gets fewer of them, never older truth.
func (w *Watcher) Batches() <-chan Batch { return w.batches }

// Notices delivers what a person should know. It is never closed; what
// is not received waits (the last 100 are kept).
func (w *Watcher) Notices() <-chan Notice { return w.notices }

// Ready is closed when everything is watched for the first time.
func (w *Watcher) Ready() <-chan struct{} { return w.ready }

// SetScope replaces what is watched, and returns at once. What newly entered
// directories hold is taken as known: it is not reported as changed. Paths that
// are not absolute are left out.
func (w *Watcher) SetScope(s Scope) {
	s.Trees = slices.DeleteFunc(slices.Clone(s.Trees), func(p string) bool { return !filepath.IsAbs(p) })
	s.Dirs = slices.DeleteFunc(slices.Clone(s.Dirs), func(p string) bool { return !filepath.IsAbs(p) })
	s, _ = cleanScope(s)
	w.mu.Lock()
	w.scope = s
	w.rescope = true
	w.mu.Unlock()
	w.poke()
}

// Files returns the names of all files that count, under each name that they are reported
// under, in no order. Before Run it looks for them itself. After Run, and when ctx ends, it
// returns nothing.
func (w *Watcher) Files(ctx context.Context) []string {
	w.mu.Lock()
	running, scope := w.running, w.scope
	w.mu.Unlock()
	if !running {
		t := newTree(w, scope)
		t.be, t.pollMode = poll{}, true
		t.rescope(Scope{}, false)
		return t.names()
	}
	out := make(chan []string, 1)
	w.request(request{do: func(t *tree) { out <- t.names() }})
	select {
	case names := <-out:
		return names
	case <-ctx.Done():
	case <-w.done:
	}
	return nil
}

// Stats returns the figures of this moment.
func (w *Watcher) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Sync looks at every file now and returns when each change made before the call
// has been received from Batches, or there was none. If a burst is under way,
// that includes the batch that closes it.
func (w *Watcher) Sync(ctx context.Context) error {
	done := make(chan struct{})
	w.request(request{sync: done})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		select {
		case <-done:
			return nil
		default:
			return ErrStopped
		}
	}
}

func (w *Watcher) request(r request) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	w.mu.Unlock()
	w.poke()
}

func (w *Watcher) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
