package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// L2: one save of an existing file (truncate and write) gives one Open batch,
// and then one closing batch that adds nothing.
func TestOneSave(t *testing.T) {
	t.Parallel()
	systems(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		plant(t, root, map[string]string{"main.go": "package main"})
		s := watch(t, o)
		s.hashed()
		for i := range 20 {
			write(t, filepath.Join(root, "main.go"), fmt.Sprint("package main // ", i))
			b := s.next()
			if b.Open {
				if d := netOf(root, []Batch{b}); !slices.Equal(d, []string{"main.go"}) {
					t.Errorf("open: %v", d)
				}
				if b = s.next(); len(b.Changes) > 0 {
					t.Errorf("the closing batch repeats %v", b.Changes)
				}
			}
			if b.Open || s.known[filepath.Join(root, "main.go")] == (Sum{}) {
				t.Errorf("no closing batch, or without the file: %+v", b)
			}
		}
	})
}

// An undo within a burst, after the Open batch, is reported with Old and New
// swapped. Time is moved by hand.
func TestUndoWithinBurst(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	file := filepath.Join(root, "main.go")
	write(t, file, "one")
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Hour, MaxWait: 10 * time.Hour})
	s.hashed()
	write(t, file, "two")
	open := s.next()
	write(t, file, "one")
	for seen := false; !seen; {
		s.do(func(t *tree) { seen = t.pending[file] != nil })
	}
	closing := s.nextAfterQuiet()
	if !open.Open || closing.Open || len(open.Changes) != 1 || len(closing.Changes) != 1 {
		t.Fatalf("open %+v, closing %+v", open, closing)
	}
	if a, b := open.Changes[0], closing.Changes[0]; a.Old != b.New || a.New != b.Old {
		t.Errorf("not swapped: %v, %v", a, b)
	}
}

// L6: what was written meanwhile and holds again what it held is no change.
func TestWrittenAsItWas(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		file, other := filepath.Join(root, "main.go"), filepath.Join(root, "other.go")
		plant(t, root, map[string]string{"main.go": "one", "other.go": "other"})
		s := watch(t, o)
		s.hashed()
		for what, do := range map[string]func(){
			"written twice":         func() { write(t, file, "two"); write(t, file, "one") },
			"truncated and written": func() { write(t, file, ""); write(t, file, "one") },
			"replaced":              func() { write(t, file+"~", "one"); rename(t, file+"~", file) },
			"its mode changed":      func() { must(t, os.Chmod(file, 0o600)) },
		} {
			s.do(func(*tree) { do() }) // in the watcher's own goroutine, so that it cannot look in between
			for _, b := range s.settled() {
				if len(b.Changes) > 0 {
					t.Errorf("%s: %+v", what, b.Changes)
				}
			}
		}
		// With a change of another file in the same burst.
		var changes []string
		s.do(func(*tree) {
			write(t, file, "two")
			write(t, file, "one")
			write(t, other, "another")
		})
		for _, b := range s.settled() {
			for _, c := range b.Changes {
				changes = append(changes, filepath.Base(c.Path))
			}
		}
		if !slices.Equal(changes, []string{"other.go"}) {
			t.Errorf("changed %v", changes)
		}
	})
}

// L4: what is written without end is reported after MaxWait all the same, although it is often seen empty.
func TestWrittenWithoutEnd(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: 200 * time.Millisecond, MaxWait: 300 * time.Millisecond})
	s.hashed()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // faster than Debounce
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(filepath.Join(root, "file"), []byte(fmt.Sprint(i)), 0o644)
			}
		}
	}()
	b := s.next()
	for b.Open {
		b = s.next()
	}
	close(stop)
	<-stopped
	s.expect("+file") // and the rest of it, if there was any
}

// L2: a save in two writes, the second one just when the first one is read, is one save.
func TestReadWhileWritten(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	file := filepath.Join(root, "main.go")
	write(t, file, "old")
	more := make(chan struct{}, 1)
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}}, func(w *Watcher) {
		w.test.reading = func(path string) {
			select {
			case <-more:
				f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
				if err == nil {
					_, err = f.WriteString(" half")
					f.Close()
				}
				if err != nil {
					t.Error(err)
				}
			default:
			}
		}
	})
	s.hashed()
	more <- struct{}{}
	write(t, file+"~", "one")
	rename(t, file+"~", file)
	var names []string
	for _, b := range s.settled() {
		for _, c := range b.Changes {
			names = append(names, filepath.Base(c.Path))
		}
	}
	if len(more) > 0 || !slices.Equal(names, []string{"main.go"}) {
		t.Errorf("changed: %v, not read: %d", names, len(more))
	}
}

// nextAfterQuiet lets the quiet time pass, again and again (an event that was on
// the way prolongs the burst), until a batch comes.
func (s *watching) nextAfterQuiet() Batch {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case b := <-s.w.Batches():
			s.take(b)
			return b
		default:
			s.do(func(t *tree) {
				t.burst.last = t.burst.last.Add(-t.burst.quiet)
				if !t.burst.waited.IsZero() {
					t.burst.waited = t.burst.waited.Add(-t.burst.quiet)
				}
			})
		}
	}
	s.t.Fatal("no batch came")
	panic("unreachable")
}

