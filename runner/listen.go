package runner

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// listenPause is the time between two checks of a program's sockets.
const listenPause = 10 * time.Millisecond

// awaitListen is closed when a process of the group listens, or after Grace.
func (p *Process) awaitListen(ctx context.Context) <-chan struct{} {
	cancel := func() {}
	if grace := p.spec.Ready.Grace; grace > 0 {
		ctx, cancel = context.WithTimeout(ctx, grace)
	}
	met := make(chan struct{})
	look := p.lookListen()
	listens := p.poll(ctx, 2*time.Millisecond, listenPause, func(context.Context) bool { return look() })
	p.work.Go(func() {
		defer cancel()
		select {
		case <-listens:
			close(met)
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				close(met)
			}
		}
	})
	return met
}

// recent keeps the listeners of a process for a while: lsof takes a part of a second.
type recent struct {
	mu      sync.Mutex
	next    time.Time
	at      []netip.AddrPort
	known   bool
	refused bool // the system did not say once: it is not asked again
}

// get asks at most a fifth of the time.
func (r *recent) get(ask func() ([]netip.AddrPort, bool)) ([]netip.AddrPort, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := time.Now()
	if r.refused || begun.Before(r.next) {
		return r.at, r.known
	}
	r.at, r.known = ask()
	r.refused = !r.known
	now := time.Now()
	r.next = now.Add(4 * now.Sub(begun))
	return r.at, r.known
}

// anyOther says whether one of the addresses is none of those given. All addresses of one family are
// taken for those of both, which lsof does not distinguish.
func anyOther(at, given []netip.AddrPort) bool {
	plain := func(a netip.AddrPort) netip.AddrPort {
		ip := a.Addr().Unmap()
		if ip.IsUnspecified() {
			ip = netip.IPv4Unspecified()
		}
		return netip.AddrPortFrom(ip, a.Port())
	}
	for _, a := range at {
		if !slices.ContainsFunc(given, func(g netip.AddrPort) bool { return plain(g) == plain(a) }) {
			return true
		}
	}
	return false
}
