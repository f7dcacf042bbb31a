//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// runner is one tool with its own copy of a program, up and running.
type runner struct {
	tool    tool
	project project
	session session
	answer  answer    // last seen
	since   time.Time // when it was first seen
	dropped string    // why it takes no further part

	latency map[int]time.Duration // by round
	gaps    sample
	failed  []int
	phases  []phases
	outside sample // what was served later than the tool's own figure says
}

// field is all tools that take part in one comparison. All stay up; between their
// turns they are idle.
type field struct {
	b       *bench
	program program
	runners []*runner
	every   time.Duration // between two requests
	pause   time.Duration
}

// open starts every tool on its own copy of the program at dir and waits until each serves.
func (b *bench) open(ctx context.Context, p program, dir, group string, tools []tool, noBuild bool, o options) (*field, error) {
	f := &field{b: b, program: p, every: o.every, pause: o.pause}
	for _, t := range tools {
		id := slug(t.name())
		port, err := freePort(b.port)
		if err != nil {
			return f, err
		}
		b.port = port + 1
		pr := project{
			dir:    filepath.Join(b.cache, "work", group, id),
			addr:   "127.0.0.1:" + strconv.Itoa(port),
			log:    b.log(group + "-" + id),
			events: filepath.Join(b.cache, "log", group+"-"+id+".events"),
		}
		pr.env = append(append([]string{}, b.env...), "BENCH_ADDR="+pr.addr)
		if noBuild {
			pr.server = b.server
		}
		if err := os.Remove(pr.log); err != nil && !os.IsNotExist(err) {
			return f, err
		}
		if err := copyTree(dir, pr.dir); err != nil {
			return f, err
		}
		r := &runner{tool: t, project: pr, latency: map[int]time.Duration{}}
		f.runners = append(f.runners, r)
		progress("  %s: starting", t.name())
		if err := f.bring(ctx, r); err != nil {
			if ctx.Err() != nil {
				return f, ctx.Err()
			}
			f.drop(r, err)
		}
		f.rest(ctx, r)
	}
	return f, nil
}

// rest lets a tool do what it does for itself, so that it does not fall into the turn of another.
func (f *field) rest(ctx context.Context, r *runner) {
	settle(f.pause, settleLimit)
	w, ok := r.tool.(watching)
	if !ok || w.idle == nil || r.dropped != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	if err := w.idle(ctx, r.project, r.since); err != nil {
		progress("  %s: %v", r.tool.name(), err)
	}
	settle(max(f.pause, idleWork), settleLimit)
}

const (
	firstLimit  = time.Hour // the first build of the huge program compiles 2,000 packages
	editLimit   = 3 * time.Minute
	idleLimit   = 2 * time.Minute
	idleWork    = 5 * time.Second // by then hotreload has begun what it does once nothing was built for a while
	settleLimit = 20 * time.Second
)

func (f *field) bring(ctx context.Context, r *runner) error {
	ctx, cancel := context.WithTimeout(ctx, firstLimit)
	defer cancel()
	s, err := r.tool.start(r.project)
	if s != nil {
		r.session = s
	}
	if err != nil {
		return err
	}
	first, err := await(ctx, r.project.addr, time.Now(), 10*time.Millisecond, func(answer) bool { return true })
	r.answer, r.since = first.Answer, time.Now()
	return err
}

func (f *field) drop(r *runner, err error) {
	r.dropped = err.Error()
	progress("  %s: left out: %v", r.tool.name(), err)
	if r.session != nil {
		if out := r.session.output(); out != "" {
			progress("    %s", strings.ReplaceAll(out, "\n", "\n    "))
		}
		r.session.close()
		r.session = nil
	}
}

func (f *field) close() {
	for _, r := range f.runners {
		if r.session != nil {
			r.session.close()
			r.session = nil
		}
	}
}

// rounds lets every tool have one turn per round, in another order each time, so that
// no tool always follows the same one: what that has left in the caches of the
// processor makes a tenth. The first round warms up and is not counted.
func (f *field) rounds(ctx context.Context, n int, where place) error {
	for round := 0; round <= n; round++ {
		for _, i := range rand.New(rand.NewPCG(uint64(n), uint64(round))).Perm(len(f.runners)) {
			r := f.runners[i]
			if r.dropped != "" {
				continue
			}
			got, ph, err := f.edit(ctx, r, where)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				f.drop(r, err)
				continue
			}
			if round > 0 {
				r.latency[round] = got.Latency
				r.failed = append(r.failed, got.Failed)
				r.gaps = append(r.gaps, got.Gap)
				if ph != nil {
					r.phases = append(r.phases, *ph)
					r.outside = append(r.outside, got.Latency-ph.whole)
				}
			}
			progress("  round %d/%d  %-28s %6s ms, %d failed requests", round, n, r.tool.name(), ms(got.Latency), got.Failed)
			f.rest(ctx, r)
		}
	}
	return nil
}