// A file is written while its first content is being read, and the event comes late: what was
// read is then not taken for what was known before.
func TestWrittenWhileHashed(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "one")
	pause := make(chan struct{})
	s := watch(t, Options{Backend: "notify", Scope: Scope{Trees: []string{root}}}, func(w *Watcher) {
		w.test.pause = pause
		w.test.hashing = func(string) { write(t, path, "two") }
	})
	s.hashed()
	close(pause)
	s.expect("a.go")
}

// W1: mkdir -p a/b/c and a file written into it at once.
func TestDeepMkdir(t *testing.T) {
	t.Parallel()
	n := 300
	if testing.Short() {
		n = 50
	}
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		s := watch(t, o)
		if o.Backend == "poll" {
			n = min(n, 50) // each waits for a scan, which grows with the tree
		}
		for i := range n {
			name := fmt.Sprintf("a%d/b/c/f.go", i)
			mkdir(t, filepath.Dir(filepath.Join(root, name)))
			write(t, filepath.Join(root, name), "package c")
			for path := filepath.Join(root, name); s.known[path] == (Sum{}); {
				s.next()
			}
		}
	})
}

// W2: a prepared directory moved in; renamed, then edited under its new name;
// moved out and back.
func TestMovedDirectories(t *testing.T) {
	t.Parallel()
	systems(t, func(t *testing.T, o Options) {
		out := o.Scope.Trees[0]
		root := filepath.Join(out, "project")
		mkdir(t, root)
		o.Scope.Trees = []string{root}
		plant(t, out, map[string]string{"prepared/p/q/x.go": "1"})
		s := watch(t, o)
		rename(t, filepath.Join(out, "prepared"), filepath.Join(root, "in"))
		s.expect("+in/p/q/x.go")
		for i := range 10 {
			rename(t, filepath.Join(root, "in"), filepath.Join(root, "new"))
			write(t, filepath.Join(root, "new/p/q/x.go"), fmt.Sprint("a", i))
			got := s.changed()
			got = slices.DeleteFunc(got, func(n string) bool { return strings.Contains(n, "mark") })
			if d := cmp.Diff([]string{"+new/p/q/x.go", "-in/p/q/x.go"}, got); d != "" {
				t.Fatal(d)
			}
			write(t, filepath.Join(root, "new/p/q/x.go"), fmt.Sprint("b", i))
			s.expect("new/p/q/x.go")
			rename(t, filepath.Join(root, "new"), filepath.Join(out, "away"))
			s.expect("-new/p/q/x.go")
			write(t, filepath.Join(out, "away/p/q/x.go"), fmt.Sprint("c", i))
			s.expect()
			rename(t, filepath.Join(out, "away"), filepath.Join(root, "in"))
			s.expect("+in/p/q/x.go")
		}
	})
}

// W2: away and back faster than events are read. fsnotify has given up the watch
// of the directory by then, though path and inode are what they were.
func TestMovedAwayAndBack(t *testing.T) {
	t.Parallel()
	systems(t, func(t *testing.T, o Options) {
		out := o.Scope.Trees[0]
		root := filepath.Join(out, "project")
		plant(t, root, map[string]string{"in/x.go": "0", "in/sub/y.go": "0"})
		o.Scope.Trees = []string{root}
		s := watch(t, o)
		s.hashed()
		for i := range 20 {
			rename(t, filepath.Join(root, "in"), filepath.Join(out, "away"))
			rename(t, filepath.Join(out, "away"), filepath.Join(root, "in"))
			s.expect()
			write(t, filepath.Join(root, "in/x.go"), fmt.Sprint("x", i))
			write(t, filepath.Join(root, "in/sub/y.go"), fmt.Sprint("y", i))
			s.expect("in/sub/y.go", "in/x.go")
		}
	})
}

// A file that is empty when the burst would close gets one more quiet time: its
// content is still to come. Time is moved by hand.
func TestEmptyWaits(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "one")
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Hour, MaxWait: 10 * time.Hour})
	s.hashed()
	until := func(f func(*tree) bool) {
		t.Helper()
		end := time.Now().Add(patience)
		for ok := false; !ok; s.do(func(t *tree) { ok = f(t) }) {
			if time.Now().After(end) {
				t.Fatal("does not happen")
			}
		}
	}
	// Again and again: an event that was on the way prolongs the burst, or is a separate one.
	waits := func() {
		t.Helper()
		until(func(t *tree) bool {
			if t.burst.active() && t.burst.waited.IsZero() {
				t.burst.last = t.burst.last.Add(-time.Hour)
			}
			return !t.burst.waited.IsZero()
		})
	}

	must(t, os.Truncate(path, 0))
	waits()
	var empty bool
	var grace time.Duration
	s.do(func(t *tree) { empty, grace = t.readDirty() })
	if !empty || grace != truncated {
		t.Errorf("empty %v, waited for %v: the content may come late on a busy machine", empty, grace)
	}
	write(t, path, "two")
	if b := s.next(); !b.Open || len(b.Changes) != 1 {
		t.Errorf("want the Open batch of the content, got %+v", b)
	}
	if b := s.nextAfterQuiet(); b.Open || len(b.Changes) != 0 {
		t.Errorf("want the closing batch, got %+v", b)
	}
	// It waits once only, and not for a log, which may be meant to be empty.
	must(t, os.Truncate(path, 0))
	waits()
	s.do(func(t *tree) {
		t.scope.Minor = func(string) bool { return true }
		empty, grace = t.readDirty()
		t.scope.Minor = nil
	})
	if !empty || grace != 0 {
		t.Errorf("a log: empty %v, waited for %v", empty, grace)
	}
	if b := s.nextAfterQuiet(); b.Open || len(b.Changes) != 1 {
		t.Errorf("want the truth, that it is empty, got %+v", b)
	}
}

