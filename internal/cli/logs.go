package cli

import (
	"context"
	"net/http"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/ui"
)

func newLogs(s streams) *cobra.Command {
	lines, follow := -1, false
	cmd := sessionCommand(s, new(sessionFlags), "logs", "Print the output of the programs", `Print the latest output of the programs in the running session, byte for byte:
standard output on standard output, standard error on standard error. With
several services, each line begins with the name of its service. The session
keeps the last megabyte of each service, or its last 5,000 writes.`,
		func(ctx context.Context, c *control.Client, service string, asJSON bool) error {
			// Ctrl-C is the usual end of following, and no error.
			ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
			defer stop()
			err := s.logs(ctx, c, service, lines, follow, asJSON)
			if ctx.Err() != nil {
				return nil
			}
			return err
		})
	cmd.Example = `  hotreload logs -f
  hotreload logs api -n 20`
	fl := cmd.Flags()
	fl.BoolVarP(&follow, "follow", "f", false, "follow the output until the session ends")
	fl.IntVarP(&lines, "lines", "n", -1, "print only the last `N` lines of each service; -1 prints all")
	return cmd
}

func (s streams) logs(ctx context.Context, c *control.Client, service string, lines int, follow, asJSON bool) error {
	if asJSON {
		return c.Logs(ctx, service, lines, follow, func(p control.LogPiece) error {
			line, err := safe.Marshal(p, "")
			if err == nil {
				_, err = s.out.Write(line)
			}
			return err
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen := ui.NewScreen(s.out, s.err, terminal(s.out) != nil && terminal(s.err) != nil, cancel)
	colorOut := colored("auto", s.out)
	colorErr := colored("auto", s.err)
	if !colorErr {
		screen.Plain()
	}
	if service == "" {
		var st control.Status
		if err := c.Do(ctx, http.MethodGet, "/status", "", &st); err != nil {
			return err
		}
		var names []string
		for _, x := range st.Services {
			names = append(names, x.Service)
		}
		palette := new(ui.Palette)
		palette.Set(names)
		screen.Services(palette, colorOut, colorErr)
	}
	type source struct {
		service, stream string
	}
	generations := map[source]int{}
	err := c.Logs(ctx, service, lines, follow, func(p control.LogPiece) error {
		from := source{p.Service, p.Stream}
		if g, ok := generations[from]; ok && g != p.Generation {
			screen.App(p.Service, p.Stream == "stderr", nil) // the end of what another process wrote
		}
		generations[from] = p.Generation
		if p.Lost > 0 {
			screen.Own(safe.Sprintf("%d bytes of %s are missing here: they came faster than they were read\n", p.Lost, p.Service))
		}
		screen.App(p.Service, p.Stream == "stderr", p.Bytes())
		return ctx.Err()
	})
	for from := range generations {
		screen.App(from.service, from.stream == "stderr", nil)
	}
	if ctx.Err() != nil { // the reader is gone
		return nil
	}
	return err
}
