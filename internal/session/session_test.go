package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// From a save to live: what the session builds, starts and stops, and what it reports of it.
func TestSaveToLive(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		none(w, w.builds, "a build before all is watched")
		first := w.live(w.begin())
		w.want("first", w.names(), []string{"session_started", "build_started", "build_finished", "started", "ready", "live"})
		w.save("api")
		second := w.build()
		w.builders[0].o.Hooks.Compiling(second.Generation)
		second.succeed()
		synctest.Wait()
		w.want("stop", first.stops, "stop")
		none(w, w.starts, "a start while the old program runs")
		first.gone(event.Exited{})
		p := w.start()
		w.want("generation", p.l.Generation, second.Generation)
		p.launched()
		p.step(plan.ReadyIs{Service: "api", Launch: p.l.Launch})
		o, err := w.s.Wait(w.t.Context(), "api")
		if err != nil || !o.OK || o.Services[0].Generation != 2 || o.Services[0].PID != p.pid {
			t.Errorf("wait: %+v, %v", o, err)
		}
		st, err := w.s.Status(w.t.Context())
		if err != nil || st.Backend != "fake" || st.Watches != 3 || st.Version != "v1" || st.Services[0].State != "live" {
			t.Errorf("status: %+v, %v", st, err)
		}
		w.want("files", w.files.called("compiling", "built"), []string{"built api true", "compiling api", "built api true"})
		w.want("code", w.quit(p), 0)
		if _, err := w.s.Status(w.t.Context()); !errors.Is(err, relevance.ErrEnded) {
			t.Errorf("a question after the end: %v", err)
		}
	})
}

// Builds of one group are made together, others apart; needs are waited for.
func TestGroups(t *testing.T) {
	group := func(name string) func(*config.Service) {
		return func(s *config.Service) { s.Build.Linker = config.Linker(name) }
	}
	run(t, false, []config.Service{testService("a", group("x")), testService("b", group("x")), testService("c", group(""))}, func(w *world) {
		together := make(chan int, 10)
		inner := w.s.opt.Tools.Together
		w.s.opt.Tools.Together = func(jobs []Job) { together <- len(jobs); inner(jobs) }
		p := []*fakeProcess{w.live(w.begin()), w.live(w.build())}
		p = append(p, w.live(w.build()))
		w.want("two builds, of three services", len(together), 2)
		w.want("jobs", <-together+<-together, 3)
		w.quit(p...)
	})
}

// A failure is reported after the files were asked, runs the hook, and is the outcome of wait; the
// repair runs the other hooks. A hook that is at work is not run beside itself.
func TestFailureAndHooks(t *testing.T) {
	hooked := testService("api", func(s *config.Service) {
		s.Hooks = config.Hooks{Failed: []config.Command{{Shell: "failed"}}, Fixed: []config.Command{{Shell: "fixed"}}, Live: []config.Command{{Shell: "live"}}}
	})
	run(t, false, []config.Service{hooked}, func(w *world) {
		hooks := make(chan fakeSteps, 10)
		w.builders[0].steps = hooks
		job := w.begin()
		bad := builder.Result{Summary: "syntax error", Output: "x", Diagnostics: []builder.Diagnostic{{File: "a.go", Line: 3, Message: "m", More: "n", Frame: []builder.SourceLine{{Number: 3, Text: "t"}}}}}
		job.Done(bad)
		failed := next(w, hooks, "hook")
		w.want("hook", failed.id, "hook-failed")
		w.want("files", w.files.called("failure", "built"), []string{"failure api", "built api false"})
		o, err := w.s.Wait(w.t.Context(), "")
		if d := o.Services[0].Diagnostics; err != nil || o.OK || o.Services[0].Error != "syntax error" || len(d) != 1 || d[0].Message != "m\nn" || d[0].Frame[0].Text != "t" {
			t.Errorf("outcome: %+v, %v", o, err)
		}
		for range 2 { // of two failures in the meantime one run follows
			w.save("api")
			w.build().Done(bad)
			none(w, hooks, "hook beside itself")
		}
		failed.result <- builder.Result{Summary: "exit status 1", Output: "why"}
		again := next(w, hooks, "hook for the newest event")
		none(w, hooks, "third run")
		if got := w.problem(); got != "hooks.failed: exit status 1" {
			t.Errorf("problem %q", got)
		}
		again.result <- builder.Result{OK: true}
		w.save("api")
		p := w.live(w.build())
		var ids []string
		for range 2 {
			h := next(w, hooks, "hook")
			ids = append(ids, h.id)
			h.result <- builder.Result{OK: true}
		}
		slices.Sort(ids)
		w.want("hooks of the repair", ids, []string{"hook-fixed", "hook-live"})
		w.quit(p)
	})
}