// MaxWait closes a burst that goes on for ever. Time is moved by hand.
func TestMaxWait(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "0")
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Hour, MaxWait: 2 * time.Hour})
	s.hashed()
	for round := range 3 {
		for i := range 3 {
			write(t, path, fmt.Sprint(round, i))
			if i == 0 {
				if b := s.next(); !b.Open {
					t.Fatalf("want an Open batch, got %+v", b)
				}
			}
		}
		s.do(func(t *tree) { t.burst.since = t.burst.since.Add(-2 * time.Hour) })
		if b := s.next(); b.Open {
			t.Fatalf("want a closing batch, got %+v", b)
		}
		// What came last may belong to the next burst already.
		s.do(func(t *tree) { t.burst.since = t.burst.since.Add(-2 * time.Hour) })
		sum, _, err := sumFile(path, 100, make([]byte, 100), nil)
		must(t, err)
		for s.opened || s.known[path] != sum {
			s.next()
			s.do(func(t *tree) { t.burst.since = t.burst.since.Add(-2 * time.Hour) })
		}
	}
}

// W4: the kernel's queue overflows while our reader is blocked. Nothing is
// missed, everything was looked at, and one line says so.
func TestOverflow(t *testing.T) {
	t.Parallel()
	if system.watchesFiles {
		t.Skip("kqueue keeps one note per file, and has no queue that overflows")
	}
	root := tempDir(t)
	plant(t, root, map[string]string{"d/first.go": "1"})
	pause := make(chan struct{})
	s := watch(t, Options{Backend: "notify", Scope: Scope{Trees: []string{root}}}, func(w *Watcher) { w.test.pause = pause })
	const n = 17000
	for i := range n {
		write(t, filepath.Join(root, "d", fmt.Sprintf("f%05d", i%9000)), fmt.Sprint(i))
	}
	must(t, os.RemoveAll(filepath.Join(root, "d", "f00007")))
	close(pause)
	got := s.settled()
	files, _ := truth(t, root, nil)
	delete(files, filepath.Join(root, "zz-mark-1"))
	delete(files, filepath.Join(root, "d", "first.go"))
	reported, rescan := map[string]Sum{}, false
	for {
		for _, b := range got {
			rescan = rescan || b.Rescan
			for _, c := range b.Changes {
				if reported[c.Path] = c.New; c.New == (Sum{}) {
					delete(reported, c.Path)
				}
			}
		}
		if len(reported) >= len(files) {
			break
		}
		got = []Batch{s.next()} // the full look comes at its own time
	}
	if d := cmp.Diff(files, reported); d != "" {
		t.Errorf("missed (-truth +reported):\n%.2000s", d)
	}
	// All may have been found before everything is looked at: then the next batch says so.
	for i, end := 0, time.Now().Add(patience); !rescan && time.Now().Before(end); i++ {
		write(t, filepath.Join(root, "d", "more.go"), fmt.Sprint(i))
		rescan = s.next().Rescan
	}
	if !rescan {
		t.Error("no batch says Rescan")
	}
	s.notice("overflow")
	if n := len(s.noticesOf("overflow")); n > 3 {
		t.Errorf("%d notices of one flood", n)
	}
	s.settled() // the batch that says Rescan may be from before the last write
	// The new watches work.
	write(t, filepath.Join(root, "d", "after.go"), "1")
	s.expect("+d/after.go")
}

// W5, the instances: no notify backend to be had; everything is polled, and said.
func TestNoInstances(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, PollInterval: 5 * time.Millisecond},
		func(w *Watcher) { w.test.notifyError = errors.New("couldn't initialize inotify") })
	n := s.notice("limit")
	if !strings.Contains(n.Message, "couldn't initialize inotify") {
		t.Errorf("message: %s", n.Message)
	}
	if b := s.w.Stats().Backend; b != "poll" {
		t.Errorf("backend %s", b)
	}
	write(t, filepath.Join(root, "a.go"), "1")
	s.expect("+a.go")
}

