package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/engine"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/ui"
)

type runOptions struct {
	project projectFlags
	pkg     string
	args    []string // nil: those of the config
	once    bool
	log     string
	events  string
	color   string
	quiet   bool
	verbose bool
}

func newRun(s streams) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [PACKAGE] [-- ARGS...]",
		Short: "Build, run, and do so again at every save",
		Long: `Run builds and starts the program, watches what it is built from, and builds and
restarts it when that changes. PACKAGE is named as for go run; without it, it is
the main package of this directory, of the root, or the only one there is.
Everything after -- is passed to the program unchanged.`,
		Example: `  hotreload run
  hotreload run ./cmd/api -- --port 8081
  hotreload run --set build.flags='["-trimpath"]' --race`,
		Args: func(cmd *cobra.Command, args []string) error {
			n := len(args)
			if d := cmd.ArgsLenAtDash(); d >= 0 {
				n = d
			}
			if n > 1 && !slices.ContainsFunc(args[:n], func(a string) bool { return !strings.HasSuffix(a, ".go") }) {
				return fmt.Errorf("one package, not a list of files: name its directory, as in `hotreload run .`")
			}
			if n > 1 {
				return fmt.Errorf("one package at most, not %q; arguments of the program come after --", args[:n])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d := cmd.ArgsLenAtDash()
			if d >= 0 {
				o.args = append([]string{}, args[d:]...)
				args = args[:d]
			}
			if len(args) > 0 {
				o.pkg = args[0]
			}
			if cmd.Flags().Changed("log") {
				o.project.set = append(o.project.set, "log.format="+o.log)
			}
			return run(cmd.Context(), s, o)
		},
	}
	o.project.add(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&o.once, "once", false, "build, run, and exit with the program's exit code")
	fl.StringVar(&o.log, "log", "", "how to tell what happens: `text|json` (default from the config: text)")
	fl.StringVar(&o.events, "events", "", "also write what happens to `FILE`, as JSON lines")
	fl.StringVar(&o.color, "color", "auto", "`auto|always|never`")
	complete(cmd, "log", func() []string { return []string{"text", "json"} }, cobra.ShellCompDirectiveDefault)
	complete(cmd, "color", func() []string { return []string{"auto", "always", "never"} }, cobra.ShellCompDirectiveDefault)
	fl.BoolVarP(&o.quiet, "quiet", "q", false, "say only what needs attention")
	fl.BoolVarP(&o.verbose, "verbose", "v", false, "say also what did not matter, and why")
	return cmd
}

func run(ctx context.Context, s streams, o runOptions) (err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	warnings := proc.Setup()
	p, err := o.project.open(ctx, o.pkg)
	if err != nil {
		return err
	}
	c := p.conf
	session := newBeginning()
	own, err := o.hold(p, session)
	if err != nil {
		return err
	}
	defer own.release()
	cache := own.cache
	env := os.Environ()
	if o.pkg != "" {
		if err := p.checkImportPath(ctx, proc.CleanEnv(env)); err != nil {
			return err
		}
	}
	list, err := p.services(ctx, proc.CleanEnv(env))
	if err != nil {
		return err
	}
	if err := o.checkSeveral(list); err != nil {
		return err
	}
	color, err := colored(o.color, s.err)
	if err != nil {
		return err
	}

	if ended := endUnclaimed(cache, o.once); len(ended) > 0 {
		warnings = append(warnings, "ended what an earlier session of this project left running: "+strings.Join(ended, ", "))
	}
	if release, err := proc.Claim(filepath.Join(cache, claimFile)); err != nil {
		warnings = append(warnings, fmt.Sprintf("what this session leaves behind when it is killed will not be found: %v", err))
	} else {
		defer release()
	}
	in, err := openInput(s)
	if err != nil {
		return err
	}
	defer in.Close()
	guard, err := proc.StartGuard(guarded(cache, o.once)...)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("no guard against kill -9: %v", err))
	} else {
		defer guard.Close()
	}

	var e *engine.Engine
	outTTY, errTTY := terminal(s.out), terminal(s.err)
	screen := ui.NewScreen(s.out, s.err, outTTY != nil && errTTY != nil, func() {
		e.Command(plan.Command{Do: plan.DoQuit, Why: "nobody reads the output any more"})
	})
	clears := errTTY != nil && !plainTerminal()
	if errTTY != nil {
		screen.Raw(func() bool { return proc.RawOutput(errTTY) })
	}
	if !color {
		screen.Plain()
	}
	colorOut, err := colored(o.color, s.out)
	if err != nil {
		return err
	}
	say := newNarrator(screen, ui.TextOptions{
		Color: color, Quiet: o.quiet, Verbose: o.verbose, Once: o.once, Dir: p.cwd, Width: columns(errTTY),
		Keys: readsKeys(list) && in.Terminal() != nil,
	}, colorOut, clears)
	say.services(namesOf(list))
	say.configure(c)
	queue := event.NewQueue(say.sink)
	// The last lines are waited for, but not a terminal that was stopped for good.
	defer queue.Close(2 * time.Second)

	opt := engine.Options{
		Config: c, Services: list, Version: Version(), Args: o.args, Cache: cache, Env: env, Once: o.once,
		App: screen.App, Sink: queue, Stdout: outTTY, Stderr: errTTY, Input: in, Suspend: in.Suspend,
		Load: func() (*config.Config, []config.Service, error) {
			c, err := p.load()
			if err != nil {
				return nil, nil, err
			}
			list, err := services(ctx, c, p.cwd, proc.CleanEnv(env))
			if err == nil {
				err = o.checkSeveral(list)
			}
			return c, list, err
		},
	}
	if o.events != "" {
		f, err := os.OpenFile(o.events, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
		if err != nil {
			return usageError(advise("--events wants a file that can be written", "%w", err))
		}
		defer f.Close()
		record := event.NewQueue(ui.NewLog(f))
		defer record.Close(2 * time.Second)
		opt.Record = record
		if path, err := filepath.EvalSymlinks(o.events); err == nil {
			if opt.RecordFile, err = filepath.Abs(path); err != nil {
				return err
			}
		}
	}
	// Edits of the config come once all is there to take them.
	opt.Configured = func(before, after *config.Config, names []string) {
		say.services(names)
		say.configure(after)
		if before.Control.Listen == after.Control.Listen {
			return
		}
		if own.api != nil {
			if err := own.api.Relisten(after.Control.Listen); err != nil {
				e.Problem(event.Problem{Message: err.Error(), Hint: "the old address, if there was one, stays; give control.listen another one"})
			}
		}
	}
	if e, err = engine.New(opt); err != nil {
		return err
	}
	for _, w := range warnings {
		queue.Emit(event.Event{Time: time.Now(), Body: event.Problem{Message: w}})
	}
	if guard != nil {
		stop := watchGuard(guard, e)
		defer stop()
	}
	session.begin(backend{e})
	if own.apiErr != nil {
		hint := "`hotreload status` and `wait` will not find this session"
		var theirs *control.ForeignError
		if errors.As(own.apiErr, &theirs) {
			hint += ": " + theirs.Hint()
		}
		queue.Emit(event.Event{Time: time.Now(), Body: event.Problem{Message: own.apiErr.Error(), Hint: hint}})
	}
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	control.Signals(sctx, e, in, hangup(s.in, s.out, s.err))
	if !o.once && readsKeys(list) {
		// The terminal is as it was before the shell prints its prompt.
		defer pressKeys(sctx, in, e, screen, clears)()
	}
	code, err := e.Run(ctx)
	if err != nil {
		return err
	}
	if code != exitOK {
		return &codeError{code: code}
	}
	return nil
}

