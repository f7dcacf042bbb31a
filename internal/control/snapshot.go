package control

import (
	"runtime"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
)

// Snapshot is the state of a session at one moment.
type Snapshot struct {
	PID      int
	Version  string
	Dir      string
	Config   string
	Backend  string
	Watches  int
	Paused   bool
	Services []plan.Report
	Engines  map[string]builder.EngineStatus // of services that ask for the direct engine
	Proxies  map[string]string               // addresses of the proxies, of services that have one
	Console  map[string][]event.Console      // what the pages of a service have reported
	Usage    map[int]proc.Usage              // what programs use, by process id, as far as it is known
}

// Status is what the API answers about it.
func (s Snapshot) Status() Status {
	services := statuses(s.Services)
	for i := range services {
		v := &services[i]
		v.ProxyURL, v.Console = s.Proxies[v.Service], s.Console[v.Service]
		if u, ok := s.Usage[v.PID]; ok {
			v.Usage = &Usage{event.MS(u.CPU), u.Memory}
		}
		if d, ok := s.Engines[v.Service]; ok {
			v.Direct = &DirectStatus{
				Ready: d.Ready, Reason: d.Reason, Off: d.Off, Checked: d.Checked, Packages: d.Packages, Local: d.Local, Lean: d.Lean,
			}
			if r := s.Services[i].Build; r != nil {
				v.Direct.Fallback = r.Fallback
			}
		}
	}
	return Status{
		PID: s.PID, Version: s.Version, Dir: s.Dir, Config: s.Config, Backend: s.Backend, Watches: s.Watches,
		Paused: s.Paused, Services: services, Goroutines: runtime.NumGoroutine(),
	}
}

// NewOutcome is what the API answers about services that were waited for.
func NewOutcome(reports []plan.Report, err error) Outcome {
	o := Outcome{OK: err == nil, Services: statuses(reports)}
	for _, s := range o.Services {
		o.OK = o.OK && s.OKState()
	}
	return o
}

func statuses(reports []plan.Report) []ServiceStatus {
	out := []ServiceStatus{}
	for _, r := range reports {
		s := ServiceStatus{
			Service: r.Service, Generation: r.Generation, State: r.State, Stale: r.Stale,
			PID: r.PID, Running: r.Running, Since: r.Since, WaitsFor: r.WaitsFor, Paused: r.Paused, NewerTexts: r.Texts,
			Exit: r.Exit, Live: r.Live, LiveGen: r.LiveGeneration,
		}
		if r.Build != nil {
			s.Engine = r.Build.Engine
		}
		s.Error = reason(r)
		if r.State == plan.StateFailed && r.Build != nil && !r.Build.OK {
			s.Diagnostics, s.Output = r.Build.Diagnostics, r.Build.Output
		}
		out = append(out, s)
	}
	return out
}

// reason is why a service is not live, in one line; "" if it is, or there is nothing to say.
func reason(r plan.Report) string {
	switch {
	case r.State == plan.StateFailed && r.Build != nil && !r.Build.OK:
		if r.Build.Summary == "" {
			return "the build failed"
		}
		return r.Build.Summary
	case r.State == plan.StateFailed && r.Problem != nil:
		return r.Problem.Message
	case r.State == plan.StateEnded && r.Exit != nil && r.Exit.Code != 0:
		return r.Exit.Reason
	case r.State == plan.StateSuspended:
		return r.Held
	case r.State == plan.StateWaiting && r.Paused:
		return "paused"
	case r.State == plan.StateWaiting && r.WaitsFor != "":
		return "waits for " + r.Held
	}
	return ""
}