// W2: a directory moves, and a link to where it is now takes its place, just between its watch and its listing. It is
// met through the link first, and must go by its true name all the same.
func TestReplacedByLink(t *testing.T) {
	t.Parallel()
	symlink(t, "somewhere", filepath.Join(tempDir(t), "link")) // may skip
	moved := func(t *testing.T, old, new string) { rename(t, old, new) }
	for _, c := range []struct {
		name    string
		exclude []string
		replace func(t *testing.T, old, new string)
	}{
		{"itself", nil, moved},
		{"itself, to where nothing counts", []string{"sub/new/"}, moved},
		{"another", nil, func(t *testing.T, old, new string) { mkdir(t, new); must(t, os.Remove(old)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tempDir(t)
			sub := filepath.Join(root, "sub")
			old, new := filepath.Join(sub, "old"), filepath.Join(sub, "new")
			mkdir(t, sub)
			var replace func()
			s := watch(t, Options{Backend: "notify", Exclude: c.exclude, Scope: Scope{Trees: []string{root}}}, func(w *Watcher) {
				w.test.listing = func(path string) {
					if path == old && replace != nil {
						replace()
						replace = nil
					}
				}
			})
			s.do(func(tr *tree) {
				mkdir(t, old)
				replace = func() {
					c.replace(t, old, new)
					must(t, os.Symlink(sub, old))
				}
				tr.follow([]hint{{old, opBound}})
				// The events of it, in two parts as the system may deliver them, the other name first.
				seen := map[string]op{}
				for end := time.Now().Add(patience); seen[new]&opBound == 0 || seen[old]&opGone == 0; {
					hints, _, _ := tr.be.take()
					for _, h := range hints {
						seen[h.path] |= h.op
					}
					if time.Now().After(end) {
						t.Errorf("events: %v", seen)
						return
					}
				}
				tr.follow([]hint{{new, seen[new]}})
				tr.follow([]hint{{old, seen[old]}})
			})
			write(t, filepath.Join(new, "file"), "content")
			wantDirs, want := []string{root, sub, new}, []string{"+sub/new/file"}
			if c.exclude != nil {
				wantDirs, want = wantDirs[:2], nil
			}
			s.expect(want...)
			if _, dirs, watched := s.state(); !slices.Equal(dirs, watched) || !slices.Equal(dirs, wantDirs) {
				t.Errorf("directories %v, watched %v", dirs, watched)
			}
		})
	}
}

// W8: the root is deleted and created again, or renamed away and back.
func TestRootLost(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		root := filepath.Join(o.Scope.Trees[0], "project")
		plant(t, root, map[string]string{"a/x.go": "1", "b.go": "2", "c.go": "3"})
		o.Scope.Trees = []string{root}
		s := watch(t, o)
		s.hashed()

		rename(t, root, root+"-away")
		s.notice("root-lost")
		write(t, filepath.Join(root+"-away", "b.go"), "changed while away")
		must(t, os.Remove(filepath.Join(root+"-away", "c.go")))
		rename(t, root+"-away", root)
		s.notice("root-back")
		batches := s.settled()
		if d := cmp.Diff([]string{"-c.go", "b.go"}, netOf(root, batches)); d != "" {
			t.Errorf("renamed away and back: only what differs is reported (-want +got):\n%s", d)
		}
		if !slices.ContainsFunc(batches, func(b Batch) bool { return b.Rescan }) {
			t.Error("no batch says Rescan")
		}
		write(t, filepath.Join(root, "a/x.go"), "2")
		s.expect("a/x.go")

		must(t, os.RemoveAll(root))
		for len(s.noticesOf("root-lost")) < 2 {
			select {
			case b := <-s.w.Batches():
				s.take(b)
			case <-s.reported:
			case <-time.After(patience):
				t.Fatal("the removal of the root was not noticed")
			}
		}
		plant(t, root, map[string]string{"a/x.go": "2", "new.go": "4"})
		s.expectKnown(filepath.Join(root, "new.go"), true)
		s.expectKnown(filepath.Join(root, "b.go"), false)
		s.settled()
		write(t, filepath.Join(root, "a/x.go"), "5")
		s.expect("a/x.go")
	})
}

// expectKnown receives until the receiver believes that path is there, or not.
func (s *watching) expectKnown(path string, there bool) {
	s.t.Helper()
	for (s.known[path] != Sum{}) != there || s.known[path] == (Sum{}) && !s.heard(path) {
		s.next()
	}
}

func (s *watching) heard(path string) bool { _, ok := s.known[path]; return ok }

// W9: broken link, loops, FIFO, socket, strange names; nothing hangs, nothing is said.
func TestOddEntries(t *testing.T) {
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		plantOdd(t, root)
		s := watch(t, o)
		plant(t, root, map[string]string{"d/plain.go": "1"})
		odd := filepath.Join(root, "d")
		want := []string{"+d/plain.go"}
		for _, name := range plantOdd(t, odd) {
			want = append(want, "+d/"+name)
		}
		s.expect(want...)
		if n := s.noticesOf(""); len(n) > 0 {
			t.Errorf("notices: %v", n)
		}
	})
}

// plantOdd returns the names of what counts.
func plantOdd(t *testing.T, dir string) (made []string) {
	symlink(t, "nowhere", filepath.Join(dir, "broken.go"))
	symlink(t, "loop", filepath.Join(dir, "loop"))
	symlink(t, "..", filepath.Join(dir, "up"))
	fifo(t, filepath.Join(dir, "fifo.go"))
	socket(t, dir, "sock.go")
	for _, name := range []string{"new\nline.go", "bad\xff\xfename", strings.Repeat("n", 255)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("1"), 0o644); err == nil {
			if runtime.GOOS == "windows" {
				name = string([]rune(name)) // names are UTF-16 there
			}
			made = append(made, name)
		} else if runtime.GOOS == "linux" {
			t.Fatal(err) // other systems have rules for names
		}
	}
	return made
}

