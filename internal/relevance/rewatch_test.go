package relevance

import (
	"context"
	"runtime"
	"testing"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/testkit"
	"github.com/hotreload/hotreload/watcher"
)

// scripted is a watcher that reports one change while it is asked to scan for the last time.
type scripted struct {
	Watcher
	batches chan watcher.Batch
	change  watcher.Change
}

func (w *scripted) Run(ctx context.Context) error {
	<-ctx.Done()
	close(w.batches)
	return ctx.Err()
}
func (w *scripted) Ready() <-chan struct{}        { c := make(chan struct{}); close(c); return c }
func (w *scripted) Batches() <-chan watcher.Batch { return w.batches }
func (w *scripted) Notices() <-chan watcher.Notice {
	return nil
}
func (w *scripted) SetScope(watcher.Scope) {}
func (w *scripted) Ignored(string) (string, bool) {
	return "", false
}

// Sync returns as soon as the batch is received, as it may.
func (w *scripted) Sync(ctx context.Context) error {
	select {
	case w.batches <- watcher.Batch{Changes: []watcher.Change{w.change}}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// C3: a change that both watchers see is reported once, also if it is received from the new one at
// the very end of the exchange.
func TestRewatchReportsOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who has received is then not the next to run
	j, s := subject(t, func(s *config.Service) {})
	reported := make(chan int, 100)
	j.o.Report = func(r Report) {
		if step, ok := r.(Step); ok {
			if f, ok := step.Input.(plan.Files); ok {
				reported <- len(f.Changes)
			}
		}
	}
	j.o.Watch = func(watcher.Options) (Watcher, error) {
		return &scripted{batches: make(chan watcher.Batch), change: watcher.Change{Path: j.abs("main.go"), New: watcher.Sum{1}}}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := j.Open([]*Subject{s}); err != nil {
		t.Fatal(err)
	}
	// As Start, but no graph is read.
	j.ctx = ctx
	j.watchCtx, j.unwatch = context.WithCancel(ctx)
	j.observe(j.watchCtx, j.watch())
	j.Begin()
	c := *j.conf.Load()
	before := c
	c.Watch.Debounce++
	j.Apply(&c, []*Subject{s})
	first := j.watch()
	j.Rewatch(&before)
	testkit.Until(t, "the new watcher is at work", func() bool { return j.watch() != first })
	j.rewatching.Lock() // the exchange has ended
	cancel()
	j.rewatching.Unlock()
	j.Wait()
	close(reported)
	n := 0
	for k := range reported {
		n += k
	}
	if n != 1 {
		t.Errorf("reported %d times", n)
	}
}
