//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// team is a way to keep several programs of one project running.
type team struct {
	label, text string
	start       func(*teamRun) error
	// saved is called right after a save; nil for a tool that watches.
	saved func(s *teamRun, changed []int) error
}

// teamRun is a team at work on its own copy of the project.
type teamRun struct {
	team
	dir     string
	names   []string // of the services
	addrs   []string
	env     []string
	log     string
	tools   []*child
	apps    []*child // of who starts the programs by hand
	answers []answer
	dropped string

	latency  map[int]time.Duration // by round
	restarts []int
	lost     int // saves after which a service was not served any more
}

// lostAfter is when a save counts as lost. A tool may lose one: a program that is started
// before the old one has released its port ends, and is not started again.
const lostAfter = 45 * time.Second

// servicesShared is how many packages all services import besides shared, on which they depend.
const servicesShared = 20

func teams(hotreload string) []team {
	air := func(label, text, more string) team {
		return team{label: label, text: text, start: func(s *teamRun) error {
			for i, name := range s.names {
				config := fmt.Sprintf("root = \".\"\ntmp_dir = \"tmp/%[1]s\"\n\n[build]\ncmd = \"go build -o ./tmp/%[1]s/main ./cmd/%[1]s\"\nentrypoint = [\"./tmp/%[1]s/main\"]\n"+
					"include_dir = [\"cmd/%[1]s\", \"shared\", \"lib\"]\n%[2]s", name, more)
				file := ".air-" + name + ".toml"
				if err := os.WriteFile(filepath.Join(s.dir, file), []byte(config), 0o644); err != nil {
					return err
				}
				if err := s.tool([]string{"air", "-c", file}, append(slices.Clip(s.env), "BENCH_ADDR="+s.addrs[i])); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	return []team{
		{label: hand, text: "go build of the one package, or go build -o bin ./cmd/... for all; SIGTERM, wait, start", start: func(s *teamRun) error {
			s.apps = make([]*child, len(s.names))
			return byHandTeam(s, indices(len(s.names)))
		}, saved: byHandTeam},
		{label: ours, text: "one session, [services.NAME] with run.env only", start: func(s *teamRun) error {
			var b strings.Builder
			for i, name := range s.names {
				fmt.Fprintf(&b, "[services.%s]\nrun.env = { BENCH_ADDR = %q }\n", name, s.addrs[i])
			}
			if err := os.WriteFile(filepath.Join(s.dir, ".hotreload.toml"), []byte(b.String()), 0o644); err != nil {
				return err
			}
			return s.tool([]string{hotreload, "run"}, s.env)
		}},
		air("air", "one for each service, include_dir with its own directory and the shared ones; its delay is 1000 ms", ""),
		air("air, delay 1 ms", "the same with delay = 1", "delay = 1\n"),
	}
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (s *teamRun) tool(argv, env []string) error {
	c, err := start(argv, s.dir, env, s.log)
	if err == nil {
		s.tools = append(s.tools, c)
	}
	return err
}

func byHandTeam(s *teamRun, changed []int) error {
	argv := []string{"go", "build", "-o", "bin/", "./cmd/" + s.names[changed[0]]}
	if len(changed) > 1 {
		argv[4] = "./cmd/..."
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "bin"), 0o755); err != nil {
		return err
	}
	if err := run(argv, s.dir, s.env, s.log); err != nil {
		return err
	}
	for _, i := range changed {
		if s.apps[i] != nil {
			_ = s.apps[i].cmd.Process.Signal(syscall.SIGTERM) // all at once, then wait
		}
	}
	for _, i := range changed {
		if s.apps[i] != nil {
			s.apps[i].end(syscall.SIGTERM, endGrace)
		}
		var err error
		if s.apps[i], err = start([]string{"./bin/" + s.names[i]}, s.dir, append(slices.Clip(s.env), "BENCH_ADDR="+s.addrs[i]), s.log); err != nil {
			return err
		}
	}
	return nil
}

func (s *teamRun) close() {
	for _, c := range append(s.tools, s.apps...) {
		if c != nil {
			_ = c.cmd.Process.Signal(syscall.SIGINT) // all at once, then wait
		}
	}
	for _, c := range append(s.tools, s.apps...) {
		if c != nil {
			c.end(syscall.SIGINT, endGrace)
		}
	}
	s.tools, s.apps = nil, nil
}

// await waits until every service gives a wanted answer, and returns when the last did,
// with the answers.
func (s *teamRun) await(ctx context.Context, since time.Time, every time.Duration, want func(i int, a answer) bool) (time.Duration, []answer, error) {
	type result struct {
		i   int
		got served
		err error
	}
	results := make(chan result)
	for i, addr := range s.addrs {
		go func() {
			got, err := await(ctx, addr, since, every, func(a answer) bool { return want(i, a) })
			results <- result{i, got, err}
		}()
	}
	var last time.Duration
	var failed error
	answers := make([]answer, len(s.addrs))
	for range s.addrs {
		r := <-results
		if r.err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.names[r.i], r.err))
			continue
		}
		answers[r.i], last = r.got.Answer, max(last, r.got.Latency)
	}
	return last, answers, failed
}

// look asks every service who it is now, and counts those that are another process than
// at the look before.
func (s *teamRun) look(ctx context.Context) error {
	_, answers, err := s.await(ctx, time.Now(), 10*time.Millisecond, func(int, answer) bool { return true })
	if err != nil {
		return err
	}
	restarts := 0
	for i, a := range answers {
		if i < len(s.answers) && a.Pid != s.answers[i].Pid {
			restarts++
		}
	}
	s.answers, s.restarts = answers, append(s.restarts, restarts)
	return nil
}

// edit saves a file that one service or all are built from.
func (s *teamRun) edit(ctx context.Context, b *bench, every time.Duration, all bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, lostAfter)
	defer cancel()
	marker := b.marker()
	file, source := "cmd/"+s.names[0]+"/main.go", "programs/service.go.txt"
	changed := []int{0}
	if all {
		file, source, changed = "shared/shared.go", "programs/shared.go.txt", indices(len(s.names))
	}
	saved := time.Now()
	if err := writeMarked(filepath.Join(s.dir, file), source, marker); err != nil {
		return 0, err
	}
	hand := make(chan error, 1)
	go func() {
		var err error
		if s.saved != nil {
			err = s.saved(s, changed)
		}
		hand <- err
	}()
	d, _, err := s.await(ctx, saved, every, func(i int, a answer) bool {
		return all && a.Deep == marker || !all && (i > 0 || a.Version == marker)
	})
	return d, errors.Join(err, <-hand)
}

