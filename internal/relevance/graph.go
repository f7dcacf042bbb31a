package relevance

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/filestat"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
)

// readGraphs is the one goroutine that reads graphs, and what the code opens.
func (j *Judge) readGraphs() {
	for {
		select {
		case s := <-j.reload:
			learned := Learned{Subject: s, graph: s.wanted.Load(), opens: s.opening.built.Load()}
			if !s.conf.Load().GoBuilds() || !s.graphOutdated() {
				learned.graph = 0
			} else {
				j.readGraph(j.ctx, s)
			}
			j.discover(j.ctx, s)
			j.judgeUnread(s)
			j.o.Report(learned)
		case <-j.ctx.Done():
			return
		}
	}
}

// readGraph reads the import graph of a service again, lets the watcher look
// where it says, and asks for a build if an input that was not known as one has
// changed since the newest build began.
func (j *Judge) readGraph(ctx context.Context, s *Subject) {
	asked, judged, began := s.wanted.Load(), j.judged.Load(), time.Now()
	g, err := gograph.Load(ctx, j.graphOptions(s))
	if err != nil || ctx.Err() != nil {
		// Without a graph every Go file counts, which is slower, not wrong. The
		// build says what is wrong.
		return
	}
	old := s.graph.Load()
	if g.Broken() {
		g = gograph.Merge(old, g)
	}
	before := j.scope()
	s.graph.Store(g)
	s.loaded.Store(asked)
	j.o.Report(Learned{Subject: s})
	j.watch().SetScope(j.scope())
	// Once this returns, what SetScope added is watched, and what had changed before
	// has been judged. From here on a change is reported.
	if j.CatchUp(ctx) != nil {
		return
	}
	if touched := j.touched(s, old, g, func(path string) bool {
		_, unwatched := j.watch().IgnoredIn(before, path)
		return unwatched
	}); len(touched) > 0 {
		j.step(plan.Touched{Service: s.name, Paths: touched, At: time.Now(), Why: "changed while the import graph was read"})
	}
	j.setHeaders(s, g)
	for _, f := range g.Inputs() {
		if ctx.Err() == nil {
			j.memory.learnHeader(f)
			j.memory.learnTempl(f)
		}
	}
	// What the go command has read of a file that was written in the meantime may be nothing, and the
	// next change of that file may be one of a function's body, after which no graph is read.
	if g.Broken() && j.judged.Load() != judged || writtenSince(g.Inputs(), began) {
		s.wanted.Add(1)
		j.Refresh(s) // after other services had their turn
	}
}

// touched are inputs that were not known as such, and that have changed since the newest build
// began. Where the watcher looked already, a change of content was reported, and what was not
// reported was a touch, or a save without a change. Elsewhere the file's time is all there is.
func (j *Judge) touched(s *Subject, old, g *gograph.Graph, unwatched func(string) bool) (touched []string) {
	pending := j.memory.takePending(s)
	if s.asOf.Load() == 0 {
		return nil
	}
	known := map[string]bool{}
	if old != nil {
		for _, f := range old.Inputs() {
			known[f] = true
		}
	}
	asOf := time.Unix(0, s.asOf.Load())
	for _, f := range g.Inputs() {
		if known[f] || j.memory.wasReported(s, f) || !changedAt(f, time.Time{}).After(asOf) {
			continue
		}
		if unwatched(f) || pending[f] {
			touched = append(touched, f)
		}
	}
	return touched
}

// setHeaders hands the C headers outside of their packages to the builder; others than before
// ask for a build.
func (j *Judge) setHeaders(s *Subject, g *gograph.Graph) {
	headers := headersOf(g)
	if !s.conf.Load().Builder.SetHeaders(headers) {
		return
	}
	var files []string
	for _, h := range headers {
		files = append(files, h.Files...)
	}
	if len(files) > 0 {
		j.step(plan.Touched{Service: s.name, Paths: files, At: time.Now(), Why: "a C header outside its package's directory, which go build does not check"})
	}
}

// headersOf are the headers that the builder has to look at.
func headersOf(g *gograph.Graph) (out []builder.Headers) {
	for _, h := range g.OutsideHeaders(builder.HeaderFile) {
		out = append(out, builder.Headers(h))
	}
	return out
}

// writtenSince reports whether one of the Go files has changed since a moment.
func writtenSince(files []string, t time.Time) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		st, _ := filestat.Of(f)
		return filepath.Ext(f) == ".go" && st.Changed().After(t)
	})
}

// changedAt is when a file got what it has (filestat.Stat.Changed); the fallback if there is none.
func changedAt(path string, fallback time.Time) time.Time {
	st, err := filestat.Of(path)
	if err != nil {
		return fallback
	}
	return st.Changed()
}

func (j *Judge) graphOptions(s *Subject) gograph.Options {
	set := s.conf.Load()
	b := set.Build
	o := gograph.Options{Dir: j.root, Package: b.Package, Env: proc.MergeEnv(proc.CleanEnv(j.o.Env), b.Env)}
	// The very flags of the build, once it has found them out: it merges tags with those of
	// GOFLAGS, where the go command would take the last ones alone.
	if o.Flags = set.Builder.Flags(); o.Flags != nil {
		return o
	}
	o.Tags, o.Flags = b.Tags, slices.Clone(b.Flags)
	if b.Race {
		o.Flags = append(o.Flags, "-race")
	}
	return o
}
