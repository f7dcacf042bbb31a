package builder

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/direct"
	"github.com/hotreload/hotreload/internal/proc"
)

const (
	// recipeDelay leaves the processors to the program that was just built, which starts now.
	recipeDelay = 250 * time.Millisecond
	// recipeTries is how often a recipe is asked for while files keep changing.
	recipeTries = 5
	// spareSpace has to be free on disk for what only saves time; it may be a quarter of that.
	spareSpace = 4 << 30
)

// leanDelay is how long nothing is built before links are made faster: that takes a processor for seconds, once, which neither
// the start of a session nor a row of saves should have next to it.
var leanDelay = 3 * time.Second

// checkDelay is how long nothing is built before what was built is checked. Tests have other ideas of it.
var checkDelay = 3 * time.Second

// directBuild is the engine that calls compiler and linker without the go command. It has a recipe
// for the program, which it gets when the builder is idle, and declines without one.
type directBuild struct {
	b *Builder

	mu     sync.Mutex
	engine *direct.Engine
	flags  []string // with which it was made
	path   string   // of the go command
	idle   context.CancelFunc
	skip   int // builds after which no recipe is asked for, because there was none the last time
	failed int // times in a row that there was none
}

// EngineStatus is what the direct engine says of itself.
type EngineStatus struct {
	Wanted   bool      // Options ask for it
	Ready    bool      // the next build can be direct
	Reason   string    // why not, if not
	Off      string    // why it is off for this project; empty if it is not
	Checked  time.Time // when what it made was last found to be what go build makes
	Packages int       // of the program
	Local    int       // of them, those that can be compiled directly
	Lean     int       // of them, those that are linked without the debug information that was not asked for
}

// EngineStatus does not wait for a build.
func (b *Builder) EngineStatus() EngineStatus {
	if b.direct == nil {
		return EngineStatus{}
	}
	s := EngineStatus{Wanted: true}
	if b.hidden() {
		s.Reason = errHeaders
	} else if e := b.direct.current(); e != nil {
		d := e.Status()
		s.Ready, s.Reason, s.Off, s.Checked = d.HasRecipe, d.Reason, d.Distrusted, d.Checked
		s.Packages, s.Local, s.Lean = d.Packages, d.Local, d.Lean
	}
	return s
}

func (d *directBuild) current() *direct.Engine {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine
}

// of returns the engine for the flags that there are now.
func (d *directBuild) of(path string) (*direct.Engine, error) {
	d.b.mu.Lock()
	flags := d.b.flags.args
	d.b.mu.Unlock()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.engine != nil && d.path == path && slices.Equal(d.flags, flags) {
		return d.engine, nil
	}
	o := d.b.o
	e, err := direct.New(direct.Options{
		Dir: o.Dir, Package: o.Package, Flags: flags, Env: o.Env, Go: path,
		Cache: filepath.Join(o.Cache, "direct", o.Name),
	})
	if err != nil {
		return nil, err
	}
	if d.engine != nil {
		go d.engine.Close() // it may be at work
	}
	d.engine, d.flags, d.path, d.skip, d.failed = e, slices.Clone(flags), path, 0, 0
	return e, nil
}

func (d *directBuild) build(ctx context.Context, t task) (Result, *declined) {
	if len(t.tool.headers) > 0 {
		return Result{}, &declined{why: errHeaders}
	}
	e, err := d.of(t.tool.path)
	if err != nil {
		return Result{}, &declined{why: err.Error()}
	}
	r, err := d.program(ctx, e, t)
	if err != nil {
		return Result{}, &declined{why: err.Error(), then: func(r Result) {
			// The recipe is valid after a source that does not compile. If go build has compiled it all the
			// same, the recipe is wrong, or the source was fixed between the two.
			if r.OK && e.Ready() {
				e.Invalid("go build compiled what the direct engine could not")
			}
		}}
	}
	return r, nil
}

