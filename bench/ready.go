//go:build unix

package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"
)

// readyToWatch starts every tool again and again on a project that is mostly ballast.
func readyToWatch(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	all, matter := 50_000, 500
	if o.short {
		all, matter = 2_000, 100
	}
	tree := filepath.Join(b.cache, "programs", fmt.Sprintf("sprawl-%d", all))
	progress("  generating %s directories", thousands(all))
	if err := generateSprawl(tree, all, matter); err != nil {
		return nil, err
	}
	if err := readDirs(tree); err != nil {
		return nil, err
	}
	watchers := defaults(tools)
	port, err := freePort(b.port)
	if err != nil {
		return nil, err
	}
	b.port = port + 1
	addr := "127.0.0.1:" + strconv.Itoa(port)
	watched, answered := map[string]sample{}, map[string]sample{}
	count := map[string]int{}
	why := map[string]string{}
	n := max(o.n/2, 3)
	for round := 0; round <= n; round++ { // round 0 warms the caches
		for i := range watchers {
			w := watchers[(i+round)%len(watchers)]
			if why[w.label] != "" {
				continue
			}
			id := slug(w.label)
			p := project{dir: tree, addr: addr, server: b.server, log: b.log("ready-" + id), events: filepath.Join(b.cache, "log", "ready-"+id+".events"),
				env: append(append([]string{}, b.env...), "BENCH_ADDR="+addr)}
			up, first, watches, err := startOnce(ctx, w, p)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				why[w.label] = err.Error()
				progress("  %s: left out: %v", w.label, err)
				continue
			}
			if round > 0 {
				answered[w.label] = append(answered[w.label], first)
				if w.reports {
					watched[w.label] = append(watched[w.label], up)
				}
			}
			count[w.label] = watches
			progress("  round %d/%d  %-28s first answer after %s ms, %d watches", round, n, w.label, ms(first), watches)
			settle(o.pause, settleLimit)
		}
	}
	t := &table{Title: fmt.Sprintf("F5 ready to watch, %s directories of which %d matter", thousands(all), matter),
		Head: []string{"tool", "n", "watching, median ms", "min ms", "first answer, median ms", "min ms", "watches"},
		Notes: []string{
			"Watching: from exec to hotreload's event session_started, which comes when every directory is watched; the others do not tell. First answer: from exec until the program answers, build command `true`.",
			"The rest of the directories: node_modules, and output named in .gitignore. Directory caches are warm.",
		}}
	for _, w := range watchers {
		if why[w.label] != "" {
			t.row(w.label, "left out: "+why[w.label], "", "", "", "", "")
			continue
		}
		up, first := watched[w.label], answered[w.label]
		cells := []string{w.label, strconv.Itoa(len(first)), "", "", ms(first.median()), ms(first.min()), strconv.Itoa(count[w.label])}
		if len(up) > 0 {
			cells[2], cells[3] = ms(up.median()), ms(up.min())
		}
		t.row(cells...)
	}
	return []*table{t}, nil
}

// startOnce starts a tool, waits until it watches (if it says so) and answers, and ends it.
func startOnce(ctx context.Context, w watching, p project) (up, first time.Duration, n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, editLimit)
	defer cancel()
	at := time.Now()
	s, err := w.start(p)
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.close()
	got, err := await(ctx, p.addr, at, 2*time.Millisecond, func(answer) bool { return true })
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w\n%s", err, s.output())
	}
	if w.reports {
		log := &eventLog{file: p.events}
		e, err := log.wait(ctx, "session_started")
		if err != nil {
			return 0, 0, 0, err
		}
		up = e.Time.Sub(at)
		n = e.Watches
	}
	if counted, err := watches(s.pid()); err == nil {
		n = counted
	}
	return up, got.Latency, n, nil
}

// readDirs brings the directories into the system's caches, so that the first tool does not pay for the others.
func readDirs(root string) error {
	return filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err })
}
