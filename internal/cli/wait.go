package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/safe"
)

const (
	// startGrace is how long wait looks for a session that is starting (`hotreload run & hotreload wait`).
	startGrace = 3 * time.Second
	startPoll  = 20 * time.Millisecond
)

func newWait(s streams) *cobra.Command {
	var f sessionFlags
	var timeout time.Duration
	cmd := sessionCommand(s, &f, "wait", "Wait until the last edit is live",
		`Wait until every edit made before the call is live (exit code 0) or has failed
(exit code 1, with the errors). The session checks the files again, so an edit
made a moment ago counts.

If no session is running, wait up to 3 seconds for one to start; if none does,
the exit code is 2. A mistake in the config file ends the wait for a session at
once. There is no other time limit unless --timeout sets one for the whole wait;
when that runs out, the exit code is 1, or 2 without a session.`, nil)
	cmd.Example = `  hotreload wait
  hotreload wait api --timeout 30s
  sed -i s/old/new/ main.go && hotreload wait && curl localhost:8080`
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "wait at most `DURATION` (\"30s\"), also for a session to start")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		service := ""
		if len(args) > 0 {
			service = args[0]
		}
		if !cmd.Flags().Changed("timeout") {
			return noSession(s.wait(cmd.Context(), &f, service, time.Now().Add(startGrace)))
		}
		if timeout < 0 {
			return usageError(advise("--timeout=30s", "--timeout %s is negative", timeout))
		}
		end := time.Now().Add(timeout)
		ctx, cancel := context.WithDeadline(cmd.Context(), end)
		defer cancel()
		err := s.wait(ctx, &f, service, end)
		if ctx.Err() != nil && cmd.Context().Err() == nil && !errors.Is(err, control.ErrNoSession) {
			return s.late(cmd.Context(), &f, service, timeout)
		}
		return noSession(err)
	}
	return cmd
}

// wait prints the outcome.
func (s streams) wait(ctx context.Context, f *sessionFlags, service string, until time.Time) error {
	o, err := f.outcome(ctx, service, until)
	if err != nil {
		return err
	}
	return s.outcome(o, f.json)
}

// outcome asks the session until there is one, or until the time for it to start has passed.
func (f *sessionFlags) outcome(ctx context.Context, service string, until time.Time) (o control.Outcome, err error) {
	for {
		c, err := f.client(ctx) // a module may have come meanwhile, too
		if err != nil {
			return o, err
		}
		err = c.Do(ctx, http.MethodGet, "/wait", service, &o)
		if err == nil || !errors.Is(err, control.ErrNoSession) {
			return o, err
		}
		if mistakes := f.mistakes(); mistakes != nil {
			return o, mistakes // none will start
		}
		if !time.Now().Before(until) {
			return o, err
		}
		select {
		case <-time.After(startPoll):
		case <-ctx.Done():
			return o, err
		}
	}
}

// mistakes are those in the config file; nil if there are none, or no file.
func (f *sessionFlags) mistakes() error {
	_, file, err := config.FindRoot(cmp.Or(f.dir, "."))
	if err != nil || file == "" {
		return nil
	}
	if _, err = config.Load(file); errors.As(err, new(config.Errors)) {
		return usageError(err)
	}
	return nil
}

// late prints the state of the services when the time to wait is over.
func (s streams) late(ctx context.Context, f *sessionFlags, service string, timeout time.Duration) error {
	o, err := f.unfinished(ctx, service)
	if err != nil {
		return noSession(err)
	}
	if !f.json {
		safe.Fprintf(s.err, "error: not live within %s\n", timeout)
	}
	return s.outcome(o, f.json)
}

// unfinished is the state of the services in the middle of their work; empty if the session does not
// answer.
func (f *sessionFlags) unfinished(ctx context.Context, service string) (control.Outcome, error) {
	o := control.Outcome{Services: []control.ServiceStatus{}}
	ctx, cancel := context.WithTimeout(ctx, startGrace)
	defer cancel()
	c, err := f.client(ctx)
	if err != nil {
		return o, err
	}
	var st control.Status
	if err := c.Do(ctx, http.MethodGet, "/status", "", &st); err != nil && ctx.Err() == nil {
		return o, err
	}
	for _, x := range st.Services {
		if service == "" || service == x.Service {
			o.Services = append(o.Services, x)
		}
	}
	return o, nil
}