// W10: a symlinked root is reported under the name that was given; a symlinked
// package directory in Dirs works, and follows when the link is turned.
func TestSymlinks(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		base := o.Scope.Trees[0]
		real, link := filepath.Join(base, "real"), filepath.Join(base, "link")
		plant(t, real, map[string]string{"main.go": "1", "v1/p.go": "1", "v2/p.go": "2"})
		plant(t, base, map[string]string{"out/o.go": "1", "outfile": "1"})
		symlink(t, real, link)
		symlink(t, "v1", filepath.Join(real, "pkg"))
		symlink(t, "../out", filepath.Join(real, "outpkg"))
		symlink(t, "../outfile", filepath.Join(real, "data.txt"))
		o.Scope = Scope{Trees: []string{link}, Dirs: []string{filepath.Join(link, "pkg"), filepath.Join(link, "outpkg")}}
		s := watch(t, o)
		s.hashed()

		write(t, filepath.Join(real, "main.go"), "2")
		s.expect("main.go")
		write(t, filepath.Join(base, "out", "o.go"), "2")
		s.expect("outpkg/o.go")
		write(t, filepath.Join(real, "v1", "p.go"), "3")
		s.expect("pkg/p.go", "v1/p.go")
		// A link to a file counts by the file's content, also when that lies outside.
		write(t, filepath.Join(base, "outfile"), "2")
		s.expect("data.txt")
		// Replaced, as by an atomic save.
		write(t, filepath.Join(base, "tmp"), "3")
		rename(t, filepath.Join(base, "tmp"), filepath.Join(base, "outfile"))
		s.expect("data.txt")
		// A file takes its place that has the same content, and a link that of the file: what may be embedded has changed.
		must(t, os.Remove(filepath.Join(real, "data.txt")))
		write(t, filepath.Join(real, "data.txt"), "3")
		s.expect("data.txt")
		symlink(t, "../outfile", filepath.Join(real, "tmp"))
		rename(t, filepath.Join(real, "tmp"), filepath.Join(real, "data.txt"))
		s.expect("data.txt")
		// Its directory goes away, and comes back.
		plant(t, base, map[string]string{"far/away/f": "1"})
		symlink(t, "../far/away/f", filepath.Join(real, "far.txt"))
		s.expect("+far.txt")
		rename(t, filepath.Join(base, "far", "away"), filepath.Join(base, "far", "elsewhere"))
		s.expect("-far.txt")
		must(t, os.Remove(filepath.Join(real, "far.txt")))
		// The link is turned.
		must(t, os.Remove(filepath.Join(real, "pkg")))
		symlink(t, "v2", filepath.Join(real, "pkg"))
		s.expect("pkg/p.go")
		write(t, filepath.Join(real, "v2", "p.go"), "4")
		s.expect("pkg/p.go", "v2/p.go")
		write(t, filepath.Join(real, "v1", "p.go"), "4")
		s.expect("v1/p.go")
	})
}

// W11: ignored directories are not walked.
func TestIgnoredDirectories(t *testing.T) {
	t.Parallel()
	root := memDir(t)
	n := 50000
	if testing.Short() {
		n = 3000
	}
	plant(t, root, map[string]string{".gitignore": "/gen/\n", "main.go": "1", "a/b.go": "1"})
	for _, top := range []string{"node_modules", ".git", "gen"} {
		for i := range n / 3 {
			if i%1000 == 0 {
				mkdir(t, filepath.Join(root, top, fmt.Sprint(i/1000)))
			}
			must(t, os.Mkdir(filepath.Join(root, top, fmt.Sprint(i/1000), fmt.Sprint(i)), 0o755))
		}
	}
	s := watch(t, Options{Backend: "notify", Gitignore: true, Scope: Scope{Trees: []string{root}}})
	if st := s.w.Stats(); st.Watches != 2 || st.Files != 3 {
		t.Errorf("%+v: want 2 watches and 3 files", st)
	}
	write(t, filepath.Join(root, "gen/0/0/x.go"), "1")
	write(t, filepath.Join(root, "node_modules/0/0/x.go"), "1")
	s.expect()
}

// W12: names that look like something else.
func TestOddRoots(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", "$HOME", `quo"te's`, "ünï çødé 日本", "[a-z]*", "node_modules", "tmp{x}", "back\\slash", "a~"} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.ContainsAny(name, `"*`) {
				t.Skip("there are no such names here")
			}
			backends(t, func(t *testing.T, o Options) {
				root := filepath.Join(o.Scope.Trees[0], name, "p")
				plant(t, root, map[string]string{"main.go": "1", "tmp/x.go": "1", "sub/y.go": "1", ".gitignore": "y.go\n"})
				o.Scope.Trees = []string{root}
				o.Exclude = []string{"tmp", "[a-z]*/**/z.go", "**/p/**"}
				o.Gitignore = true
				s := watch(t, o)
				plant(t, root, map[string]string{"main.go": "2", "tmp/x.go": "2", "sub/y.go": "2", "sub/z.go": "2", "sub/n.go": "2"})
				s.expect("+sub/n.go", "main.go")
			})
		})
	}
}

