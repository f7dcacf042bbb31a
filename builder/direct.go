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

// Which engines Options.Engine may name.
const (
	EngineGo     = "go"
	EngineDirect = "direct"
)

const (
	// planDelay leaves the processors to the program that was just built, which starts now.
	planDelay = 250 * time.Millisecond
	// planTries is how often a plan is asked for while files keep changing.
	planTries = 5
	// spareSpace has to be free on disk for what only saves time; it may be a quarter of that.
	spareSpace = 4 << 30
)

// leanDelay is how long nothing is built before links are made faster: that takes a processor for seconds, once, which neither
// the start of a session nor a row of saves should have beside it.
var leanDelay = 3 * time.Second

// checkDelay is how long nothing is built before what was built is checked. Tests have other ideas of it.
var checkDelay = 3 * time.Second

// shortcut is what a builder knows of its direct engine.
type shortcut struct {
	mu     sync.Mutex
	engine *direct.Engine
	flags  []string // with which it was made
	path   string   // of the go command
	idle   context.CancelFunc
	skip   int // builds after which no plan is asked for, because there was none the last time
	failed int // times in a row that there was none
}

// Idled is what came of an idle time.
type Idled struct {
	// Mismatch says that the direct engine has made something else than go build would have. It is off from now on, and
	// the program that was built last should be built again. Empty if all is well.
	Mismatch string

	// Checked says that what the direct engine has built since the last check is what go build makes of it.
	Checked bool
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
	Lean     int       // of them, those that are linked without the debug information that nobody asked for
}

// EngineStatus does not wait for a build.
func (b *Builder) EngineStatus() EngineStatus {
	s := EngineStatus{Wanted: b.direct()}
	b.short.mu.Lock()
	e := b.short.engine
	b.short.mu.Unlock()
	switch {
	case s.Wanted && b.hidden():
		s.Reason = errHeaders.Error()
	case e != nil:
		d := e.Status()
		s.Ready, s.Reason, s.Off, s.Checked = d.Planned, d.Reason, d.Distrusted, d.Checked
		s.Packages, s.Local, s.Lean = d.Packages, d.Local, d.Lean
	}
	return s
}

// direct says whether builds are to be tried without the go command.
func (b *Builder) direct() bool { return b.o.Engine == EngineDirect && !b.custom() }

// directEngine returns the engine for the flags that there are now.
func (b *Builder) directEngine(path string) (*direct.Engine, error) {
	b.mu.Lock()
	flags := b.plan.flags
	b.mu.Unlock()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &b.short
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine != nil && s.path == path && slices.Equal(s.flags, flags) {
		return s.engine, nil
	}
	e, err := direct.New(direct.Options{
		Dir: b.o.Dir, Package: b.o.Package, Flags: flags, Env: b.o.Env, Go: path,
		Cache: filepath.Join(b.o.Cache, "direct", b.o.Name),
	})
	if err != nil {
		return nil, err
	}
	if s.engine != nil {
		go s.engine.Close() // it may be at work
	}
	s.engine, s.flags, s.path, s.skip, s.failed = e, slices.Clone(flags), path, 0, 0
	return e, nil
}

// tryDirect builds without the go command, or says why that has to do it.
func (b *Builder) tryDirect(ctx context.Context, generation int, path string, out *output) (r Result, why string, ok bool) {
	e, err := b.directEngine(path)
	if err != nil {
		return r, err.Error(), false
	}
	fresh := b.fresh(generation)
	_, err = e.Build(ctx, fresh)
	if err == nil && b.o.Wait != nil && b.o.Wait(ctx) {
		_, err = e.Build(ctx, fresh) // what was written since it has read its inputs
	}
	if err != nil {
		return r, err.Error(), false
	}
	r = b.finish(ctx, failure{golang: true}, fresh, out)
	if !r.OK {
		e.Invalid("what it linked is no program")
		return r, r.Summary, false
	}
	r.Engine = EngineDirect
	return r, "", true
}

// fellBack is told what go build made of a build that the direct engine could not make.
func (b *Builder) fellBack(ok bool) {
	b.short.mu.Lock()
	e := b.short.engine
	b.short.mu.Unlock()
	// The plan holds after a source that does not compile. If go build has compiled it all the same, it does not, or the
	// source was mended between the two.
	if e != nil && ok && e.Ready() {
		e.Invalid("go build has compiled what the plan could not")
	}
}

// Idle is to be called after a build that succeeded, when there is nothing else to do. It prepares the next ones to be
// direct, and checks those that were, with the go command, which compiles for that into its own cache. It returns when
// that is done, when ctx is over, or when a build begins. Where Options ask for no direct engine it does nothing.
func (b *Builder) Idle(ctx context.Context) Idled {
	if !b.direct() || b.hidden() {
		return Idled{}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &b.short
	s.mu.Lock()
	if s.idle != nil {
		s.idle()
	}
	s.idle = cancel
	s.mu.Unlock()
	select {
	case <-b.turn:
		b.turn <- struct{}{}
	default:
		return Idled{} // a build has begun; what comes of it will be followed by an idle time, too
	}
	path, err := proc.LookPath(b.o.Env, b.o.Dir, b.o.Go)
	if err != nil {
		return Idled{}
	}
	e, err := b.directEngine(path)
	if err != nil {
		return Idled{}
	}
	if e.Ready() {
		for try := 0; try < planTries && pause(ctx, checkDelay); try++ {
			err := e.Check(ctx)
			var m *direct.Mismatch
			if errors.As(err, &m) {
				return Idled{Mismatch: m.What}
			}
			if !errors.Is(err, direct.ErrUnsettled) {
				r := b.faster(ctx, e)
				r.Checked = err == nil
				return r
			}
		}
		return Idled{}
	}
	if s.wait() {
		return Idled{}
	}
	for try, delay := 0, planDelay; try < planTries && pause(ctx, delay); try, delay = try+1, 2*delay {
		if err := e.Refresh(ctx); err == nil || !errors.Is(err, direct.ErrUnsettled) {
			s.planned(err == nil || ctx.Err() != nil)
			if err == nil {
				return b.faster(ctx, e)
			}
			break
		}
	}
	return Idled{}
}

// faster prepares the links to come. A build that cannot have that goes without, so of errors only a mismatch counts.
func (b *Builder) faster(ctx context.Context, e *direct.Engine) (r Idled) {
	if e.Status().Leaned {
		return r
	}
	if free, known := freeSpace(b.o.Cache); known && free < spareSpace || !pause(ctx, leanDelay) {
		return r
	}
	var m *direct.Mismatch
	if errors.As(e.Lean(ctx), &m) {
		r.Mismatch = m.What
	}
	return r
}

// wait says that no plan is asked for after this build: where there was none, there will hardly be one after the next.
func (s *shortcut) wait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skip > 0 {
		s.skip--
		return true
	}
	return false
}

func (s *shortcut) planned(ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		s.failed = 0
		return
	}
	s.failed = min(s.failed+1, 6)
	s.skip = 1<<s.failed - 2 // 0, 2, 6, ... 62
}

// interrupt ends an idle time, because a build begins.
func (b *Builder) interrupt() {
	b.short.mu.Lock()
	defer b.short.mu.Unlock()
	if b.short.idle != nil {
		b.short.idle()
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
