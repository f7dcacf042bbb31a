//go:build unix

package main

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// group is one question that can be asked alone.
type group struct {
	name, what string
	run        func(context.Context, *bench, options, []tool) ([]*table, error)
}

var groups = []group{
	{"small", "F1: save to served, net/http program", saveToServed("small")},
	{"medium", "F1: the same, about 300 packages", saveToServed("medium")},
	{"large", "F1 and F1d: the same, about 1,000 packages, and an edit deep in it", saveToServed("large")},
	{"huge", "the same, about 2,000 packages", saveToServed("huge")},
	{"own", "F2: a tool's own share: a build that does nothing, from save to restarted", ownShare},
	{"refused", "F3: requests without an answer per restart, under steady load", refused},
	{"proxy", "requests per second and latency through the proxy, beside a direct connection", throughProxy},
	{"page", "from the save to the new page in a real Chromium, through the proxy", pageShown},
	{"idle", "F4: CPU, memory and watches on 10,000 files at rest", idle},
	{"services", "ten services of one project: save to served, and at rest, beside one tool for each", services},
	{"ready", "F5: time until all is watched, 50,000 directories of which 500 matter", readyToWatch},
}

// saveToServed compares the way of one edit through build and restart.
func saveToServed(name string) func(context.Context, *bench, options, []tool) ([]*table, error) {
	return func(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
		var p program
		for _, q := range programs {
			if q.name == name {
				p = q
			}
		}
		dir, err := b.ready(ctx, p)
		if err != nil {
			return nil, err
		}
		count, err := b.packages(ctx, dir)
		if err != nil {
			return nil, err
		}
		f, err := b.open(ctx, p, dir, name, tools, false, o)
		defer f.close()
		if err != nil {
			return nil, err
		}
		n := o.n
		if name == "large" || name == "huge" {
			n = o.nLarge
		}
		size := fmt.Sprintf("%s program (%s; %d packages)", name, p.what, count)
		out := []*table{}
		series := func(where place, title, what string) error {
			f.reset()
			progress(" %s", title)
			if err := f.rounds(ctx, n, where); err != nil {
				return err
			}
			t := f.latencies(title)
			t.Notes = append(t.Notes, what, polled(f.every))
			out = append(out, t, f.phaseTable("Phases: "+title))
			return nil
		}
		if err := series(inMain, "F1 save to served, "+size, "Edit: a string constant in package main, a new one each time."); err != nil {
			return out, err
		}
		if p.deep != "" {
			// The peers run the same go build as the hand does: a minute per edit and nothing to learn.
			f.keep(func(t tool) bool {
				return t.name() == hand || t.name() == handFlags || t.name() == ours || t.name() == goEngine
			})
			err := series(inDeep, "F1d save to served, deep edit, "+size,
				"Edit: a statement in a function of a package of the local module ("+cmp.Or(p.at, "its root")+"), which much of that module imports.")
			if err != nil {
				return out, err
			}
		}
		return out, nil
	}
}

func polled(every time.Duration) string {
	return fmt.Sprintf("One request at a time, every %s, each on a new connection. Failed requests: mean per restart; gap: first failed request to first new answer, median.", every)
}

// ownShare compares the tools themselves: nothing is built, a prepared server is restarted.
func ownShare(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	p := programs[0]
	dir, err := b.ready(ctx, p)
	if err != nil {
		return nil, err
	}
	// "By hand" has no flags here: one row is enough.
	var some []tool
	for _, t := range tools {
		if !onlyBuilds(t.name()) {
			some = append(some, t)
		}
	}
	f, err := b.open(ctx, p, dir, "own", some, true, o)
	defer f.close()
	if err != nil {
		return nil, err
	}
	f.every = min(f.every, time.Millisecond)
	if err := f.rounds(ctx, 2*o.n, inMain); err != nil {
		return nil, err
	}
	title := "F2 own share: build command `true`, from save to restarted"
	t := f.latencies(title)
	t.Notes = append(t.Notes, "By hand: run `true`, SIGTERM, wait, start: no tool can be faster than that.", polled(f.every))
	return []*table{t, f.phaseTable("Phases: " + title)}, nil
}
