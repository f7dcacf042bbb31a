package plan

import (
	"fmt"
	"slices"
	"strings"
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
			"api none same as the running program [api web]", "api undone [api web]", "web none same as the running program [api web]", "web undone [api web]"}},
		{Command{Do: DoRestart, Service: "web", Why: "asked"}, []string{"web restart asked [web]"}},
		{Command{Do: DoRebuild, Why: "asked"}, []string{
			"api rebuild asked [api web worker]", "web rebuild asked [api web worker]", "worker rebuild asked [api web worker]"}},
		{Files{First: now, Changes: []Change{{Path: "/p/x", Why: "not part of the build"}}}, []string{" none not part of the build []"}},
	} {
		if got := said(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%T:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// TestR12Last holds that a problem at a start is marked as the last one (nothing more happens without a change) only if
// nothing follows: no older program runs, no stop was asked for, the session does not end. A program that is late may
// still become ready.
func TestR12Last(t *testing.T) {
	const built = "> begin; > built app 1 ok a; "
	const again = "running app; > +1s rebuild; > built app 2 ok b; "
	for _, c := range []struct {
		lines string
		want  string
	}{
		{"service app; " + built + "> launched app#1 no", "last"},
		{"service app; " + built + "> launched app#1; > ready app#1 no", "late"},
		{"service app; " + built + "> stop app; > launched app#1 no", ""},
		{"option once; service app; " + built + "> launched app#1 no", ""},
		{"option once; service app; " + built + "> launched app#1; > ready app#1 no", ""},
		{"service app startfirst; " + again + "> launched app#2 no", ""},
		{"service app startfirst; " + again + "> launched app#2; > ready app#2 no", ""},
		{"service app rollback; " + again + "> gone app#1; > launched app#2 no", ""},
	} {
		lines := strings.Split(c.lines, "; ")
		s := play(t, lines[:len(lines)-1])
		in, err := s.input(strings.TrimPrefix(lines[len(lines)-1], "> "))
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, a := range s.state.Step(s.now, in) {
			say, ok := a.(Say)
			if !ok {
				continue
			}
			if p, ok := say.Event.Body.(event.Problem); ok && p.Message == "no" {
				said = true
				if got := map[[2]bool]string{{}: "", {true}: "last", {false, true}: "late"}[[2]bool{p.Last, p.Late}]; got != c.want {
					t.Errorf("%s: marked as %q", c.lines, got)
				}
			}
		}
		if !said {
			t.Errorf("%s: no problem is reported", c.lines)
		}
	}
}
