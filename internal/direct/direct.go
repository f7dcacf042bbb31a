package direct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"
)

// ErrFallback is what every error matches that means: leave this build to the go command. Its text is the reason.
var ErrFallback = errors.New("left to go build")

// ErrUnsettled is what a Refresh or Check matches that came too soon after a change, or met one: try again.
var ErrUnsettled = errors.New("files are changing")

type fallback struct {
	reason    string
	keep      bool // the recipe is still valid
	unsettled bool
}

func (f *fallback) Error() string { return f.reason }
func (f *fallback) Is(target error) bool {
	return target == ErrFallback || f.unsettled && target == ErrUnsettled
}

func unsettled(path string) error {
	return &fallback{reason: path + " was changed while the go command was asked", unsettled: true}
}

func refuse(format string, args ...any) error {
	return &fallback{reason: fmt.Sprintf(format, args...)}
}

// Options name a main package and the `go build` that would make a program of it.
type Options struct {
	Dir     string   // where go build would run; absolute
	Package string   // as for go build
	Flags   []string // all flags of go build but -o and -json
	Env     []string // complete
	Go      string   // absolute path of the go command
	Cache   string   // a directory for the engines of this program, on the file system where it goes; absolute
}

// Engine builds one program. Its methods may be called from any goroutine, and wait for each other.
type Engine struct {
	o    Options
	home string        // its own part of the cache
	slot chan struct{} // who holds its one value may use the fields below

	recipe   *recipe
	state    *state
	why      string       // there is no recipe because of this
	next     int          // number of the next archive or directory
	built    int          // direct builds since the recipe was made or checked
	lean     leanArchives // compiled packages without debug information
	leanDone bool         // there are no more for this recipe
	closed   bool

	mu     sync.Mutex
	status Status
}

// Status is the state of the engine.
type Status struct {
	HasRecipe  bool // there is a recipe
	Packages   int  // of the program
	Local      int  // of them, those that can be compiled here
	Lean       int  // of them, those of which the linker gets lean archives
	LeanDone   bool // there are no more that Lean could make
	Reason     string
	Distrusted string // why the engine is off for this project; empty if it is not
	Checked    time.Time
}

// Built is what a build did.
type Built struct {
	Compiled []string // import paths
	Snapshot time.Duration
	Compile  time.Duration
	Link     time.Duration
}

// state is what is known after the last complete compilation. It does not change once made.
type state struct {
	files    []known
	dirs     []known // stamp and young alone
	archives []archive
}

// archive is the compiled package that belongs to the files of a state.
type archive struct {
	path   string
	export sum
	hashed bool // export is known
	ours   bool // made by the engine, which removes it when it is replaced
}

// New prepares the cache directory. Nothing runs until Refresh or Build.
func New(o Options) (*Engine, error) {
	if o.Dir == "" || o.Go == "" || o.Cache == "" {
		return nil, errors.New("direct: Dir, Go and Cache are needed")
	}
	if o.Package == "" {
		o.Package = "."
	}
	e := &Engine{o: o, slot: make(chan struct{}, 1), why: "the go command has not reported the build steps yet"}
	e.status.Reason = e.why
	if err := os.MkdirAll(o.Cache, 0o700); err != nil {
		return nil, err
	}
	if _, done := cleared.LoadOrStore(o.Cache, struct{}{}); !done {
		old, _ := filepath.Glob(filepath.Join(o.Cache, "engine-*"))
		for _, d := range old {
			os.RemoveAll(d)
		}
	}
	var err error
	if e.home, err = os.MkdirTemp(o.Cache, "engine-"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.work(), 0o700); err != nil {
		return nil, err
	}
	if err := e.clear(); err != nil {
		return nil, err
	}
	e.slot <- struct{}{}
	return e, nil
}

// cleared remembers the cache directories that this process has cleared of what dead sessions left. A cache belongs to a
// process, which may make another engine after an edit of its settings, while the old one still builds.
var cleared sync.Map

