package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/session"
	"github.com/hotreload/hotreload/internal/ui"
)

type runOptions struct {
	project projectFlags
	pkg     string
	args    []string // nil: those of the config
	once    bool
	log     string
	events  string
	proxy   proxyFlag // an address, or autoProxy; empty: that of the config
	color   string
	quiet   bool
	verbose bool
}

func newRun(s streams) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:                   "run [flags] [PACKAGE] [-- ARGS...]",
		DisableFlagsInUseLine: true,
		Short:                 "Build and run the program; rebuild and restart it on every save",
		Long: `Build and start the program, watch the files that it is built from, and rebuild
and restart it when they change.

PACKAGE is named as for go run. Without it, hotreload takes the main package in
the current directory, the one in the root, or the only one in the project.
Arguments after -- are passed to the program unchanged.`,
		Example: `  hotreload run
  hotreload run --proxy
  hotreload run ./cmd/api -- --port 8081
  hotreload run --race --set run.stop_timeout=1s
  hotreload run --once`,
		Args: runArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context(), s)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&o.once, "once", false, "build, run, and exit with the program's exit code")
	fl.BoolVarP(&o.quiet, "quiet", "q", false, "only print problems")
	fl.BoolVarP(&o.verbose, "verbose", "v", false, "also print ignored changes and why")
	fl.Var(&o.proxy, "proxy", "put the proxy in front of the program, at ADDR or on a free port``")
	fl.Lookup("proxy").NoOptDefVal = autoProxy
	o.project.add(cmd)
	fl.StringVar(&o.log, "log", "", "log format: `text|json` (default from the config: text)")
	fl.StringVar(&o.events, "events", "", "also write events to `FILE` as JSON lines")
	fl.StringVar(&o.color, "color", "auto", "when to use colours: `auto|always|never`")
	complete(cmd, "log", func() []string { return []string{"text", "json"} }, cobra.ShellCompDirectiveDefault)
	complete(cmd, "color", func() []string { return colorModes }, cobra.ShellCompDirectiveDefault)
	return cmd
}

// runArgs checks the arguments in front of --.
func runArgs(cmd *cobra.Command, args []string) error {
	if d := cmd.ArgsLenAtDash(); d >= 0 {
		args = args[:d]
	}
	switch {
	case len(args) < 2:
		return nil
	case !slices.ContainsFunc(args, func(a string) bool { return !strings.HasSuffix(a, ".go") }):
		return errors.New("one package, not a list of files: name its directory, as in `hotreload run .`")
	}
	return fmt.Errorf("expected one package, not %q; arguments for the program come after --", args)
}

// parse completes the options from the command line.
func (o *runOptions) parse(cmd *cobra.Command, args []string) error {
	if d := cmd.ArgsLenAtDash(); d >= 0 {
		o.args = append([]string{}, args[d:]...)
		args = args[:d]
	}
	if len(args) > 0 {
		o.pkg = args[0]
	}
	if cmd.Flags().Changed("log") {
		o.project.set = append(o.project.set, "log.format="+o.log)
	}
	if err := o.checkProxy(cmd.Flags().Changed("proxy")); err != nil {
		return err
	}
	if o.color = cmp.Or(o.color, "auto"); !slices.Contains(colorModes, o.color) {
		return usageError(advise("--color=always", "--color needs auto, always or never, not %q", o.color))
	}
	return nil
}