func writeMarked(file, source, marker string) error {
	text, err := sources.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), "@VERSION@", marker, 1)), 0o644)
}

// generateServices writes the project: n programs that import 20 packages in common, and
// those import one more, shared, which every program calls too.
func generateServices(root string, n int) error {
	return once(root, func(root string) error {
		var imports strings.Builder
		for i := range servicesShared {
			name := fmt.Sprintf("lib%02d", i)
			fmt.Fprintf(&imports, "\t_ \"bench.example/services/lib/%s\"\n", name)
			text := fmt.Sprintf("package %s\n\nimport \"bench.example/services/shared\"\n\nvar Length = len(shared.Version()) + %d\n", name, i)
			if err := writeFile(filepath.Join(root, "lib", name, name+".go"), text); err != nil {
				return err
			}
		}
		for i := range n {
			dir := filepath.Join(root, "cmd", serviceName(i))
			if err := errors.Join(writeFile(filepath.Join(dir, "imports.go"), "package main\n\nimport (\n"+imports.String()+")\n"),
				writeMarked(filepath.Join(dir, "main.go"), "programs/service.go.txt", "v"+serviceName(i))); err != nil {
				return err
			}
		}
		return errors.Join(writeFile(filepath.Join(root, "shared", "doc.go"), "// Package shared is what all services are built from.\npackage shared\n"),
			writeMarked(filepath.Join(root, "shared", "shared.go"), "programs/shared.go.txt", "v"),
			writeFile(filepath.Join(root, "go.mod"), "module bench.example/services\n\ngo 1.25\n"))
	})
}

