// Package builder runs one build of a program at a time, with `go build` or a command
// of the user's, and returns what came of it as data: the binary, its checksum, and the
// diagnostics of the tools.
//
// Rules that the rest of the package follows:
//
//   - Binaries take turns under a few file names in the cache directory, because firewalls
//     ask once per name. A name is free when no file has it: a build never touches a binary
//     that runs, and the last good one stays until [Builder.Remove].
//   - This process never has a binary open for writing: a child forked meanwhile would
//     inherit the descriptor, and executing the binary would fail with "text file busy"
//     (golang/go#22315). Only processes that have ended write binaries.
//   - What a build started is gone, with its temporary files, when Build returns.
package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

// Options describe the builds of one program. The zero value of a field is its default.
type Options struct {
	Dir     string // where the commands run, and what relative paths are relative to
	Package string // the main package, as for go build; default "."

	// Instead of go build: an argument vector, never parsed again, or one string for
	// the shell. At most one of them.
	Command []string
	Shell   string

	// Output is where Command or Shell leaves the binary, absolute or relative to Dir.
	// Empty: nothing to compare and nothing to run from.
	Output string

	Before []Step // run before each build, in order; a failing one fails the build

	// Compiling is called, from the goroutine of Build, when the Before steps have ended
	// and the compiler starts: what was written to the sources until then is part of the
	// build. May be nil.
	Compiling func(generation int)

	// Inputs returns the files that the compiler reads, as absolute paths, as far as they are
	// known. If one of them is written while it reads, it reads them once more. It is called
	// from the goroutine of Build, a few times in each. May be nil.
	Inputs func() []string

	// Wait is called when a compiler has ended, before the inputs are looked at again. While
	// more of them are being written a result is of no use: it waits for the end of that, and
	// reports whether there was anything to wait for. May be nil.
	Wait func(ctx context.Context) (waited bool)

	// Stopping is called, from another goroutine, with a command of Before, Command or
	// Steps that has not ended a moment after its build was canceled. May be nil.
	Stopping func(command string)
	// Kill ends such commands at once when it is closed. May be nil.
	Kill <-chan struct{}

	Flags  []string // more flags for go build
	Tags   []string // build tags
	Race   bool     // -race
	DWARF  bool     // keep debug information, uncompressed
	Linker string   // for cgo: auto (default), default, mold, lld

	// Engine is EngineGo (default) or EngineDirect: to call compiler and linker without the go command where that is
	// known to give the same program, byte for byte. It needs Idle.
	Engine string

	Env []string // complete environment of the build as "key=value"

	// Cache is a private directory, created with mode 0700. It holds bin, tmp and log,
	// which should lie on one file system: the binary is then renamed, not copied. It
	// belongs to one process at a time, which the caller's project lock ensures; several
	// builders of that process may share it if their Names differ.
	Cache string

	Timeout time.Duration // of one build, its Before steps included; 0: none
	Go      string        // the go command; default "go"
	Name    string        // base name of the binary; default: of Dir
}

// Step is a command: an argument vector, or one string for the shell.
type Step struct {
	Argv  []string
	Shell string
	Env   map[string]string // more environment, over that of the build
	Input []byte            // what it reads on its standard input; empty: nothing

	kill bool // at once when its context is over
}

// Result is what came of one build.
type Result struct {
	OK       bool
	Canceled bool // the context was canceled; nothing else is told then

	Binary string   // absolute path; empty if not OK, or without Options.Output
	Sum    [32]byte // checksum of the binary, for this process alone: equal programs have equal sums, and others never. Zero without Binary

	Duration    time.Duration
	Diagnostics []Diagnostic // at most 100

	Engine   string // which one has built: EngineGo or EngineDirect; empty for a command of the user's
	Fallback string // why EngineDirect has left it to EngineGo; empty if it was not asked, or did it

	Output     string // what the tools printed, head and tail of it where it is long
	OutputFile string // the whole of it, if Output is not
	Warnings   string // what of Output the compilers printed though OK; of a package that was compiled now

	// Inputs that were written while the compiler ran for the first time, so that it ran once
	// more; nil otherwise. Unsteady: some were written during that, too, or still are: build
	// once more when Quiet returns.
	Again    []string
	Unsteady bool
	Wrote    []string // inputs that were written while the Before steps ran

	Summary string // one line for people when not OK
	Hint    string // what to do about it; may be empty
}

// Diagnostic is one message of the tools.
type Diagnostic struct {
	File    string // absolute; empty if the message has no place
	Line    int    // from 1; 0 if unknown
	Column  int    // from 1, in bytes; 0 if unknown
	Message string
	Package string       // import path, where the tools told it
	Frame   []SourceLine // the code around Line: two lines before and after
	More    string       // the further lines of the message, as they were
}

