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
	id := b.o.Name + "-" + strconv.Itoa(generation) + "-steps"
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
		if f := b.runStep(ctx, s, env, tmp, out); !f.end.ok() {
			f.before = true
			return b.failed(ctx, f, out)
		}
	}
	r.OK = true
	r.Output, r.OutputFile = out.finish()
	return r
}
