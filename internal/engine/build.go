package engine

import (
	"context"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
)

// build makes the builds that one step has asked for beside the engine: those of one
// group together, because what they share is then compiled once.
func (e *Engine) build(list []plan.Build) {
	groups := map[string][]plan.Build{}
	var order []string
	for _, a := range list {
		v := e.service(a.Service)
		set := v.conf.Load()
		key := set.builder.Group()
		if key == "" {
			key = "only " + v.name
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], a)
	}
	for _, key := range order {
		var jobs []builder.Job
		var of []*service
		var ends []context.CancelFunc
		pipes := &pipeGuard{}
		for _, a := range groups[key] {
			v := e.service(a.Service)
			job, end := v.job(a.Generation, v.conf.Load(), pipes)
			jobs, of, ends = append(jobs, job), append(of, v), append(ends, end)
		}
		e.spawn(func() {
			ctx, stop := context.WithCancel(e.ctx)
			defer stop()
			go pipes.watch(ctx, of, ends)
			builder.Together(jobs)
		})
	}
}

// job is one build of the service.
func (v *service) job(gen int, set *settings, pipes *pipeGuard) (job builder.Job, end context.CancelFunc) {
	ctx, end := v.begin()
	return builder.Job{Builder: set.builder, Context: ctx, Generation: gen, Done: func(res builder.Result) {
		res = pipes.result(v, res)
		if !res.OK && !res.Canceled {
			v.beforeFailure(ctx, gen)
		}
		end()
		if !res.Canceled {
			v.asOf.Store(v.began.Load())
		}
		if res.OK && !res.Canceled && v.engine.watch() != nil {
			v.builtNow()
		}
		v.engine.post(plan.BuildDone{
			Service: v.name, Generation: gen, Canceled: res.Canceled, OK: res.OK,
			Program:  plan.Program{Generation: gen, Binary: res.Binary, Sum: res.Sum},
			Finished: finished(res), Wrote: res.Wrote,
		})
		if res.Unsteady && v.engine.watch() != nil {
			v.whenQuiet(set.builder, res.Again)
		}
		if res.OK && !res.Canceled {
			v.engine.idle(v, set)
		}
		if (v.stale() || res.OK) && !res.Canceled && v.engine.watch() != nil {
			v.engine.notify.graph(v)
		}
	}}, end
}

// fired is the input for a timer. It may read what a build has left on the disk so far.
func (e *Engine) fired(t plan.Timer) plan.Fired {
	in := plan.Fired{Timer: t}
	if t.What != plan.SlowBuild {
		return in
	}
	v := e.service(t.Service)
	if v == nil {
		return in
	}
	if b := v.conf.Load().builder; b != nil {
		p := b.Progress()
		in.Compiled, in.Packages = p.Compiled, p.Packages
	}
	return in
}

// burstEnd waits for the end of a burst of changes, if one is under way. The result of a build
// is not used before that, so nothing is lost; and only then it can be seen that the compiler
// has read a file which was put back before the burst ended, and is no change.
func (e *Engine) burstEnd(ctx context.Context) (waited bool) {
	if e.watch() == nil || !e.inspect.open.Load() {
		return false
	}
	_ = e.catchUp(ctx)
	return true
}

// begin gives the next build, or commands, of the service the context that CancelBuild
// ends. end is called when they are over.
func (v *service) begin() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(v.engine.ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel = cancel
	if v.stopQuiet != nil {
		v.stopQuiet()
	}
	return ctx, cancel
}

// idle gives a builder the time until the next build, which the direct engine uses to prepare and to check itself.
func (e *Engine) idle(v *service, set *settings) {
	if !set.builder.EngineStatus().Wanted || e.watch() == nil {
		return // with --once nothing follows
	}
	e.spawn(func() {
		err := set.builder.Idle(e.ctx)
		if err == nil {
			return
		}
		e.note(event.Event{Time: time.Now(), Service: v.name, Body: event.Problem{
			Message: "the direct engine has built something else than go build does, and is off for this project: " + err.Error(),
			Hint:    "go build builds it again now; please report this",
		}})
		e.post(plan.Command{Do: plan.DoRebuild, Service: v.name, Why: "built by the direct engine"})
	})
}