// Dirs: own files count even where the directory is ignored, outside, or not
// there yet; what lies below does not.
func TestDirs(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		base := o.Scope.Trees[0]
		root, out := filepath.Join(base, "p"), filepath.Join(base, "out")
		plant(t, root, map[string]string{".gitignore": "gen/\n", "gen/deep/x.go": "1", "gen/other/y.go": "1", "main.go": "1"})
		plant(t, out, map[string]string{"m/m.go": "1", "m/sub/s.go": "1"})
		o.Gitignore = true
		o.Scope = Scope{Trees: []string{root}, Dirs: []string{
			filepath.Join(root, "gen/deep"), filepath.Join(out, "m"),
			filepath.Join(root, "later/on"), filepath.Join(out, "not/yet/there"), filepath.Join(root, "gen/new"),
		}}
		s := watch(t, o)
		s.hashed()
		plant(t, root, map[string]string{"gen/deep/x.go": "2", "gen/other/y.go": "2", "gen/deep/below/z.go": "1"})
		plant(t, out, map[string]string{"m/m.go": "2", "m/sub/s.go": "2"})
		s.expect("gen/deep/x.go", filepath.Join(out, "m/m.go"))

		plant(t, out, map[string]string{"not/yet/there/n.go": "1", "not/yet/n.go": "1"})
		s.expect("+" + filepath.Join(out, "not/yet/there/n.go"))
		plant(t, root, map[string]string{"gen/new/n.go": "1", "later/on/l.go": "1"})
		s.expect("+gen/new/n.go", "+later/on/l.go")
		plant(t, root, map[string]string{"gen/new/n.go": "2", "later/on/l.go": "2"})
		plant(t, out, map[string]string{"not/yet/there/n.go": "2"})
		s.expect("gen/new/n.go", "later/on/l.go", filepath.Join(out, "not/yet/there/n.go"))

		// Gone, and generated again.
		must(t, os.RemoveAll(filepath.Join(root, "gen")))
		s.expect("-gen/deep/x.go", "-gen/new/n.go")
		plant(t, root, map[string]string{"gen/deep/x.go": "3", "gen/other/y.go": "3"})
		s.expect("+gen/deep/x.go")
		// The scope is resolved again after the directory has gone, but before its
		// events are read: the removal must not get lost.
		s.do(func(t *tree) {
			must(s.t, os.RemoveAll(filepath.Join(root, "gen/deep")))
			t.rescope(t.scope, true)
		})
		s.expect("-gen/deep/x.go")
		plant(t, root, map[string]string{"gen/deep/x.go": "3"})
		s.expect("+gen/deep/x.go")
		// An ignored directory on the way is renamed, and comes back.
		rename(t, filepath.Join(root, "gen"), filepath.Join(base, "moved"))
		s.expect("-gen/deep/x.go")
		rename(t, filepath.Join(base, "moved"), filepath.Join(root, "gen"))
		s.expect("+gen/deep/x.go")
		plant(t, root, map[string]string{"gen/deep/x.go": "4"})
		s.expect("gen/deep/x.go")
	})
}

// Exclude, Keep, and .gitignore, changed live.
func TestPatterns(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		keep := filepath.Join(root, "kept.log")
		plant(t, root, map[string]string{
			".gitignore": "*.log\nbuild/\n", "a.log": "1", "kept.log": "1", "build/x.go": "1",
			"sub/.gitignore": "!b.log\nx.txt\n", "sub/b.log": "1", "sub/x.txt": "1", "sub/excl.go": "1", "exdir/y.go": "1",
		})
		o.Gitignore = true
		o.Exclude = []string{"excl.go", "exdir"}
		o.Scope.Keep = func(f string, _ Skip) bool { return f == keep }
		s := watch(t, o)
		s.hashed()
		change := func(text string) {
			t.Helper()
			for _, f := range []string{"a.log", "kept.log", "build/x.go", "sub/b.log", "sub/x.txt", "sub/excl.go", "exdir/y.go"} {
				write(t, filepath.Join(root, f), text)
			}
		}
		change("2")
		s.expect("kept.log", "sub/b.log")
		// What a changed .gitignore lets in is taken as known; what it shuts out is forgotten.
		write(t, filepath.Join(root, ".gitignore"), "kept.log\n")
		s.expect(".gitignore")
		s.hashed()
		change("3")
		s.expect("a.log", "build/x.go", "kept.log", "sub/b.log")
		write(t, filepath.Join(root, ".gitignore"), "build\n")
		write(t, filepath.Join(root, "sub/.gitignore"), "")
		s.expect(".gitignore", "sub/.gitignore")
		s.hashed()
		change("4")
		s.expect("a.log", "kept.log", "sub/b.log", "sub/x.txt")
	})
}

// SetScope: what newly entered directories hold is no change; what happens in
// them afterwards is, and what was left is silent.
func TestSetScope(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		base := o.Scope.Trees[0]
		root, second := filepath.Join(base, "one"), filepath.Join(base, "two")
		plant(t, root, map[string]string{"a.go": "1", ".gitignore": "gen\n", "gen/g.go": "1"})
		plant(t, second, map[string]string{"b.go": "1", "c/d.go": "1"})
		o.Gitignore = true
		o.Scope = Scope{Trees: []string{root}}
		s := watch(t, o)
		s.w.SetScope(Scope{Trees: []string{root, second}, Dirs: []string{filepath.Join(root, "gen")}})
		s.expect()
		s.hashed()
		write(t, filepath.Join(second, "c/d.go"), "2")
		write(t, filepath.Join(root, "gen/g.go"), "2")
		s.expect("gen/g.go", filepath.Join(second, "c/d.go"))
		// A change beside SetScope is not swallowed by it.
		write(t, filepath.Join(root, "a.go"), "2")
		write(t, filepath.Join(root, "new.go"), "2")
		s.w.SetScope(Scope{Trees: []string{root}})
		s.do(func(*tree) {}) // it lists the directories again, and finds a new mark before it has heard of a.go
		s.expect("+new.go", "a.go")
		write(t, filepath.Join(second, "c/d.go"), "3")
		write(t, filepath.Join(root, "gen/g.go"), "3")
		s.expect()
		if st := s.w.Stats(); o.Backend == "notify" && st.Watches != 1 {
			t.Errorf("%+v: want 1 watch", st)
		}
	})
}