// What a hook follows from: an undone save repairs, a crash is a failure, a live program is live.
func TestHooksFollow(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []event.Body
		want   string
	}{
		{"live", []event.Body{event.Live{}}, "live"},
		{"failed, undone", []event.Body{event.BuildFinished{}, event.Changed{Undone: true}}, "failed fixed"},
		{"failed, unchanged", []event.Body{event.BuildFinished{}, event.BuildFinished{OK: true, Unchanged: true}}, "failed fixed"},
		{"failed, reloaded", []event.Body{event.BuildFinished{}, event.Reloaded{}, event.Reloaded{}}, "failed fixed"},
		{"crash, live", []event.Body{event.Exited{Code: 1}, event.Reloaded{}, event.Live{}}, "failed fixed live"},
		{"as expected", []event.Body{event.Exited{Code: 1, Expected: true}, event.Exited{}}, ""},
		{"not started", []event.Body{event.Problem{Failed: true}, event.Problem{}, event.Live{}, event.Live{}}, "failed fixed live live"},
	} {
		var h hooks
		var got []string
		for _, b := range c.events {
			got = append(got, h.follow(event.Event{Body: b})...)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}
}

// A command that comes while nothing is watched yet ends the session; a context that ends, too.
func TestEnds(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		w.want("code", w.quit(), 0)
		none(w, w.builds, "build")
		w.s.Command(plan.Command{Do: plan.DoRestart}) // it is dropped
	})
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		job := w.begin()
		for range 3 { // the third one waits for nothing
			w.s.Command(plan.Command{Do: plan.DoQuit, Why: "Ctrl-C"})
		}
		synctest.Wait()
		select {
		case <-w.s.hurry:
		default:
			t.Error("what is left of the build is not killed")
		}
		if job.Context.Err() == nil {
			t.Error("the build goes on")
		}
		job.Done(builder.Result{Canceled: true})
		next(w, w.ended, "end")
	})
}

// With --once nothing is watched, and the exit code is that of the program.
func TestOnce(t *testing.T) {
	run(t, true, []config.Service{testService("job")}, func(w *world) {
		w.want("watched", w.files.watches, false)
		p := w.live(w.begin())
		p.gone(event.Exited{Code: 7})
		w.want("code", next(w, w.ended, "end"), 7)
		w.want("nothing that follows", w.files.called("failure"), []string(nil))
	})
}

// A build that waits for a named pipe is ended, and fails with its name.
func TestPipe(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		w.files.pipe = w.s.root + "/pipe.go"
		job := w.begin()
		synctest.Wait()
		if job.Context.Err() == nil {
			t.Fatal("the build waits")
		}
		w.files.pipe = ""
		job.Done(builder.Result{Canceled: true})
		o, err := w.s.Wait(w.t.Context(), "")
		if err != nil || o.Services[0].Error != "pipe.go is a named pipe" {
			t.Errorf("%+v, %v", o, err)
		}
		w.want("files", w.files.called("nopipe"), []string{"nopipe api " + w.s.root + "/pipe.go"})
		// A build that the plan cancels is no such failure.
		w.save("api")
		job = w.build()
		w.save("api")
		synctest.Wait()
		if job.Context.Err() == nil {
			t.Fatal("a second save does not cancel the build")
		}
		job.Done(builder.Result{Canceled: true})
		w.quit(w.live(w.build()))
	})
}

