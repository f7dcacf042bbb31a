//go:build unix

// Command bench compares hotreload with a build by hand and with its peers, on the
// machine at hand. README.md says what is measured and which traps were met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	groups, tools string
	n, nLarge     int
	every, pause  time.Duration
	idle, limit   time.Duration
	short, list   bool
	json, write   string
	hotreload     string
	cache         string
	gocache       string
	args          []string // as given, for the report
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if o.list {
		for _, g := range groups {
			fmt.Printf("%-8s %s\n", g.name, g.what)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := compare(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	o := options{args: args}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.groups, "groups", "", "comma-separated `names` (see -list); empty: all but huge")
	fs.StringVar(&o.tools, "tools", "", "comma-separated `names` of those to compare: hand, hotreload, air, wgo, CompileDaemon, reflex, modd; empty: all that are on PATH")
	fs.IntVar(&o.n, "n", 11, "counted edits per tool")
	fs.IntVar(&o.nLarge, "n-large", 5, "the same for the large program")
	fs.DurationVar(&o.every, "every", 2*time.Millisecond, "time between two requests while waiting for an answer")
	fs.DurationVar(&o.pause, "pause", 500*time.Millisecond, "least rest between two edits")
	fs.DurationVar(&o.idle, "idle", 30*time.Second, "how long group idle looks on")
	fs.DurationVar(&o.limit, "timeout", 2*time.Hour, "end the run after this time")
	fs.BoolVar(&o.short, "short", false, "a smoke run: small program, few edits, small trees (a minute)")
	fs.BoolVar(&o.list, "list", false, "list the groups")
	fs.StringVar(&o.json, "json", "", "write all figures to this `file`")
	fs.StringVar(&o.write, "write", "", "write the tables to this `file` (bench/RESULTS.md)")
	fs.StringVar(&o.hotreload, "hotreload", "", "the hotreload to measure; empty: the one of this source, built first")
	fs.StringVar(&o.cache, "cache", "", "where programs and build caches lie; empty: hotreload-bench in the user's cache directory")
	fs.StringVar(&o.gocache, "gocache", "", "Go build cache for all tools; empty: one of the bench's own in -cache")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q (see -help)", fs.Arg(0))
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if o.short {
		if !set["n"] {
			o.n = 3
		}
		if !set["idle"] {
			o.idle = 2 * time.Second
		}
		if !set["groups"] {
			o.groups = "small,own,refused,proxy,idle,ready"
		}
	}
	for _, name := range list(o.groups) {
		if !slices.ContainsFunc(groups, func(g group) bool { return g.name == name }) {
			return o, fmt.Errorf("no group is called %q (see -list)", name)
		}
	}
	for _, name := range list(o.tools) {
		if name != "hand" && name != ours && !slices.Contains(peerOrder, name) {
			return o, fmt.Errorf("no tool is called %q (see -help)", name)
		}
	}
	if o.n < 1 || o.nLarge < 1 || o.every <= 0 || o.pause < 0 || o.idle <= 0 || o.limit <= 0 {
		return o, errors.New("counts and durations must be positive")
	}
	return o, nil
}

// list splits a comma-separated flag.
func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func wanted(filter, name string) bool {
	names := list(filter)
	return len(names) == 0 || slices.Contains(names, name)
}

// compare asks the questions one after the other and writes the answers.
func compare(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	b, err := prepare(o)
	if err != nil {
		return err
	}
	unlock, err := lock(b.cache)
	if err != nil {
		return err
	}
	defer unlock()
	quiet := listen()
	if err := errors.Join(b.buildServer(), b.buildOurs()); err != nil {
		return err
	}
	r := &report{Facts: facts(ctx, b.hotreload), Command: "go run ./bench " + strings.Join(o.args, " "), Skipped: []string{}}
	r.Command = strings.TrimSpace(r.Command)
	tools := b.tools(ctx, o, r)
	var failed []error
	for _, g := range groups {
		if !wanted(o.groups, g.name) || o.groups == "" && g.name == "huge" { // its first build takes many minutes
			continue
		}
		progress("%s (%s)", g.name, g.what)
		tables, err := g.run(ctx, b, o, tools)
		for _, t := range tables {
			if len(t.Rows) > 0 {
				r.Tables = append(r.Tables, t)
			}
		}
		if ctx.Err() != nil {
			failed = append(failed, fmt.Errorf("group %s: ended early: %w", g.name, context.Cause(ctx)))
			break
		}
		if errors.Is(err, errNoProcessTable) {
			r.Skipped = append(r.Skipped, "group "+g.name+": "+err.Error())
		} else if err != nil {
			failed = append(failed, fmt.Errorf("group %s: %w", g.name, err))
		}
	}
	if s := quiet.others(ownTime()); s != "" {
		r.Facts = append(r.Facts, fact{"used by others", s})
	}
	r.markdown(os.Stdout)
	if o.write != "" {
		failed = append(failed, writeMarkdown(r, o.write))
	}
	if o.json != "" {
		failed = append(failed, writeJSON(r, o.json))
	}
	return errors.Join(failed...)
}

// tools are the contestants, and the report says who is missing.
func (b *bench) tools(ctx context.Context, o options, r *report) []tool {
	var out []tool
	if wanted(o.tools, "hand") {
		out = append(out, byHand{label: hand}, byHand{label: handFlags, flags: devFlags})
	}
	if wanted(o.tools, ours) {
		out = append(out, hotreloadTool(b.hotreload), goEngineTool(b.hotreload))
	}
	found, versions, missing := findPeers(ctx)
	for _, t := range found {
		name, _, _ := strings.Cut(t.name(), ",")
		if wanted(o.tools, name) {
			out = append(out, t)
		}
	}
	for _, v := range versions {
		if wanted(o.tools, v.Name) {
			r.Facts = append(r.Facts, v)
		}
	}
	for _, m := range missing {
		name, _, _ := strings.Cut(m, ":")
		if wanted(o.tools, name) {
			r.Skipped = append(r.Skipped, m)
		}
	}
	for _, t := range out {
		r.Facts = append(r.Facts, fact{"setup of " + t.name(), t.what()})
	}
	for _, s := range r.Skipped {
		progress("left out: %s", s)
	}
	return out
}

// prepare finds the directories and the environment of everything that is started.
func prepare(o options) (*bench, error) {
	cache := o.cache
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for programs and caches: %w (use -cache)", err)
		}
		cache = filepath.Join(user, "hotreload-bench")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	hotreload := o.hotreload
	if hotreload != "" {
		if hotreload, err = filepath.Abs(hotreload); err != nil {
			return nil, err
		}
	}
	for _, d := range []string{"log", "programs", "work"} {
		if err := os.MkdirAll(filepath.Join(cache, d), 0o755); err != nil {
			return nil, err
		}
	}
	b := &bench{cache: cache, hotreload: hotreload, run: strconv.FormatInt(time.Now().UnixMilli(), 36), port: 21000 + os.Getpid()%5000}
	gocache := o.gocache
	if gocache == "" {
		gocache = filepath.Join(cache, "go-build")
	}
	b.env = environment(os.Environ(), gocache)
	return b, nil
}

// environment is the same for every tool; flags of the person at the keyboard stay out.
func environment(env []string, gocache string) []string {
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "GOFLAGS", "GOCACHE", "GOWORK", "BENCH_ADDR", "PORT", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
			continue
		}
		out = append(out, kv)
	}
	return append(out, "GOCACHE="+gocache)
}

// lock keeps a second bench away: both would measure each other.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another bench runs in %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
