package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// pipeGuard ends builds of one group that wait for a named pipe: go would do so forever, also
// when the pipe is gone. They fail with its name, and are made again when it is no pipe.
type pipeGuard struct {
	path atomic.Pointer[string] // the pipe that was found
}

// watch looks for a pipe from time to time while the builds are at work, and ends them.
func (p *pipeGuard) watch(ctx context.Context, of []*service, ends []context.CancelFunc) {
	path := gograph.AwaitPipe(ctx, func() string {
		for _, v := range of {
			if path := v.pipe(); path != "" {
				return path
			}
		}
		return ""
	})
	if path != "" {
		p.path.Store(&path)
		for _, end := range ends {
			end()
		}
	}
}

// pipe is the named pipe that go would open in a build of the service; "" if there is none.
func (v *service) pipe() string {
	if !v.conf.Load().GoBuilds() {
		return ""
	}
	dirs := []string{v.engine.root}
	g := v.graph.Load()
	if g != nil {
		dirs = append(dirs, g.Dirs()...)
	}
	path := gograph.Pipe(dirs)
	if path == "" && (g == nil || v.stale()) {
		path = gograph.PipeBelow(v.engine.ctx, v.engine.root)
	}
	return path
}

// result is what came of a build that was ended for a pipe.
func (p *pipeGuard) result(v *service, res builder.Result) builder.Result {
	path := p.path.Load()
	if path == nil || res.OK {
		return res
	}
	v.awaitNoPipe(*path)
	return builder.Result{
		Duration: res.Duration, Engine: res.Engine, Summary: v.engine.rel(*path) + " is a named pipe", Hint: (&gograph.PipeError{}).Hint(),
		Diagnostics: []builder.Diagnostic{{File: *path, Message: gograph.PipeMessage}},
	}
}

// pipeLook is how often it is looked whether a pipe is gone. The watcher does not tell of what
// is no file.
const pipeLook = 250 * time.Millisecond

// awaitNoPipe asks for a build when the pipe is none any more.
func (v *service) awaitNoPipe(path string) {
	if v.engine.watch() == nil || !v.awaitsPipe.CompareAndSwap(false, true) {
		return
	}
	v.engine.spawn(func() {
		defer v.awaitsPipe.Store(false)
		tick := time.NewTicker(pipeLook)
		defer tick.Stop()
		for files.Pipe(path) {
			select {
			case <-tick.C:
			case <-v.engine.ctx.Done():
				return
			}
		}
		v.engine.post(plan.Touched{Service: v.name, Paths: []string{path}, At: time.Now(), Why: "no named pipe any more"})
	})
}
