package session

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
)

// hooks is which commands of [hooks] follow from the events of one service. Of each hook one run
// is at work at a time: an event that comes in the meantime waits for its end, and the newest takes
// the place of one that waits already.
type hooks struct {
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

// news is what an event says about a service, as far as hooks follow from it.
type news struct{ broken, down, repaired, live bool }

func newsOf(ev event.Event) (n news) {
	switch b := ev.Body.(type) {
	case event.BuildFinished:
		n.broken, n.repaired = !b.OK, b.Unchanged // another program has its own live event
	case event.Changed:
		n.repaired = b.Undone
	case event.Reloaded:
		n.repaired = true
	case event.Exited:
		n.down = !b.Expected && b.Code != 0
	case event.Problem:
		n.down = b.Failed
	case event.Live:
		n.live = true
	}
	return n
}

// follow returns the hooks that follow from an event of the service.
func (h *hooks) follow(ev event.Event) (names []string) {
	n := newsOf(ev)
	fixed := h.broken && n.repaired && !h.down || (h.broken || h.down) && n.live
	h.broken = n.broken || h.broken && !n.repaired && !n.live
	h.down = n.down || h.down && !n.live
	if n.broken || n.down {
		names = append(names, "failed")
	}
	if fixed {
		names = append(names, "fixed")
	}
	if n.live {
		names = append(names, "live")
	}
	return names
}

// runHook runs the commands of a hook, now or when those at work have ended.
func (s *Session) runHook(svc *service, name string, ev event.Event) {
	commands := hook(svc.set.Hooks, name)
	if s.opt.Once || len(commands) == 0 {
		return
	}
	h := &svc.hooks
	if h.running[name] {
		h.next[name] = ev
		return
	}
	if h.running == nil {
		h.running, h.next = map[string]bool{}, map[string]event.Event{}
	}
	h.running[name] = true
	var steps []builder.Step
	for _, c := range commands {
		steps = append(steps, builder.Step{Argv: c.Argv, Shell: c.Shell, Input: ev.Line(), Env: map[string]string{
			"HOTRELOAD_EVENT": name, "HOTRELOAD_SERVICE": svc.name, "HOTRELOAD_GENERATION": strconv.Itoa(ev.Generation),
		}})
	}
	b := svc.set.builder
	s.spawn(func() {
		r := b.Beside(s.ctx, "hook-"+name, steps)
		if !r.OK && !r.Canceled { // only a failure is reported
			s.post(said{event.Event{Time: time.Now(), Service: svc.name, Generation: ev.Generation, Body: event.Problem{
				Message: fmt.Sprintf("hooks.%s: %s", name, r.Summary), Hint: r.Hint, Detail: r.Output,
			}}, true})
		}
		s.post(hookOver{svc, name})
	})
}

// hookOver runs a hook once more, if an event came in the meantime.
func (s *Session) hookOver(svc *service, name string) {
	h := &svc.hooks
	h.running[name] = false
	if ev, more := h.next[name]; more {
		delete(h.next, name)
		s.runHook(svc, name, ev)
	}
}
