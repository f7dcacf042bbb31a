//go:build !linux

package runner

import (
	"net/netip"
	"time"
)

// listens is Process.Listens.
func (p *Process) listens() bool {
	yes, _ := p.ownListeners(handedOver(p.spec.Sockets))
	return yes
}

// assumeAfter is how long a program lives that is taken for one that listens, where its sockets
// cannot be seen.
const assumeAfter = 300 * time.Millisecond

// lookListen returns a function that says whether a process of the group listens.
func (p *Process) lookListen() func() bool {
	begun, given := time.Now(), handedOver(p.spec.Sockets)
	return func() bool {
		yes, known := p.ownListeners(given)
		return yes || !known && time.Since(begun) >= assumeAfter
	}
}

// ownListeners says whether a process of the group listens on a socket of its own.
func (p *Process) ownListeners(given []netip.AddrPort) (yes, known bool) {
	at, known := p.listeners.get(p.g.Listeners)
	return anyOther(at, given), known
}
