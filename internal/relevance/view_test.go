package relevance

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// subject makes a Judge with one service that builds with go, as the change leaves it.
func subject(t *testing.T, change func(*config.Service)) (*Judge, *Subject) {
	t.Helper()
	c := config.Default()
	c.Root = t.TempDir()
	set := c.ForServices()[0]
	set.Name = "api"
	change(&set)
	j := New(Options{Config: c, Cache: filepath.Join(c.Root, "cache"), RecordFile: filepath.Join(c.Root, "events"), Report: func(Report) {}, Edited: func() {}})
	s := NewSubject(NewSettings(set, nil), nil, nil)
	if err := j.Open([]*Subject{s}); err != nil {
		t.Fatal(err)
	}
	return j, s
}

// What a change means follows from what is known alone: env files, inputs, rules, in this order;
// a rule cannot make the program older than its sources.
func TestEffect(t *testing.T) {
	rules := func(s *config.Service) {
		s.Rules = []config.Rule{
			{Paths: []string{"*.go"}, Effect: config.EffectNone},
			{Paths: []string{"web/*.css"}, Effect: config.EffectReload},
			{Paths: []string{"*.x"}, Effect: config.EffectSignal, Signal: "SIGHUP", Command: config.Command{Shell: "make"}},
			{Paths: []string{"*.x"}, Effect: config.EffectRestart},
		}
	}
	command := func(s *config.Service) { s.Build.Command = config.Command{Shell: "make"} }
	for _, c := range []struct {
		name   string
		change func(*config.Service)
		path   string
		want   plan.Effect
	}{
		{"env file", rules, ".env", plan.Effect{Kind: plan.Restart, Rule: plan.NoRule}},
		{"source with a weaker rule", rules, "main.go", plan.Effect{Kind: plan.Rebuild, Rule: plan.NoRule, Input: true}},
		{"rule for pages", rules, "web/a.css", plan.Effect{Kind: plan.Reload, Rule: plan.NoRule, CSS: true}},
		{"first rule that matches", rules, "a.x", plan.Effect{Kind: plan.Signal, Rule: 2, Signal: "SIGHUP"}},
		{"nothing", rules, "README", plan.Effect{Rule: plan.NoRule}},
		{"Go file of a command", command, "deep/main.go", plan.Effect{Kind: plan.Rebuild, Rule: plan.NoRule, Input: true}},
		{"test of a command", command, "main_test.go", plan.Effect{Rule: plan.NoRule}},
		{"module file of a command", command, "go.mod", plan.Effect{Kind: plan.Rebuild, Rule: plan.NoRule, Input: true}},
		{"of no build", func(s *config.Service) { s.Run.Command = []string{"npm"} }, "main.go", plan.Effect{Rule: plan.NoRule}},
	} {
		j, s := subject(t, c.change)
		got := j.effect(s, filepath.Join(j.root, filepath.FromSlash(c.path)))
		if got.Why == "" {
			t.Errorf("%s: no reason", c.name)
		}
		got.Why = ""
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// L3, P7: the watcher waits for the content of a file that is empty in the middle of a save if the file
// means something to a service: an env file, a source, a stylesheet, a template or a script alike.
func TestMinor(t *testing.T) {
	j, _ := subject(t, func(s *config.Service) {
		s.Rules = []config.Rule{
			{Paths: []string{"web/*.css", "web/*.js"}, Effect: config.EffectReload},
			{Paths: []string{"web/*.html"}, Effect: config.EffectRestart},
			{Paths: []string{"web/*.svg"}, Effect: config.EffectNone, Command: config.Command{Shell: "make"}},
		}
	})
	for path, minor := range map[string]bool{
		".env": false, "main.go": false, "web/a.css": false, "web/a.js": false, "web/a.html": false, "web/a.svg": false,
		config.FileName: false, "app.log": true, "web/README": true,
	} {
		if got := j.minor(filepath.Join(j.root, filepath.FromSlash(path))); got != minor {
			t.Errorf("%s: minor %v", path, got)
		}
	}
}

// While the graph is out of date, every source counts; other build settings make it so.
func TestEffectOfGraph(t *testing.T) {
	j, s := subject(t, func(*config.Service) {})
	path := filepath.Join(j.root, "other", "a.go")
	s.graph.Store(new(gograph.Graph))
	if e := j.effect(s, path); e.Kind != plan.Rebuild {
		t.Errorf("while it is out of date: %+v", e)
	}
	s.loaded.Store(s.wanted.Load())
	s.Configure(NewSettings(s.conf.Load().Service, nil), true)
	if !s.graphOutdated() {
		t.Error("other build settings leave the graph as it was")
	}
}

// What is kept of changes: the file as it was reported, those that a graph may judge otherwise,
// and what the code may turn out to open.
func TestMemory(t *testing.T) {
	_, a := subject(t, func(*config.Service) {})
	_, b := subject(t, func(s *config.Service) { s.Name = "web" })
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	if m.wasReported(a, file) {
		t.Error("reported before it was")
	}
	m.report(a, file, time.Now().Add(time.Hour))
	m.report(b, file, time.Unix(0, 0))
	if !m.wasReported(a, file) || m.wasReported(b, file) {
		t.Error("the file as it is was reported for one service, and an older state for the other")
	}
	m.postpone(a, "1")
	m.postpone(b, "2")
	if got := m.takePending(a); len(got) != 1 || !got["1"] || len(m.takePending(a)) != 0 || len(m.takePending(b)) != 1 {
		t.Errorf("pending %v", got)
	}
	m.noteUnread(a, plan.Change{Path: "1"})
	if len(m.takeUnread(a)) != 0 {
		t.Error("kept though it is known what the code opens")
	}
	a.opening.built.Add(1)
	m.noteUnread(a, plan.Change{Path: "1"})
	if len(m.takeUnread(b)) != 0 || len(m.takeUnread(a)) != 1 {
		t.Error("an unread change is not kept, or for the wrong service")
	}
}

// Two watchers that see the same change report it once, until the comparison ends.
func TestReportedTwice(t *testing.T) {
	m := newMemory()
	batch := func(sum byte) watcher.Batch {
		return watcher.Batch{Changes: []watcher.Change{{Path: "a", New: watcher.Sum{sum}}}}
	}
	count := func(sum byte) int { return len(m.once(batch(sum)).Changes) }
	m.compare(true)
	if got := []int{count(1), count(1), count(2), count(1)}; got[0] != 1 || got[1] != 0 || got[2] != 1 || got[3] != 1 {
		t.Errorf("%v", got)
	}
	m.compare(false)
	if count(1) != 1 {
		t.Error("compared after the end")
	}
}

// What is learned counts only when it is confirmed: what followed from it is known by then.
func TestConfirm(t *testing.T) {
	j, s := subject(t, func(*config.Service) {})
	if j.Unjudged(s) {
		t.Error("without a watcher there is nothing to wait for")
	}
	w := &fakeWatcher{}
	j.o.Watch = func(watcher.Options) (Watcher, error) { return w, nil }
	if err := j.Open([]*Subject{s}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	j.ctx = ctx
	if !j.Unjudged(s) {
		t.Error("the graph is not known")
	}
	if asked := <-j.reload; asked != s {
		t.Error("the graph is not read")
	}
	j.Unjudged(s)
	if len(j.reload) != 0 {
		t.Error("it is read once more for the same change")
	}
	j.Built(s, true)
	j.Confirm(Learned{Subject: s, graph: s.wanted.Load()})
	if !j.Unjudged(s) {
		t.Error("it is not known what the program opens")
	}
	j.Confirm(Learned{Subject: s, opens: 1})
	if j.Unjudged(s) {
		t.Error("all is known")
	}
	j.Wait()
}

// What hotreload itself writes is no change.
func TestOwn(t *testing.T) {
	j, _ := subject(t, func(s *config.Service) { s.Build.Output = "bin/app" })
	for name, want := range map[string]bool{"events": true, "cache/x/y": true, "bin/app": true, "bin/other": false, "main.go": false} {
		if got := j.own(filepath.Join(j.root, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// fakeWatcher sees nothing.
type fakeWatcher struct{ Watcher }

func (fakeWatcher) SetScope(watcher.Scope) {}