func (e *Engine) archives() string { return filepath.Join(e.home, "archives") }
func (e *Engine) work() string     { return filepath.Join(e.home, "work") }

func (e *Engine) lock(ctx context.Context) error {
	select {
	case <-e.slot:
		if err := ctx.Err(); err != nil {
			e.unlock()
			return err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *Engine) unlock() {
	e.mu.Lock()
	e.status.HasRecipe, e.status.Reason, e.status.LeanDone = e.recipe != nil, e.why, e.leanDone
	e.status.Packages, e.status.Local, e.status.Lean = 0, 0, 0
	if e.recipe != nil {
		e.status.Reason = ""
		e.status.Packages, e.status.Local, e.status.Lean = len(e.recipe.link.packages), len(e.recipe.packages), len(e.lean)
	}
	e.mu.Unlock()
	e.slot <- struct{}{}
}

// Status does not wait for a build.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// Ready says that the next build does not need another recipe.
func (e *Engine) Ready() bool { return e.Status().HasRecipe }

// Build makes the program and puts it at output. The error is ctx's, or matches [ErrFallback]; output does not exist then.
func (e *Engine) Build(ctx context.Context, output string) (Built, error) {
	if err := e.lock(ctx); err != nil {
		return Built{}, err
	}
	defer e.unlock()
	if e.recipe == nil {
		return Built{}, refuse("%s", e.why)
	}
	b, err := e.build(ctx, output)
	switch {
	case err == nil:
		e.built++
		return b, nil
	case ctx.Err() != nil:
		return Built{}, ctx.Err()
	}
	var f *fallback
	if !errors.As(err, &f) {
		f = &fallback{reason: err.Error()}
	}
	if !f.keep {
		e.drop(f.reason)
	}
	return Built{}, f
}

// drop forgets the recipe.
func (e *Engine) drop(why string) {
	e.recipe, e.state, e.why, e.built = nil, nil, why, 0
	e.clear()
}

// clear removes the archives of ours.
func (e *Engine) clear() error {
	os.RemoveAll(e.archives())
	return os.MkdirAll(e.archives(), 0o700)
}

// Invalid forgets the recipe: go build has made a program of what the engine could not compile.
func (e *Engine) Invalid(why string) {
	<-e.slot
	defer e.unlock()
	if e.recipe != nil {
		e.drop(why)
	}
}

// Refresh makes a recipe if there is none. It runs the go command twice, which costs about as much as a build that finds
// everything in Go's cache, and may compile into that. An error that matches [ErrFallback] says why there can be no recipe.
func (e *Engine) Refresh(ctx context.Context) error {
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer e.unlock()
	if e.recipe != nil {
		return nil
	}
	if e.closed {
		return refuse("%s", e.why)
	}
	r, s, err := e.askRecipe(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.why = err.Error()
		}
		return err
	}
	e.adopt(r, s)
	if e.leanDone = !withoutDWARF(r.link.args); e.leanDone {
		e.lean = nil
	}
	return nil
}

func (e *Engine) adopt(r *recipe, s *state) {
	e.recipe, e.state, e.why, e.built = r, s, "", 0
	e.clear()
	// Most of what the go command printed is garbage by now: of a thousand packages 22 MB, of which the recipe is 3. Not
	// here, where a build may wait.
	go debug.FreeOSMemory()
}

// Close removes what the engine keeps on disk. It cannot build any more.
func (e *Engine) Close() {
	<-e.slot
	defer e.unlock()
	e.closed = true
	e.recipe, e.state, e.why = nil, nil, "the engine is closed"
	os.RemoveAll(e.home)
}

// dir makes a directory for one build or recipe.
func (e *Engine) dir() (string, func(), error) {
	e.next++
	d := filepath.Join(e.work(), fmt.Sprintf("%06d", e.next))
	if err := os.MkdirAll(d, 0o700); err != nil {
		return "", nil, refuse("cannot create a work directory: %v", err)
	}
	return d, func() { os.RemoveAll(d) }, nil
}