// A build whose inputs were written while it read them is made once more when they are quiet,
// unless something else is built before.
func TestUnsteady(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		b := w.builders[0]
		b.quiet = make(chan struct{})
		unsteady := builder.Result{OK: true, Unsteady: true, Again: []string{"main.go"}, Binary: "bin", Sum: [32]byte{9}}
		w.begin().Done(unsteady)
		p := w.start()
		p.launched()
		p.step(plan.ReadyIs{Service: "api", Launch: p.l.Launch})
		none(w, w.builds, "build while files are written")
		b.quiet <- struct{}{}
		w.build().Done(unsteady)
		w.save("api") // which is the build that was needed
		j := w.build()
		select {
		case b.quiet <- struct{}{}:
			t.Error("it waits for quiet though something else is built")
		default:
		}
		j.Done(builder.Result{OK: true, Binary: "bin", Sum: [32]byte{9}})
		none(w, w.builds, "build")
		w.quit(p)
	})
}

// What the direct engine made is checked when there is nothing else to do; if it is wrong, go build
// makes it again.
func TestMismatch(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		b := w.builders[0]
		b.wanted, b.mismatch = true, errors.New("main.a differs")
		p := w.live(w.begin())
		st, err := w.s.Status(w.t.Context())
		if err != nil || st.Services[0].Direct == nil || !st.Services[0].Direct.Ready {
			t.Errorf("%+v, %v", st.Services, err)
		}
		if got := w.problem(); !strings.HasSuffix(got, "main.a differs") {
			t.Errorf("problem %q", got)
		}
		b.mismatch = nil
		w.build().Done(builder.Result{OK: true, Binary: "bin1", Sum: [32]byte{1, 1}})
		w.quit(p)
	})
}

// The commands of rules run before the build, in the order of the config, with what has changed.
func TestRules(t *testing.T) {
	ruled := testService("api", func(s *config.Service) {
		s.Rules = []config.Rule{{Paths: []string{"*.x"}, Effect: config.EffectRebuild, Command: config.Command{Shell: "one"}}, {Paths: []string{"*.y"}, Effect: config.EffectRebuild, Command: config.Command{Shell: "two"}}}
	})
	run(t, false, []config.Service{ruled}, func(w *world) {
		p := w.live(w.begin())
		b := w.builders[0]
		b.steps = make(chan fakeSteps, 10)
		change := func(rules ...int) {
			in := plan.Files{First: time.Now()}
			for _, n := range rules {
				in.Changes = append(in.Changes, plan.Change{
					Path: fmt.Sprintf("%s/%d", w.s.root, n), New: plan.Sum{byte(len(w.events) + n + 1)}, At: time.Now(),
					Effects: map[string]plan.Effect{"api": {Kind: plan.Rebuild, Rule: n}},
				})
			}
			w.files.o.Report(relevance.Step{Input: in})
		}
		change(1, 0)
		s := next(w, b.steps, "commands")
		w.want("commands", []string{s.steps[0].Shell, s.steps[1].Shell}, []string{"one", "two"})
		w.want("changed", s.steps[0].Env["HOTRELOAD_CHANGED"]+s.steps[1].Env["HOTRELOAD_CHANGED"], "01")
		w.files.called()
		s.result <- builder.Result{Summary: "exit status 2"}
		none(w, w.builds, "build after a failed command")
		w.want("files", w.files.called("failure"), []string{"failure api"})
		change(1, 0)
		s = next(w, b.steps, "commands again")
		w.s.Command(plan.Command{Do: plan.DoQuit})
		synctest.Wait()
		if s.ctx.Err() == nil {
			t.Error("the commands go on after the end")
		}
		s.result <- builder.Result{Canceled: true}
		p.gone(event.Exited{})
		next(w, w.ended, "end")
	})
}

