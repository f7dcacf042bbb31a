package watcher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lossy is a backend that loses the events of everything below a directory.
type lossy struct {
	backend
	dir string
}

func (l *lossy) take() (kept []hint, since time.Time, lost bool) {
	hints, since, lost := l.backend.take()
	for _, h := range hints {
		if _, below := relTo(l.dir, h.path); !below {
			kept = append(kept, h)
		}
	}
	return kept, since, lost
}

// loses makes a watcher lose events, on a system where otherwise none are lost.
func loses(dir string) func(*Watcher) {
	return func(w *Watcher) {
		q := system
		q.trust = 1
		w.test.quirks = &q
		w.test.backend = func(b backend) backend { return &lossy{b, dir} }
	}
}

// onlyGo makes every file minor that is no Go file, as far as the scope knows.
func onlyGo(f string) bool { return filepath.Ext(f) != ".go" }

// N3: what no event tells of is found among the files that matter, and is a change like any
// other: written in place, replaced, new, removed, in a new directory. From then on everything
// on that file system is polled, which is said once.
func TestLostEvents(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"write", "replace", "new", "remove", "mkdir"} {
		t.Run(kind, func(t *testing.T) {
			root := tempDir(t)
			lost := filepath.Join(root, "lost")
			plant(t, root, map[string]string{"main.go": "1", "lost/a.go": "1", "lost/a.log": "1", "other/b.go": "1"})
			s := watch(t, Options{PollInterval: 5 * time.Millisecond, Scope: Scope{Trees: []string{root}, Minor: onlyGo}}, loses(lost))
			s.hashed()
			old := time.Now().Add(-time.Hour)
			want := "lost/a.go"
			switch kind {
			case "write":
				write(t, filepath.Join(lost, "a.go"), "2")
				must(t, os.Chtimes(filepath.Join(lost, "a.go"), old, old))
			case "replace":
				write(t, filepath.Join(root, "#a#"), "2")
				rename(t, filepath.Join(root, "#a#"), filepath.Join(lost, "a.go"))
			case "new":
				want = "+lost/n.go"
				write(t, filepath.Join(lost, "n.go"), "1")
			case "remove":
				want = "-lost/a.go"
				must(t, os.Remove(filepath.Join(lost, "a.go")))
			case "mkdir":
				want = "+lost/new/dir/n.go"
				plant(t, root, map[string]string{"lost/new/dir/n.go": "1"})
			}
			var got []Batch
			for len(netOf(root, got)) == 0 || got[len(got)-1].Open {
				got = append(got, s.next())
			}
			if net := netOf(root, got); len(net) != 1 || net[0] != want {
				t.Errorf("changes %v, want %v", net, want)
			}
			if n := s.notice("poll"); !strings.Contains(n.Message, "did not report") {
				t.Errorf("notice: %+v", n)
			}
			if st := s.w.Stats(); st.Backend != "poll" || st.Watches != 0 {
				t.Errorf("%+v", st)
			}
			s.batches = nil
			write(t, filepath.Join(root, "main.go"), "2")
			s.expect("main.go")
			write(t, filepath.Join(lost, "a.go"), "3")
			write(t, filepath.Join(lost, "late.go"), "3")
			for done := map[string]bool{}; !done["late.go"] || !done["a.go"]; {
				for _, c := range s.next().Changes {
					done[filepath.Base(c.Path)] = true
				}
			}
			if all := s.noticesOf("poll"); len(all) != 1 {
				t.Errorf("said %d times: %v", len(all), all)
			}
		})
	}
}

// N3: where events come, the scan changes nothing, whichever is first: no file system is taken
// for one that loses them, nothing is reported twice, and touch and chmod stay silent.
func TestLookBesideEvents(t *testing.T) {
	t.Parallel()
	if system.loses() {
		t.Skip("events are lost here")
	}
	root := tempDir(t)
	plant(t, root, map[string]string{"a.go": "0", "d/b.go": "0", "d/c.go": "0"})
	s := watch(t, Options{Scope: Scope{Trees: []string{root}, Minor: onlyGo}})
	s.hashed()
	for i := range 20 {
		text := strings.Repeat("x", i+1)
		write(t, filepath.Join(root, "a.go"), text)
		if i%2 == 0 {
			s.lookAround() // before the event is taken, or beside it
		}
		plant(t, root, map[string]string{"d/b.go": text, "new" + text + "/er/n.go": text})
		s.lookAround()
		s.expect("a.go", "d/b.go", "+new"+text+"/er/n.go")
		must(t, os.Chmod(filepath.Join(root, "d/c.go"), 0o600+os.FileMode(i%2)*0o44))
		must(t, os.Chtimes(filepath.Join(root, "d/c.go"), time.Now(), time.Now()))
		s.settled() // the events of these are through
		s.lookAround()
		for _, b := range s.settled() {
			if len(b.Changes) > 0 {
				t.Errorf("touch and chmod: %+v", b)
			}
		}
	}
	s.do(func(tree *tree) {
		tree.round()
		for i := range 2 {
			tree.convict(time.Now().Add(time.Duration(i+1) * time.Hour))
		}
		if len(tree.look.blame) > 0 {
			t.Errorf("blamed: %v", tree.look.blame)
		}
	})
	if st := s.w.Stats(); st.Backend != "notify" {
		t.Errorf("%+v", st)
	}
	if all := s.noticesOf("poll"); len(all) > 0 {
		t.Errorf("%v", all)
	}
}

