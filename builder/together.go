package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/proc"
)

// Job is one of several builds that are made together.
type Job struct {
	Builder    *Builder
	Context    context.Context
	Generation int

	// Done is called once, from any goroutine, as soon as the result of this job is known.
	Done func(Result)
}

// Group is equal for builders whose programs one go build can build: they differ only
// in the package. It is empty for one with its own build command.
func (b *Builder) Group() string {
	if !groupable(b.o) {
		return ""
	}
	o := b.o
	text, err := json.Marshal(struct {
		Dir, Go, Linker  string
		Flags, Tags, Env []string
		Race, DWARF      bool
		Before           []Step
		Timeout          time.Duration
	}{o.Dir, o.Go, o.Linker, o.Flags, o.Tags, o.Env, o.Race, o.DWARF, o.Before, o.Timeout})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// groupable says that other programs can be built with this one. What a direct build shares with others it has compiled already.
func groupable(o Options) bool {
	return o.golang() && o.Engine != EngineDirect && target(o.Package) != ""
}

// major is the last element of a module's or package's path that go build does not take
// for the name of the program.
var major = regexp.MustCompile(`^v[0-9]+$`)

// target is the name that go build gives the program in a directory; empty where that
// is not known from the package's name. A wrong guess only costs time: the program is not
// found, and is built alone.
func target(pkg string) string {
	p := filepath.ToSlash(pkg)
	// In the pattern of a flag, the first "=" ends the package, and a quote may not begin it.
	if strings.HasSuffix(p, ".go") || strings.Contains(p, "...") || strings.ContainsAny(p, " @='\"") || filepath.IsAbs(pkg) {
		return ""
	}
	name := path.Base(path.Clean(p))
	if name == "." || name == ".." || name == "/" || major.MatchString(name) {
		return ""
	}
	return name
}

// Together builds several programs of one Group with a single go build: what they share
// is loaded and compiled once, and they are linked side by side. Against one go build
// for each, two at a time, on two cores, that took 0.7 of the time for two or three
// programs that share a package, and 0.75 for ten (medians of 7 saves of that package).
//
// One that does not build does not hold up the others: programs that go build linked are
// done, and the rest are built separately, which also assigns the errors to them. A job
// that is canceled ends alone, as long as another one wants the rest; the go build ends
// with the last. When Together returns, all that it started is gone.
func Together(jobs []Job) {
	start := time.Now()
	t := &together{start: start, names: map[string]bool{}}
	var rest sync.WaitGroup
	alone := func(j Job) {
		rest.Go(func() { j.Done(j.Builder.Build(j.Context, j.Generation)) })
	}
	for _, j := range jobs {
		if !t.add(j) {
			alone(j)
		}
	}
	if len(t.members) == 1 {
		m := t.members[0]
		m.finish(m.b.locked(m.ctx, m.gen, start, m.b.o.Before))
	} else if len(t.members) > 1 {
		t.run()
	}
	rest.Wait()
}

// together is one go build for several programs.
type together struct {
	start   time.Time
	members []*member
	names   map[string]bool
	wrote   []string // Result.Wrote of all members

	mu     sync.Mutex
	live   int // members that are not canceled
	over   bool
	cancel context.CancelFunc
}

// member is a job of it.
type member struct {
	b    *Builder
	ctx  context.Context
	gen  int
	name string // of the program in the directory of the outputs
	tell func(Result)
	once sync.Once
}

// finish gives the builder's turn back and reports the result, if that has not been done.
func (m *member) finish(r Result) {
	m.once.Do(func() {
		m.b.turn <- struct{}{}
		m.tell(r)
	})
}

// add takes the builder's turn and reports whether the job can be made together with
// those that are there already.
func (t *together) add(j Job) bool {
	b := j.Builder
	name := target(b.o.Package)
	if !groupable(b.o) || t.names[name] || b.misnamed.Load() || j.Context.Err() != nil {
		return false
	}
	select {
	case <-b.turn:
	default:
		return false // it is still at work for an earlier generation, and has to wait
	}
	first := b
	if len(t.members) > 0 {
		first = t.members[0].b
	}
	if b.refreshTools(j.Context) != nil || !samePlan(first, b) {
		b.turn <- struct{}{}
		return false
	}
	t.names[name] = true
	t.members = append(t.members, &member{b: b, ctx: j.Context, gen: j.Generation, name: name, tell: j.Done})
	return true
}

func samePlan(a, b *Builder) bool {
	flagsOf := func(b *Builder) buildFlags {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.flags
	}
	p, q := flagsOf(a), flagsOf(b)
	return p.own != "" && a.Group() == b.Group() && p.json == q.json && slices.EqualFunc(p.args, q.args, func(f, g string) bool {
		return f == g || f == p.own && g == q.own
	})
}

// settle is how long a canceled job waits for the others to be canceled too, as they are
// by a save of what they share: their go build is then gone before the next one begins.
const settle = 10 * time.Millisecond

func (t *together) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t.cancel, t.live = cancel, len(t.members)
	for _, m := range t.members {
		stop := context.AfterFunc(m.ctx, func() { t.canceled(m) })
		defer stop()
	}
	failed := t.build(ctx)
	// The rest are built separately, two at a time: they are few, and wait for the same
	// error, or are compiled already.
	places := make(chan struct{}, 2)
	var work sync.WaitGroup
	for _, m := range failed {
		work.Go(func() {
			select {
			case places <- struct{}{}:
				r := m.b.locked(m.ctx, m.gen, t.start, nil)
				r.Wrote = t.wrote // the steps before have run for all
				m.finish(r)
				<-places
			case <-m.ctx.Done():
				m.finish(Result{Canceled: true, Duration: time.Since(t.start)})
			}
		})
	}
	work.Wait()
}

