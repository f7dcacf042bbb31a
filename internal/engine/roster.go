package engine

import (
	"context"
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
)

// roster is which services there are at one moment. It does not change: an edit of the
// config makes a new one.
type roster struct {
	list   []*service // those of the config in its order, then those that leave
	byName map[string]*service
}

func newRoster(list []*service) *roster {
	r := &roster{list: list, byName: map[string]*service{}}
	for _, v := range list {
		r.byName[v.name] = v
	}
	return r
}

// all are the services, also those that are leaving.
func (e *Engine) all() []*service { return e.roster.Load().list }

// service is nil if there is none of that name.
func (e *Engine) service(name string) *service { return e.roster.Load().byName[name] }

// names are the services of the config, in its order.
func (e *Engine) names() []string {
	var out []string
	for _, v := range e.all() {
		if !v.leaving.Load() {
			out = append(out, v.name)
		}
	}
	return out
}

// specs is what the plan is told of the services of the config.
func (e *Engine) specs() []plan.Service {
	var out []plan.Service
	for _, v := range e.all() {
		if !v.leaving.Load() {
			out = append(out, v.conf.Load().spec())
		}
	}
	return out
}

// sayProxy says where the proxy of the service listens, if it listened elsewhere, or there was
// none; not aloud at the start, which has its own way. rosterMu is held.
func (e *Engine) sayProxy(v *service, aloud bool) {
	url := v.beside.URL()
	if e.urls == nil {
		e.urls = map[string]string{}
	}
	if e.urls[v.name] == url {
		return
	}
	e.urls[v.name] = url
	if aloud {
		e.emit(event.Event{Time: time.Now(), Service: v.name, Body: event.Proxy{URL: url}})
	}
}

// serve lets the proxy of the service work, if it has one, until the session or the
// service ends.
func (e *Engine) serve(v *service) {
	ctx, cancel := context.WithCancel(e.ctx)
	v.close = cancel
	for _, c := range v.beside {
		v.serving.Add(1)
		e.spawn(func() {
			defer v.serving.Done()
			if err := c.Run(ctx); err != nil {
				p := event.Problem{Message: "the proxy has ended: " + err.Error(), Hint: "restart hotreload"}
				e.note(event.Event{Time: time.Now(), Service: v.name, Body: p})
			}
		})
	}
}

// reconfigure tells the plan which services there are now.
func (e *Engine) reconfigure(re plan.Reconfigured) {
	e.post(func() {
		// Those of this moment: another edit may have come in between.
		re.Services = e.specs()
		e.step(re)
		e.changing.Store(e.coming.Load() > 0)
		for _, v := range e.all() {
			if v.leaving.Load() && !e.state.Knows(v.name) {
				e.forget(v.name) // it left before the plan heard of it
			}
		}
	})
}

// forget gives back what a service held that has left.
func (e *Engine) forget(name string) {
	v := e.service(name)
	if v == nil || !v.forgotten.CompareAndSwap(false, true) {
		return
	}
	e.spawn(func() {
		v.close()
		v.serving.Wait()
		v.sockets.Close()
		e.rosterMu.Lock()
		e.roster.Store(newRoster(slices.DeleteFunc(slices.Clone(e.all()), func(o *service) bool { return o == v })))
		if _, returns := e.returning[name]; !returns {
			delete(e.urls, name)
		}
		if !slices.ContainsFunc(e.all(), func(v *service) bool { return v.leaving.Load() }) {
			e.comeBack()
		}
		e.rosterMu.Unlock()
		// Also if nothing came back: who waits has to ask again.
		e.reconfigure(plan.Reconfigured{})
	})
}

// comeBack makes the services that had to wait until those that left had given their
// addresses back. rosterMu is held.
func (e *Engine) comeBack() {
	var added []*service
	for _, name := range e.order {
		c, ok := e.returning[name]
		if !ok || e.ctx.Err() != nil {
			continue
		}
		v, err := newService(e, c)
		if err != nil {
			e.emit(event.Event{Time: time.Now(), Service: name, Body: *launch.Problem("cannot start "+name, err)})
			continue
		}
		added = append(added, v)
	}
	e.reserved.Drop()
	e.enlist(added)
	e.setReturning(nil)
}

// setReturning says which services come when others have left. rosterMu is held.
func (e *Engine) setReturning(m map[string]config.Service) {
	e.returning = m
	e.coming.Store(int64(len(m)))
	if len(m) > 0 {
		e.changing.Store(true)
	}
}

// enlist adds services, in the order of the config. rosterMu is held.
func (e *Engine) enlist(added []*service) {
	list := append(slices.Clone(e.all()), added...)
	place := func(v *service) int {
		if i := slices.Index(e.order, v.name); i >= 0 && !v.leaving.Load() {
			return i
		}
		return len(e.order) // those that leave come last
	}
	slices.SortStableFunc(list, func(a, b *service) int { return place(a) - place(b) })
	e.roster.Store(newRoster(list))
	for _, v := range added {
		e.sayProxy(v, true)
		e.serve(v)
	}
	if w := e.watch(); w != nil {
		w.SetScope(e.scope()) // their rules and env files
	}
}

// namesOf are the names of services of a config.
func namesOf(list []config.Service) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
