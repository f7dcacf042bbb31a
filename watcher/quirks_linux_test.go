package watcher

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// onFake is a watcher on the rules of another system that finds nothing without an event.
func onFake(t *testing.T, name string, files map[string]string, prepare ...func(*Watcher)) *watching {
	t.Helper()
	root := tempDir(t)
	plant(t, root, files)
	s := watch(t, Options{Backend: Backend(name), Scope: Scope{Trees: []string{root}}}, append(prepare, func(w *Watcher) {
		w.test.lookEvery = time.Hour
	})...)
	s.hashed()
	return s
}

func (s *watching) at(name string) string { return filepath.Join(s.root, name) }

// until receives until the receiver knows these contents, without any scan.
func (s *watching) until(names ...string) {
	s.t.Helper()
	for _, name := range names {
		for s.known[s.at(name)] != sumAt(s.t, s.at(name)) {
			s.next()
		}
	}
}

// N5 (7): an entry that vanishes while a directory begins to be watched does not make that directory one that is
// gone. Where this goes on, and where a link leads to itself, the directory is polled.
func TestVanishingEntries(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"twice": 2, "always": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			s := onFake(t, "kqueue", map[string]string{"main.go": "1"})
			plant(t, s.root, map[string]string{"#new#/a.go": "1", "#new#/temp": ""})
			s.do(func(*tree) {
				s.fake.(*fakeKqueue).vanish = func(dir string) {
					if times--; filepath.Base(dir) == "new" && times >= 0 {
						from, to := filepath.Join(dir, "temp"), filepath.Join(dir, "temp2")
						if err := os.Rename(from, to); err != nil {
							rename(t, to, from)
						}
					}
				}
			})
			rename(t, s.at("#new#"), s.at("new"))
			s.until("new/a.go")
			var watched bool
			s.do(func(tree *tree) {
				if d := tree.nodes[s.at("new")]; d == nil {
					t.Error("taken for gone")
				} else {
					watched = d.watched
				}
			})
			if watched != (name == "twice") {
				t.Errorf("watched: %v", watched)
			}
			if n := s.fake.(*fakeKqueue).openFiles(); !watched && n > 3 { // the root, and what is in it
				t.Errorf("%d files are open", n)
			}
			write(t, s.at("new/a.go"), "22")
			s.until("new/a.go")
		})
	}
	t.Run("a link to itself", func(t *testing.T) {
		s := onFake(t, "kqueue", map[string]string{"main.go": "1"})
		mkdir(t, s.at("#new#"))
		must(t, os.Symlink("loop", s.at("#new#/loop")))
		write(t, s.at("#new#/a.go"), "1")
		rename(t, s.at("#new#"), s.at("new"))
		s.until("new/a.go")
		write(t, s.at("new/a.go"), "22")
		s.until("new/a.go")
		if n := s.fake.(*fakeKqueue).openFiles(); n > 3 { // the root, and what is in it
			t.Errorf("%d files are open", n)
		}
	})
}

// N5 (14): emptying or shortening a file is reported as a change of its attributes. Touch and chmod stay silent.
func TestTruncated(t *testing.T) {
	t.Parallel()
	s := onFake(t, "kqueue", map[string]string{"a.go": "some content", "b.go": "1"})
	must(t, os.Truncate(s.at("a.go"), 4))
	s.until("a.go")
	must(t, os.Truncate(s.at("a.go"), 0))
	s.until("a.go")
	must(t, os.Chmod(s.at("b.go"), 0o600))
	must(t, os.Chtimes(s.at("b.go"), time.Now(), time.Now().Add(-time.Hour)))
	for _, b := range s.settled() {
		for _, c := range b.Changes {
			if c.Path == s.at("b.go") {
				t.Errorf("chmod: %+v", b)
			}
		}
	}
}

// N5 (19): what is in a directory that was renamed is not watched under its old name any longer. When the name
// comes back, writes in place to what has the old names are reported.
func TestRenamedDirectoryLeavesNothing(t *testing.T) {
	t.Parallel()
	s := onFake(t, "kqueue", map[string]string{"d/a.go": "1", "d/b.go": "1", "d/sub/c.go": "1"})
	before := s.fake.(*fakeKqueue).openFiles()
	for i := range 3 {
		rename(t, s.at("d"), s.at("e"))
		s.until("e/a.go", "e/b.go", "e/sub/c.go")
		s.settled()
		if n := s.fake.(*fakeKqueue).openFiles() - s.mark; n != before {
			t.Errorf("%d files are open, were %d", n, before)
		}
		plant(t, s.root, map[string]string{"#d#/a.go": "1", "#d#/b.go": "1", "#d#/sub/c.go": "1"})
		rename(t, s.at("#d#"), s.at("d"))
		s.until("d/a.go", "d/sub/c.go")
		s.settled()
		for _, name := range []string{"d/a.go", "d/sub/c.go", "e/a.go", "e/sub/c.go"} {
			write(t, s.at(name), strings.Repeat("x", i+2))
			s.until(name)
		}
		must(t, os.RemoveAll(s.at("e")))
		s.settled()
		before = s.fake.(*fakeKqueue).openFiles() - s.mark
	}
}

