package control

import (
	"net"

	"github.com/hotreload/hotreload/internal/proc"
)

// Relisten serves the API on another loopback address from now on, or on none (empty);
// requests under way are answered. If the new address cannot be had, the old one stays.
func (s *Server) Relisten(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var l net.Listener
	if addr != "" {
		var err error
		if l, err = proc.Listen("control.listen", addr); err != nil && s.servesPort(addr) {
			// The same port under another name: it has to be given up first.
			s.dropAddr()
			l, err = proc.Listen("control.listen", addr)
		}
		if err != nil {
			return err
		}
	}
	s.dropAddr()
	if l == nil {
		return nil
	}
	s.listeners = append(s.listeners, l)
	go s.http.Serve(l)
	return nil
}

// servesPort reports whether the API is on the port of an address. mu is held.
func (s *Server) servesPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil || len(s.listeners) < 2 {
		return false
	}
	_, own, _ := net.SplitHostPort(s.listeners[1].Addr().String())
	return port == own
}

// dropAddr gives the address up. mu is held.
func (s *Server) dropAddr() {
	for _, l := range s.listeners[1:] {
		l.Close()
	}
	s.listeners = s.listeners[:1]
}