// claimFile says in the cache which session has it, so that the next one finds what was left running.
const claimFile = "processes"

// onceDir is how the names of the caches of --once begin.
const onceDir = "once-"

// endUnclaimed ends what earlier sessions of the project have left running, and names it.
func endUnclaimed(cache string, once bool) (ended []string) {
	project := cache
	if once { // a session may run beside it
		project = filepath.Dir(cache)
	} else {
		ended = proc.EndUnclaimed(filepath.Join(cache, claimFile))
	}
	entries, _ := os.ReadDir(project)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), onceDir) {
			ended = append(ended, proc.EndUnclaimed(filepath.Join(project, e.Name(), claimFile))...)
		}
	}
	return ended
}

// holding is what a session has of its project before anything else.
type holding struct {
	cache   string
	api     *control.Server // nil: none
	apiErr  error           // why not; without it everything works but talking to the session from outside
	release func()
}

// hold takes the project's lock and serves the control API: whoever asks before the session
// runs is answered when there is an answer. With --once another session may run beside this
// one, with binaries of its own.
func (o runOptions) hold(p *project, session *beginning) (own holding, err error) {
	if own.cache, err = control.CacheDir(p.conf.Root); err != nil {
		return own, err
	}
	if o.once {
		if own.cache, err = os.MkdirTemp(own.cache, onceDir); err != nil {
			return own, err
		}
		own.release = func() { os.RemoveAll(own.cache) }
		return own, nil
	}
	lock, err := control.Acquire(own.cache, p.conf.Root)
	if err != nil {
		return own, o.held(err)
	}
	own.api, own.apiErr = control.Serve(session, o.project.invocation(p.from, o.pkg), control.SocketPath(own.cache), p.conf.Control.Listen)
	if own.apiErr != nil && p.conf.Control.Listen != "" {
		lock.Release()
		return own, own.apiErr
	}
	// Not at once: the start is for the person who waits.
	prune := time.AfterFunc(10*time.Second, func() { control.Prune(own.cache, control.Gone) })
	own.release = func() {
		prune.Stop()
		session.end()
		if own.api != nil {
			own.api.Close()
		}
		lock.Release()
	}
	return own, nil
}

// held says what to do about another session in this project.
func (o runOptions) held(err error) error {
	var held *control.HeldError
	if !errors.As(err, &held) {
		return err
	}
	stop := "hotreload stop"
	if o.project.dir != "" {
		stop += " -C " + shellWord(o.project.dir)
	}
	hint := fmt.Sprintf("one session per project: use that one, or end it with `%s`", stop)
	if o.pkg != "" {
		hint += "; several programs run in one session as [services.NAME] in .hotreload.toml"
	}
	return advice.With(err, hint)
}

// guarded are the directories that the guard removes if hotreload is killed.
func guarded(cache string, once bool) []string {
	if once {
		return []string{cache}
	}
	return []string{filepath.Join(cache, "tmp")}
}

func watchGuard(g *proc.Guard, e *engine.Engine) (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-g.Replaced():
				e.Problem(event.Problem{
					Message: "the guard process was killed; a new one stands by",
					Hint:    "it ends the programs if hotreload itself is killed",
				})
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}
