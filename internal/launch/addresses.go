package launch

import (
	"net"
	"slices"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/proc"
)

// Reserved are addresses that are listened on before the services come that will have them. Nil
// has none. One goroutine at a time may use it.
type Reserved struct{ all map[string]address }

// address is one of them.
type address struct {
	proxy   net.Listener // proxy.listen
	sockets *Sockets     // else one entry of run.listen
}

func (a address) close() {
	if a.proxy != nil {
		a.proxy.Close()
	}
	a.sockets.Close()
}

// proxyKey is the key of a proxy in Reserved; that of an entry of run.listen is the entry.
func proxyKey(listen string) string { return "proxy " + listen }

// PlacesOf are the addresses that a service holds, as Reserve compares them.
func PlacesOf(root string, c config.Service) []string {
	at, _ := c.Proxy.Address()
	own := []string{portOf(at)}
	for _, socket := range c.Run.Listen {
		own = append(own, placeOf(root, socket))
	}
	return own
}

// Reserve takes the addresses of services that come when others have left. It is an error if one
// cannot be had then, because another program has it: so that is found before anything is stopped.
// Own are the places of those that leave, with the ports of their programs: they are free by then.
// With an error, what was reserved before stays.
func (r *Reserved) Reserve(root string, coming []config.Service, own []string) error {
	next := reservation{from: r.all, own: own, all: map[string]address{}}
	for _, c := range coming {
		if err := next.reserve(root, c); err != nil {
			for _, a := range next.opened {
				a.close()
			}
			return err
		}
	}
	for key, a := range r.all {
		if _, ok := next.all[key]; !ok {
			a.close()
		}
	}
	r.all = next.all
	return nil
}

// reservation is one that is being made.
type reservation struct {
	from, all map[string]address
	own       []string
	opened    []address
}

func (n *reservation) reserve(root string, c config.Service) error {
	if at, _ := c.Proxy.Address(); at != "" {
		err := n.take(proxyKey(at), portOf(at), func() (address, error) {
			l, err := proc.Listen("proxy.listen", at)
			return address{proxy: l}, err
		})
		if err != nil {
			return err
		}
	}
	for _, socket := range c.Run.Listen {
		err := n.take(socket.String(), placeOf(root, socket), func() (address, error) {
			s, err := Listen(root, []config.Socket{socket}, nil)
			return address{sockets: s}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *reservation) take(key, place string, open func() (address, error)) error {
	if slices.Contains(n.own, place) {
		return nil
	}
	a, ok := n.from[key]
	if !ok {
		var err error
		if a, err = open(); err != nil {
			return err
		}
		n.opened = append(n.opened, a)
	}
	n.all[key] = a
	return nil
}

// take is an address that was reserved, for the service that has come.
func (r *Reserved) take(key string) (a address, ok bool) {
	if r == nil {
		return a, false
	}
	a, ok = r.all[key]
	delete(r.all, key)
	return a, ok
}

// Proxy is the listener that was reserved for a proxy; nil if there is none.
func (r *Reserved) Proxy(listen string) net.Listener {
	a, _ := r.take(proxyKey(listen))
	return a.proxy
}

// Drop gives back what no service has come for.
func (r *Reserved) Drop() {
	for _, a := range r.all {
		a.close()
	}
	r.all = nil
}

// placeOf is what two entries of run.listen that collide have in common.
func placeOf(root string, s config.Socket) string {
	if s.Network == "unix" {
		return abs(root, s.Address)
	}
	return portOf(s.Address)
}

// portOf is the port of an address: whether two hosts collide is for the system to say.
func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
