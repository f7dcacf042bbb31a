package relevance

import (
	"context"
	"errors"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/watcher"
)

// newWatcher makes one with the settings of the config, and the scope of this moment.
func (j *Judge) newWatcher(c *config.Config) (Watcher, error) {
	return j.o.Watch(j.watcherOptions(c))
}

func (j *Judge) watcherOptions(c *config.Config) watcher.Options {
	return watcher.Options{
		Scope:        j.scope(),
		Exclude:      c.Watch.Exclude,
		Gitignore:    c.Watch.Gitignore,
		Debounce:     atLeast(c.Watch.Debounce),
		MaxWait:      atLeast(c.Watch.MaxWait),
		Backend:      watcher.Backend(c.Watch.Backend),
		PollInterval: c.Watch.PollInterval,
		Early:        true,
	}
}

// atLeast keeps an explicit zero of the config from meaning the watcher's default.
func atLeast(d time.Duration) time.Duration { return max(d, time.Nanosecond) }

// observe runs a watcher until ctx ends.
func (j *Judge) observe(ctx context.Context, w Watcher) {
	j.spawn(func() {
		if err := w.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			j.say(event.Problem{Message: "hotreload has stopped watching: " + err.Error(), Hint: "restart hotreload"})
		}
	})
}

// Sync is watcher.Sync of the watcher at work, also while it is being replaced.
func (j *Judge) Sync(ctx context.Context) error {
	for {
		w := j.watch()
		err := w.Sync(ctx)
		if !errors.Is(err, watcher.ErrStopped) || j.watch() == w {
			return err
		}
	}
}

// handover is the exchange of the watcher whose changes are judged.
type handover struct {
	to   Watcher
	done chan struct{}
}

// rewatchGrace bounds the last scan of a watcher that is replaced: its file system
// may hang, and that may be why it is replaced.
const rewatchGrace = 10 * time.Second

// rewatch puts a watcher with other settings in the place of the one at work. Nothing is
// missed: the old one works until the new one has seen all files once, and then scans
// all of them for the last time. What both have seen is reported once.
func (j *Judge) rewatch(c *config.Config) {
	j.spawn(func() {
		j.rewatching.Lock()
		defer j.rewatching.Unlock()
		if j.conf.Load() != c || j.ctx.Err() != nil {
			return // edited again meanwhile: that edit has its own
		}
		w, err := j.newWatcher(c)
		if err != nil {
			j.say(ConfigProblem(err))
			return
		}
		j.memory.compare(true)
		defer j.memory.compare(false)
		ctx, cancel := context.WithCancel(j.ctx)
		j.observe(ctx, w)
		select {
		case <-w.Ready():
		case <-j.ctx.Done():
			cancel()
			return
		}
		limited, stop := context.WithTimeout(j.ctx, rewatchGrace)
		_ = j.watch().Sync(limited)
		stop()
		h := handover{w, make(chan struct{})}
		select {
		case j.handovers <- h:
			<-h.done
		case <-j.ctx.Done():
			cancel()
			return
		}
		j.watching.Store(&w)
		j.unwatch()
		j.unwatch = cancel
		j.spawn(func() { j.notices(ctx, w) })
		w.SetScope(j.scope()) // a graph may have been read since New
		// After this, nothing is left that the old one has reported, not even what is just received.
		_ = j.CatchUp(j.ctx)
	})
}

// ConfigProblem says that an edit of the config is not applied.
func ConfigProblem(err error) event.Problem {
	p := event.Problem{
		Message: "the config is not applied: " + err.Error(),
		Hint:    "the previous settings are kept until it is fixed",
	}
	var detailed interface{ Detail() string }
	if errors.As(err, &detailed) {
		p.Message = "the config is not applied"
		p.Detail = detailed.Detail()
	} else if hint := advice.Hint(err); hint != "" {
		p.Hint = hint + "; " + p.Hint
	}
	return p
}
