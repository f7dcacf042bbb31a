package builder

import (
	"context"
	"os"
	"path/filepath"
)

// userCommand is the engine that runs a command of the user's. Nothing else can make what that
// makes, so it never declines.
type userCommand struct{ b *Builder }

func (u userCommand) build(ctx context.Context, t task) (Result, *declined) {
	f, how := u.b.steadily(ctx, u.b.o.Inputs, t.out, func() failure {
		return u.b.runStep(ctx, u.b.o.Command, t.env, t.out)
	})
	return how.of(u.take(ctx, t, f)), nil
}

// take makes a result of what the command has left.
func (u userCommand) take(ctx context.Context, t task, f failure) Result {
	b := u.b
	if !f.end.ok() {
		return b.failed(ctx, f, t.out)
	}
	if b.o.Output == "" {
		r := Result{OK: true}
		r.Output, r.OutputFile = t.out.finish()
		return r
	}
	from := b.o.Output
	if _, err := os.Stat(from); err != nil && exeSuffix != "" && filepath.Ext(from) == "" {
		from += exeSuffix
	}
	// The user's file first: its name is the one to complain about.
	if _, err := stat(from); err != nil {
		return b.unusable(ctx, f, err, t.out)
	}
	fresh := b.fresh(t.generation)
	step, end := copyBinary(ctx, from, fresh, b.o.Dir, t.env, t.out)
	if !end.ok() {
		return b.failed(ctx, failure{step: step, end: end}, t.out)
	}
	return b.finish(ctx, f, fresh, t.out)
}
