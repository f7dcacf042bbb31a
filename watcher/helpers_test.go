package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/testkit"
)

const patience = testkit.Deadline

var (
	tempDir = testkit.TempDir
	write   = testkit.Write
	plant   = testkit.Plant
)

func TestMain(m *testing.M) {
	if helper() {
		return
	}
	testkit.Parallel(4)
	testkit.Main(m)
}

// watching is a running watcher and what its receiver has heard.
type watching struct {
	t    *testing.T
	w    *Watcher
	root string
	mark int

	healed int // files that were written to find directories without a watch

	mu       sync.Mutex
	notices  []Notice
	reported chan struct{}

	fake    fake           // that it runs on; nil: on this system
	batches []Batch        // all that were received
	known   map[string]Sum // what the receiver believes, by path
	opened  bool           // an Open batch waits for its closing one
	blunder *string        // takes what is wrong with a batch, in place of the test
}

// watch runs a watcher until the test ends, and returns when it is ready. A backend that has the name of one of the
// fakes is that one.
func watch(t *testing.T, o Options, prepare ...func(*Watcher)) *watching {
	t.Helper()
	o.Early = true
	s := &watching{t: t, known: map[string]Sum{}, reported: make(chan struct{}, 1)}
	if system, ok := fakes[string(o.Backend)]; ok {
		o.Backend = Notify
		prepare = append([]func(*Watcher){s.on(system)}, prepare...)
	}
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(w)
	}
	s.w = w
	if len(o.Scope.Trees) > 0 {
		s.root = o.Scope.Trees[0]
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		for {
			select {
			case n := <-w.Notices():
				s.mu.Lock()
				s.notices = append(s.notices, n)
				s.mu.Unlock()
				select {
				case s.reported <- struct{}{}:
				default:
				}
			case <-w.done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		<-listened
	})
	select {
	case <-w.Ready():
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	return s
}

func (s *watching) next() Batch {
	s.t.Helper()
	select {
	case b, ok := <-s.w.Batches():
		if !ok {
			s.t.Fatal("batches closed")
		}
		s.take(b)
		return b
	case <-time.After(patience):
		s.t.Fatal("no batch came")
	}
	panic("unreachable")
}

// take checks what holds for every batch, and learns from it.
func (s *watching) take(b Batch) {
	s.t.Helper()
	if b.Open && s.opened {
		s.wrong("two Open batches in one burst")
	}
	if !b.Open && !s.opened && len(b.Changes) == 0 {
		s.wrong("a closing batch without changes and without an Open one before")
	}
	if b.Open && len(b.Changes) == 0 {
		s.wrong("an Open batch without changes")
	}
	s.opened = b.Open
	if b.First.IsZero() {
		s.wrong("a batch without First")
	}
	if !slices.IsSortedFunc(b.Changes, func(a, c Change) int { return strings.Compare(a.Path, c.Path) }) {
		s.wrong("changes are not sorted")
	}
	for i, c := range b.Changes {
		if i > 0 && b.Changes[i-1].Path == c.Path {
			s.wrong("%s is twice in a batch", c.Path)
		}
		if c.Old == c.New {
			s.wrong("%s: Old equals New", c.Path)
		}
		if old, ok := s.known[c.Path]; ok && old != c.Old {
			s.wrong("%s: Old is not what was reported before", c.Path)
		}
		s.known[c.Path] = c.New
	}
	s.batches = append(s.batches, b)
}

// wrong is a batch that must not be: a failure, unless a test wants to see one.
func (s *watching) wrong(format string, args ...any) {
	s.t.Helper()
	if s.blunder == nil {
		s.t.Errorf(format, args...)
	} else if *s.blunder == "" {
		*s.blunder = fmt.Sprintf(format, args...)
	}
}

// settled waits until all that happened before the call has been received, by
// means of a file of its own, and returns the batches since the last call.
func (s *watching) settled() []Batch {
	s.t.Helper()
	if s.loses() {
		// There, what is written later may be reported earlier, and some of it not at all.
		s.drain()
		s.lookAround()
	}
	s.mark++
	name := filepath.Join(s.root, fmt.Sprintf("zz-mark-%d", s.mark))
	// In one step: a file seen empty first would be reported twice.
	write(s.t, filepath.Join(s.root, "#mark#"), fmt.Sprint("mark ", s.mark))
	rename(s.t, filepath.Join(s.root, "#mark#"), name)
	seen := false
	for {
		b := s.next()
		for i, c := range b.Changes {
			if c.Path == name {
				seen = true
				s.batches[len(s.batches)-1].Changes = slices.Delete(slices.Clone(b.Changes), i, i+1)
				break
			}
		}
		if seen && !b.Open {
			break
		}
	}
	out := s.batches
	s.batches = nil
	return out
}

// changed is settled, as the set of names relative to the root: "+a" appeared,
// "-a" went, "a" has other content than before; net over all batches.
func (s *watching) changed() []string {
	s.t.Helper()
	return netOf(s.root, s.settled())
}

func netOf(root string, batches []Batch) []string {
	all := Batch{}
	for _, b := range batches {
		all = mergeBatches(all, b)
	}
	out := []string{}
	for _, c := range all.Changes {
		name := c.Path
		if rel, ok := relTo(root, c.Path); ok {
			name = rel
		}
		switch (Sum{}) {
		case c.Old:
			name = "+" + name
		case c.New:
			name = "-" + name
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (s *watching) expect(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	if d := cmp.Diff(append([]string{}, want...), s.changed()); d != "" {
		s.t.Errorf("changes (-want +got):\n%s", d)
	}
}

// notice waits for the first notice of this kind.
func (s *watching) notice(kind string) Notice {
	s.t.Helper()
	end := time.After(patience)
	for {
		if all := s.noticesOf(kind); len(all) > 0 {
			return all[0]
		}
		select {
		case <-s.reported:
		case <-end:
			s.t.Fatalf("no notice of kind %s; have %v", kind, s.noticesOf(""))
		}
	}
}

func (s *watching) noticesOf(kind string) []Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Notice
	for _, n := range s.notices {
		if kind == "" || string(n.Kind) == kind {
			out = append(out, n)
		}
	}
	return out
}

// do runs f in the goroutine that owns the tree.
func (s *watching) do(f func(*tree)) {
	s.t.Helper()
	done := make(chan struct{})
	s.w.request(request{do: func(t *tree) { f(t); close(done) }})
	select {
	case <-done:
	case <-time.After(patience):
		s.t.Fatal("the owner does not answer")
	}
}

// hashed waits until every file's content is known.
func (s *watching) hashed() {
	s.t.Helper()
	end := time.Now().Add(patience)
	for open := true; open; {
		s.do(func(t *tree) {
			open = t.hash.working()
		})
		if time.Now().After(end) {
			s.t.Fatal("files are not read")
		}
	}
}

// truth is every file below root with its content's sum, and every directory.
func truth(t *testing.T, root string, skip func(name string) bool) (files map[string]Sum, dirs []string) {
	t.Helper()
	files = map[string]Sum{}
	buf := make([]byte, chunk)
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if skip != nil && path != root && skip(e.Name()) {
				return filepath.SkipDir
			}
			dirs = append(dirs, path)
			return nil
		}
		if st, err := follow(path); err == nil && st.Kind == kindFile {
			sum, _, err := sumFile(path, defaultMaxHash, buf, nil)
			if err != nil {
				return err
			}
			files[path] = (&file{link: e.Type()&os.ModeSymlink != 0}).of(sum)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return files, dirs
}

func sumAt(t *testing.T, path string) Sum {
	t.Helper()
	sum, _, err := sumFile(path, defaultMaxHash, make([]byte, chunk), nil)
	must(t, err)
	return sum
}

// state is what the watcher knows of its files and directories.
func (s *watching) state() (files map[string]Sum, dirs, watched []string) {
	s.t.Helper()
	files = map[string]Sum{}
	s.do(func(t *tree) {
		for _, d := range t.nodes {
			if !d.counts() {
				continue
			}
			dirs = append(dirs, d.path)
			for name, f := range d.files {
				if f.dirty || !f.hashed {
					t.read(d, name, f)
				}
				files[d.join(name)] = f.known()
			}
		}
		watched = watchList(t.be)
	})
	slices.Sort(dirs)
	slices.Sort(watched)
	return
}

// watches are the directories that the owner believes to be watched, and those that f watches. It waits a moment
// for the two to be the same: the end of what has gone comes late.
func (s *watching) watches() (dirs, watched []string) {
	s.t.Helper()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		s.drain()
		dirs, watched = nil, nil
		s.do(func(t *tree) {
			for _, d := range t.nodes {
				if d.watched {
					dirs = append(dirs, d.path)
				}
			}
			watched = watchList(t.be)
		})
		slices.Sort(dirs)
		slices.Sort(watched)
		if slices.Equal(dirs, watched) {
			break
		}
	}
	return dirs, watched
}

func backends(t *testing.T, f func(t *testing.T, o Options)) {
	for _, backend := range []string{"notify", "poll"} {
		t.Run(backend, func(t *testing.T) {
			f(t, Options{Backend: Backend(backend), PollInterval: 5 * time.Millisecond, Scope: Scope{Trees: []string{tempDir(t)}}})
		})
	}
}

// memDir is a directory in memory if there is one, for tests that make very many files.
func memDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	if !filepath.IsAbs(memory) {
		return tempDir(t) // Wine has it
	}
	dir, err := os.MkdirTemp(memory, "watcher")
	if err != nil {
		return tempDir(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// rename skips the test where Windows refuses: a directory has its name as long as one in it is watched.
func rename(t *testing.T, from, to string) {
	t.Helper()
	err := os.Rename(from, to)
	if st, _ := os.Stat(from); runtime.GOOS == "windows" && errors.Is(err, fs.ErrPermission) && st != nil && st.IsDir() {
		t.Skip(err)
	}
	must(t, err)
}

// symlink skips the test where only a privilege lets one make links.
func symlink(t *testing.T, target, path string) {
	t.Helper()
	if !testkit.Symlink(t, target, path) {
		t.Skip("this system makes no links")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watchList are the directories that the system sends events of.
func watchList(b backend) []string {
	switch b := b.(type) {
	case *notify:
		if w, ok := b.src.(interface{ WatchList() []string }); ok {
			return w.WatchList()
		}
	case *lossy:
		return watchList(b.backend)
	}
	return nil
}

// fake is a source that follows the rules of another system.
type fake interface {
	source
	WatchList() []string
	// drain returns when all that happened before has been put into the channels.
	drain(t *testing.T)
}

type fakeSystem struct {
	q    quirks
	open func() (fake, error)
}

// fakes are the systems whose rules can be tried on this one.
var fakes = map[string]fakeSystem{}

// on makes a watcher follow the rules of another system. A source that is made again after events were lost
// takes the place of the one before.
func (s *watching) on(system fakeSystem) func(*Watcher) {
	return func(w *Watcher) {
		w.test.quirks = &system.q
		w.test.source = func() (source, error) {
			made, err := system.open()
			if err == nil {
				s.fake = made
			}
			return made, err
		}
	}
}

// systems is backends with the fakes.
func systems(t *testing.T, f func(t *testing.T, o Options)) {
	backends(t, f)
	for name := range fakes {
		t.Run(name, func(t *testing.T) {
			f(t, Options{Backend: Backend(name), Scope: Scope{Trees: []string{tempDir(t)}}})
		})
	}
}

// loses reports whether the system whose rules are followed loses events.
func (s *watching) loses() bool {
	q := s.quirks()
	return q.loses()
}

func (s *watching) quirks() quirks {
	if q := s.w.test.quirks; q != nil {
		return *q
	}
	return system
}

// drain waits until a fake has reported what happened. What a system has not reported cannot be waited for.
func (s *watching) drain() {
	s.t.Helper()
	if s.fake != nil {
		s.fake.drain(s.t)
	}
}

// lookAround is a whole round of the scan that no event asks for, and one of polling.
func (s *watching) lookAround() {
	s.t.Helper()
	s.do(func(t *tree) {
		t.pollPass(false)
		t.look.dirs = nil
		for now := time.Now(); ; now = time.Now() {
			if t.lookRound(now); len(t.look.dirs) == 0 {
				return
			}
		}
	})
}
