// Package builder builds a program, with go build or with any command, and returns the result as
// data: the binary, its checksum, and the messages of the tools with their places.
//
//	b, err := builder.New(builder.Options{Dir: dir, Cache: cache, Env: os.Environ()})
//	r := b.Build(ctx, 1)
//
// Why not os/exec and go build -o:
//
//   - A canceled build is gone, with its temporary files and everything that it started, when
//     Build returns. go build itself leaves compilers and directories behind when it is killed.
//   - Equal programs have equal bytes, so a caller can see that nothing has changed. The flags
//     for that, and those for a short build, are merged with the user's, who wins.
//   - A file that is written while the compiler reads it is compiled again. No comparison of
//     contents shows that case later.
//   - This process never has a binary open for writing: a child that is forked at that moment
//     would inherit the descriptor, and executing the binary would fail with "text file busy"
//     (golang/go#22315). Only processes that have ended write binaries.
//   - Binaries take turns under a few file names in the cache directory, because firewalls ask
//     once per name. A name is free when no file has it: a build never touches a binary that
//     runs, and the last good one stays until [Builder.Remove].
//
// Inside, three engines make a program: the user's command, go build, and the direct engine,
// which calls compiler and linker without the go command. A Builder asks them in order, and one
// that declines says why, so go build always backs up the direct engine. The interface is not
// exported: an engine has to know how go build names, links and checks a program. Also rejected:
// go/build and x/tools in place of the go command, which is the only one that knows its own
// rules; go build -v for progress, which changes other messages too; and one builder for several
// programs: their settings differ, so [Together] joins builders only for the time of one build.
//
// Stability: before 1.0 the fields of GoBuild, Hooks and EngineStatus may change, and with them
// Together and Idle. Options (the rest of it), New, Build, Result and Diagnostic will stay.
package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/proc"
)

// Builder builds one program. Its methods may be called from any goroutine.
type Builder struct {
	o       Options
	turn    chan struct{} // held by the build that runs: one at a time
	bin     string
	tmp     string
	log     string
	mu      sync.Mutex
	tools   toolchain  // what the go command reports about itself
	flags   buildFlags // the flags that follow from it
	headers []Headers  // see SetHeaders

	compilation atomic.Pointer[compilation] // the go build that runs

	// Inputs that the build's own command writes each time, which says nothing of what it read.
	// It belongs to who has the turn.
	selfWritten map[string]bool
	calmed      func(ctx context.Context, files func() []string) bool // calm; for tests

	misnamed atomic.Bool // go build gives the program another name than target says

	direct *directBuild // nil: not wanted
}