// canceled is called when the context of a member is over.
func (t *together) canceled(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live--; t.live == 0 {
		t.cancel()
		return
	}
	time.AfterFunc(settle, func() {
		t.mu.Lock()
		early := t.live > 0 && !t.over
		t.mu.Unlock()
		if early {
			m.finish(Result{Canceled: true, Duration: time.Since(t.start)})
		}
	})
}

// build runs go build, reports the results that follow from it, and returns the members
// that have to be built separately.
func (t *together) build(ctx context.Context) (failed []*member) {
	b := t.members[0].b
	id := "together-" + b.o.Name + "-" + strconv.Itoa(t.members[0].gen)
	tmp := filepath.Join(b.tmp, id)
	out := newOutput(filepath.Join(b.log, "build-"+b.o.Name+"-"+strconv.Itoa(t.members[0].gen)+".log"))
	defer os.RemoveAll(tmp)

	all := func(r Result) {
		r.Duration = time.Since(t.start)
		for _, m := range t.end() {
			m.finish(r)
		}
	}
	dirs := []string{filepath.Join(tmp, "out")}
	for _, m := range t.members {
		dirs = append(dirs, m.b.bin, m.b.log)
	}
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return t.end() // each says for itself what is the matter
		}
	}
	limited := ctx
	if b.o.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, b.o.Timeout)
		defer cancel()
	}
	env := b.environment(tmp)
	old := stampsOf(t.before())
	for _, s := range b.o.Before {
		f := b.runStep(limited, s, env, out)
		switch {
		case ctx.Err() != nil:
			return t.end()
		case !f.end.ok():
			f.before = true
			all(b.failed(limited, f, out))
			return nil
		}
	}
	t.wrote = old.written()
	for _, m := range t.members {
		if m.b.o.Compiling != nil && m.ctx.Err() == nil {
			m.b.o.Compiling(m.gen)
		}
	}
	from := out.size
	f, how, err := t.goBuild(limited, goEnvironment(env, tmp), tmp, out)
	switch {
	case ctx.Err() != nil, err != nil:
		return t.end()
	case f.end.stopped:
		all(b.failed(limited, f, out))
		return nil
	}
	var text, file, warnings string
	if f.end.ok() {
		b.mu.Lock()
		warnings = b.flags.warnings(out, from)
		b.mu.Unlock()
		text, file = out.finish()
	} else {
		out.finish()
	}
	for _, m := range t.end() {
		fresh := filepath.Join(tmp, "out", m.name+binarySuffix(""))
		if _, err := os.Stat(fresh); err != nil {
			// Where all else is well, the name was not what it seemed to be.
			m.b.misnamed.Store(f.end.ok())
			failed = append(failed, m)
			continue
		}
		r := m.b.finish(m.ctx, f, fresh, newOutput(""))
		if !r.OK {
			failed = append(failed, m)
			continue
		}
		if m.ctx.Err() != nil {
			files.Remove(r.Binary)
			r = Result{Canceled: true}
		} else {
			r = how.of(r)
			r.Output, r.OutputFile, r.Warnings, r.Wrote = text, file, warnings, t.wrote
		}
		r.Duration = time.Since(t.start)
		m.finish(r)
	}
	return failed
}

// end says that go build is gone, ends the members that were canceled, and returns the
// others, which have the turn of their builders.
func (t *together) end() (left []*member) {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	for _, m := range t.members {
		if m.ctx.Err() != nil {
			m.finish(Result{Canceled: true, Duration: time.Since(t.start)})
		} else {
			left = append(left, m)
		}
	}
	return left
}

// inputs are those of all members.
func (t *together) inputs() (out []string) {
	for _, m := range t.members {
		if m.b.o.Inputs != nil {
			out = append(out, m.b.o.Inputs()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// before is inputs where commands run before the build; else there is nothing to ask.
func (t *together) before() func() []string {
	if len(t.members[0].b.o.Before) == 0 {
		return nil
	}
	return t.inputs
}

// goBuild runs the one go build, in the directory tmp.
func (t *together) goBuild(ctx context.Context, env []string, tmp string, out *output) (failure, reading, error) {
	b := t.members[0].b
	path, err := proc.LookPath(env, b.o.Dir, b.o.Go)
	if err != nil {
		return failure{}, reading{}, err
	}
	b.mu.Lock()
	flags := b.flags
	b.mu.Unlock()
	var own, packages []string
	var builders []*Builder
	var headers [][]Headers
	for _, m := range t.members {
		m.b.mu.Lock()
		headers = append(headers, m.b.headers)
		flag := m.b.flags.own
		m.b.mu.Unlock()
		own = append(own, "-ldflags="+m.b.o.Package+"="+strings.TrimPrefix(flag, "-ldflags="))
		packages = append(packages, m.b.o.Package)
		builders = append(builders, m.b)
	}
	overlay, err := headerFlags(tmp, flags, b.o.Dir, headers...)
	if err != nil {
		return failure{}, reading{}, err
	}
	// Each program has its own build ID. The first one holds for a package that go build knows by another name.
	at := slices.Index(flags.args, flags.own) + 1
	argv := flags.argv(b.o.Go, filepath.Join(tmp, "out")+string(filepath.Separator))
	argv = slices.Concat(argv, flags.args[:at], own, flags.args[at:], overlay, packages)
	one := task{tmp: tmp, env: env, out: out, tool: goTool{path: path, flags: flags}}
	f, how := b.steadily(ctx, t.inputs, out, func() failure { return b.goCommand(ctx, builders, one, argv) })
	return f, how, nil
}
