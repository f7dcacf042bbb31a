package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

// goBuild is the engine that calls go build. It can make every program, so it never declines.
type goBuild struct{ b *Builder }

func (g goBuild) build(ctx context.Context, t task) (Result, *declined) {
	overlay, err := headerFlags(t.tmp, t.tool.flags, g.b.o.Dir, t.tool.headers)
	if err != nil {
		return g.b.refuse(err), nil
	}
	t.env = goEnvironment(t.env, t.tmp)
	argv := slices.Concat(t.tool.flags.argv(g.b.o.Go, g.b.fresh(t.generation)), t.tool.flags.args, overlay, []string{g.b.o.Package})
	r := g.call(ctx, t, argv)
	if !r.OK && ctx.Err() == nil && cacheCleaned(r.Output) {
		// Another process has cleaned Go's cache. What is missing is compiled again, so this
		// failure says nothing about the sources.
		t.out = newOutput(t.out.path)
		r = g.call(ctx, t, argv)
	}
	r.Engine = EngineGo
	return r, nil
}

// argv is the start of the command line, up to the flags.
func (p buildFlags) argv(command, output string) []string {
	argv := []string{command, "build", "-o", output}
	if p.json {
		argv = append(argv, "-json")
	}
	return argv
}

func (g goBuild) call(ctx context.Context, t task, argv []string) Result {
	b := g.b
	var warnings string
	f, how := b.steadily(ctx, b.o.Inputs, t.out, func() failure {
		from := t.out.size
		f := b.goCommand(ctx, []*Builder{b}, t, argv)
		if f.end.ok() {
			warnings = t.tool.flags.warnings(t.out, from)
		}
		return f
	})
	if !f.end.ok() {
		return how.of(b.failed(ctx, f, t.out))
	}
	r := how.of(b.finish(ctx, f, b.fresh(t.generation), t.out))
	if r.OK {
		r.Warnings = warnings
	}
	return r
}

// goCommand runs a go build for some builders.
func (b *Builder) goCommand(ctx context.Context, of []*Builder, t task, argv []string) failure {
	flags := t.tool.flags
	ds := newDiagnoser(b.o.Dir, !flags.noisy)
	text := newText(ds, t.out)
	actions := filepath.Join(t.tmp, "actions.json")
	// It is no part of the command that people see.
	c := command{path: t.tool.path, argv: slices.Insert(slices.Clone(argv), 2, actionsFlag+actions), dir: b.o.Dir, env: t.env, output: text, hard: true}
	if flags.json {
		c.output, c.stderr = newEvents(ds, t.out, text), text
	}
	seen := observe(ctx, of, t.tmp, t.tool.path, flags.args, t.env)
	defer seen.end()
	f := failure{step: Step{Argv: argv}, end: run(ctx, c), found: ds, golang: true}
	if f.end.ok() {
		f.phases = readPhases(actions)
	}
	return f
}

// goEnvironment is for the go command alone: an external link makes its directory in
// TMPDIR, not GOTMPDIR, and leaves it there when killed. A broken TMPDIR of the user's
// does no harm either.
func goEnvironment(env []string, tmp string) []string {
	for _, name := range tempVariables {
		env = proc.SetEnv(env, name, tmp)
	}
	return env
}

func goMissing(name string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		if name != filepath.Base(name) {
			return advice.With(fmt.Errorf("the go command %s does not exist", name), "check its path")
		}
		return advice.With(fmt.Errorf("%s is not on PATH", name),
			"install Go (https://go.dev/dl), or add its bin directory to PATH")
	}
	return advice.With(fmt.Errorf("the go command cannot be run: %w", err), "check its path and its permissions")
}
