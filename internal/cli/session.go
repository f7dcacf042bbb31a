package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/ui"
)

// sessionFlags find the session to talk to.
type sessionFlags struct {
	dir  string
	json bool
}

func (f *sessionFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().StringVarP(&f.dir, "dir", "C", "", "act as if started in `DIR`")
}

func (f *sessionFlags) client(ctx context.Context) (*control.Client, error) {
	dir, err := os.Getwd()
	if f.dir != "" {
		dir, err = filepath.Abs(f.dir)
	}
	if err != nil {
		return nil, err
	}
	root, err := home(ctx, dir)
	if err != nil {
		return nil, err
	}
	cache, err := control.CacheDir(root)
	if err != nil {
		return nil, err
	}
	return control.Dial(control.SocketPath(cache)), nil
}

// noSession gives errors of a missing session exit code 2: a script can distinguish it
// from a failed build.
func noSession(err error) error {
	var theirs *control.ForeignError
	switch {
	case errors.Is(err, control.ErrNoSession):
		return usageError(advise("start one with `hotreload run`, or name its directory with -C; a session can only be reached by the user who started it",
			"no session is running in this project"))
	case errors.As(err, &theirs): // http.Client has wrapped it
		return usageError(theirs)
	case errors.Is(err, control.ErrNoService):
		return usageError(err)
	}
	return err
}

func sessionCommand(s streams, f *sessionFlags, use, short, long string, run act) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " [SERVICE]", Short: short, Long: long, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client(cmd.Context())
			if err != nil {
				return err
			}
			service := ""
			if len(args) > 0 {
				service = args[0]
			}
			return noSession(run(cmd.Context(), c, service, f.json))
		},
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return begins(f.services(), typed), cobra.ShellCompDirectiveNoFileComp
	}
	f.add(cmd)
	return cmd
}

// services are the names in the config, for completion: the running session need not be
// asked, because it follows the file.
func (f *sessionFlags) services() (names []string) {
	p, err := (&projectFlags{dir: f.dir}).open(context.Background(), "")
	if err != nil {
		return nil
	}
	for _, s := range p.conf.Services {
		names = append(names, s.Name)
	}
	return names
}

// act is what a command does in the session that it talks to.
type act func(ctx context.Context, c *control.Client, service string, asJSON bool) error

func newStatus(s streams) *cobra.Command {
	cmd := sessionCommand(s, new(sessionFlags), "status", "Show the status of the running session",
		`Show the state of each service, its process ID, the last error, and the times of
the last change that went live.`,
		func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
			var st control.Status
			if err := c.Do(ctx, http.MethodGet, "/status", "", &st); err != nil {
				return err
			}
			if err := onlyService(&st, service); err != nil {
				return err
			}
			if asJSON {
				return s.json(st)
			}
			return s.status(st)
		})
	cmd.Example = `  hotreload status
  hotreload status api --json`
	return cmd
}

// onlyService reduces a status to one service; "" means all.
func onlyService(st *control.Status, service string) error {
	if service == "" {
		return nil
	}
	var only []control.ServiceStatus
	var names []string
	for _, x := range st.Services {
		if x.Service == service {
			only = append(only, x)
		}
		names = append(names, x.Service)
	}
	if only == nil {
		return usageError(fmt.Errorf("no such service: %q; there is %s", service, strings.Join(names, ", ")))
	}
	st.Services = only
	return nil
}

func newReload(s streams) *cobra.Command {
	cmd := sessionCommand(s, new(sessionFlags), "reload", "Reload the browser tabs", `Make every browser tab that is open behind the proxy reload its page, for example
after another tool has written files for the browser. Print the number of
browsers that have one: the tabs of a browser share a connection.
Without a proxy, the exit code is 1.`,
		func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
			var r control.Reloaded
			if err := c.Do(ctx, http.MethodPost, "/reload", service, &r); err != nil {
				return err
			}
			switch {
			case asJSON:
				return s.json(r)
			case r.Clients == 1:
				safe.Fprintf(s.out, "reloaded the tabs of 1 browser\n")
			default:
				safe.Fprintf(s.out, "reloaded the tabs of %d browsers\n", r.Clients)
			}
			return nil
		})
	cmd.Example = `  hotreload reload
  npm run css && hotreload reload`
	return cmd
}

