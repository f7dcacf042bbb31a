package builder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
)

// Options describe the builds of one program. Dir and Cache are needed; the zero value of any
// other field is its default.
type Options struct {
	Dir     string // where the commands run, and what relative paths are relative to
	Package string // the main package, as for go build; default "."
	GoBuild        // how go build makes it

	// Command is run instead of go build, and leaves the binary at Output, absolute or
	// relative to Dir. Without Output there is nothing to compare and nothing to run.
	Command Step
	Output  string

	// StepsOnly: there is no program to build. Only Steps and Beside are used, so the go command
	// is not needed.
	StepsOnly bool

	Before  []Step        // run before each build, in order; a failing one fails the build
	Env     []string      // complete environment of the build as "key=value"
	Timeout time.Duration // of one build, its Before steps included; 0: none

	// Cache is a private directory, created with mode 0700. It holds bin, tmp and log,
	// which should be on one file system: the binary is then renamed, not copied. It
	// belongs to one process at a time, which the caller ensures; several builders of
	// that process may share it if their Names differ.
	Cache string
	Name  string // base name of the binary; default: of Dir

	Hooks // for a caller that follows the build while it runs
}

// GoBuild says how go build is called.
type GoBuild struct {
	Go     string   // the go command; default "go"
	Flags  []string // more flags
	Tags   []string // build tags, in addition to those of Flags and GOFLAGS
	Race   bool     // -race
	DWARF  bool     // keep debug information, uncompressed
	Linker string   // for cgo: auto (default), default, mold, lld

	// Engine is EngineGo (default) or EngineDirect: calls compiler and linker without the go
	// command where that is known to give the same program, byte for byte. It needs Idle.
	Engine string
}

// Which engines GoBuild.Engine and Result.Engine may name.
const (
	EngineGo     = "go"
	EngineDirect = "direct"
)

// Hooks are called during a build, from its goroutine except for Stopping. Each may be nil.
type Hooks struct {
	// Compiling is called when the Before steps have ended and the compiler starts: what was
	// written to the sources until then is part of the build.
	Compiling func(generation int)

	// Inputs returns the files that the compiler reads, as absolute paths, as far as they are
	// known. If one of them is written while the compiler reads it, it reads them once more.
	// It is called a few times in each build.
	Inputs func() []string

	// Wait is called when a compiler has ended, before the inputs are compared. While more of
	// them are being written, a result is of no use: Wait returns when that is over, and
	// reports whether there was anything to wait for.
	Wait func(ctx context.Context) (waited bool)

	// Stopping is called, from another goroutine, with a command of Before, Command or Steps
	// that has not ended a moment after its build was canceled.
	Stopping func(command string)
	// Kill ends such commands at once when it is closed.
	Kill <-chan struct{}
}

// Step is a command: an argument vector, never parsed again, or one string for the shell.
type Step struct {
	Argv  []string
	Shell string
	Env   map[string]string // more environment, over that of the build
	Input []byte            // what it reads on its standard input; empty: nothing

	kill bool // at once when its context is over
}

func (s Step) empty() bool { return len(s.Argv) == 0 && s.Shell == "" }
func (s Step) both() bool  { return len(s.Argv) > 0 && s.Shell != "" }

// custom reports that a command of the user's builds, not go build.
func (o Options) custom() bool { return !o.Command.empty() }

// golang reports that the go command builds.
func (o Options) golang() bool { return !o.custom() && !o.StepsOnly }

// direct reports that builds are to be tried without the go command.
func (o Options) direct() bool { return o.Engine == EngineDirect && o.golang() }

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
	if err := checkSteps(o); err != nil {
		return o, err
	}
	if o.GoBuild, err = completeGoBuild(o.GoBuild); err != nil {
		return o, err
	}
	if o.Package == "" {
		o.Package = "."
	}
	if strings.HasPrefix(o.Package, "-") {
		return o, advice.With(fmt.Errorf("%q is a flag, not a package", o.Package), "put build flags into flags")
	}
	if o.Name == "" {
		o.Name = filepath.Base(o.Dir)
	}
	o.Name = fileName(o.Name)
	if o.Output != "" && !filepath.IsAbs(o.Output) {
		o.Output = filepath.Join(o.Dir, o.Output)
	}
	o.Env = slices.Clone(o.Env)
	if !o.custom() {
		return o, checkFlags(o.Flags)
	}
	return o, nil
}

func checkSteps(o Options) error {
	if o.Command.both() {
		return errors.New("both an argument vector and a shell string are given as the build command")
	}
	for i, s := range o.Before {
		if s.empty() || s.both() {
			return fmt.Errorf("step %d before the build needs an argument vector or a shell string", i+1)
		}
	}
	return nil
}

func completeGoBuild(g GoBuild) (GoBuild, error) {
	switch g.Linker {
	case "":
		g.Linker = "auto"
	case "auto", "default", "mold", "lld":
	default:
		return g, advice.With(fmt.Errorf("unknown linker %q", g.Linker), "it is one of auto, default, mold, lld")
	}
	switch g.Engine {
	case "":
		g.Engine = EngineGo
	case EngineGo, EngineDirect:
	default:
		return g, advice.With(fmt.Errorf("unknown engine %q", g.Engine), "it is one of go, direct")
	}
	if g.Go == "" {
		g.Go = "go"
	}
	return g, nil
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