// SourceLine is one line of a source file, tabs kept, without its line ending.
type SourceLine struct {
	Number int
	Text   string
}

// Engine makes a program out of its sources.
type Engine interface {
	Build(ctx context.Context, generation int) Result
}

// Builder builds one program. Its methods may be called from any goroutine.
type Builder struct {
	o       Options
	turn    chan struct{} // held by the build that runs: one at a time
	bin     string
	tmp     string
	log     string
	mu      sync.Mutex
	tools   toolchain // what the go command said about itself
	plan    goPlan    // the flags that follow from it
	last    int       // the newest generation, for Argv
	headers []Headers // see SetHeaders

	compilation atomic.Pointer[compilation] // the go build that runs

	// Inputs that the build's own command writes each time, which says nothing of what it read.
	// It belongs to who has the turn.
	selfWritten map[string]bool
	calmed      func(ctx context.Context, files func() []string) bool // calm; for tests

	misnamed atomic.Bool // go build gives the program another name than target says
	short    shortcut
}

var _ Engine = (*Builder)(nil)

// New checks the options, prepares the cache directory, asks the go command about its
// version and flags, and removes what dead sessions left in the cache. Errors implement
// Hint() string where there is something to do.
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
			return calm(ctx, files, calmFor, calmLook, calmMost)
		},
	}
	b.turn <- struct{}{}
	if err := b.prepareCache(); err != nil {
		return nil, err
	}
	if b.custom() {
		return b, nil
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

// complete fills in defaults and refuses what cannot work.
func complete(o Options) (Options, error) {
	if o.Dir == "" || o.Cache == "" {
		return o, errors.New("builder: Dir and Cache are needed")
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return o, err
	}
	if o.Cache, err = filepath.Abs(o.Cache); err != nil {
		return o, err
	}
	if len(o.Command) > 0 && o.Shell != "" {
		return o, errors.New("both an argument vector and a shell string are given as the build command")
	}
	for i, s := range o.Before {
		if (len(s.Argv) == 0) == (s.Shell == "") {
			return o, fmt.Errorf("step %d before the build needs an argument vector or a shell string", i+1)
		}
	}
	if o.Package == "" {
		o.Package = "."
	}
	if strings.HasPrefix(o.Package, "-") {
		return o, advice.With(fmt.Errorf("%q is a flag, not a package", o.Package), "put build flags into flags")
	}
	switch o.Linker {
	case "":
		o.Linker = "auto"
	case "auto", "default", "mold", "lld":
	default:
		return o, advice.With(fmt.Errorf("unknown linker %q", o.Linker), "it is one of auto, default, mold, lld")
	}
	switch o.Engine {
	case "":
		o.Engine = EngineGo
	case EngineGo, EngineDirect:
	default:
		return o, advice.With(fmt.Errorf("unknown engine %q", o.Engine), "it is one of go, direct")
	}
	if o.Go == "" {
		o.Go = "go"
	}
	if o.Name == "" {
		o.Name = filepath.Base(o.Dir)
	}
	o.Name = fileName(o.Name)
	if o.Output != "" && !filepath.IsAbs(o.Output) {
		o.Output = filepath.Join(o.Dir, o.Output)
	}
	o.Env = slices.Clone(o.Env)
	if len(o.Command) == 0 && o.Shell == "" {
		if err := checkFlags(o.Flags); err != nil {
			return o, err
		}
	}
	return o, nil
}

// fileName makes a name safe as part of a file name on every system.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if name = strings.Trim(name, ". "); name == "" {
		return "app"
	}
	// Names may have 255 bytes; the generation, ".exe" and the log's affixes need some.
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	return name
}

// custom says that a command of the user's builds, not go build.
func (b *Builder) custom() bool { return len(b.o.Command) > 0 || b.o.Shell != "" }

// cleared remembers the cache directories that this process has cleared of what dead
// sessions left. It is process-wide because a cache belongs to a process: the builders
// of several services share one, and a builder made anew after an edit of the
// configuration must not remove the binaries that run.
var cleared sync.Map

func (b *Builder) prepareCache() error {
	for _, d := range []string{b.o.Cache, b.bin, b.tmp, b.log} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return advice.With(fmt.Errorf("cannot create the cache directory: %w", err),
				"make that place writable, or free space on it")
		}
	}
	if err := os.Chmod(b.o.Cache, 0o700); err != nil {
		return fmt.Errorf("cannot make the cache directory private: %w", err)
	}
	if _, done := cleared.LoadOrStore(b.o.Cache, struct{}{}); done {
		return nil
	}
	for _, d := range []string{b.bin, b.tmp, b.log} {
		entries, err := os.ReadDir(d)
		if err != nil {
			return fmt.Errorf("cannot read the cache directory: %w", err)
		}
		for _, e := range entries {
			// What cannot be removed (on Windows: a binary that still runs) does no harm:
			// the builds of this session replace it or have other names.
			os.RemoveAll(filepath.Join(d, e.Name()))
		}
	}
	return nil
}

