package engine

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
)

// hooks runs the commands of [hooks] for one service. Of each hook one run is at work at a
// time: an event that comes meanwhile waits for its end, and the newest takes the place of one
// that waits already.
type hooks struct {
	mu      sync.Mutex
	broken  bool // a build, or a command of a rule, has failed
	down    bool // the program did not start, or ended with an error
	running map[string]bool
	next    map[string]event.Event
}

// hook is the table of the commands for one name.
func hook(h config.Hooks, name string) []config.Command {
	switch name {
	case "failed":
		return h.Failed
	case "fixed":
		return h.Fixed
	}
	return h.Live
}

// hear runs what follows from an event of the service.
func (v *service) hear(ev event.Event) {
	broken, down, repaired, live := false, false, false, false
	switch b := ev.Body.(type) {
	case event.BuildFinished:
		broken, repaired = !b.OK, b.Unchanged // a program that is another one has a live of its own
	case event.Changed:
		repaired = b.Undone
	case event.Reloaded:
		repaired = true
	case event.Exited:
		down = !b.Expected && b.Code != 0
	case event.Problem:
		down = b.Failed
	case event.Live:
		live = true
	}
	h := &v.hooks
	h.mu.Lock()
	fixed := h.broken && repaired && !h.down || (h.broken || h.down) && live
	h.broken = broken || h.broken && !repaired && !live
	h.down = down || h.down && !live
	h.mu.Unlock()
	if broken || down {
		v.runHook("failed", ev)
	}
	if fixed {
		v.runHook("fixed", ev)
	}
	if live {
		v.runHook("live", ev)
	}
}

// runHook runs the commands of a hook beside everything else, now or when those at work have ended.
func (v *service) runHook(name string, ev event.Event) {
	if v.engine.opt.Once || len(hook(v.conf.Load().Hooks, name)) == 0 {
		return
	}
	h := &v.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[name] {
		h.next[name] = ev
		return
	}
	if h.running == nil {
		h.running, h.next = map[string]bool{}, map[string]event.Event{}
	}
	h.running[name] = true
	v.engine.spawn(func() {
		for more := true; more; {
			v.callHook(name, ev)
			h.mu.Lock()
			if ev, more = h.next[name]; !more {
				h.running[name] = false
			}
			delete(h.next, name)
			h.mu.Unlock()
		}
	})
}

// callHook runs the commands once, until the session ends. Only a failure is said.
func (v *service) callHook(name string, ev event.Event) {
	set := v.conf.Load()
	var steps []builder.Step
	for _, c := range hook(set.Hooks, name) {
		steps = append(steps, builder.Step{Argv: c.Argv, Shell: c.Shell, Input: ev.Line(), Env: map[string]string{
			"HOTRELOAD_EVENT": name, "HOTRELOAD_SERVICE": v.name, "HOTRELOAD_GENERATION": strconv.Itoa(ev.Generation),
		}})
	}
	r := set.builder.Beside(v.engine.ctx, "hook-"+name, steps)
	if r.OK || r.Canceled {
		return
	}
	v.engine.note(event.Event{Time: time.Now(), Service: v.name, Generation: ev.Generation, Body: event.Problem{
		Message: fmt.Sprintf("hooks.%s: %s", name, r.Summary), Hint: r.Hint, Detail: r.Output,
	}})
}
