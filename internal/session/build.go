package session

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// build makes the builds that one step has asked for: those of one group together, because what
// they share is then compiled once.
func (s *Session) build(list []plan.Build) {
	groups := map[string][]plan.Build{}
	var order []string
	for _, a := range list {
		svc := s.service(a.Service)
		key := svc.set.builder.Group()
		if key == "" {
			key = "only " + svc.name
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], a)
	}
	for _, key := range order {
		var jobs []Job
		var of []*relevance.Subject
		var ends []context.CancelCauseFunc
		for _, a := range groups[key] {
			svc := s.service(a.Service)
			job, end := s.job(svc, a.Generation)
			jobs, of, ends = append(jobs, job), append(of, svc.subject), append(ends, end)
		}
		s.spawn(func() {
			ctx, stop := context.WithCancel(s.ctx)
			defer stop()
			// go waits for a named pipe forever, also when the pipe is gone: such builds fail with
			// its name, and are made again when it is no pipe.
			s.spawn(func() {
				if path := s.files.AwaitPipe(ctx, of); path != "" {
					for _, end := range ends {
						end(pipeError{path})
					}
				}
			})
			s.opt.Tools.Together(jobs)
		})
	}
}

// pipeError ends builds that wait for a named pipe.
type pipeError struct{ path string }

func (e pipeError) Error() string { return e.path + " is a named pipe" }

// job is one build of the service.
func (s *Session) job(svc *service, gen int) (job Job, end context.CancelCauseFunc) {
	ctx, end := s.begin(svc)
	set, sub := svc.set, svc.subject
	return Job{Builder: set.builder, Context: ctx, Generation: gen, Done: func(res builder.Result) {
		res = s.pipeResult(ctx, svc, res)
		if !res.OK && !res.Canceled {
			s.beforeFailure(ctx, svc, gen)
		}
		end(nil)
		if !res.Canceled {
			s.files.Built(sub, res.OK)
		}
		s.post(built{svc, set, gen, res})
		if !res.Canceled {
			s.files.AfterBuild(sub, res.OK)
		}
	}}, end
}

// begin gives the next build, or commands, of the service the context that CancelBuild
// ends. end is called when they are over.
func (s *Session) begin(svc *service) (ctx context.Context, end context.CancelCauseFunc) {
	ctx, svc.cancel = context.WithCancelCause(s.ctx)
	if svc.stopQuiet != nil {
		svc.stopQuiet()
	}
	return ctx, svc.cancel
}

// beforeFailure lets the plan know that a failure follows when it is certain that no file is
// still being written.
func (s *Session) beforeFailure(ctx context.Context, svc *service, gen int) {
	if !s.files.Watches() {
		return
	}
	s.post(input{plan.Failing{Service: svc.name, Generation: gen}})
	s.files.BeforeFailure(ctx, svc.subject)
}

// pipeResult is the result of a build that was ended for a pipe.
func (s *Session) pipeResult(ctx context.Context, svc *service, res builder.Result) builder.Result {
	var pipe pipeError
	if res.OK || !errors.As(context.Cause(ctx), &pipe) {
		return res
	}
	s.files.AwaitNoPipe(svc.subject, pipe.path)
	return builder.Result{
		Duration: res.Duration, Engine: res.Engine, Summary: rel(s.root, pipe.path) + " is a named pipe", Hint: (&gograph.PipeError{}).Hint(),
		Diagnostics: []builder.Diagnostic{{File: pipe.path, Message: gograph.PipeMessage}},
	}
}

// built takes the end of a build.
func (s *Session) built(m built) (code int, done bool) {
	res := m.result
	if res.Unsteady && s.files.Watches() {
		s.whenQuiet(m.svc, m.set.builder, res.Again)
	}
	if code, done = s.step(plan.BuildDone{
		Service: m.svc.name, Generation: m.generation, Canceled: res.Canceled, OK: res.OK,
		Program:  plan.Program{Generation: m.generation, Binary: res.Binary, Sum: res.Sum},
		Finished: finished(res), Wrote: res.Wrote,
	}); done {
		return code, done
	}
	if res.OK && !res.Canceled && s.files.Watches() { // with --once nothing follows
		s.idle(m.svc.name, m.set.builder)
	}
	return 0, false
}