// edit saves once and waits until the new program answers.
func (f *field) edit(ctx context.Context, r *runner, where place) (served, *phases, error) {
	ctx, cancel := context.WithTimeout(ctx, editLimit)
	defer cancel()
	r.age()
	marker := f.b.marker()
	old := r.answer
	want := func(a answer) bool {
		switch {
		case r.project.server != "":
			return a.Pid != old.Pid
		case where == inDeep:
			return a.Deep == marker
		default:
			return a.Version == marker
		}
	}
	if s, ok := r.session.(*watchSession); ok && s.events != nil {
		if err := s.events.skip(); err != nil {
			return served{}, nil, err
		}
	}
	saved := time.Now()
	if err := f.b.write(r.project.dir, f.program, where, marker); err != nil {
		return served{}, nil, err
	}
	hand := make(chan error, 1)
	go func() {
		err := r.session.saved(ctx)
		if err != nil {
			cancel() // nothing new will ever answer
		}
		hand <- err
	}()
	got, err := await(ctx, r.project.addr, saved, f.every, want)
	if herr := <-hand; herr != nil {
		return got, nil, herr
	}
	if err != nil {
		return got, nil, err
	}
	r.answer, r.since = got.Answer, time.Now()
	if ph, ok := r.session.phases(ctx); ok {
		return got, &ph, nil
	}
	return got, nil, nil
}

// keep ends the tools that are not wanted.
func (f *field) keep(wanted func(tool) bool) {
	var stay []*runner
	for _, r := range f.runners {
		if wanted(r.tool) {
			stay = append(stay, r)
		} else if r.session != nil {
			r.session.close()
		}
	}
	f.runners = stay
}

// age waits until the program is old enough to be edited.
func (r *runner) age() {
	if w, ok := r.tool.(watching); ok {
		time.Sleep(time.Until(r.since.Add(w.age)))
	}
}

// reset begins a new series with the same tools, still running.
func (f *field) reset() {
	for _, r := range f.runners {
		r.latency, r.gaps, r.failed, r.phases, r.outside = map[int]time.Duration{}, nil, nil, nil, nil
	}
}

// find is the runner of a tool by name; nil if it does not take part.
func (f *field) find(name string) *runner {
	for _, r := range f.runners {
		if r.tool.name() == name {
			return r
		}
	}
	return nil
}

func (r *runner) times() sample {
	var s sample
	for _, d := range r.latency {
		s = append(s, d)
	}
	return s
}

// latencies is the table of what was seen from outside.
func (f *field) latencies(title string) *table {
	t := &table{Title: title, Head: []string{"tool", "n", "median ms", "min ms", "max ms", "ratio to by hand", "ratio, paired", "failed requests", "gap ms"}}
	base := f.find(hand)
	for _, r := range f.runners {
		if r.dropped != "" {
			reason, _, _ := strings.Cut(r.dropped, "\n")
			t.row(r.tool.name(), "left out: "+reason, "", "", "", "", "", "", "")
			continue
		}
		s := r.times()
		q, paired := "", ""
		if base != nil && base.dropped == "" {
			q, paired = times(ratio(s.median(), base.times().median())), times(pairedRatio(r.latency, base.latency))
		}
		t.row(r.tool.name(), strconv.Itoa(len(s)), ms(s.median()), ms(s.min()), ms(s.max()), q, paired, decimal(mean(r.failed)), ms(r.gaps.median()))
	}
	return t
}

// phaseTable says where the time went, as far as a tool tells; medians.
func (f *field) phaseTable(title string) *table {
	t := &table{Title: title, Head: []string{"tool", "n", "detect ms", "build ms", "stop ms", "start ms", "waiting ms", "outside ms", "served ms"},
		Notes: []string{"Medians, each of its own column, as the tool itself reports them (hotreload in whole milliseconds; its start lasts until it takes the program for ready, by hand until exec). Waiting: the tool's whole less the four parts, such as for the end of a burst of changes. Outside: served less the tool's whole: the way of the file event, and from ready to the first answer."}}
	for _, r := range f.runners {
		if len(r.phases) == 0 || r.dropped != "" {
			continue
		}
		pick := func(part func(phases) time.Duration) string {
			var s sample
			for _, p := range r.phases {
				s = append(s, part(p))
			}
			return ms(s.median())
		}
		t.row(r.tool.name(), strconv.Itoa(len(r.phases)),
			pick(func(p phases) time.Duration { return p.detect }),
			pick(func(p phases) time.Duration { return p.build }),
			pick(func(p phases) time.Duration { return p.stop }),
			pick(func(p phases) time.Duration { return p.start }),
			pick(func(p phases) time.Duration { return p.whole - p.detect - p.build - p.stop - p.start }),
			ms(r.outside.median()), ms(r.times().median()))
	}
	return t
}

// slug makes a name fit for a file.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ':
			return '-'
		}
		return -1
	}, s)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
