package launch

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
)

// ExplainTaken says who has the address on which the program could not listen. Whoever it is
// is left alone: hotreload stops only processes that it started. Services are all of the session, and
// control is the address of its API: what hotreload itself may have the address for.
func (p *Program) ExplainTaken(t AddressTaken, services []config.Service, control string) event.Problem {
	addrs := []string{t.Addr}
	if t.Addr == "" {
		addrs = p.likelyAddresses(t.Env)
	}
	for _, a := range addrs {
		if found, ok := p.explainTaken(a, t, services, control); ok {
			return found
		}
	}
	return event.Problem{
		Message: p.name + " cannot listen: its address is in use",
		Hint:    "see who listens: " + proc.ListCommand(""),
	}
}

func (p *Program) explainTaken(addr string, t AddressTaken, services []config.Service, control string) (why event.Problem, ok bool) {
	if addr == "" {
		return why, false
	}
	own, found := proc.PortOwner(addr)
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case found && own.PID == os.Getpid():
		why.Message, why.Hint = p.heldHere(addr, port, services, control)
	case found && own.PID != 0 && proc.GroupOf(own.PID) == t.PID:
		why.Message = fmt.Sprintf("%s listens on %s itself, twice (%s)", p.name, addr, own)
		why.Hint = "it opens the address a second time"
	case found && own.PID != 0:
		why.Message = fmt.Sprintf("%s cannot listen on %s: the address is used by %s", p.name, addr, own)
		why.Hint = fmt.Sprintf("stop that process (%s), or use another port; hotreload stops only processes that it started", proc.EndCommand(own.PID))
	case found:
		why.Message = fmt.Sprintf("%s cannot listen on %s: the address is used by %s", p.name, addr, own)
		why.Hint = fmt.Sprintf("it may be in a container or another user's: %s", proc.ListCommand(port))
	case t.Addr != "":
		why.Message = fmt.Sprintf("%s cannot listen on %s: the address is in use", p.name, addr)
		why.Hint = "nothing seems to listen there anymore: restart the program (key r)"
	default:
		return why, false
	}
	return why, true
}

// heldHere says what hotreload itself has the address for, and what to do about it.
func (p *Program) heldHere(addr, port string, services []config.Service, control string) (message, hint string) {
	at := func(s string) bool {
		_, p, err := net.SplitHostPort(s)
		return err == nil && p == port
	}
	holds := func(c config.Service) bool {
		return slices.ContainsFunc(c.Run.Listen, func(s config.Socket) bool {
			return s.Network == "tcp" && at(s.Address)
		})
	}
	wants := fmt.Sprintf("%s wants to listen on %s, ", p.name, addr)
	// The program's own socket first: with LISTEN_FDS it can have the address.
	if holds(*p.conf.Load()) {
		return wants + "which hotreload holds open for it",
			"take the socket from LISTEN_FDS (docs/zero-downtime.md), or remove the address from run.listen"
	}
	for _, c := range services {
		listen, _ := c.Proxy.Address()
		switch {
		case at(listen) && c.Name == p.name:
			where := "$PORT"
			if app := c.Proxy.App; app != config.AutoApp {
				where = app + ", which proxy.app names"
			}
			return wants + "where hotreload's proxy in front of it listens", "let it listen on " + where + ", or give proxy.listen another port"
		case at(listen):
			return wants + "where hotreload's proxy in front of " + c.Name + " listens", "give one of the two another port"
		case holds(c):
			return wants + "which hotreload holds open for " + c.Name, "give one of the two another port"
		}
	}
	if at(control) {
		return wants + "where hotreload's own API listens", "give control.listen another port"
	}
	return wants + "where hotreload itself listens", "give the program another port"
}