// Sync: what was changed before the call has been received when it returns.
func TestSync(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		o.PollInterval = time.Hour // only Sync looks
		root := o.Scope.Trees[0]
		plant(t, root, map[string]string{"a.go": "1"})
		s := watch(t, o)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.w.Sync(ctx); err != nil {
			t.Fatal(err) // nothing to receive: it must not wait
		}
		for i := range 20 {
			path := filepath.Join(root, fmt.Sprintf("d%d", i), "f.go")
			mkdir(t, filepath.Dir(path))
			write(t, path, fmt.Sprint(i))
			write(t, filepath.Join(root, "a.go"), fmt.Sprint(i))
			synced := make(chan error, 1)
			go func() { synced <- s.w.Sync(ctx) }()
			for done := false; !done; {
				select {
				case b := <-s.w.Batches():
					s.take(b)
				case err := <-synced:
					must(t, err)
					done = true
				}
			}
			if s.known[path] == (Sum{}) || s.opened {
				t.Fatalf("round %d: Sync returned before the change was received and its burst closed", i)
			}
		}
		canceled, stop := context.WithCancel(ctx)
		stop()
		write(t, filepath.Join(root, "a.go"), "last")
		if err := s.w.Sync(canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("Sync: %v", err)
		}
	})
}

// A batch that is not received delays nothing: later ones are merged into it.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	plant(t, root, map[string]string{"a.go": "0"})
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Millisecond})
	s.hashed()
	for i := range 50 {
		write(t, filepath.Join(root, "a.go"), fmt.Sprint(i))
		s.do(func(t *tree) {
			if len(t.queue) > 2 {
				s.t.Errorf("%d batches are waiting", len(t.queue))
			}
		})
	}
	s.expect("a.go")
}

// L5: real git over many files, on both backends. No batch is sent while git is
// at work, and at the end the reports match the tree.
func TestGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		git := func(args ...string) {
			t.Helper()
			cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"}, args...)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		tree := func(gen string, dirs int) {
			t.Helper()
			for i := range dirs {
				for j := range 10 {
					plant(t, root, map[string]string{fmt.Sprintf("d%d/%s/f%d.go", i, gen, j): gen, fmt.Sprintf("d%d/same%d.go", i, j): gen})
				}
			}
		}
		git("init", "-q", "-b", "main")
		tree("one", 20)
		git("add", ".")
		git("commit", "-qm", "one")
		git("checkout", "-qb", "two")
		must(t, os.RemoveAll(filepath.Join(root, "d3")))
		tree("two", 25)
		git("add", "-A")
		git("commit", "-qm", "two")

		files, _ := truth(t, root, func(n string) bool { return n == ".git" })
		o.Gitignore = true
		s := watch(t, o)
		s.hashed()
		check := func() {
			t.Helper()
			for _, b := range s.settled() {
				for _, c := range b.Changes {
					if files[c.Path] = c.New; c.New == (Sum{}) {
						delete(files, c.Path)
					}
				}
			}
			mark := filepath.Join(root, fmt.Sprintf("zz-mark-%d", s.mark))
			must(t, os.Remove(mark))
			want, _ := truth(t, root, func(n string) bool { return n == ".git" })
			delete(files, mark)
			if d := cmp.Diff(want, files); d != "" {
				t.Fatalf("missed (-truth +reported):\n%.2000s", d)
			}
		}
		git("checkout", "-q", "main")
		check()
		git("checkout", "-q", "two")
		check()
		write(t, filepath.Join(root, "d0/same1.go"), "edited")
		check()
		git("stash", "-q")
		check()
		git("stash", "pop", "-q")
		git("commit", "-qam", "edit")
		check()
		git("rebase", "-q", "main")
		check()
		git("reset", "-q", "--hard", "main")
		check()
	})
}

// L5: nothing is sent while index.lock exists, and all of it afterwards. A
// worktree names its git directory in a file.
func TestIndexLock(t *testing.T) {
	t.Parallel()
	for name, gitdir := range map[string]string{"repository": ".git", "worktree": "../main.git/worktrees/w"} {
		t.Run(name, func(t *testing.T) {
			base := tempDir(t)
			root := filepath.Join(base, "repo", "module") // the tree lies below the top
			top := filepath.Dir(root)
			plant(t, root, map[string]string{"a.go": "1"})
			lock := filepath.Join(top, gitdir, "index.lock")
			mkdir(t, filepath.Dir(lock))
			if gitdir != ".git" {
				write(t, filepath.Join(top, ".git"), "gitdir: "+gitdir+"\n")
			}
			s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Millisecond})
			s.hashed()
			write(t, lock, "")
			write(t, filepath.Join(root, "a.go"), "2")
			for range 50 { // rounds of the owner, each of which could send
				held := false
				for end := time.Now().Add(patience); !held; {
					s.do(func(t *tree) { held = !t.holdSince.IsZero() })
					if time.Now().After(end) {
						t.Fatal("nothing is held")
					}
				}
				s.do(func(t *tree) {
					if len(t.queue) > 0 {
						s.t.Error("a batch was made while git was at work")
					}
				})
				write(t, filepath.Join(root, "b.go"), "1")
			}
			must(t, os.Remove(lock))
			s.expect("+b.go", "a.go")
		})
	}
}