// N5 (6, 20): a link that leads nowhere keeps new files behind it from being reported, as Emacs' lock does. The scan
// finds them, also when they come as another file after one that was moved away, and no event is taken for lost
// because a link's target has gone.
func TestBehindABrokenLink(t *testing.T) {
	t.Parallel()
	s := onFake(t, "kqueue", map[string]string{"main.go": "1", "target": "1"})
	must(t, os.Symlink("user@host.123", s.at(".#main.go")))
	must(t, os.Symlink("target", s.at("link")))
	s.settled()
	rename(t, s.at("main.go"), s.at("main.go~"))
	write(t, s.at("main.go"), "22")
	write(t, s.at("new.go"), "1")
	s.fake.drain(t)
	s.lookAround()
	s.until("main.go", "new.go")
	must(t, os.Remove(s.at("target")))
	s.expectKnown(s.at("target"), false)
	s.settled()
	if all := s.noticesOf(""); len(all) > 0 {
		t.Errorf("said: %v", all)
	}
}

// N5 (20): a save that moves the file away and writes another one: fsnotify takes the second file for the first one if it
// meets the change of the directory before that of the file, and then watches neither. What is written into the second
// one is reported all the same.
func TestMovedAwayFirst(t *testing.T) {
	t.Parallel()
	s := onFake(t, "kqueue", map[string]string{"main.go": "1"})
	k := s.fake.(*fakeKqueue)
	k.hold(true)
	write(t, s.at("main.bak"), "") // first of all the directory has changed
	rename(t, s.at("main.go"), s.at("main.bak"))
	write(t, s.at("main.go"), "the beginning")
	k.in.drain(t)
	k.hold(false)
	s.until("main.bak", "main.go")
	s.drain()
	s.do(func(*tree) {}) // every event of this was taken in
	write(t, s.at("main.go"), "22")
	s.until("main.go")
}

// N5 (19): a directory that is there, and whose watch was made again, is reported as created at the next change
// beside it. It is not read again for that. But when its watch ended without a word, which is so when it
// changed and was renamed at once, it gets another one.
func TestCreatedAgain(t *testing.T) {
	t.Parallel()
	lists := map[string]int{}
	s := onFake(t, "kqueue", map[string]string{"main.go": "1", "d/a.go": "1"}, func(w *Watcher) {
		w.test.listing = func(dir string) { lists[dir]++ }
	})
	k := s.fake.(*fakeKqueue)
	rename(t, s.at("d"), s.at("e"))
	rename(t, s.at("e"), s.at("d"))
	s.settled()
	s.do(func(*tree) { clear(lists) })
	for i := range 5 {
		write(t, s.at("new.go"), strings.Repeat("x", i+1))
		s.until("new.go")
		s.fake.drain(t) // the event of a file can come long before that of its directory, which then shows the next file
		must(t, os.Remove(s.at("new.go")))
		s.expectKnown(s.at("new.go"), false)
		s.fake.drain(t)
	}
	s.do(func(*tree) {
		if n := lists[s.at("d")]; n > 0 {
			t.Errorf("listed %d times for changes beside it", n)
		}
	})

	s.settled()
	k.hold(true)
	write(t, s.at("d/late.go"), "1")
	rename(t, s.at("d"), s.at("e"))
	rename(t, s.at("e"), s.at("d"))
	k.in.drain(t)
	k.hold(false)
	s.settled()
	write(t, s.at("more.go"), "1") // beside it
	s.until("more.go")
	if dirs, watched := s.watches(); !slices.Equal(dirs, watched) {
		t.Errorf("directories %v, watched %v", dirs, watched)
	}
	write(t, s.at("d/late.go"), "22")
	s.until("d/late.go")
}

