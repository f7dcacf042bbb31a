package watcher

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var stormRounds = flag.Int("storm.rounds", 0, "rounds of the storm per backend (0: 200, or 40 with -short; the figure to trust is 1000)")
var stormSeed = flag.Uint64("storm.seed", 1, "first seed of the storm")

// W3: a random storm with a concurrent reader. After every round, the watched directories, the
// known files and what was reported match the truth.
func TestStorm(t *testing.T) {
	t.Parallel()
	rounds := *stormRounds
	if rounds == 0 {
		rounds = 200
		if testing.Short() {
			rounds = 40
		}
	}
	const perSeed = 20
	systems(t, func(t *testing.T, o Options) {
		for done, seed := 0, *stormSeed; done < rounds; done, seed = done+perSeed, seed+1 {
			o.Scope.Trees = []string{tempDir(t)}
			if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
				if bad := storm(t, o, seed, perSeed, nil); bad != "" {
					t.Error(bad)
				}
			}) {
				return
			}
		}
	})
}

// The storm must notice the rules: without rule A or without rule B it has to
// fail within some seeds. Otherwise it would prove nothing of them.
func TestStormNoticesMissingRules(t *testing.T) {
	t.Parallel()
	if testing.Short() || system.loses() {
		t.Skip("needs many rounds, and events of which none are lost")
	}
	for name, without := range map[string]func(*Watcher){
		"A": func(w *Watcher) { w.test.noRuleA = true },
		"B": func(w *Watcher) { w.test.noRuleB = true },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 60; seed++ {
				o := Options{Backend: "notify", Scope: Scope{Trees: []string{tempDir(t)}}}
				var bad string
				t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { bad = storm(t, o, seed, 20, without) })
				if bad != "" {
					t.Logf("failed at seed %d, as it must: %.200s", seed, bad)
					return
				}
			}
			t.Errorf("60 seeds passed without rule %s", name)
		})
	}
}

// storm returns what was wrong after the first bad round.
func storm(t *testing.T, o Options, seed uint64, rounds int, prepare func(*Watcher)) string {
	root := o.Scope.Trees[0]
	rnd := rand.New(rand.NewPCG(seed, 7))
	g := &gale{root: root, rnd: rnd, noLinks: seed%2 == 0}
	for range 15 {
		g.blow()
	}
	if prepare == nil {
		prepare = func(*Watcher) {}
	}
	o.Debounce = time.Millisecond
	// Every other seed also resolves the scope again in the middle of the storm.
	rescope := g.noLinks
	if rescope {
		o.Scope.Dirs = []string{filepath.Join(root, "a/b"), filepath.Join(root, "c"), filepath.Join(root, "d/e/a")}
	}
	s := watch(t, o, func(w *Watcher) {
		// Where events are lost, the scan finds what they do not report. Elsewhere they must do alone; and a scan
		// that meets the mark first would end the round before the events of what was written earlier have come.
		w.test.lookEvery = time.Hour
		if _, ok := fakes[string(o.Backend)]; ok || system.loses() {
			w.test.lookEvery = 5 * time.Millisecond
		}
		prepare(w)
	})
	s.blunder = new(string)
	files, _ := truth(t, root, nil)
	known := files // what the receiver believes

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // a reader in the way, as an editor or an indexer is
		defer close(stopped)
		for {
			_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					_, _ = os.ReadFile(path)
				}
				return nil
			})
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	defer func() { close(stop); <-stopped }()

	// hear brings known up to date.
	hear := func() {
		for _, b := range s.settled() {
			for _, c := range b.Changes {
				if known[c.Path] = c.New; c.New == (Sum{}) {
					delete(known, c.Path)
				}
			}
		}
		delete(known, filepath.Join(root, fmt.Sprintf("zz-mark-%d", s.mark)))
		must(t, os.Remove(filepath.Join(root, fmt.Sprintf("zz-mark-%d", s.mark))))
	}

	for round := range rounds {
		for range 1 + rnd.IntN(30) {
			g.blow()
			if rescope && rnd.IntN(8) == 0 {
				s.w.SetScope(o.Scope)
			}
		}
		// Every directory gets a last file: a watch under a wrong name, or none, misses it.
		_, dirs := truth(t, root, nil)
		for _, d := range dirs {
			write(t, filepath.Join(d, "last"), fmt.Sprint(seed, round))
		}
		// A scope that is resolved after the mark was made lists it, and tells it before the
		// events of what was written earlier have come: those are reported a moment later.
		s.do(func(*tree) {})
		if hear(); *s.blunder != "" {
			return fmt.Sprintf("round %d: %s", round, *s.blunder)
		}

		want, dirs := truth(t, root, nil)
		if d := cmp.Diff(want, known); d != "" {
			return fmt.Sprintf("round %d: the receiver missed changes (-truth +reported):\n%s", round, d)
		}
		gotFiles, gotDirs, watched := s.state()
		delete(gotFiles, filepath.Join(root, fmt.Sprintf("zz-mark-%d", s.mark)))
		if d := cmp.Diff(want, gotFiles); d != "" {
			return fmt.Sprintf("round %d: file state is wrong (-truth +state):\n%s", round, d)
		}
		if d := cmp.Diff(dirs, gotDirs); d != "" {
			return fmt.Sprintf("round %d: directories are wrong (-truth +state):\n%s", round, d)
		}
		if s.loses() && o.Backend != Poll {
			dirs, watched = s.watches()
			if missing := slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return slices.Contains(watched, d) }); s.quirks().watchesFiles {
				s.heal(missing, hear)
				dirs, watched = s.watches()
			}
		}
		if o.Backend != Poll {
			if d := cmp.Diff(dirs, watched); d != "" {
				return fmt.Sprintf("round %d: watches are wrong (-truth +watched):\n%s", round, d)
			}
		}
	}
	return ""
}

