package builder

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Steps runs commands in order, as the Before steps of a build are run, without
// building: for files that a command must turn into something first. It takes its turn
// with Build, and a canceled context ends it in the same way. Result has no Binary.
func (b *Builder) Steps(ctx context.Context, generation int, steps []Step) (r Result) {
	start := time.Now()
	select {
	case <-ctx.Done():
		return Result{Canceled: true}
	case <-b.turn:
	}
	defer func() {
		b.turn <- struct{}{}
		r.Duration = time.Since(start)
		if ctx.Err() != nil {
			r = Result{Canceled: true, Duration: r.Duration}
		}
	}()
	return b.steps(ctx, strconv.Itoa(generation)+"-steps", true, steps)
}

// Beside runs commands in order, as Steps does, but next to builds: it takes no turn, and a
// canceled context kills them at once. The id distinguishes them from others that run at the same time.
func (b *Builder) Beside(ctx context.Context, id string, steps []Step) (r Result) {
	start := time.Now()
	r = b.steps(ctx, id, false, steps)
	if ctx.Err() != nil {
		r = Result{Canceled: true}
	}
	r.Duration = time.Since(start)
	return r
}

// steps runs commands in order. Before says that something waits for them.
func (b *Builder) steps(ctx context.Context, id string, before bool, steps []Step) (r Result) {
	id = b.o.Name + "-" + id
	tmp := filepath.Join(b.tmp, id)
	for _, d := range []string{b.log, tmp} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return b.refuse(err)
		}
	}
	defer os.RemoveAll(tmp)
	out := newOutput(filepath.Join(b.log, "build-"+id+".log"))
	env := b.environment(tmp)
	for _, s := range steps {
		s.kill = !before
		if f := b.runStep(ctx, s, env, out); !f.end.ok() {
			f.before, f.alone = before, true
			return b.failed(ctx, f, out)
		}
	}
	r.OK = true
	r.Output, r.OutputFile = out.finish()
	return r
}
