package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proxy"
)

// newFront makes the proxy of the service, if it is to have one.
func (v *service) newFront(e *Engine) error {
	c := v.conf.Load().Proxy
	if c.Listen == "" || e.opt.Once {
		return nil
	}
	app := c.App
	if app == config.AutoApp {
		app = ""
	}
	at, secure := c.Address()
	cert, key := "", ""
	if secure {
		cert, key = e.abs(c.Cert), e.abs(c.Key)
	}
	f, err := proxy.NewFront(proxy.Options{
		Listen: at, Listener: e.reserved.Proxy(at), Cert: cert, Key: key, Service: v.name, Hold: c.Hold, Inject: c.Inject,
		WhenBroken: string(c.WhenBroken), Editor: c.Editor, Dir: e.root, Hosts: c.Hosts, Roots: v.roots, Page: e.opt.Page,
		Output: func(gen int, since time.Time) []byte { return e.host.Logs.Of(v.name, gen, since) },
		Notice: func(p event.Problem) { e.note(event.Event{Time: time.Now(), Service: v.name, Body: p}) },
	}, app, &e.ports)
	if err != nil {
		return err
	}
	v.beside = companion.All{f}
	return nil
}

// roots are the directories of the user's code outside of the project.
func (v *service) roots() []string {
	if g := v.graph.Load(); g != nil {
		return g.Trees()
	}
	return nil
}

// reloadPages tells the browsers behind the proxy; without one nobody is told,
// but the event is what a script or an editor can act on, if a rule asks for it.
func (e *Engine) reloadPages(a plan.ReloadPages) (clients int) {
	v := e.service(a.Service)
	if v != nil && !hasPage(v) && !slices.ContainsFunc(v.conf.Load().rules, func(r rule) bool { return r.effect == plan.Reload }) {
		return 0
	}
	kind := "page"
	if a.CSS {
		kind = "css"
	}
	b := event.Reloaded{Kind: kind, NoProxy: true}
	if v != nil {
		if p, ok := v.beside.Page(); ok {
			b.Clients, b.NoProxy = p.Reload(a.CSS), false
		}
	}
	e.emit(event.Event{Time: time.Now(), Service: a.Service, Generation: a.Generation, Body: b})
	return b.Clients
}

// ErrNoProxy is returned where no proxy is in front of the program.
var ErrNoProxy = errors.New("there is no proxy")

// Reload lets the browsers load their pages again, of one service or (empty) of all that have a
// proxy, and returns how many tabs that are.
func (e *Engine) Reload(ctx context.Context, service string) (clients int, err error) {
	found := false
	err = e.ask(ctx, func(st *plan.State) bool {
		for _, r := range st.Reports() {
			v := e.service(r.Service)
			if v != nil && hasPage(v) && (service == "" || service == v.name) {
				found = true
				clients += e.reloadPages(plan.ReloadPages{Service: v.name, Generation: r.Generation})
			}
		}
		return true
	})
	if err == nil && !found {
		err = ErrNoProxy
	}
	return clients, err
}

func hasPage(v *service) bool {
	_, ok := v.beside.Page()
	return ok
}