func (o runOptions) run(ctx context.Context, s streams) error {
	if ctx == nil {
		ctx = context.Background()
	}
	warnings := proc.Setup()
	p, err := o.project.open(ctx, o.pkg)
	if err != nil {
		return err
	}
	if err := o.addProxy(p); err != nil {
		return err
	}
	early := newBeginning()
	own, err := o.hold(p, early)
	if err != nil {
		return err
	}
	defer own.release()
	env := os.Environ()
	list, err := o.services(ctx, p, env)
	if err != nil {
		return err
	}
	release, found := o.claim(own.cache)
	defer release()
	warnings = append(warnings, found...)
	in, err := openInput(s)
	if err != nil {
		return err
	}
	defer in.Close()
	guard, err := proc.StartGuard(guarded(own.cache, o.once)...)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the guard process did not start, so programs keep running if hotreload is killed: %v", err))
	} else {
		defer guard.Close()
	}

	var e *session.Session
	keys := readsKeys(list)
	screen := newScreen(s, func() { e.Command(plan.Command{Do: plan.DoQuit, Why: "the output was closed"}) })
	say := o.narrator(s, screen, p.cwd, keys && in.Terminal() != nil)
	say.services(namesOf(list))
	say.configure(p.conf)
	queue := event.NewQueue(say.sink)
	// The last lines are waited for, but not a terminal that was stopped for good.
	defer queue.Close(lastLines)
	opt := session.Options{
		Config: p.conf, Services: list, Version: Version(), Args: o.args, Cache: own.cache, Env: env, Once: o.once,
		App: screen.App, Sinks: []event.Sink{queue, own.page.Timeline, own.page.Requests}, Page: own.page, Requests: own.page.Requests, Editor: newEditors(p.conf.Root, func(b event.Problem) { e.Problem(b) }).open, Stdout: terminal(s.out), Stderr: terminal(s.err), Input: in, Suspend: in.Suspend,
		Load: func() (*config.Config, []config.Service, error) { return o.reload(ctx, p, env) },
		// Edits of the config come once all is there to take them.
		Configured: func(before, after *config.Config, names []string) {
			say.services(names)
			say.configure(after)
			own.relisten(e, before.Control.Listen, after.Control.Listen)
		},
	}
	if o.events != "" {
		closeRecord, err := o.record(&opt)
		if err != nil {
			return err
		}
		defer closeRecord()
	}
	if e, err = session.New(opt); err != nil {
		return err
	}
	for _, w := range warnings {
		queue.Emit(event.Event{Time: time.Now(), Body: event.Problem{Message: w}})
	}
	if guard != nil {
		defer watchGuard(guard, e)()
	}
	own.page.LinkTo(e.Places)
	early.begin(e)
	if own.apiErr != nil {
		queue.Emit(event.Event{Time: time.Now(), Body: own.unreachable()})
	}
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	control.Signals(sctx, e, in, hangup(s.in, s.out, s.err))
	if !o.once && keys {
		// The terminal is as it was before the shell prints its prompt.
		defer pressKeys(sctx, in, e, screen, say.clears)()
	}
	code, err := e.Run(ctx)
	if err != nil || code == exitOK {
		return err
	}
	return &codeError{code: code}
}

// lastLines is how long the end of a session waits for what is not printed yet.
const lastLines = 2 * time.Second

// services are the programs to run.
func (o runOptions) services(ctx context.Context, p *project, env []string) ([]config.Service, error) {
	if o.pkg != "" {
		if err := p.checkImportPath(ctx, proc.CleanEnv(env)); err != nil {
			return nil, err
		}
	}
	list, err := p.services(ctx, proc.CleanEnv(env))
	if err == nil {
		err = o.checkSeveral(list)
	}
	return list, err
}

// reload reads the config again, after an edit.
func (o runOptions) reload(ctx context.Context, p *project, env []string) (*config.Config, []config.Service, error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	list, err := services(ctx, c, p.cwd, proc.CleanEnv(env))
	if err == nil {
		err = o.checkSeveral(list)
	}
	return c, list, err
}

// newScreen is where the session and its programs print. unread is called when the reader
// of the output is gone.
func newScreen(s streams, unread func()) *ui.Screen {
	outTTY, errTTY := terminal(s.out), terminal(s.err)
	screen := ui.NewScreen(s.out, s.err, outTTY != nil && errTTY != nil, unread)
	if errTTY != nil {
		screen.Raw(func() bool { return proc.RawOutput(errTTY) })
	}
	return screen
}

// narrator prints the session on the screen.
func (o runOptions) narrator(s streams, screen *ui.Screen, dir string, keys bool) *narrator {
	tty := terminal(s.err)
	color := colored(o.color, s.err)
	if !color {
		screen.Plain()
	}
	return newNarrator(screen, ui.TextOptions{
		Color: color, Quiet: o.quiet, Verbose: o.verbose, Once: o.once, Dir: dir, Width: columns(tty), Keys: keys,
	}, colored(o.color, s.out), tty != nil && !plainTerminal())
}

// record makes the session write its events to the file of --events.
func (o runOptions) record(opt *session.Options) (closeRecord func(), err error) {
	f, err := os.OpenFile(o.events, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return nil, usageError(advise("--events needs a writable file", "%w", err))
	}
	if path, err := filepath.EvalSymlinks(o.events); err == nil {
		if opt.RecordFile, err = filepath.Abs(path); err != nil {
			f.Close()
			return nil, err
		}
	}
	queue := event.NewQueue(ui.NewLog(f))
	opt.Sinks = append(opt.Sinks, event.WithOutput(queue))
	return func() {
		queue.Close(lastLines)
		f.Close()
	}, nil
}

func watchGuard(g *proc.Guard, e *session.Session) (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-g.Replaced():
				e.Problem(event.Problem{
					Message: "the guard process was killed; a new one was started",
					Hint:    "it stops the programs if hotreload itself is killed",
				})
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}
