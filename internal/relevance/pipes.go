package relevance

import (
	"context"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// AwaitPipe returns the named pipe that go would open in a build of one of the services, as soon
// as there is one: go waits for it forever, also when it is gone. It returns "" when ctx ends.
func (j *Judge) AwaitPipe(ctx context.Context, of []*Subject) string {
	return gograph.AwaitPipe(ctx, func() string {
		for _, s := range of {
			if path := j.pipe(ctx, s); path != "" {
				return path
			}
		}
		return ""
	})
}

// pipe is the named pipe that go would open in a build of the service; "" if there is none.
func (j *Judge) pipe(ctx context.Context, s *Subject) string {
	if !s.conf.Load().GoBuilds() {
		return ""
	}
	dirs := []string{j.root}
	g := s.graph.Load()
	if g != nil {
		dirs = append(dirs, g.Dirs()...)
	}
	path := gograph.Pipe(dirs)
	if path == "" && (g == nil || s.graphOutdated()) {
		path = gograph.PipeBelow(ctx, j.root)
	}
	return path
}

// pipeInterval is how often it is checked whether a pipe is gone. The watcher does not report
// what is no file.
const pipeInterval = 250 * time.Millisecond

// AwaitNoPipe asks for a build when the pipe is none any more. It does not wait.
func (j *Judge) AwaitNoPipe(s *Subject, path string) {
	if j.watch() == nil || !s.awaitsPipe.CompareAndSwap(false, true) {
		return
	}
	j.spawn(func() {
		defer s.awaitsPipe.Store(false)
		tick := time.NewTicker(pipeInterval)
		defer tick.Stop()
		for files.Pipe(path) {
			select {
			case <-tick.C:
			case <-j.ctx.Done():
				return
			}
		}
		j.step(plan.Touched{Service: s.name, Paths: []string{path}, At: time.Now(), Why: "no longer a named pipe"})
	})
}