// heal is for directories that lost their watch without a word, as they do with kqueue when they were changed and
// renamed before a note of it was fetched. The first change that is found in one makes its watch again: that of a new
// file, because the files in it may still be watched.
func (s *watching) heal(missing []string, hear func()) {
	if len(missing) == 0 {
		return
	}
	for _, d := range missing {
		s.healed++
		write(s.t, filepath.Join(d, fmt.Sprint("found", s.healed)), "1")
	}
	hear()
	s.do(func(tree *tree) {
		for i := range 2 {
			tree.convict(time.Now().Add(time.Duration(i+1) * time.Hour))
		}
	})
}

// gale changes a directory at random. Errors are part of it.
type gale struct {
	root string
	rnd  *rand.Rand
	n    int

	noLinks bool
}

func (g *gale) dirs() []string {
	var dirs []string
	_ = filepath.WalkDir(g.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

func (g *gale) blow() {
	dirs := g.dirs()
	pick := func() string { return dirs[g.rnd.IntN(len(dirs))] }
	// Few names, so that they are bound again and again.
	name := func() string { return fmt.Sprintf("%c", 'a'+g.rnd.IntN(5)) }
	file := func() string { return fmt.Sprintf("f%d", g.rnd.IntN(3)) }
	g.n++
	content := []byte(fmt.Sprint("content ", g.n))
	switch g.rnd.IntN(12) {
	case 0, 1:
		_ = os.Mkdir(filepath.Join(pick(), name()), 0o755)
	case 2:
		deep := filepath.Join(pick(), name(), name(), name())
		_ = os.MkdirAll(deep, 0o755)
		_ = os.WriteFile(filepath.Join(deep, file()), content, 0o644)
	case 3:
		if d := pick(); d != g.root {
			_ = os.RemoveAll(d)
		}
	case 4, 5, 6:
		// Several at once, faster than anyone can follow.
		for range 1 + g.rnd.IntN(8) {
			from, to := pick(), filepath.Join(pick(), name())
			if from == g.root {
				continue
			}
			if err := os.Rename(from, to); errors.Is(err, fs.ErrExist) && !inside(from, to) && !inside(to, from) {
				_ = os.RemoveAll(to)
				_ = os.Rename(from, to)
			}
		}
	case 7, 8:
		_ = os.WriteFile(filepath.Join(pick(), file()), content, 0o644)
	case 9: // atomic save
		d := pick()
		tmp := filepath.Join(d, "tmp")
		_ = os.WriteFile(tmp, content, 0o644)
		_ = os.Rename(tmp, filepath.Join(d, file()))
	case 10:
		link := name()
		if g.noLinks {
			link = "link" // never what Scope.Dirs names: its files would rightly go by two names
		}
		_ = os.Symlink(pick(), filepath.Join(pick(), link))
	case 11:
		_ = os.Remove(filepath.Join(pick(), file()))
	}
	if len(dirs) > 40 {
		_ = os.RemoveAll(dirs[1+g.rnd.IntN(len(dirs)-1)])
	}
}

func inside(a, b string) bool {
	_, ok := relTo(a, b)
	return ok || a == b
}
