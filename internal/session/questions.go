package session

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/places"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/relevance"
)

var _ control.Backend = (*Session)(nil)

// ask puts a question to the loop and waits for its answer.
func (s *Session) ask(ctx context.Context, f func() (done bool)) error {
	q := &question{ask: f, done: make(chan struct{})}
	select {
	case s.queue <- q:
	case <-s.over:
		return relevance.ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-q.done:
		return nil
	case <-s.over:
		return relevance.ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer asks the open questions; those that have their answer are dropped.
func (s *Session) answer() {
	s.open = slices.DeleteFunc(s.open, func(q *question) bool {
		if q.ask() {
			close(q.done)
			return true
		}
		return false
	})
}

// Status implements control.Backend.
func (s *Session) Status(ctx context.Context) (control.Status, error) {
	snap := control.Snapshot{
		PID: os.Getpid(), Version: s.opt.Version, Dir: s.root,
		Engines: map[string]builder.EngineStatus{}, Proxies: map[string]string{},
		Console: map[string][]event.Console{}, Usage: map[int]proc.Usage{},
	}
	snap.Backend, snap.Watches = s.files.Stats()
	builders := map[string]Builder{}
	err := s.ask(ctx, func() bool {
		snap.Config, snap.Services, snap.Paused = s.conf.Path, s.state.Reports(), s.state.Paused()
		for _, svc := range s.services {
			builders[svc.name] = svc.set.builder
			snap.Console[svc.name] = slices.Clone(svc.console)
			if url := svc.companions.URL(); url != "" && !svc.leaving {
				snap.Proxies[svc.name] = url
			}
		}
		return true
	})
	if err != nil {
		return control.Status{}, err
	}
	for name, b := range builders {
		if st := b.EngineStatus(); st.Wanted {
			snap.Engines[name] = st
		}
	}
	for _, r := range snap.Services {
		if u, ok := proc.UsageOf(r.PID); ok {
			snap.Usage[r.PID] = u
		}
	}
	return snap.Status(), nil
}

// Places are those to which the page links in what is shown of a service.
func (s *Session) Places(ctx context.Context, service string) (p places.Project) {
	_ = s.ask(ctx, func() bool {
		if svc := s.service(service); svc != nil {
			proxy := svc.set.Proxy
			p = places.Project{
				Dir: s.root, Roots: func() []string { return s.files.Trees(svc.subject) },
				Editor: proxy.EditorLink(), Command: proxy.EditorCommand(), Run: s.opt.Editor,
			}
		}
		return true
	})
	return p
}

// Paused reports whether nothing is built until a person resumes the session.
func (s *Session) Paused(ctx context.Context) (paused bool) {
	err := s.ask(ctx, func() bool { paused = s.state.Paused(); return true })
	return err == nil && paused
}

// Wait implements control.Backend: it returns when all that was asked for before the call, by
// files or by commands, has come to its end for the service (empty: for all). It does not
// trust the queue of file events: it looks at the files.
func (s *Session) Wait(ctx context.Context, service string) (control.Outcome, error) {
	reports, err := s.await(ctx, service)
	return control.NewOutcome(reports, err), err
}

func (s *Session) await(ctx context.Context, service string) (out []plan.Report, err error) {
	known := service == ""
	if err := s.ask(ctx, func() bool {
		known = known || slices.ContainsFunc(s.services, inConfig(service))
		return true
	}); err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("%w: %q", control.ErrNoService, service)
	}
	if err := s.files.CatchUp(ctx); err != nil {
		return nil, err
	}
	err = s.ask(ctx, func() bool {
		if s.changing {
			return false
		}
		out = out[:0]
		for _, r := range s.state.Reports() {
			if service != "" && r.Service != service {
				continue
			}
			// While paused nothing will happen, so there is nothing to wait for.
			if !r.Paused && (!r.Settled || s.unjudged(r)) {
				return false
			}
			out = append(out, r)
		}
		return true
	})
	return out, err
}

// unjudged reports whether a save may have been made of which it is not known yet what it means.
func (s *Session) unjudged(r plan.Report) bool {
	svc := s.service(r.Service)
	return svc != nil && r.State != plan.StateStopped && s.files.Unjudged(svc.subject)
}

// Subscribe implements control.Backend.
func (s *Session) Subscribe(ctx context.Context) <-chan []byte { return s.subscribers.Subscribe(ctx) }

// Logs implements control.Backend.
func (s *Session) Logs(ctx context.Context, service string, lines int, follow bool, take func([]control.LogPiece) error) error {
	return s.host.Logs.Read(ctx, s.over, service, lines, follow, func(list []launch.Written) error {
		pieces := make([]control.LogPiece, len(list))
		for i, w := range list {
			pieces[i] = control.NewLogPiece(w.At, w.Service, w.Generation, w.Stderr, w.Text, w.Lost)
		}
		return take(pieces)
	})
}

// Reload implements control.Backend.
func (s *Session) Reload(ctx context.Context, service string) (clients int, err error) {
	found := false
	err = s.ask(ctx, func() bool {
		for _, r := range s.state.Reports() {
			svc := s.service(r.Service)
			if _, ok := svc.page(); ok && (service == "" || service == svc.name) {
				found = true
				clients += s.reloadPages(plan.ReloadPages{Service: svc.name, Generation: r.Generation})
			}
		}
		return true
	})
	if err == nil && !found {
		err = control.ErrNoProxy
	}
	return clients, err
}

// URLs are the pages that a person can open: those of the proxies.
func (s *Session) URLs(ctx context.Context) (urls []string) {
	_ = s.ask(ctx, func() bool {
		for _, svc := range s.services {
			if url := svc.companions.URL(); url != "" {
				urls = append(urls, url)
			}
		}
		return true
	})
	return urls
}

// inConfig reports whether a service is the one of that name, and the config has it.
func inConfig(name string) func(*service) bool {
	return func(svc *service) bool { return svc.name == name && !svc.leaving }
}
