package engine

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/proc"
)

// addressTaken says who has the address that a program could not listen on. Whoever it is
// is left alone: hotreload ends only what it started.
func (v *service) addressTaken(gen, pid int, addr string, env []string) {
	e := v.engine
	// It is a server, though it has not been seen listening.
	v.mu.Lock()
	v.server = yes
	v.mu.Unlock()
	e.spawn(func() {
		addrs := []string{addr}
		if addr == "" {
			addrs = v.likelyAddresses(env)
		}
		p := event.Problem{
			Message: "an address that " + v.name + " wants is taken",
			Hint:    "see who listens: ss -ltnp",
		}
		for _, a := range addrs {
			if a == "" {
				continue
			}
			own, found := proc.PortOwner(a)
			_, port, _ := net.SplitHostPort(a)
			switch {
			case found && own.PID == os.Getpid():
				p.Message, p.Hint = v.heldHere(a, port)
			case found && own.PID != 0 && proc.GroupOf(own.PID) == pid:
				p.Message = fmt.Sprintf("%s listens on %s itself, twice (%s)", v.name, a, own)
				p.Hint = "it opens the address a second time"
			case found && own.PID != 0:
				p.Message = fmt.Sprintf("%s cannot listen on %s: %s has it", v.name, a, own)
				p.Hint = fmt.Sprintf("hotreload ends only what it started: end it yourself (kill %d), or give one of the two another port", own.PID)
			case found:
				p.Message = fmt.Sprintf("%s cannot listen on %s: %s has it", v.name, a, own)
				p.Hint = fmt.Sprintf("it may be in a container or another user's: sudo ss -ltnp 'sport = :%s'", port)
			case addr != "":
				p.Message = fmt.Sprintf("%s cannot listen on %s: the address is taken", v.name, a)
				p.Hint = "nobody is seen to listen there any more: restart the program (key r)"
			default:
				continue
			}
			break
		}
		e.emit(event.Event{Time: time.Now(), Service: v.name, Generation: gen, Body: p})
	})
}

// heldHere says what hotreload itself has the address for, and what to do about it.
func (v *service) heldHere(addr, port string) (message, hint string) {
	at := func(s string) bool {
		_, p, err := net.SplitHostPort(s)
		return err == nil && p == port
	}
	holds := func(c *settings) bool {
		return slices.ContainsFunc(c.Run.Listen, func(s config.Socket) bool {
			return s.Network == "tcp" && at(s.Address)
		})
	}
	wants := fmt.Sprintf("%s wants to listen on %s, ", v.name, addr)
	// The program's own socket first: with LISTEN_FDS it can have what it wants.
	if holds(v.conf.Load()) {
		return wants + "which hotreload holds open for it",
			"take the socket from LISTEN_FDS (docs/zero-downtime.md), or remove the address from run.listen"
	}
	for _, o := range v.engine.all() {
		c := o.conf.Load()
		switch {
		case at(c.Proxy.Listen) && o == v:
			where := "$PORT"
			if v.front != nil && !v.front.auto {
				where = v.front.app + ", which proxy.app names"
			}
			return wants + "where hotreload's proxy in front of it listens", "let it listen on " + where + ", or give proxy.listen another port"
		case at(c.Proxy.Listen):
			return wants + "where hotreload's proxy in front of " + o.name + " listens", "give one of the two another port"
		case holds(c):
			return wants + "which hotreload holds open for " + o.name, "give one of the two another port"
		}
	}
	if at(v.engine.conf.Load().Control.Listen) {
		return wants + "where hotreload's own API listens", "give control.listen another port"
	}
	return wants + "where hotreload itself listens", "give the program another port"
}

// likelyAddresses are those that a program may mean which does not say what it could not
// listen on.
func (v *service) likelyAddresses(env []string) []string {
	var out []string
	add := func(addr string) {
		if addr != "" && !slices.Contains(out, addr) {
			out = append(out, addr)
		}
	}
	add(v.conf.Load().Run.Ready.Address())
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