func newRestart(s streams) *cobra.Command {
	cmd := sessionCommand(s, new(sessionFlags), "restart", "Restart the program",
		"Restart the program without a build, and wait for the result.", s.outcomeOf("/restart"))
	cmd.Example = `  hotreload restart
  hotreload restart api`
	return cmd
}

func newRebuild(s streams) *cobra.Command {
	cmd := sessionCommand(s, new(sessionFlags), "rebuild", "Build and restart the program",
		"Build and restart the program, and wait for the result.", s.outcomeOf("/rebuild"))
	cmd.Example = `  hotreload rebuild
  hotreload rebuild api`
	return cmd
}

func newPause(s streams) *cobra.Command {
	cmd := sessionCommand(s, new(sessionFlags), "pause", "Pause builds (changes are remembered)",
		`Pause builds. Changes are remembered, and built after "hotreload resume".`, s.order("/pause", "paused"))
	cmd.Example = `  hotreload pause
  git rebase main && hotreload resume`
	return cmd
}

func newResume(s streams) *cobra.Command {
	resume := s.order("/resume", "resumed")
	cmd := sessionCommand(s, new(sessionFlags), "resume", "Resume builds", `Resume builds after "hotreload pause", and build everything that changed in the
meantime.`,
		func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
			if err := resume(ctx, c, service, asJSON); err != nil || asJSON {
				return err
			}
			return s.stillStopped(ctx, c, service)
		})
	cmd.Example = `  hotreload resume
  hotreload resume api`
	return cmd
}

func newStop(s streams) *cobra.Command {
	stop, stopService := s.order("/stop", "stopped"), s.outcomeOf("/stop")
	cmd := sessionCommand(s, new(sessionFlags), "stop", "End the session, or stop one service", `Stop all programs gracefully and end the session. With SERVICE, stop only that
service until it is restarted; changes to its files are remembered.`,
		func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
			if service != "" {
				return stopService(ctx, c, service, asJSON)
			}
			return stop(ctx, c, service, asJSON)
		})
	cmd.Example = `  hotreload stop
  hotreload stop api`
	return cmd
}

// outcomeOf asks the session for something and prints the result.
func (s streams) outcomeOf(path string) act {
	return func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
		var o control.Outcome
		if err := c.Do(ctx, http.MethodPost, path, service, &o); err != nil {
			return err
		}
		return s.outcome(o, asJSON)
	}
}

// order asks the session for something that has no result but that it was done.
func (s streams) order(path, done string) act {
	return func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
		var ok struct {
			OK bool `json:"ok"`
		}
		wait := func() error { return nil }
		if path == "/stop" {
			var err error
			if wait, err = c.Ended(ctx); err != nil {
				return err
			}
		}
		if err := c.Do(ctx, http.MethodPost, path, service, &ok); err != nil {
			return err
		}
		if err := wait(); err != nil {
			return err
		}
		if asJSON {
			return s.json(ok)
		}
		safe.Fprintf(s.out, "%s\n", done)
		return nil
	}
}

// stillStopped names the services that resume does not start: those that were stopped.
func (s streams) stillStopped(ctx context.Context, c *control.Client, service string) error {
	var st control.Status
	if err := c.Do(ctx, http.MethodGet, "/status", "", &st); err != nil {
		return err
	}
	for _, x := range st.Services {
		if x.State == plan.StateStopped && (service == "" || service == x.Service) {
			safe.Fprintf(s.out, "%s is stopped: `hotreload restart %s` starts it\n", x.Service, x.Service)
		}
	}
	return nil
}

func (s streams) json(v any) error {
	text, err := safe.Marshal(v, "  ")
	if err == nil {
		_, err = s.out.Write(text)
	}
	return err
}

// outcome prints what came of a wish; anything but success is exit code 1.
func (s streams) outcome(o control.Outcome, asJSON bool) error {
	if asJSON {
		if err := s.json(o); err != nil {
			return err
		}
	} else {
		s.serviceLines(o.Services)
	}
	if !o.OK {
		return &codeError{code: exitFailed}
	}
	return nil
}

// serviceLines prints the state of services. If several have the same error,
// it is printed once.
func (s streams) serviceLines(list []control.ServiceStatus) {
	for i, x := range list {
		same := func(y control.ServiceStatus) bool {
			return x.Error != "" && x.State == y.State && x.Error == y.Error && x.Output == y.Output && reflect.DeepEqual(x.Diagnostics, y.Diagnostics)
		}
		if slices.ContainsFunc(list[:i], same) {
			continue
		}
		for _, y := range list[i+1:] {
			if same(y) {
				x.Service += ", " + y.Service
			}
		}
		s.serviceLine(x)
	}
}

