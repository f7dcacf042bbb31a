package session

import (
	"context"
	"strings"

	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// service is one program: how it is built and run, and what runs of it now.
type service struct {
	// What does not change.
	name       string
	subject    *relevance.Subject
	program    Program
	companions companion.All // the proxy, if there is one
	sockets    *launch.Sockets

	// Of the configurator: how the companions end.
	stop   context.CancelFunc
	served []<-chan struct{} // closed when a companion has ended

	// Of the loop.
	set       *settings // replaced when the config is edited
	leaving   bool      // the config has it no longer, or not like this
	forgotten bool
	processes map[int]Process
	cancel    context.CancelCauseFunc // ends the running build or rule commands
	stopQuiet context.CancelFunc      // ends whenQuiet; nil: it was never called
	early     *launch.EndedEarly      // an end that is explained when the import graph is there
	hooks     hooks
	console   []event.Console // what its pages have reported since they were loaded
}

// settings are what the config says of a service, ready to be used. They do not change.
type settings struct {
	*relevance.Settings
	builder Builder
}

// What the config says, in the terms of the plan.
var (
	restartPolicies = map[config.Restart]plan.RestartPolicy{
		config.RestartNever: plan.RestartNever, config.RestartOnFailure: plan.RestartOnFailure, config.RestartAlways: plan.RestartAlways,
	}
	onBuildError = map[config.OnBuildError]plan.OnBuildError{
		config.KeepOnBuildError: plan.KeepRunning, config.StopOnBuildError: plan.StopRunning,
	}
)

func (set *settings) spec() plan.Service {
	r, job := set.Run, set.Run.Ready.Exit
	return plan.Service{
		Name: set.Name, Needs: set.Needs, Builds: set.Builds(), Before: len(set.Build.Before) > 0,
		Restart: restartPolicies[r.Restart], OnError: onBuildError[r.OnBuildError],
		Group: set.builder.Group(), StopTimeout: r.StopTimeout,
		Job:        job,
		StartFirst: r.Order == config.StartFirst && !job, Rollback: r.Rollback && !job,
	}
}

// maxConsole is how many errors of the pages are kept.
const maxConsole = 50

// followPages keeps the errors of the pages that are open now.
func (svc *service) followPages(ev event.Event) {
	switch b := ev.Body.(type) {
	case event.Console:
		if len(svc.console) < maxConsole {
			svc.console = append(svc.console, b)
		}
	case event.Live:
		svc.console = nil
	case event.Reloaded:
		if b.Kind == "page" {
			svc.console = nil
		}
	}
}

// release gives back what the service holds for its programs.
func (svc *service) release() {
	if svc.stop != nil {
		svc.stop()
	} else {
		svc.companions.Close()
	}
	for _, done := range svc.served {
		<-done
	}
	svc.sockets.Close()
}

// cacheName makes a directory name of a service's name.
func cacheName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

func subjectsOf(services []*service) []*relevance.Subject {
	out := make([]*relevance.Subject, len(services))
	for i, svc := range services {
		out[i] = svc.subject
	}
	return out
}

// promote lets the companions know that the process of the launch takes over.
func (svc *service) promote(n int) {
	if p := svc.processes[n]; p != nil && p.Pid() != 0 {
		svc.companions.Promote(p.Pid())
	}
}

func (svc *service) cancelJob() {
	if svc.cancel != nil {
		svc.cancel(nil)
	}
}

// page is the page of the service, if it has one.
func (svc *service) page() (companion.Page, bool) {
	if svc == nil {
		return nil, false
	}
	return svc.companions.Page()
}