// A rule can send a signal, or reload the pages; keys and signals of the terminal reach all programs.
func TestSignals(t *testing.T) {
	run(t, false, []config.Service{testService("api", func(s *config.Service) {
		s.Rules = []config.Rule{{Effect: config.EffectReload}}
	})}, func(w *world) {
		p := w.live(w.begin())
		w.said()
		w.change(map[string]plan.Effect{"api": {Kind: plan.Signal, Signal: "SIGINT", Rule: plan.NoRule}})
		synctest.Wait()
		w.want("signals", p.signals, []syscall.Signal{syscall.SIGINT})
		w.said()
		w.change(map[string]plan.Effect{"api": {Kind: plan.Signal, Signal: "SIGNONE", Rule: plan.NoRule}})
		if w.problem() == "" {
			t.Error("a signal that there is not is not reported")
		}
		w.change(map[string]plan.Effect{"api": {Kind: plan.Reload, CSS: true, Rule: plan.NoRule}})
		if got := w.names(); !slices.Contains(got, "reloaded") {
			t.Errorf("%v", got)
		}
		w.s.Signal(syscall.SIGQUIT)
		w.s.Resize()
		w.s.Look()
		synctest.Wait()
		w.want("signals", p.signals, []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT})
		w.want("resized", p.resized, 1)
		w.want("files", w.files.called("sync"), []string{"sync"})
		w.quit(p)
	})
}

// What programs report reaches people; what takes time is asked elsewhere.
func TestReports(t *testing.T) {
	run(t, false, []config.Service{testService("api"), testService("web")}, func(w *world) {
		api, web := w.live(w.begin()), w.live(w.build())
		if api.name != "api" {
			api, web = web, api
		}
		w.said()
		api.report(launch.Said{Problem: event.Problem{Message: "aside"}, Aside: true})
		w.want("problem", w.problem(), "aside")
		api.report(launch.AddressTaken{Addr: ":80"})
		w.want("problem", w.problem(), `:80: 2 services, ""`)
		api.report(launch.Slow{What: "api to stop"})
		list := w.said()
		if len(list) != 2 || list[0].Body.(event.Waiting).What != "for api to stop" || list[0].Service != "api" {
			t.Errorf("%+v", list)
		}
		api.report(launch.EndedEarly{})
		w.want("explained before the sources are known", w.problem(), "")
		w.files.sources["api"] = []string{"main.go"}
		for _, sub := range w.files.subjects {
			w.files.o.Report(relevance.Learned{Subject: sub})
		}
		w.want("problem", w.problem(), "early: main.go")
		w.want("files", w.files.called("confirm"), []string{"confirm api", "confirm web"})
		w.s.Problem(event.Problem{Message: "outside"})
		w.want("problem", w.problem(), "outside")
		w.files.o.Report(relevance.Said{Body: event.Problem{Message: "of the files"}})
		w.want("problem", w.problem(), "of the files")
		w.builders[0].o.Hooks.Stopping("sleep")
		if list := w.said(); len(list) != 2 || list[0].Body.(event.Waiting).What != "for `sleep` to stop" {
			t.Errorf("%+v", list)
		}
		api.report(launch.Slow{What: "api to stop"})
		w.said()
		w.s.Command(plan.Command{Do: plan.DoQuit})
		api.report(launch.Slow{What: "api to stop"})
		found := false
		for _, ev := range w.said() {
			b, ok := ev.Body.(event.Waiting)
			found = found || ok && strings.HasSuffix(b.What, "Ctrl-C again kills it")
		}
		w.want("a hint while everything stops", found, true)
		api.gone(event.Exited{})
		web.gone(event.Exited{})
		next(w, w.ended, "end")
	})
}

// A program that does not start leaves nothing behind, and the next one can.
func TestNotStarted(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		w.begin().succeed()
		p := w.start()
		p.step(plan.Launched{Service: "api", Launch: p.l.Launch, Problem: launch.Problem("cannot start api", errors.New("no such file"))})
		close(p.end)
		w.want("problem", w.problem(), "cannot start api: no such file")
		w.want("processes", len(w.s.services[0].processes), 0)
		w.s.Command(plan.Command{Do: plan.DoRestart})
		p = w.start()
		p.launched()
		w.quit(p)
	})
}