// fresh is where the program of a generation is made: below tmp, because a killed go build
// leaves parts beside its output, too.
func (b *Builder) fresh(generation int) string {
	return filepath.Join(b.work(generation), "out", b.o.Name+binarySuffix(b.o.Output))
}

// work is the directory of the build of a generation.
func (b *Builder) work(generation int) string {
	return filepath.Join(b.tmp, b.o.Name+"-"+strconv.Itoa(generation))
}

// naming is held while a binary gets its name. After an edit of the configuration two
// builders may give names in one cache.
var naming sync.Mutex

// keep moves a complete program to the first free name: NAME-a, NAME-b, and so on. It is a
// new file each time, because macOS remembers the code signature of a file.
func (b *Builder) keep(fresh string) (bin string, err error) {
	naming.Lock()
	defer naming.Unlock()
	for letter := 'a'; letter <= 'z'; letter++ {
		bin = filepath.Join(b.bin, b.o.Name+"-"+string(letter)+binarySuffix(b.o.Output))
		if _, err := os.Lstat(bin); errors.Is(err, fs.ErrNotExist) {
			return bin, os.Rename(fresh, bin)
		}
	}
	return "", fmt.Errorf("no file name is free in %s", b.bin)
}

// Argv is the command of the newest build, or of the first one before there was any.
// A shell string comes as the arguments of the shell.
func (b *Builder) Argv() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.argv(max(b.last, 1))
}

// argv is called with mu held.
func (b *Builder) argv(generation int) []string {
	switch {
	case len(b.o.Command) > 0:
		return slices.Clone(b.o.Command)
	case b.o.Shell != "":
		return shellArgv(b.o.Shell)
	}
	argv := []string{b.o.Go, "build", "-o", b.fresh(generation)}
	if b.plan.json {
		argv = append(argv, "-json")
	}
	argv = append(argv, b.plan.flags...)
	return append(argv, b.o.Package)
}

// Flags are the build flags that go build is given besides -o and -json: the defaults of
// this package, merged with Options and GOFLAGS. Whoever asks the go command about the
// same program (go list) passes the same ones. Nil for a custom command.
func (b *Builder) Flags() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.plan.flags)
}