func serviceName(i int) string { return fmt.Sprintf("svc%02d", i) }

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// services compares one session for several programs with one tool for each.
func services(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	n := 10
	if o.short {
		n = 3
	}
	o.every = max(o.every, 10*time.Millisecond) // to ten at once
	runs, err := startTeams(ctx, b, o, tools, n)
	defer func() {
		for _, s := range runs {
			s.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	var out []*table
	for _, all := range []bool{false, true} {
		t := &table{Head: []string{"tool", "n", "median ms", "min ms", "max ms", "ratio to by hand", "ratio, paired", "programs restarted", "saves lost"}}
		what, note := "one of them is affected", "Edit: a string constant in package main of one service, a new one each time."
		if all {
			what, note = "all of them are affected", "Edit: a string in a package that all services, and 20 packages that they have in common, import. The time is that of the last one to be served."
		}
		t.Title = fmt.Sprintf("Save to served, %d services of one project, %s", n, what)
		t.Notes = []string{note, fmt.Sprintf("One request at a time to each service that is affected, every %s, each on a new connection.", o.every)}
		progress(" %s", what)
		for _, s := range runs {
			s.latency, s.restarts, s.lost = map[int]time.Duration{}, nil, 0
		}
		for round := 0; round <= o.n; round++ {
			for i := range runs {
				s := runs[(i+round)%len(runs)]
				if s.dropped == "" {
					s.turn(ctx, b, o, all, round)
				}
				if ctx.Err() != nil {
					return out, ctx.Err()
				}
			}
		}
		addRows(t, runs)
		out = append(out, t)
	}
	rest, err := servicesAtRest(ctx, o, runs, n)
	if err != nil {
		return out, err
	}
	return append(out, rest), nil
}

// startTeams starts the services of every team, each in a copy of the project. What it has started is
// returned with an error too.
func startTeams(ctx context.Context, b *bench, o options, tools []tool, n int) (runs []*teamRun, err error) {
	tree := filepath.Join(b.cache, "programs", fmt.Sprintf("services-%d", n))
	if err := generateServices(tree, n); err != nil {
		return nil, err
	}
	for _, t := range teams(b.hotreload) {
		if !slices.ContainsFunc(tools, func(other tool) bool { return other.name() == t.label }) {
			continue
		}
		id := slug(t.label)
		s := &teamRun{team: t, dir: filepath.Join(b.cache, "work", "services", id), log: b.log("services-" + id), env: b.env}
		runs = append(runs, s)
		if err := os.Remove(s.log); err != nil && !os.IsNotExist(err) {
			return runs, err
		}
		if err := copyTree(tree, s.dir); err != nil {
			return runs, err
		}
		for i := range n {
			port, err := freePort(b.port)
			if err != nil {
				return runs, err
			}
			b.port = port + 1
			s.names, s.addrs = append(s.names, serviceName(i)), append(s.addrs, "127.0.0.1:"+strconv.Itoa(port))
		}
		progress("  %s: starting %d services", s.label, n)
		err := s.start(s)
		if err == nil {
			first, cancel := context.WithTimeout(ctx, firstLimit)
			err = s.look(first)
			cancel()
		}
		if ctx.Err() != nil {
			return runs, ctx.Err()
		}
		if err != nil {
			s.drop(err)
		}
		settle(o.pause, settleLimit)
	}
	return runs, nil
}

// turn is one save. Round 0 warms up and does not count.
func (s *teamRun) turn(ctx context.Context, b *bench, o options, all bool, round int) {
	d, err := s.edit(ctx, b, o.every, all)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.lost++
		progress("  round %d/%d  %-28s lost: %v", round, o.n, s.label, strings.SplitN(err.Error(), "\n", 2)[0])
		if err := s.revive(ctx, b, o.every); err != nil {
			s.drop(err)
		}
		return
	}
	settle(o.pause, settleLimit)
	if err := s.look(ctx); err != nil {
		s.drop(err)
		return
	}
	if round > 0 {
		s.latency[round] = d
	} else {
		s.restarts = nil
	}
	progress("  round %d/%d  %-28s %6s ms", round, o.n, s.label, ms(d))
}

// addRows writes a row for every team.
func addRows(t *table, runs []*teamRun) {
	latencies := func(s *teamRun) (all sample) {
		for _, d := range s.latency {
			all = append(all, d)
		}
		return all
	}
	base := slices.IndexFunc(runs, func(s *teamRun) bool { return s.label == hand && s.dropped == "" })
	for _, s := range runs {
		t.Notes = append(t.Notes, s.label+": "+s.text+".")
		if s.dropped != "" {
			t.row(s.label, "left out: "+s.dropped, "", "", "", "", "", "", strconv.Itoa(s.lost))
			continue
		}
		own := latencies(s)
		q, paired := "", ""
		if base >= 0 {
			q, paired = times(ratio(own.median(), latencies(runs[base]).median())), times(pairedRatio(s.latency, runs[base].latency))
		}
		t.row(s.label, strconv.Itoa(len(own)), ms(own.median()), ms(own.min()), ms(own.max()), q, paired, decimal(mean(s.restarts)), strconv.Itoa(s.lost))
	}
	t.Notes = append(t.Notes, fmt.Sprintf("Saves lost: after %s a service did not answer with the new version; it was saved again then, and the round is not counted.", lostAfter))
}

// revive saves what all services are built from until all are served again.
func (s *teamRun) revive(ctx context.Context, b *bench, every time.Duration) (err error) {
	for range 3 {
		settle(0, settleLimit)
		if _, err = s.edit(ctx, b, every, true); err == nil {
			counted := len(s.restarts)
			err = s.look(ctx)
			s.restarts = s.restarts[:counted] // these belong to no save
			return err
		}
	}
	return err
}

func (s *teamRun) drop(err error) {
	s.dropped, _, _ = strings.Cut(err.Error(), "\n")
	progress("  %s: left out: %v", s.label, err)
	if out := tail(s.log); out != "" {
		progress("    %s", strings.ReplaceAll(out, "\n", "\n    "))
	}
	s.close()
}

// processes are the tools and what they started, without the programs that answer.
func (s *teamRun) processes() (out []int) {
	program := map[int]bool{}
	for _, a := range s.answers {
		program[a.Pid] = true
	}
	for _, c := range s.tools {
		out = append(out, c.pid())
		for _, p := range descendants(c.pid()) {
			if !program[p.pid] {
				out = append(out, p.pid)
			}
		}
	}
	return out
}

func (s *teamRun) used() (sum time.Duration) {
	for _, pid := range s.processes() {
		if d, err := preciseCPU(pid); err == nil { // an error: it ended meanwhile
			sum += d
		}
	}
	return sum
}

// servicesAtRest is what the tools cost while nothing happens.
func servicesAtRest(ctx context.Context, o options, runs []*teamRun, n int) (*table, error) {
	if _, err := processStat(os.Getpid()); err != nil {
		return nil, err
	}
	settle(o.pause, settleLimit)
	progress("  all at rest for %s", o.idle)
	t := &table{Title: fmt.Sprintf("Idle for %s with %d services", o.idle, n), Head: []string{"tool", "processes", "CPU ms", "CPU %", "memory MiB", "of that, own MiB", "watches"},
		Notes: []string{"Sums over all processes of the tool. The services themselves are not counted. Own: without pages of files, which processes of one program share. All tools rest at the same time."}}
	before := map[*teamRun]time.Duration{}
	for _, s := range runs {
		before[s] = s.used()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.idle):
	}
	for _, s := range runs {
		if s.dropped != "" || len(s.tools) == 0 {
			continue
		}
		used := s.used() - before[s]
		var rss, own int64
		watched := 0
		pids := s.processes()
		for _, pid := range pids {
			r, a, err := memory(pid)
			if err != nil {
				continue // ended meanwhile
			}
			w, err := watches(pid)
			if err != nil {
				return nil, err
			}
			rss, own, watched = rss+r, own+a, watched+w
		}
		t.row(s.label, strconv.Itoa(len(pids)), ms(used), strconv.FormatFloat(100*float64(used)/float64(o.idle), 'f', 3, 64), mib(rss), mib(own), strconv.Itoa(watched))
	}
	return t, nil
}