// A build that takes its time is reported, with how far it is; binaries of old generations are
// removed.
func TestSlowBuild(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		job := w.begin()
		w.said()
		time.Sleep(time.Minute)
		var text string
		for _, ev := range w.said() {
			text += fmt.Sprintf("%+v", ev.Body)
		}
		if !strings.Contains(text, "7") || !strings.Contains(text, "9") {
			t.Errorf("progress is not reported: %s", text)
		}
		p := w.live(job)
		w.save("api")
		j := w.build()
		j.succeed()
		synctest.Wait()
		p.gone(event.Exited{})
		p = w.start()
		p.launched()
		p.step(plan.ReadyIs{Service: "api", Launch: p.l.Launch})
		synctest.Wait()
		w.want("removed", w.builders[0].removed, []string{"bin1"})
		w.quit(p)
	})
}

// Wait does not answer while it is not known what a save means, for a service that there is not,
// or when the session is over.
func TestWait(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		p := w.live(w.begin())
		if _, err := w.s.Wait(w.t.Context(), "nobody"); !errors.Is(err, control.ErrNoService) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		if _, err := w.s.Wait(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		w.files.unjudged = true
		answers := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := w.s.Wait(w.t.Context(), "")
				answers <- err
			}()
		}
		none(w, answers, "an answer")
		w.files.unjudged = false
		w.files.o.Report(relevance.Learned{Subject: w.files.subjects[0]})
		w.want("answer", next(w, answers, "answer"), error(nil))
		next(w, answers, "answer")
		w.s.Command(plan.Command{Do: plan.DoPause})
		w.want("paused", w.s.Paused(w.t.Context()), true)
		w.files.unjudged = true
		if o, err := w.s.Wait(w.t.Context(), "api"); err != nil || !o.Services[0].Paused {
			t.Errorf("%+v, %v", o, err)
		}
		w.quit(p)
		w.want("paused", w.s.Paused(w.t.Context()), false)
	})
}

// Readers get events and what programs write, until the end.
func TestReaders(t *testing.T) {
	run(t, false, []config.Service{testService("api")}, func(w *world) {
		lines := w.s.Subscribe(w.t.Context())
		if !w.s.host.WantsOutput() {
			t.Error("a reader wants no output")
		}
		p := w.live(w.begin())
		if line := string(<-lines); !strings.Contains(line, "session_started") {
			t.Errorf("%s", line)
		}
		var pieces []control.LogPiece
		if err := w.s.Logs(w.t.Context(), "", -1, false, func(l []control.LogPiece) error { pieces = l; return nil }); err != nil || len(pieces) != 0 {
			t.Errorf("%v, %v", pieces, err)
		}
		w.quit(p)
		for range lines { // it is closed
		}
	})
}

// P5: a notice reaches people. The page of the proxy would show it as the reason why the program does
// not start, and a hook would take it for a failure: neither gets it.
func TestNoticeIsNoReason(t *testing.T) {
	api := testService("api", func(s *config.Service) {
		s.Proxy.Listen, s.Hooks = "127.0.0.1:1", config.Hooks{Failed: []config.Command{{Shell: "failed"}}}
	})
	run(t, false, []config.Service{api}, func(w *world) {
		p := w.live(w.begin())
		heard := w.pages[0].events
		hooks := make(chan fakeSteps, 10)
		w.builders[0].steps = hooks
		w.said()
		p.report(launch.Said{Problem: event.Problem{Message: "aside", Failed: true}, Aside: true})
		w.want("said", w.problem(), "aside")
		w.want("events of the page", w.pages[0].events, heard)
		none(w, hooks, "hook")
		p.report(launch.Said{Problem: event.Problem{Message: "a reason", Failed: true}})
		next(w, hooks, "hook").result <- builder.Result{OK: true}
		w.want("said", w.problem(), "a reason")
		w.want("events of the page", w.pages[0].events, heard+1)
		w.quit(p)
	})
}
