package engine

import (
	"context"
	"errors"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// watch is the watcher at work; nil with --once.
func (e *Engine) watch() *watcher.Watcher { return e.watching.Load() }

// observe runs a watcher until ctx ends.
func (e *Engine) observe(ctx context.Context, w *watcher.Watcher) {
	e.spawn(func() {
		if err := w.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			e.say(event.Problem{Message: "watching has ended: " + err.Error(), Hint: "restart hotreload"})
		}
	})
}

// sync is watcher.Sync of the watcher at work, also while it is being replaced.
func (e *Engine) sync(ctx context.Context) error {
	for {
		w := e.watch()
		err := w.Sync(ctx)
		if !errors.Is(err, watcher.ErrStopped) || e.watch() == w {
			return err
		}
	}
}

// handover is the exchange of the inspector's watcher.
type handover struct {
	to   *watcher.Watcher
	done chan struct{}
}

// rewatchPatience bounds the last look of a watcher that is replaced: its file system
// may hang, and that may be why it is replaced.
const rewatchPatience = 10 * time.Second

// rewatch puts a watcher with other settings in the place of the one at work. Nothing is
// missed: the old one works until the new one has seen all files once, and then looks at
// all of them for the last time. What both have seen is told once.
func (e *Engine) rewatch(c *config.Config) {
	e.spawn(func() {
		e.rewatching.Lock()
		defer e.rewatching.Unlock()
		if e.conf.Load() != c || e.ctx.Err() != nil {
			return // edited again meanwhile: that edit has its own
		}
		w, err := e.newWatcher(c)
		if err != nil {
			e.say(configProblem(err))
			return
		}
		e.inspect.compare(true)
		defer e.inspect.compare(false)
		ctx, cancel := context.WithCancel(e.ctx)
		e.observe(ctx, w)
		select {
		case <-w.Ready():
		case <-e.ctx.Done():
			cancel()
			return
		}
		patience, stop := context.WithTimeout(e.ctx, rewatchPatience)
		_ = e.watch().Sync(patience)
		stop()
		h := handover{w, make(chan struct{})}
		select {
		case e.inspect.handovers <- h:
			<-h.done
		case <-e.ctx.Done():
			cancel()
			return
		}
		e.watching.Store(w)
		e.unwatch()
		e.unwatch = cancel
		e.spawn(func() { e.notices(ctx, w) })
		w.SetScope(e.scope()) // a graph may have been read since New
		// After this, nothing is left that the old one has told already.
		_ = w.Sync(e.ctx)
	})
}

// compare begins or ends the comparison of what two watchers tell of the same change.
func (i *inspector) compare(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = nil
	if on {
		i.told = map[string]watcher.Sum{}
	}
}

// news drops from a batch what the other watcher has told, and notes what this one tells.
func (i *inspector) news(b watcher.Batch) watcher.Batch {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.told == nil {
		return b
	}
	changes := b.Changes
	b.Changes = nil
	for _, c := range changes {
		if sum, ok := i.told[c.Path]; !ok || sum != c.New {
			b.Changes = append(b.Changes, c)
		}
		i.told[c.Path] = c.New
	}
	return b
}

// taken is told to the plan when a watcher is replaced: whatever burst the old one had
// begun to tell, the new one ends.
func taken() plan.Files { return plan.Files{First: time.Now()} }