// whenQuiet has the service built once more when its inputs are left alone, unless something
// else is built before: while the newest build read them, a tool wrote one after the other.
func (s *Session) whenQuiet(svc *service, b Builder, paths []string) {
	ctx, stop := context.WithCancel(s.ctx)
	svc.stopQuiet = stop
	s.spawn(func() {
		defer stop()
		if b.Quiet(ctx) == nil {
			s.post(input{plan.Touched{Service: svc.name, Paths: paths, At: time.Now(), Why: "written while it was compiled"}})
		}
	})
}

// idle gives a builder the time until the next build, which the direct engine uses to prepare and to check itself.
func (s *Session) idle(service string, b Builder) {
	s.spawn(func() {
		if !b.EngineStatus().Wanted {
			return
		}
		err := b.Idle(s.ctx)
		if err == nil {
			return
		}
		s.post(said{event.Event{Time: time.Now(), Service: service, Body: event.Problem{
			Message: "the direct engine produced a different binary than go build, and is disabled for this project: " + err.Error(),
			Hint:    "go build builds the program now; please report this",
		}}, true})
		s.post(input{plan.Command{Do: plan.DoRebuild, Service: service, Why: "built by the direct engine"}})
	})
}

// runRules runs the commands of rules, in the order of the config.
func (s *Session) runRules(svc *service, a plan.RunRules) {
	ctx, end := s.begin(svc)
	set := svc.set
	var steps []builder.Step
	for _, i := range slices.Sorted(slices.Values(a.Rules)) {
		if i < len(set.Rules) { // the config may have lost rules since then
			c := set.Rules[i].Command
			env := map[string]string{"HOTRELOAD_CHANGED": pathList(s.root, a.Changed[i])}
			steps = append(steps, builder.Step{Argv: c.Argv, Shell: c.Shell, Env: env})
		}
	}
	s.spawn(func() {
		res := set.builder.Steps(ctx, a.Generation, steps)
		if !res.OK && !res.Canceled {
			s.beforeFailure(ctx, svc, a.Generation)
		}
		end(nil)
		s.post(input{plan.RulesDone{
			Service: svc.name, Generation: a.Generation, OK: res.OK, Canceled: res.Canceled, Finished: finished(res),
		}})
	})
}

// maxPathList is the size of the longest HOTRELOAD_CHANGED, in bytes: Windows has 32,767
// characters for a variable, Linux 128 KiB.
const maxPathList = 30_000

// pathList has one path per line, relative to the root. A name that would break its line is
// quoted, as Git does. It is empty if the paths are too many: then anything may have changed.
func pathList(root string, paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		p = rel(root, p)
		if strings.ContainsAny(p, "\n\r") {
			p = strconv.Quote(p)
		}
		b.WriteString(p + "\n")
	}
	if b.Len() > maxPathList {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// finished is what to say of a build, or of the commands of rules.
func finished(res builder.Result) event.BuildFinished {
	b := event.BuildFinished{
		OK: res.OK, DurationMS: event.MS(res.Duration), Output: res.Output,
		Summary: res.Summary, Hint: res.Hint, OutputFile: res.OutputFile,
		CompileMS: event.MS(res.Compile), LinkMS: event.MS(res.Link), Engine: res.Engine, Fallback: res.Fallback, Warnings: res.Warnings, Again: res.Again,
	}
	for _, d := range res.Diagnostics {
		ed := event.Diagnostic{File: d.File, Line: d.Line, Column: d.Column, Message: d.Message, Package: d.Package}
		if d.More != "" {
			ed.Message += "\n" + d.More
		}
		for _, l := range d.Frame {
			ed.Frame = append(ed.Frame, event.SourceLine{Number: l.Number, Text: l.Text})
		}
		b.Diagnostics = append(b.Diagnostics, ed)
	}
	return b
}