// program compiles and links.
func (d *directBuild) program(ctx context.Context, e *direct.Engine, t task) (Result, error) {
	b := d.b
	fresh := b.fresh(t.generation)
	built, err := e.Build(ctx, fresh)
	if err == nil && b.o.Wait != nil && b.o.Wait(ctx) {
		built, err = e.Build(ctx, fresh) // what was written since it has read its inputs
	}
	if err != nil {
		return Result{}, err
	}
	r := b.finish(ctx, failure{golang: true}, fresh, t.out)
	if !r.OK {
		e.Invalid("what it linked is not a program")
		return r, errors.New(r.Summary)
	}
	r.Engine, r.Compile, r.Link = EngineDirect, built.Snapshot+built.Compile, built.Link
	return r, nil
}

// Idle is to be called after a build that succeeded, when there is nothing else to do. It prepares the next ones to be
// direct, and checks those that were, with the go command, which compiles for that into its own cache. It returns when
// that is done, when ctx is over, or when a build begins. Without EngineDirect it does nothing.
//
// An error says that the direct engine has made something else than go build would have. It is off from now on, and the
// program that was built last should be built again.
func (b *Builder) Idle(ctx context.Context) error {
	d := b.direct
	if d == nil || b.hidden() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !d.begin(cancel) {
		return nil // a build has begun; an idle time will follow it, too
	}
	path, err := proc.LookPath(b.o.Env, b.o.Dir, b.o.Go)
	if err != nil {
		return nil
	}
	e, err := d.of(path)
	if err != nil {
		return nil
	}
	if e.Ready() {
		return d.check(ctx, e)
	}
	return d.prepare(ctx, e)
}

// begin makes this the idle time that the next build interrupts. false: one has begun.
func (d *directBuild) begin(cancel context.CancelFunc) bool {
	d.mu.Lock()
	if d.idle != nil {
		d.idle()
	}
	d.idle = cancel
	d.mu.Unlock()
	select {
	case <-d.b.turn:
		d.b.turn <- struct{}{}
		return true
	default:
		return false
	}
}

// check compares what was built with what go build makes.
func (d *directBuild) check(ctx context.Context, e *direct.Engine) error {
	for try := 0; try < recipeTries && pause(ctx, checkDelay); try++ {
		err := e.Check(ctx)
		if err := mismatch(err); err != nil {
			return err
		}
		if !errors.Is(err, direct.ErrUnsettled) {
			return d.faster(ctx, e)
		}
	}
	return nil
}

// prepare asks for a recipe.
func (d *directBuild) prepare(ctx context.Context, e *direct.Engine) error {
	if d.wait() {
		return nil
	}
	for try, delay := 0, recipeDelay; try < recipeTries && pause(ctx, delay); try, delay = try+1, 2*delay {
		err := e.Refresh(ctx)
		if errors.Is(err, direct.ErrUnsettled) {
			continue
		}
		d.asked(err == nil || ctx.Err() != nil)
		if err == nil {
			return d.faster(ctx, e)
		}
		break
	}
	return nil
}

// faster prepares the links to come. A build that cannot have that goes without, so of errors only a mismatch counts.
func (d *directBuild) faster(ctx context.Context, e *direct.Engine) error {
	if e.Status().LeanDone {
		return nil
	}
	if free, known := freeSpace(d.b.o.Cache); known && free < spareSpace || !pause(ctx, leanDelay) {
		return nil
	}
	return mismatch(e.Lean(ctx))
}

func mismatch(err error) error {
	var m *direct.Mismatch
	if errors.As(err, &m) {
		return errors.New(m.What)
	}
	return nil
}

// wait says that no recipe is asked for after this build: where there was none, there will hardly be one after the next.
func (d *directBuild) wait() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.skip > 0 {
		d.skip--
		return true
	}
	return false
}

func (d *directBuild) asked(ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		d.failed = 0
		return
	}
	d.failed = min(d.failed+1, 6)
	d.skip = 1<<d.failed - 2 // 0, 2, 6, ... 62
}

// interrupt ends an idle time, because a build begins.
func (d *directBuild) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.idle != nil {
		d.idle()
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