// L5: a lock that a crash left behind holds one burst for the cap, and then none.
func TestStaleLock(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	plant(t, root, map[string]string{"a.go": "1", ".git/index.lock": ""})
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, Debounce: time.Millisecond})
	s.hashed()
	write(t, filepath.Join(root, "a.go"), "2")
	for held := false; !held; {
		s.do(func(t *tree) { held = !t.holdSince.IsZero() })
	}
	s.do(func(t *tree) { t.holdSince = t.holdSince.Add(-lockCap) })
	s.expect("a.go")
	write(t, filepath.Join(root, "a.go"), "3")
	s.expect("a.go")
	s.do(func(t *tree) {
		if !t.holdSince.IsZero() {
			s.t.Error("held again by the same lock")
		}
	})
	// A new lock is one again.
	must(t, os.Remove(filepath.Join(root, ".git/index.lock")))
	write(t, filepath.Join(root, ".git/index.lock"), "")
	write(t, filepath.Join(root, "a.go"), "4")
	for held := false; !held; {
		s.do(func(t *tree) { held = !t.holdSince.IsZero() })
	}
	must(t, os.Remove(filepath.Join(root, ".git/index.lock")))
	s.expect("a.go")
}

// L4: very many files rewritten at once: all are reported, with their last content.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		const n = 1500
		name := func(i int) string { return fmt.Sprintf("p%d/f%d.go", i/100, i) }
		files := map[string]string{}
		var want []string
		for i := range n {
			files[name(i)] = "1"
			want = append(want, name(i))
		}
		plant(t, root, files)
		s := watch(t, o)
		s.hashed()
		for i := range n {
			write(t, filepath.Join(root, name(i)), fmt.Sprint("content ", i))
		}
		s.expect(want...)
		files2, _ := truth(t, root, nil)
		for path, sum := range files2 {
			if s.known[path] != sum {
				t.Fatalf("%s: not the last content", path)
			}
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{Exclude: []string{"[a"}},
		{Exclude: []string{""}},
		{Backend: "inotify"},
		{Debounce: -1},
		{Scope: Scope{Trees: []string{"relative"}}},
		{Scope: Scope{Dirs: []string{"relative"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	plant(t, root, map[string]string{
		".gitignore": "# logs\n\n*.log\ngen/\n", "sub/.gitignore": "x.txt\n",
		"sub/x.txt": "", "gen/a.go": "", "gen/deep/b.go": "", "tmp/t": "", "a.log": "", "kept.log": "",
	})
	w, err := New(Options{
		Gitignore: true, Exclude: []string{"tmp"},
		Scope: Scope{Trees: []string{root}, Dirs: []string{filepath.Join(root, "gen")}, Keep: func(f string, _ Skip) bool { return filepath.Base(f) == "kept.log" }},
	})
	must(t, err)
	for name, want := range map[string]string{
		"main.go":             "",
		"a.log":               ".gitignore:3: *.log",
		"kept.log":            "",
		"sub/x.txt":           "sub/.gitignore:1: x.txt",
		"gen/a.go":            "",
		"gen/deep/b.go":       ".gitignore:4: gen/",
		"tmp/t":               "exclude pattern tmp",
		"node_modules/x/y.js": "npm package directory",
		".main.go.swp":        "editor's temporary file",
		"../elsewhere.go":     "outside the watched directories",
	} {
		got, ignored := w.Ignored(filepath.Join(root, name))
		if got != want || ignored != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, ignored, want)
		}
	}
}

// A caller that does not ask for more gets settled batches only.
func TestSettledOnly(t *testing.T) {
	root := tempDir(t)
	w, err := New(Options{Scope: Scope{Trees: []string{root}}})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-w.Ready()
	write(t, filepath.Join(root, "main.go"), "1")
	select {
	case b := <-w.Batches():
		if b.Open || len(b.Changes) != 1 {
			t.Errorf("%+v", b)
		}
	case <-time.After(patience):
		t.Error("no batch")
	}
	stop()
	must(t, <-ended)
}

// The patterns of git hold in a directory of Scope.Dirs that counts anyway. The watcher and Ignored
// say the same of its files.
func TestNamedAndNotIgnored(t *testing.T) {
	root := tempDir(t)
	plant(t, root, map[string]string{".gitignore": "*.log\n", "pkg/a.go": "1", "pkg/a.log": "1"})
	s := watch(t, Options{Gitignore: true, Scope: Scope{Trees: []string{root}, Dirs: []string{filepath.Join(root, "pkg")}}})
	s.hashed()
	plant(t, root, map[string]string{"pkg/a.go": "2", "pkg/a.log": "2", "pkg/b.log": "1"})
	s.expect("pkg/a.go")
	if why, ignored := s.w.Ignored(filepath.Join(root, "pkg/b.log")); !ignored {
		t.Errorf("Ignored: %q", why)
	}
}
