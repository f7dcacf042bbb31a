package control

import (
	"net"

	"github.com/hotreload/hotreload/internal/proc"
)

// Relisten serves the API on another loopback address from now on, or on none (empty).
// The old address is given up first, so that a change of the port alone cannot collide
// with itself; requests under way are answered.
func (s *Server) Relisten(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	for _, l := range s.listeners[1:] {
		l.Close()
	}
	s.listeners = s.listeners[:1]
	if addr == "" {
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return proc.ExplainListen("control.listen", addr, err)
	}
	s.listeners = append(s.listeners, l)
	go s.http.Serve(l)
	return nil
}
