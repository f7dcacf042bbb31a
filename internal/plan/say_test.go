package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// TestE7Changed holds that a change says of which services the same is said, each time, and of no others.
func TestE7Changed(t *testing.T) {
	names := []string{"api", "web", "worker"}
	var services []Service
	for _, n := range names {
		services = append(services, Service{Name: n, Builds: true})
	}
	s := New(Options{Services: services})
	now := time.Unix(1_000_000, 0)
	said := func(in Input) (out []string) {
		now = now.Add(time.Second)
		for _, a := range s.Step(now, in) {
			say, ok := a.(Say)
			if !ok {
				continue
			}
			switch b := say.Event.Body.(type) {
			case event.Changed:
				out = append(out, fmt.Sprintf("%s %s %s %v", say.Event.Service, b.Effect, b.Why, b.Services))
			case event.Undone:
				out = append(out, fmt.Sprintf("%s undone %v", say.Event.Service, b.Services))
			}
		}
		return out
	}
	said(Begin{})
	for i, n := range names {
		said(BuildDone{Service: n, Generation: 1, OK: true, Program: Program{Generation: 1, Binary: n, Sum: [32]byte{1}}})
		said(Launched{Service: n, Launch: 1, PID: 10 + i})
		said(ReadyIs{Service: n, Launch: 1})
	}
	change := func(from, to byte, effects map[string]Effect) Files {
		return Files{First: now, Changes: []Change{{Path: "/p/a.go", Old: Sum{from}, New: Sum{to}, At: now, Effects: effects}}}
	}
	input := Effect{Kind: Rebuild, Why: "Go file", Rule: NoRule, Input: true}
	both := map[string]Effect{"api": input, "web": input, "worker": {Kind: Restart, Why: "read by it", Rule: NoRule}}
	now = now.Add(time.Minute)
	for _, c := range []struct {
		in   Input
		want []string
	}{
		{change(1, 2, both), []string{"api rebuild Go file [api web]", "web rebuild Go file [api web]", "worker restart read by it [worker]"}},
		{change(2, 1, map[string]Effect{"api": input, "web": input}), []string{
			"api none back to what runs [api web]", "api undone [api web]", "web none back to what runs [api web]", "web undone [api web]"}},
		{Command{Do: DoRestart, Service: "web", Why: "asked"}, []string{"web restart asked [web]"}},
		{Command{Do: DoRebuild, Why: "asked"}, []string{
			"api rebuild asked [api web worker]", "web rebuild asked [api web worker]", "worker rebuild asked [api web worker]"}},
		{Files{First: now, Changes: []Change{{Path: "/p/x", Why: "no input"}}}, []string{" none no input []"}},
	} {
		if got := said(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%T:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}
