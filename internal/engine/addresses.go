package engine

import (
	"net"
	"slices"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/proc"
)

// address is one that is listened on before the service that will have it comes.
type address struct {
	proxy   net.Listener // proxy.listen
	sockets *sockets     // else one entry of run.listen
}

func (a address) close() {
	if a.proxy != nil {
		a.proxy.Close()
	}
	a.sockets.close()
}

// proxyKey is the key of a proxy in Engine.reserved; that of an entry of run.listen is the entry.
func proxyKey(listen string) string { return "proxy " + listen }

// reserve takes the addresses of services that come when others have left. It is an error if one cannot be had then,
// because a stranger has it: found before anything is stopped. What those who leave have themselves, their programs
// included, is free by then. With an error, what was reserved before stays. rosterMu is held.
func (e *Engine) reserve(coming map[string]config.Service, leaving []*service) error {
	var own []string
	for _, v := range leaving {
		c := v.conf.Load()
		own = append(own, portOf(c.Proxy.Listen))
		for _, socket := range c.Run.Listen {
			own = append(own, e.placeOf(socket))
		}
		v.each(func(l *launch) {
			if l.process != nil {
				for _, at := range l.process.Listeners() {
					own = append(own, portOf(at.String()))
				}
			}
		})
	}
	all, opened := map[string]address{}, []address{}
	take := func(key, place string, open func() (address, error)) error {
		if slices.Contains(own, place) {
			return nil
		}
		a, ok := e.reserved[key]
		if !ok {
			var err error
			if a, err = open(); err != nil {
				for _, a := range opened {
					a.close()
				}
				return err
			}
			opened = append(opened, a)
		}
		all[key] = a
		return nil
	}
	for _, c := range coming {
		if at := c.Proxy.Listen; at != "" {
			err := take(proxyKey(at), portOf(at), func() (address, error) {
				l, err := net.Listen("tcp", at)
				if err != nil {
					return address{}, proc.ExplainListen("proxy.listen", at, err)
				}
				return address{proxy: l}, nil
			})
			if err != nil {
				return err
			}
		}
		for _, socket := range c.Run.Listen {
			err := take(socket.String(), e.placeOf(socket), func() (address, error) {
				s, err := e.listen([]config.Socket{socket})
				return address{sockets: s}, err
			})
			if err != nil {
				return err
			}
		}
	}
	for key, a := range e.reserved {
		if _, ok := all[key]; !ok {
			a.close()
		}
	}
	e.reserved = all
	return nil
}

// takeReserved is an address that was reserved, for the service that has come. rosterMu is held, but for the start.
func (e *Engine) takeReserved(key string) (a address, ok bool) {
	a, ok = e.reserved[key]
	delete(e.reserved, key)
	return a, ok
}

// dropReserved gives back what nobody has come for. rosterMu is held.
func (e *Engine) dropReserved() {
	for _, a := range e.reserved {
		a.close()
	}
	e.reserved = nil
}

// placeOf is what two entries of run.listen that collide have in common.
func (e *Engine) placeOf(s config.Socket) string {
	if s.Network == "unix" {
		return e.abs(s.Address)
	}
	return portOf(s.Address)
}

// portOf is the port of an address: whether two hosts collide is for the system to say.
func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
