package engine

import (
	"net"
	"slices"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/proc"
)

// obtainable is an error if an address of services that come when others have left cannot be
// had then, because a stranger has it: found before anything is stopped. What those who leave
// have themselves, their programs included, is free by then.
func (e *Engine) obtainable(coming map[string]config.Service, leaving []*service) error {
	var own []string
	for _, v := range leaving {
		c := v.conf.Load()
		own = append(own, portOf(c.Proxy.Listen))
		for _, entry := range c.Run.Listen {
			own = append(own, e.placeOf(entry))
		}
		v.each(func(l *launch) {
			if l.process != nil {
				for _, at := range l.process.Listeners() {
					own = append(own, portOf(at.String()))
				}
			}
		})
	}
	for _, c := range coming {
		if at := c.Proxy.Listen; at != "" && !slices.Contains(own, portOf(at)) {
			l, err := net.Listen("tcp", at)
			if err != nil {
				return proc.ExplainListen("proxy.listen", at, err)
			}
			l.Close()
		}
		for _, entry := range c.Run.Listen {
			if slices.Contains(own, e.placeOf(entry)) {
				continue
			}
			s, err := e.listen([]string{entry})
			if err != nil {
				return err
			}
			s.close()
		}
	}
	return nil
}

// placeOf is what two entries of run.listen that collide have in common.
func (e *Engine) placeOf(entry string) string {
	s, err := config.ParseSocket(entry)
	if err == nil && s.Network == "unix" {
		return e.abs(s.Address)
	}
	return portOf(s.Address)
}

// portOf is the port of an address: whether two hosts collide is for the system to say.
func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
