package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proxy"
	"github.com/hotreload/hotreload/runner"
)

// front is the proxy in front of a service, nil where there is none.
type front struct {
	*proxy.Proxy
	auto  bool       // the program gets a free port per start as $PORT
	ports *freePorts // where from
	app   string     // else where it listens
}

func (v *service) newFront(e *Engine) (*front, error) {
	c := v.conf.Load().Proxy
	if c.Listen == "" || e.opt.Once {
		return nil, nil
	}
	reserved, _ := e.takeReserved(proxyKey(c.Listen))
	p, err := proxy.New(proxy.Options{
		Listen: c.Listen, Listener: reserved.proxy, Service: v.name, Hold: c.Hold, Inject: c.Inject,
		WhenBroken: string(c.WhenBroken), Editor: c.Editor, Dir: e.root, Hosts: c.Hosts, Roots: v.roots,
		Notice: func(p event.Problem) { e.note(event.Event{Time: time.Now(), Service: v.name, Body: p}) },
	})
	if err != nil {
		return nil, err
	}
	return &front{Proxy: p, auto: c.App == config.AutoApp, ports: &e.ports, app: c.App}, nil
}

// roots are the directories of the user's code outside of the project.
func (v *service) roots() []string {
	if g := v.graph.Load(); g != nil {
		return g.Trees()
	}
	return nil
}

// address is where the program of one start will answer.
func (f *front) address() (string, error) {
	if !f.auto {
		return f.app, nil
	}
	return f.ports.next()
}

// freePorts finds ports for programs to listen on.
type freePorts struct {
	mu     sync.Mutex
	given  []string                                            // the last addresses
	listen func(network, address string) (net.Listener, error) // nil: net.Listen
}

// portsApart is how many addresses later one may come again. A program that was given one
// may be seconds away from listening there, and as many services may start together.
const portsApart = 64

// next is an address on which nobody listens and that was not given lately. The kernel
// hands out its ports in a random order, of about 28,000 on Linux: a stranger will hardly
// get this one before the program listens, but of several services two sometimes would.
func (p *freePorts) next() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listen := net.Listen
	if p.listen != nil {
		listen = p.listen
	}
	var skipped []string
	for {
		l, err := listen("tcp", "127.0.0.1:0")
		addr := ""
		switch {
		case err == nil:
			// Open until another is found: so the kernel cannot offer it a second time.
			defer l.Close()
			if addr = l.Addr().String(); slices.Contains(p.given, addr) {
				skipped = append(skipped, addr)
				continue
			}
		case len(skipped) > 0: // the system has no others: the one that was given first
			i := slices.IndexFunc(p.given, func(a string) bool { return slices.Contains(skipped, a) })
			addr = p.given[i]
			p.given = slices.Delete(p.given, i, i+1)
		default:
			return "", fmt.Errorf("no free port for the program: %w", err)
		}
		p.given = append(p.given, addr)
		if len(p.given) > portsApart {
			p.given = p.given[1:]
		}
		return addr, nil
	}
}

// env is what the program is told of the proxy.
func (f *front) env(addr string) []string {
	out := []string{"HOTRELOAD_URL=" + f.URL()}
	if f.auto {
		_, port, _ := net.SplitHostPort(addr)
		out = append(out, "PORT="+port)
	}
	return out
}

// ready is when a program behind the proxy counts as ready, if the config does
// not say: when its address accepts a connection.
func (f *front) ready(addr string, timeout time.Duration) runner.Ready {
	return runner.Ready{TCP: addr, Timeout: timeout}
}

// drain lets the requests that the program works on come to their end, before it
// is asked to end; at most for the time that it has to stop.
func (v *service) drain(l *launch) {
	if v.front == nil {
		return
	}
	ctx, cancel := context.WithTimeout(v.engine.ctx, v.conf.Load().Run.StopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.front.Drain(ctx, l.process.Pid())
	}()
	select {
	case <-done:
	case <-l.process.Gone():
		cancel()
		<-done
	case <-l.hurry:
		cancel()
		<-done
	}
}

// promote lets the proxy send what comes in to the process of the launch.
func (v *service) promote(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.launches[n]; l != nil && l.process != nil && v.front != nil {
		v.front.Promote(l.process.Pid())
	}
}

// portPatience is how long a program may take to listen on the port that it was given
// while it listens elsewhere, before that is told: a metrics port may come first.
const portPatience = 2 * time.Second

// otherPort says so if the program behind the proxy listens, but not where it was told to
// (Z5); false: not yet. Otherwise ready_timeout would pass without a word of the reason.
func (v *service) otherPort(gen int, p *runner.Process, addr string) bool {
	at, found := listensElsewhere(p, addr)
	if !found {
		return false
	}
	_, port, _ := net.SplitHostPort(addr)
	v.engine.emit(event.Event{Time: time.Now(), Service: v.name, Generation: gen, Body: event.Problem{
		Message: fmt.Sprintf("%s listens on %s, and not on the port that it was given: PORT=%s", v.name, at, port),
		Hint:    fmt.Sprintf("let it listen on $PORT, or set proxy.app = %q", at),
	}})
	return true
}

// listensElsewhere is where a program listens that does not listen on addr; false if it does, or
// if it listens nowhere.
func listensElsewhere(p *runner.Process, addr string) (netip.AddrPort, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(host)
	anyHost := err != nil || ip.IsUnspecified() // a name is not asked for
	listeners := p.Listeners()
	if len(listeners) == 0 || slices.ContainsFunc(listeners, func(at netip.AddrPort) bool {
		a := at.Addr().Unmap()
		return fmt.Sprint(at.Port()) == port && (anyHost || a.IsUnspecified() || a == ip.Unmap())
	}) {
		return netip.AddrPort{}, false
	}
	at := netip.AddrPortFrom(listeners[0].Addr().Unmap(), listeners[0].Port())
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	return at, true
}

// elsewhere adds to the problem of a program that is not ready where it does listen.
func (v *service) elsewhere(p *runner.Process, r runner.Ready, problem *event.Problem) {
	addr, key, value := r.TCP, "run.ready", "tcp:%s"
	if u, err := url.Parse(r.HTTP); err == nil && u.Host != "" {
		addr = u.Host
		value = u.Scheme + "://%s" + u.RequestURI()
	}
	if v.conf.Load().Run.Ready.IsZero() && v.front != nil {
		key, value = "proxy.app", "%s"
		if v.front.auto {
			return // otherPort has said it
		}
	}
	if at, found := listensElsewhere(p, addr); found {
		problem.Message += fmt.Sprintf("; it listens on %s", at)
		problem.Hint = fmt.Sprintf("set %s = %q, or let it listen on %s", key, strings.Replace(value, "%s", at.String(), 1), addr)
	}
}

// reloadPages tells the browsers behind the proxy; without one nobody is told,
// but the event is what a script or an editor can act on, if a rule asks for it.
func (e *Engine) reloadPages(a plan.ReloadPages) (clients int) {
	v := e.service(a.Service)
	if v != nil && v.front == nil && !slices.ContainsFunc(v.conf.Load().rules, func(r rule) bool { return r.effect == plan.Reload }) {
		return 0
	}
	kind := "page"
	if a.CSS {
		kind = "css"
	}
	b := event.Reloaded{Kind: kind, NoProxy: true}
	if v != nil && v.front != nil {
		b.Clients, b.NoProxy = v.front.Reload(a.CSS), false
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
			if v != nil && v.front != nil && (service == "" || service == v.name) {
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
