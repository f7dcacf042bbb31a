package plan

import (
	"slices"
	"testing"
	"time"
)

// Texts that the program reads from files cause a reload and no build. Until a build has taken them in,
// the report says so, and whatever would start the program again builds it first: started in another
// way, it may not read them any more.
func TestTexts(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s := New(Options{Services: []Service{{Name: "site", Builds: true}}})
	step := func(in Input) []Action {
		now = now.Add(time.Second)
		return s.Step(now, in)
	}
	builds := func(list []Action) bool {
		return slices.ContainsFunc(list, func(a Action) bool { _, is := a.(Build); return is })
	}
	reloads := func(list []Action) bool {
		return slices.ContainsFunc(list, func(a Action) bool { _, is := a.(ReloadPages); return is })
	}
	gen := func() int { return s.Reports()[0].Generation }
	compiled, launches := now, 0
	build := func(program byte) {
		t.Helper()
		compiled = now
		step(Compiling{Service: "site", Generation: gen(), At: compiled})
		list := step(BuildDone{Service: "site", Generation: gen(), OK: true, Program: Program{Generation: gen(), Binary: string(program), Sum: [32]byte{program}}})
		for _, a := range list {
			if l, ok := a.(Launch); ok {
				launches = l.Launch
			}
			if st, ok := a.(Stop); ok {
				for _, a := range step(Gone{Service: "site", Launch: st.Launch}) {
					if l, ok := a.(Launch); ok {
						launches = l.Launch
					}
				}
			}
		}
		step(Launched{Service: "site", Launch: launches, PID: 7})
		step(ReadyIs{Service: "site", Launch: launches})
		if st := s.Reports()[0].State; st != StateLive {
			t.Fatalf("state %s", st)
		}
	}
	saved := func(e Effect) []Action {
		e.Rule = NoRule
		return step(Files{First: now, Solid: true, Changes: []Change{{Path: "/f", Old: Sum{1}, New: Sum{2, byte(now.Unix())}, At: now.Add(time.Second), Effects: map[string]Effect{"site": e}}}})
	}
	texts := Effect{Kind: Reload, Texts: true}

	if !builds(step(Begin{})) {
		t.Fatal("no first build")
	}
	build('a')
	if s.Reports()[0].Texts {
		t.Error("texts after the first build")
	}
	if list := saved(texts); builds(list) || !reloads(list) || !s.Reports()[0].Texts {
		t.Errorf("texts: %v, %+v", list, s.Reports()[0])
	}
	// Where the program shows them later, so is the reload, and until then there is something to wait for.
	if list := saved(Effect{Kind: Reload, Texts: true, After: 110 * time.Millisecond}); reloads(list) || s.Reports()[0].Settled {
		t.Errorf("texts that are not shown yet: %v, %+v", list, s.Reports()[0])
	}
	if list := step(Fired{Timer: Timer{"site", Shown}}); !reloads(list) || !s.Reports()[0].Settled {
		t.Errorf("texts that are shown: %v, %+v", list, s.Reports()[0])
	}
	if saved(Effect{Kind: Reload}); !s.Reports()[0].Texts {
		t.Error("another reload is no build")
	}
	if list := saved(Effect{Kind: Restart}); !builds(list) {
		t.Errorf("a restart with newer texts: %v", list)
	}
	build('b')
	if s.Reports()[0].Texts {
		t.Error("the build has them")
	}
	if list := saved(Effect{Kind: Restart}); builds(list) {
		t.Errorf("a restart without: %v", list)
	}
	for _, a := range step(Gone{Service: "site", Launch: launches}) {
		if l, ok := a.(Launch); ok {
			launches = l.Launch
		}
	}
	step(Launched{Service: "site", Launch: launches, PID: 8})
	step(ReadyIs{Service: "site", Launch: launches})

	// An edit of the config that only starts the program in another way.
	saved(texts)
	if list := step(Reconfigured{Services: []Service{{Name: "site", Builds: true}}, Restart: map[string]bool{"site": true}}); !builds(list) {
		t.Errorf("another start with newer texts: %v", list)
	}
	// Texts that come after the compiler has begun are not in the program.
	step(Compiling{Service: "site", Generation: gen(), At: now})
	saved(texts)
	step(BuildDone{Service: "site", Generation: gen(), OK: true, Program: Program{Generation: gen(), Binary: "c", Sum: [32]byte{3}}})
	if !s.Reports()[0].Texts {
		t.Error("the build began before them")
	}
}