func (s streams) serviceLine(x control.ServiceStatus) {
	switch {
	case x.State == plan.StateLive && x.Live != nil && x.PID == 0:
		safe.Fprintf(s.out, "%s: done, generation %d (%d ms)\n", x.Service, x.Generation, x.Live.LatencyMS)
	case x.State == plan.StateLive && x.Live != nil:
		safe.Fprintf(s.out, "%s: live, generation %d, pid %d (%d ms)\n", x.Service, x.Generation, x.PID, x.Live.LatencyMS)
	case x.Error != "":
		safe.Fprintf(s.out, "%s: %s: %s\n", x.Service, x.State, safe.Indent(safe.Block(x.Error), "    "))
	default:
		safe.Fprintf(s.out, "%s: %s\n", x.Service, x.State)
	}
	if len(x.Diagnostics) > 0 {
		dir, _ := os.Getwd()
		t := ui.NewText(ui.NewScreen(s.out, s.err, false, nil), ui.TextOptions{Dir: dir})
		safe.Fprintf(s.out, "%s", t.Diagnostics(x.Diagnostics))
	} else if x.Output != "" {
		safe.Fprintf(s.out, "    %s\n", safe.Indent(safe.Block(strings.TrimRight(x.Output, "\n")), "    "))
	}
}

func (s streams) status(st control.Status) error {
	paused := ""
	if st.Paused {
		paused = ", paused"
	}
	safe.Fprintf(s.out, "%s (pid %d%s)\n", st.Dir, st.PID, paused)
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	safe.Fprintf(w, "SERVICE\tSTATE\tGENERATION\tPID\tUP\tLAST\n")
	for _, x := range st.Services {
		state := x.State
		switch {
		case x.Stale && x.Paused:
			state += " (stale, paused)"
		case x.Stale:
			state += " (stale)"
		case x.Paused:
			state += " (paused)"
		}
		up, last, pid := "-", "-", "-"
		if x.PID != 0 {
			pid = fmt.Sprint(x.PID)
			up = time.Since(x.Since).Round(time.Second).String()
		}
		if x.Live != nil {
			last = fmt.Sprintf("%d ms", x.Live.LatencyMS)
		}
		safe.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", x.Service, state, x.Generation, pid, up, last)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, x := range st.Services {
		if x.ProxyURL != "" {
			safe.Fprintf(s.out, "%s: open %s\n", x.Service, x.ProxyURL)
		}
	}
	if st.PageURL != "" {
		safe.Fprintf(s.out, "page: %s\n", st.PageURL)
	}
	for _, x := range st.Services {
		if x.NewerTexts {
			safe.Fprintf(s.out, "%s: shows templ texts that are newer than its build; the next build includes them\n", x.Service)
		}
	}
	s.serviceLines(slices.DeleteFunc(slices.Clone(st.Services), func(x control.ServiceStatus) bool { return x.Error == "" }))
	for _, x := range st.Services {
		if x.Direct != nil {
			safe.Fprintf(s.out, "%s: %s\n", x.Service, engineLine(*x.Direct))
		}
	}
	return nil
}

// engineLine is the state of the direct engine.
func engineLine(d control.DirectStatus) string {
	text := "the direct engine is ready"
	switch {
	case d.Off != "":
		return "the direct engine is off for this project: " + d.Off
	case !d.Ready:
		text = "the direct engine is not ready: " + d.Reason
	case d.Packages > 0:
		text += fmt.Sprintf(" (%d of %d packages are compiled here", d.Local, d.Packages)
		if d.Lean > 0 {
			text += fmt.Sprintf(", %d linked from lean archives", d.Lean)
		}
		text += ")"
	}
	switch {
	case d.Fallback == "" || !d.Ready && d.Fallback == d.Reason: // nothing, or it was printed just now
	case d.Ready:
		// The reason for the newest build is over by now.
		text += ", and will make the next build; the last one was made by go build: " + d.Fallback
	default:
		text += "; the last build was made by go build: " + d.Fallback
	}
	if !d.Checked.IsZero() {
		text += "; last checked against go build at " + d.Checked.Format(time.TimeOnly)
	}
	return text
}