// Remove deletes a binary that no process runs any more, and only a file that a Build
// of this cache has made. The builder itself never deletes a good one.
func (b *Builder) Remove(path string) {
	if filepath.Dir(path) == b.bin {
		removeBinary(path)
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
	b.interrupt()
	r := b.build(ctx, generation, before)
	if ctx.Err() != nil {
		if r.Binary != "" {
			removeBinary(r.Binary)
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
	// Every directory anew: a cache may be cleaned at any time.
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
			if f := b.runStep(limited, s, env, tmp, out); !f.end.ok() {
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
	if b.custom() {
		return b.buildCustom(limited, generation, env, tmp, out)
	}
	return b.buildGo(limited, generation, goEnvironment(env, tmp), out)
}

func (b *Builder) buildGo(ctx context.Context, generation int, env []string, out *output) Result {
	if err := b.refreshTools(ctx); err != nil {
		return b.refuse(err)
	}
	path, err := proc.LookPath(env, b.o.Dir, b.o.Go)
	if err != nil {
		return b.refuse(goMissing(b.o.Go, err))
	}
	b.mu.Lock()
	b.last = generation
	argv := b.argv(generation)
	plan, headers := b.plan, b.headers
	b.mu.Unlock()

	why := ""
	switch {
	case len(headers) > 0:
		flags, err := headerFlags(b.work(generation), plan, b.o.Dir, headers)
		if err != nil {
			return b.refuse(err)
		}
		argv = slices.Insert(argv, len(argv)-1, flags...)
		if b.direct() {
			why = errHeaders.Error()
		}
	case b.direct():
		r, reason, ok := b.tryDirect(ctx, generation, path, out)
		if ok {
			return r
		}
		why = reason
	}
	r := b.callGo(ctx, generation, path, argv, plan, env, out)
	if !r.OK && ctx.Err() == nil && cacheCleaned(r.Output) {
		// Somebody has cleaned Go's cache meanwhile. What is missing is compiled again, so this failure says nothing of the sources.
		out = newOutput(out.path)
		r = b.callGo(ctx, generation, path, argv, plan, env, out)
	}
	if b.direct() && len(headers) == 0 {
		b.fellBack(r.OK)
	}
	r.Engine, r.Fallback = EngineGo, why
	return r
}

// callGo is a build by the go command.
func (b *Builder) callGo(ctx context.Context, generation int, path string, argv []string, plan goPlan, env []string, out *output) Result {
	var warnings string
	f, how := b.steadily(ctx, b.o.Inputs, out, func() failure {
		from := out.size
		f := b.goCommand(ctx, []*Builder{b}, b.work(generation), path, argv, plan, env, out)
		if f.end.ok() {
			warnings = plan.warnings(out, from)
		}
		return f
	})
	if !f.end.ok() {
		return how.of(b.failed(ctx, f, out))
	}
	r := how.of(b.finish(ctx, f, b.fresh(generation), out))
	if r.OK {
		r.Warnings = warnings
	}
	return r
}

// goCommand runs a go build for some builders, in the directory tmp.
func (b *Builder) goCommand(ctx context.Context, of []*Builder, tmp, path string, argv []string, plan goPlan, env []string, out *output) failure {
	ds := newDiagnoser(b.o.Dir, !plan.noisy)
	text := newText(ds, out)
	c := command{path: path, argv: argv, dir: b.o.Dir, env: env, output: text, hard: true}
	if plan.json {
		c.output, c.stderr = newEvents(ds, out, text), text
	}
	seen := observe(ctx, of, tmp, path, plan.flags, env)
	defer seen.end()
	return failure{step: Step{Argv: argv}, end: run(ctx, c), found: ds, golang: true}
}

func (b *Builder) buildCustom(ctx context.Context, generation int, env []string, tmp string, out *output) Result {
	f, how := b.steadily(ctx, b.o.Inputs, out, func() failure {
		return b.runStep(ctx, Step{Argv: b.o.Command, Shell: b.o.Shell}, env, tmp, out)
	})
	return how.of(b.take(ctx, generation, env, f, out))
}

// take makes a result of what the user's own command has left.
func (b *Builder) take(ctx context.Context, generation int, env []string, f failure, out *output) Result {
	if !f.end.ok() {
		return b.failed(ctx, f, out)
	}
	if b.o.Output == "" {
		r := Result{OK: true}
		r.Output, r.OutputFile = out.finish()
		return r
	}
	from := b.o.Output
	if _, err := os.Stat(from); err != nil && exeSuffix != "" && filepath.Ext(from) == "" {
		from += exeSuffix
	}
	// The user's file first: its name is the one to complain about.
	if _, err := stat(from); err != nil {
		return b.unusable(ctx, f, err, out)
	}
	fresh := b.fresh(generation)
	step, end := copyBinary(ctx, from, fresh, b.o.Dir, env, out)
	if !end.ok() {
		return b.failed(ctx, failure{step: step, end: end}, out)
	}
	return b.finish(ctx, f, fresh, out)
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
	r := Result{OK: true, Binary: bin, Sum: sum}
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

// goEnvironment is for the go command alone: an external link makes its directory in
// TMPDIR, not GOTMPDIR, and leaves it there when killed. A broken TMPDIR of the user's
// does no harm either.
func goEnvironment(env []string, tmp string) []string {
	for _, name := range tempVariables {
		env = proc.SetEnv(env, name, tmp)
	}
	return env
}

func (b *Builder) removeLogs() {
	entries, err := os.ReadDir(b.log)
	if err != nil {
		return
	}
	for _, e := range entries {
		// The names of services may be prefixes of each other ("api", "api-2"), so only
		// digits may follow.
		rest, ok := strings.CutPrefix(e.Name(), "build-"+b.o.Name+"-")
		if !ok {
			continue
		}
		if digits, ok := strings.CutSuffix(rest, ".log"); ok && isDigits(digits) {
			os.Remove(filepath.Join(b.log, e.Name()))
		}
	}
}

func isDigits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

func goMissing(name string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		if name != filepath.Base(name) {
			return advice.With(fmt.Errorf("the go command %s does not exist", name), "check its path")
		}
		return advice.With(fmt.Errorf("%s is not on PATH", name),
			"install Go from https://go.dev/dl, or add its bin directory to PATH")
	}
	return advice.With(fmt.Errorf("the go command cannot be run: %w", err), "check its path and its permissions")
}

// probeTimeout bounds the question for the toolchain at start: with GOTOOLCHAIN=auto the
// go command may first download the toolchain that go.mod names. The first build then
// waits for it, visibly and cancelably.
const probeTimeout = 3 * time.Second
