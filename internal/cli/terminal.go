package cli

import (
	"context"
	"os"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/session"
	"github.com/hotreload/hotreload/internal/ui"
)

// plainTerminal reports whether a terminal is one only by name: Emacs's M-x compile and
// M-x shell (TERM=dumb), and CI systems, some of which give their jobs a terminal that
// no person uses. Then there is no colour, no cursor control and no reading of keys.
func plainTerminal() bool {
	switch ci := strings.ToLower(os.Getenv("CI")); ci {
	case "", "false", "0", "no", "off":
		return os.Getenv("TERM") == "dumb"
	}
	return true
}

// readsKeys reports whether the keyboard is hotreload's own.
func readsKeys(list []config.Service) bool {
	keys := false
	for _, s := range list {
		switch s.Run.Stdin {
		case config.StdinKeys:
			keys = true
		case config.StdinApp, config.StdinInteractive:
			return false
		}
	}
	return keys && !plainTerminal()
}

// openInput is hotreload's standard input, never nil, which the guard knows before it is started, so
// that it can put the terminal back.
func openInput(s streams) (*control.Input, error) {
	f, ok := s.in.(*os.File)
	if !ok || f == nil {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		f = null
	}
	in, err := control.OpenInput(f)
	if err == nil && in.Terminal() != nil {
		proc.GuardTerminal(in.Terminal())
	}
	return in, err
}

// pressKeys reads keys until stop is called, which returns when the terminal is as it was.
func pressKeys(ctx context.Context, in *control.Input, e *session.Session, screen *ui.Screen, clear bool) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	k := control.Keys{
		Session: e,
		Paused:  func() bool { return e.Paused(ctx) },
		Help:    func() { screen.Own(control.HelpText + "\n") },
		Open: func() {
			list := e.URLs(ctx)
			if len(list) == 0 {
				e.Problem(event.Problem{
					Message: "there is no page to open: no proxy is set up",
					Hint:    "`hotreload run --proxy`, or proxy.listen in the config, has a page that reloads automatically",
				})
			}
			for _, u := range list {
				// A browser that takes its time must not hold up the keys.
				go func() {
					if err := openBrowser(u); err != nil {
						e.Problem(event.Problem{Message: "cannot open a browser: " + err.Error(), Hint: "open " + u})
					}
				}()
			}
		},
	}
	if clear {
		k.Clear = screen.Clear
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = control.ReadKeys(ctx, in, k)
	}()
	return func() { cancel(); <-ended }
}