// N3, N5 (6, 8, 13, 14, 19 to 21): where the system itself loses events, the scan finds each change, and a few
// of them do not mean that the file system reports none: an event between two of them clears it. When none comes,
// it is polled.
func TestLostEventsElsewhere(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirks{"kqueue": kqueueQuirks, "windows": windowsQuirks} {
		t.Run(name, func(t *testing.T) {
			root := tempDir(t)
			lost := filepath.Join(root, "lost")
			plant(t, root, map[string]string{"main.go": "1", "lost/a.go": "1"})
			s := watch(t, Options{PollInterval: 5 * time.Millisecond, Scope: Scope{Trees: []string{root}, Minor: onlyGo}}, loses(lost), func(w *Watcher) {
				w.test.quirks, w.test.lookEvery = &q, 20*time.Millisecond
			})
			s.hashed()
			// miss changes a file without an event, and waits for the end of the grace.
			miss := func(i int) {
				t.Helper()
				name := []string{"a.go", "b.go", "new/dir/c.go"}[i%3]
				plant(t, lost, map[string]string{name: strings.Repeat("x", i+2)})
				path := filepath.Join(lost, name)
				for s.known[path] != sumAt(t, path) || s.opened { // it may be seen half written first
					s.next()
				}
				s.do(func(tree *tree) {
					for i := range 2 {
						tree.convict(time.Now().Add(time.Duration(i+1) * time.Hour))
					}
				})
			}
			for i := range 2 * q.trust {
				miss(i)
				if i%2 == 1 {
					write(t, filepath.Join(root, "main.go"), strings.Repeat("x", i+2))
					s.settled()
				}
			}
			if st := s.w.Stats(); st.Backend != "notify" || st.Watches < 2 {
				t.Errorf("with events between: %+v", st)
			}
			if all := s.noticesOf("poll"); len(all) > 0 {
				t.Errorf("said: %v", all)
			}
			for i := range q.trust {
				miss(i)
			}
			if n := s.notice("poll"); !strings.Contains(n.Message, "did not report") {
				t.Errorf("notice: %+v", n)
			}
			if st := s.w.Stats(); st.Backend != "poll" || st.Watches != 0 {
				t.Errorf("without: %+v", st)
			}
		})
	}
}

// N3, with watch.backend = "notify": the change is reported, and said why it was late; nothing is polled.
func TestLostEventsNotify(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	plant(t, root, map[string]string{"a.go": "1"})
	s := watch(t, Options{Backend: "notify", Scope: Scope{Trees: []string{root}}}, loses(root))
	s.hashed()
	write(t, filepath.Join(root, "a.go"), "2")
	for s.known[filepath.Join(root, "a.go")] == (Sum{}) {
		s.next()
	}
	if n := s.notice("poll"); !strings.Contains(n.Hint, "watch.backend") {
		t.Errorf("notice: %+v", n)
	}
	if st := s.w.Stats(); st.Backend != "notify" {
		t.Errorf("%+v", st)
	}
}

// N3: a file is written while its first content is being read, and no event comes.
func TestLostWhileHashed(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "one")
	s := watch(t, Options{Backend: "notify", Scope: Scope{Trees: []string{root}}}, loses(root), func(w *Watcher) {
		w.test.lookEvery = 20 * time.Millisecond
		w.test.hashing = func(string) { write(t, path, "content") }
	})
	for s.known[path] == (Sum{}) {
		s.next()
	}
	if s.known[path] != sumAt(t, path) {
		t.Error("the change has another content")
	}
}

// What cannot matter is polled seldom, what matters in every round: a new file beside what
// matters is found as soon as a changed one, and one elsewhere is found, too.
func TestPollSlow(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	files := map[string]string{"main.go": "1", "pkg/a.go": "1"}
	for i := range 12 {
		files[filepath.Join("data", string(rune('a'+i)), "x.json")] = "1"
	}
	plant(t, root, files)
	lists := map[string]int{} // of the owner
	s := watch(t, Options{Backend: "poll", PollInterval: time.Millisecond, Scope: Scope{Trees: []string{root}, Minor: onlyGo}}, func(w *Watcher) {
		w.test.listing = func(dir string) { lists[dir]++ }
	})
	s.hashed()
	s.do(func(*tree) { clear(lists) })
	end := time.Now().Add(patience)
	for rounds := 0; rounds < 10*slowTurns && time.Now().Before(end); {
		s.do(func(*tree) { rounds = lists[filepath.Join(root, "pkg")] })
	}
	s.do(func(*tree) {
		rounds := lists[filepath.Join(root, "pkg")]
		for name := range files {
			dir := filepath.Dir(filepath.Join(root, name))
			if n := lists[dir]; strings.Contains(name, "data") && (n < rounds/slowTurns-1 || n > rounds/slowTurns+1) || !strings.Contains(name, "data") && n < rounds-1 {
				t.Errorf("%s was listed %d times in %d rounds", dir, n, rounds)
			}
		}
	})
	for name, want := range map[string]string{"pkg/b.go": "+pkg/b.go", "data/c/x.json": "data/c/x.json", "data/d/y.json": "+data/d/y.json", "data/e/new.go": "+data/e/new.go"} {
		write(t, filepath.Join(root, name), "2")
		var got []Batch
		for len(netOf(root, got)) == 0 || got[len(got)-1].Open {
			got = append(got, s.next())
		}
		if net := netOf(root, got); len(net) != 1 || net[0] != want {
			t.Errorf("changes %v, want %v", net, want)
		}
	}
}