// New checks the options, prepares the cache directory, asks the go command about its
// version and flags, and removes what an ended process has left in the cache. An error has a
// method Hint() string where there is something to do.
func New(o Options) (*Builder, error) {
	o, err := complete(o)
	if err != nil {
		return nil, err
	}
	b := &Builder{
		o:    o,
		turn: make(chan struct{}, 1),
		bin:  filepath.Join(o.Cache, "bin"),
		tmp:  filepath.Join(o.Cache, "tmp"),
		log:  filepath.Join(o.Cache, "log"),

		selfWritten: map[string]bool{},
		calmed: func(ctx context.Context, files func() []string) bool {
			return calm(ctx, files, calmFor, calmLook, maxCalm)
		},
	}
	b.turn <- struct{}{}
	if err := b.prepareCache(); err != nil {
		return nil, err
	}
	if !o.golang() {
		return b, nil
	}
	if o.direct() {
		b.direct = &directBuild{b: b}
	}
	if _, err := proc.LookPath(o.Env, o.Dir, o.Go); err != nil {
		return nil, goMissing(o.Go, err)
	}
	if o.Linker == "mold" || o.Linker == "lld" {
		if findLinker(o.Env, o.Dir, o.Linker) == "" {
			return nil, advice.With(fmt.Errorf("the linker %s is not on PATH", o.Linker),
				"install it, or set linker to auto or default")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if err := b.refreshTools(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Flags are the build flags that go build is given besides -o and -json: the defaults of
// this package, merged with Options and GOFLAGS. Whoever asks the go command about the
// same program (go list) passes the same ones. Nil for a custom command.
func (b *Builder) Flags() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.flags.args)
}

// Remove deletes a binary that no process runs any more, and only a file that a Build
// of this cache has made. The builder itself never deletes a good one.
func (b *Builder) Remove(path string) {
	if filepath.Dir(path) == b.bin {
		files.Remove(path)
	}
}

// Build builds the program once and blocks until that has ended. Calls wait for each
// other. When ctx is canceled, everything that was started is ended, the temporary files
// are removed, and the result is Canceled.
func (b *Builder) Build(ctx context.Context, generation int) Result {
	start := time.Now()
	select {
	case <-ctx.Done():
		return Result{Canceled: true, Duration: time.Since(start)}
	case <-b.turn:
	}
	defer func() { b.turn <- struct{}{} }()
	return b.locked(ctx, generation, start, b.o.Before)
}

// locked is Build for one who has the turn, with the steps that are to run before.
func (b *Builder) locked(ctx context.Context, generation int, start time.Time, before []Step) Result {
	if b.direct != nil {
		b.direct.interrupt()
	}
	r := b.build(ctx, generation, before)
	if ctx.Err() != nil {
		if r.Binary != "" {
			files.Remove(r.Binary)
		}
		r = Result{Canceled: true}
	}
	r.Duration = time.Since(start)
	return r
}

func (b *Builder) build(ctx context.Context, generation int, before []Step) (r Result) {
	tmp := b.work(generation)
	out := newOutput(filepath.Join(b.log, "build-"+b.o.Name+"-"+strconv.Itoa(generation)+".log"))
	b.removeLogs()
	// Every directory, each time: a cache may be cleaned at any time.
	for _, d := range []string{b.bin, b.log, filepath.Join(tmp, "out")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return b.refuse(fmt.Errorf("cannot prepare the build: %w", err))
		}
	}
	defer os.RemoveAll(tmp)

	limited := ctx
	if b.o.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, b.o.Timeout)
		defer cancel()
	}
	env := b.environment(tmp)
	if len(before) > 0 {
		old := stampsOf(b.o.Inputs)
		for _, s := range before {
			if f := b.runStep(limited, s, env, out); !f.end.ok() {
				f.before = true
				return b.failed(limited, f, out)
			}
		}
		wrote := old.written()
		defer func() { r.Wrote = wrote }()
	}
	if b.o.Compiling != nil {
		b.o.Compiling(generation)
	}
	return b.make(limited, task{generation: generation, tmp: tmp, env: env, out: out})
}

// finish checks the program and puts it where it may be run from.
func (b *Builder) finish(ctx context.Context, f failure, fresh string, out *output) Result {
	sum, err := inspect(fresh, !f.golang)
	if err != nil {
		return b.unusable(ctx, f, err, out)
	}
	bin, err := b.keep(fresh)
	if err != nil {
		return b.refuse(fmt.Errorf("cannot keep the binary: %w", err))
	}
	p := f.phases[filepath.Base(fresh)]
	r := Result{OK: true, Binary: bin, Sum: sum, Compile: p.compile, Link: p.link}
	r.Output, r.OutputFile = out.finish()
	return r
}

// environment is that of the build. PWD names Dir as the user named it, where the
// kernel's answer would resolve links: the paths in messages follow it.
func (b *Builder) environment(tmp string) []string {
	env := proc.SetEnv(b.o.Env, "PWD", b.o.Dir)
	// A killed go build leaves its work directory behind whatever the signal (it has no
	// handler), so it gets one of ours, on the file system of the binary.
	return proc.SetEnv(env, "GOTMPDIR", tmp)
}

// probeTimeout bounds the question for the toolchain at start: with GOTOOLCHAIN=auto the
// go command may first download the toolchain that go.mod names. The first build then
// waits for it, visibly and cancelably.
const probeTimeout = 3 * time.Second