// likelyAddresses are those that a program may mean which does not say what it could not
// listen on.
func (p *Program) likelyAddresses(env []string) []string {
	var out []string
	add := func(addr string) {
		if addr != "" && !slices.Contains(out, addr) {
			out = append(out, addr)
		}
	}
	add(p.conf.Load().Run.Ready.Address())
	for _, kv := range env {
		switch name, value, _ := strings.Cut(kv, "="); name {
		case "PORT":
			add(":" + strings.TrimPrefix(value, ":"))
		case "ADDR", "ADDRESS", "LISTEN_ADDR", "HTTP_ADDR":
			add(value)
		}
	}
	return out
}

// portGrace is how long a program may take to listen on the port that it was given
// while it listens elsewhere, before that counts: a metrics port may come first. It is looked for
// at each portInterval.
const (
	portGrace    = 2 * time.Second
	portInterval = 100 * time.Millisecond
)

// otherPort finds out that the program listens, but not on the port that it was given; false: not
// yet. If there is one port only, the program is ready there, and its companions are led to it. That
// is reported once. If there are several, the user has to choose.
func (s *supervision) otherPort() bool {
	place := companion.Answering(s.places)
	listeners := s.process.Listeners()
	at, found := listensElsewhere(listeners, place.Addr)
	if !found {
		return false
	}
	_, port, _ := net.SplitHostPort(place.Addr)
	one := !slices.ContainsFunc(listeners, func(l netip.AddrPort) bool { return l.Port() != at.Port() })
	family := one && fmt.Sprint(at.Port()) == port // the right port, of the other family: as good
	s.mu.Lock()
	known := one && s.adopted == at
	s.mu.Unlock()
	if !known && !family && time.Since(s.began) < portGrace {
		return false
	}
	said := Said{Generation: s.l.launch.Generation, Aside: one, Problem: event.Problem{
		Message: fmt.Sprintf("%s listens on %s, not on the port that it was given: PORT=%s", s.name, at, port),
		Hint:    fmt.Sprintf("let it listen on $PORT, or set proxy.app = %q", at),
	}}
	if one {
		said.Message += "; the proxy connects to it there"
	}
	if !known && !family {
		s.l.report(said)
	}
	if one {
		s.adopt(at)
	}
	return true
}

// adopt takes the program as ready at another address than its companions have given it.
func (s *supervision) adopt(at netip.AddrPort) {
	s.mu.Lock()
	s.adopted = at
	s.mu.Unlock()
	for i, place := range s.places {
		if place.Given {
			s.places[i].Addr = at.String()
		}
	}
	s.ready = true
	s.learn(s.process, s.spec.Ready)
	s.companions.SetUpstream(s.places)
	s.l.step(plan.ReadyIs{Service: s.name, Launch: s.l.launch.Launch})
}

// listensElsewhere is where a program with these listeners is reached, if it does not listen on
// addr; false if it does, or if it listens nowhere.
func listensElsewhere(listeners []netip.AddrPort, addr string) (netip.AddrPort, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(host)
	anyHost := err != nil || ip.IsUnspecified() // a name is not asked for
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

// addElsewhere adds to the problem of a program that is not ready where it does listen.
func (s *supervision) addElsewhere(problem *event.Problem) {
	s.addListener(problem, s.spec.Ready, s.process.Listeners())
}

func (s *supervision) addListener(problem *event.Problem, r runner.Ready, listeners []netip.AddrPort) {
	addr, key, value := r.TCP, "run.ready", "tcp:%s"
	if u, err := url.Parse(r.HTTP); err == nil && u.Host != "" {
		addr = u.Host
		value = u.Scheme + "://%s" + u.RequestURI()
	}
	if place := companion.Answering(s.places); s.conf.Load().Run.Ready.IsZero() && place.Addr != "" {
		key, value = place.Key, "%s"
		if place.Given {
			return // otherPort has reported it
		}
	}
	if at, found := listensElsewhere(listeners, addr); found {
		problem.Message += fmt.Sprintf("; it listens on %s", at)
		problem.Hint = fmt.Sprintf("set %s = %q, or let it listen on %s", key, strings.Replace(value, "%s", at.String(), 1), addr)
	}
}
