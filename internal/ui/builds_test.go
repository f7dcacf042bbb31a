package ui

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
)

// TestE7Common holds that what one build, or one error, comes to for several services is
// printed once, with all their names, and is not held back longer than that needs.
func TestE7Common(t *testing.T) {
	failure := func(ms int64, since time.Time) event.BuildFinished {
		b := compileError
		b.DurationMS, b.Hint, b.Serving = ms, "", since
		b.Diagnostics = []event.Diagnostic{{File: "/home/user/shop/lib/l.go", Line: 3, Message: "bad"}}
		return b
	}
	type said struct {
		service string
		body    event.Body
	}
	started := func(slot int, names ...string) (list []said) {
		for _, n := range names {
			list = append(list, said{n, event.BuildStarted{Slot: slot}})
		}
		return list
	}
	live := event.Live{LatencyMS: 5}
	earlier := at.Add(-time.Hour)
	for _, c := range []struct {
		name string
		said []said
		want safe.Text
	}{
		{"built", append(started(1, "api", "web", "worker"), []said{
			{"api", event.BuildFinished{OK: true, DurationMS: 300}},
			{"worker", event.BuildFinished{OK: true, DurationMS: 310}},
			{"web", event.BuildFinished{OK: true, DurationMS: 305, Unchanged: true}},
		}...), `api,worker built   310 ms
web    built   305 ms: the program is the same, not restarted
`},
		{"a result does not overtake its build", append(started(1, "api", "web"), []said{
			{"api", event.BuildFinished{OK: true, DurationMS: 300}}, {"api", live},
			{"web", event.BuildFinished{OK: true, DurationMS: 305}},
		}...), `api    built   300 ms
api    live    5 ms
web    built   305 ms
`},
		{"failed together", append(started(1, "api", "web", "worker"), []said{
			{"api", failure(300, earlier)}, {"web", failure(310, time.Time{})}, {"worker", event.BuildCanceled{}},
		}...), `api,web failed  1 error in ./api (310 ms)
  lib/l.go:3: bad
api,web waiting for a fix; api, started at 13:03:22, keeps running; web is not running
`},
		{"failed one after the other", []said{
			{"api", event.BuildStarted{Slot: 1}}, {"web", event.BuildStarted{Slot: 2}},
			{"api", failure(300, earlier)}, {"web", failure(310, earlier)},
			{"web", event.BuildStarted{Slot: 3}}, {"web", event.BuildFinished{OK: true}},
		}, `api    failed  1 error in ./api (300 ms)
  lib/l.go:3: bad
api    waiting for a fix; api, started at 13:03:22, keeps running
web    failed  1 error in ./api, as for api (310 ms)
web    waiting for a fix; web, started at 13:03:22, keeps running
web    fixed   0 ms
`},
		{"a long build", append(started(1, "api", "web"), []said{
			{"api", event.Waiting{Reason: "still building after 3s", Kind: event.WaitBuild, Slot: 1, Compiled: 1}},
			{"web", event.Waiting{Reason: "still building after 3s", Kind: event.WaitBuild, Slot: 1, Compiled: 2}},
			{"api", event.Waiting{Reason: "still building after 12s", Kind: event.WaitBuild, Slot: 1, Compiled: 9, Packages: 20}},
		}...), `api,web build   still building after 3s: 1 package compiled
api,web build   still building after 12s: 9 packages compiled (20 in all)
`},
		{"a change, and its undo", []said{
			{"api", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "rebuild", Services: []string{"api", "web"}}},
			{"web", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "rebuild", Services: []string{"api", "web"}}},
			{"worker", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "restart", Services: []string{"worker"}}},
			{"api", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "none", Undone: true, Services: []string{"api", "web"}}},
			{"api", event.Undone{Services: []string{"api", "web"}}},
			{"web", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "none", Undone: true, Services: []string{"api", "web"}}},
			{"web", event.Undone{Services: []string{"api", "web"}}},
			{"api", event.Changed{Effect: "restart", Why: "key r", Services: []string{"api", "web", "worker"}}},
			{"web", event.Changed{Effect: "restart", Why: "key r", Services: []string{"api", "web", "worker"}}},
			{"worker", event.Changed{Effect: "restart", Why: "key r", Services: []string{"api", "web", "worker"}}},
		}, `api,web changed a.go
worker changed a.go
api,web changed a.go
api,web undone  same as the running program
api,web,worker restart (key r)
`},
		{"a change does not overtake the build of the second one", append(started(1, "web", "worker"), []said{
			{"web", event.BuildFinished{OK: true, DurationMS: 300}},
			{"api", event.Changed{Paths: []string{"/home/user/shop/a.go"}, Effect: "rebuild", Services: []string{"api", "web"}}},
		}...), `web    built   300 ms
api,web changed a.go
`},
		{"the end", append(started(1, "api", "web"), []said{
			{"api", failure(300, time.Time{})}, {"", event.SessionEnded{Reason: "Ctrl-C"}},
		}...), `api    failed  1 error in ./api (300 ms)
  lib/l.go:3: bad
api    waiting for a fix; api is not running
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := new(Palette)
			p.Set([]string{"api", "web", "worker"})
			x := text(TextOptions{Services: p})
			var got safe.Text
			for _, s := range c.said {
				got += x.Render(event.Event{Time: at, Service: s.service, Generation: 2, Body: s.body})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
