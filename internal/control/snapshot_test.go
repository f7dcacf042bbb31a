package control

import (
	"testing"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
)

// The reason why a service is not live, and whether that makes an outcome fail.
func TestReason(t *testing.T) {
	failed := &event.BuildFinished{Summary: "syntax error", Output: "out", Diagnostics: []event.Diagnostic{{Line: 3}}}
	for _, c := range []struct {
		name   string
		report plan.Report
		want   string
		ok     bool
	}{
		{"live", plan.Report{State: plan.StateLive, Build: &event.BuildFinished{OK: true}}, "", true},
		{"stale", plan.Report{State: plan.StateLive, Stale: true}, "", false},
		{"build failed", plan.Report{State: plan.StateFailed, Build: failed, Problem: &event.Problem{Message: "p"}}, "syntax error", false},
		{"without a summary", plan.Report{State: plan.StateFailed, Build: &event.BuildFinished{}}, "the build failed", false},
		{"not started", plan.Report{State: plan.StateFailed, Build: &event.BuildFinished{OK: true}, Problem: &event.Problem{Message: "no such file"}}, "no such file", false},
		{"ended", plan.Report{State: plan.StateEnded, Exit: &event.Exited{}}, "", true},
		{"ended with an error", plan.Report{State: plan.StateEnded, Exit: &event.Exited{Code: 1, Reason: "exit status 1"}}, "exit status 1", false},
		{"suspended", plan.Report{State: plan.StateSuspended, Held: "suspended by SIGTTIN"}, "suspended by SIGTTIN", false},
		{"paused", plan.Report{State: plan.StateWaiting, Paused: true, WaitsFor: "db", Held: "db"}, "paused", false},
		{"waits", plan.Report{State: plan.StateWaiting, WaitsFor: "db", Held: "db to be ready"}, "waits for db to be ready", false},
		{"stopped", plan.Report{State: plan.StateStopped}, "", true},
	} {
		o := NewOutcome([]plan.Report{c.report}, nil)
		if got := o.Services[0]; got.Error != c.want || o.OK != c.ok {
			t.Errorf("%s: %q, ok %v; want %q, %v", c.name, got.Error, o.OK, c.want, c.ok)
		}
		if got := o.Services[0]; (got.Output != "") != (c.report.Build == failed) || len(got.Diagnostics) != len(got.Output)/3 {
			t.Errorf("%s: output %q, %d diagnostics", c.name, got.Output, len(got.Diagnostics))
		}
	}
	if o := NewOutcome(nil, ErrNoService); o.OK || o.Services == nil {
		t.Errorf("an error: %+v", o)
	}
}

// Where the direct engine and the proxies are goes to the service that has them.
func TestStatus(t *testing.T) {
	s := Snapshot{
		PID: 7, Backend: "notify", Watches: 3, Paused: true,
		Services: []plan.Report{{Service: "a", Build: &event.BuildFinished{OK: true, Engine: "go", Fallback: "cgo"}}, {Service: "b"}},
		Engines:  map[string]builder.EngineStatus{"a": {Wanted: true, Ready: true, Packages: 9}},
		Proxies:  map[string]string{"b": "http://b"},
	}.Status()
	a, b := s.Services[0], s.Services[1]
	if s.PID != 7 || s.Watches != 3 || !s.Paused || s.Goroutines == 0 {
		t.Errorf("%+v", s)
	}
	if a.Direct == nil || !a.Direct.Ready || a.Direct.Packages != 9 || a.Direct.Fallback != "cgo" || a.Engine != "go" || a.ProxyURL != "" {
		t.Errorf("%+v", a)
	}
	if b.Direct != nil || b.ProxyURL != "http://b" {
		t.Errorf("%+v", b)
	}
}