// N5 (19): directories whose watch ended without a word, while the files in them are still watched, report what is
// written to these. What is new in one is found by the scan, and its watch is made again: however many there are, as
// long as watch.backend = "notify" forbids polling.
func TestDeafDirectories(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e", "f"}
	files := map[string]string{}
	for _, name := range names {
		files[name+"/x.go"] = "1"
	}
	s := onFake(t, "kqueue", files)
	k := s.fake.(*fakeKqueue)
	must(t, os.Symlink("nowhere", s.at(".#broken"))) // else a change beside them would do
	s.fake.drain(t)
	s.do(func(*tree) {
		for _, name := range names {
			must(t, k.remove(s.at(name), false))
		}
	})
	for _, name := range names {
		write(t, s.at(name+"/x.go"), "22")
	}
	s.until("a/x.go", "b/x.go", "c/x.go", "d/x.go", "e/x.go", "f/x.go")
	if _, watched := s.watches(); len(watched) != 1 {
		t.Fatalf("watched: %v", watched)
	}
	s.heal([]string{s.at("a"), s.at("b"), s.at("c"), s.at("d"), s.at("e"), s.at("f")}, func() {
		s.lookAround()
		s.until("a/found1", "b/found2", "c/found3", "d/found4", "e/found5", "f/found6")
	})
	if dirs, watched := s.watches(); !slices.Equal(dirs, watched) {
		t.Errorf("directories %v, watched %v", dirs, watched)
	}
}

// N5 (19): a directory has the name of one that was moved away, and no event of that comes. The scan finds it, also when
// the one that was moved is met elsewhere after the directory above was looked at.
func TestAnotherOneHasTheName(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"moved out": "../out", "met elsewhere": "b/c"} {
		t.Run(name, func(t *testing.T) {
			s := onFake(t, "kqueue", map[string]string{"project/a/c/sub/x.go": "1", "project/b/z.go": "1"}, func(w *Watcher) {
				w.scope.Trees = []string{filepath.Join(w.scope.Trees[0], "project")}
			})
			s.root = s.at("project")
			s.do(func(*tree) { s.fake.(*fakeKqueue).hold(true) })
			rename(t, s.at("a/c"), s.at(to))
			mkdir(t, s.at("a/c"))
			write(t, s.at("a/c/new.go"), "1")
			s.do(func(tree *tree) {
				for _, dir := range []string{"a", "b"} {
					tree.lookInto(tree.nodes[s.at(dir)])
				}
			})
			s.lookAround()
			s.until("a/c/new.go")
			s.expectKnown(s.at("a/c/sub/x.go"), false)
		})
	}
}

// N5 (4): a directory that was moved to another one is reported by its new path, by events alone.
func TestMovedElsewhere(t *testing.T) {
	t.Parallel()
	s := onFake(t, "windows", map[string]string{"a/d/x.go": "1", "a/d/sub/y.go": "1", "b/z.go": "1"})
	for i := range 3 {
		rename(t, s.at("a/d"), s.at("b/d"))
		s.until("b/d/x.go", "b/d/sub/y.go")
		write(t, s.at("b/d/x.go"), strings.Repeat("x", i+2))
		write(t, s.at("b/d/sub/y.go"), strings.Repeat("x", i+2))
		s.until("b/d/x.go", "b/d/sub/y.go")
		rename(t, s.at("b/d"), s.at("a/d"))
		s.until("a/d/x.go", "a/d/sub/y.go")
	}
}

// N5 (4): where a directory was, there is a link to another one. To let go of the first does not end the watch
// of the other.
func TestLinkInItsPlace(t *testing.T) {
	t.Parallel()
	s := onFake(t, "windows", map[string]string{"d/x.go": "1", "main.go": "1"})
	s.do(func(*tree) {
		must(t, os.RemoveAll(s.at("d")))
		must(t, os.Symlink(s.root, s.at("d")))
	})
	s.settled()
	if dirs, watched := s.watches(); !slices.Equal(dirs, watched) || !slices.Equal(dirs, []string{s.root}) {
		t.Errorf("directories %v, watched %v", dirs, watched)
	}
	write(t, s.at("main.go"), "22")
	s.until("main.go")
}

// refusing is a source that cannot watch some directories.
type refusing struct {
	source
	name string
}

func (r refusing) Add(dir string) error {
	if filepath.Base(dir) == r.name {
		return errors.New("Incorrect function")
	}
	return r.source.Add(dir)
}

// N5 (21): a file system that refuses to be watched is polled, and the reason is reported once.
func TestRefused(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	plant(t, root, map[string]string{"main.go": "1", "share/a.go": "1"})
	s := watch(t, Options{PollInterval: 5 * time.Millisecond, Scope: Scope{Trees: []string{root}}}, func(w *Watcher) {
		w.test.source = func() (source, error) {
			src, err := newSource()
			return refusing{src, "share"}, err
		}
	})
	if n := s.notice("poll"); !strings.Contains(n.Message, "Incorrect function") || !strings.Contains(n.Message, s.at("share")) {
		t.Errorf("%+v", n)
	}
	write(t, s.at("share/a.go"), "22")
	s.until("share/a.go")
	if all := s.noticesOf(""); len(all) != 1 {
		t.Errorf("%v", all)
	}
}
