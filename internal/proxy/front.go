package proxy

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/hotreload/hotreload/internal/companion"
)

// Front is a proxy as a companion of the program behind it.
type Front struct {
	*Proxy
	app   string     // where the program listens; empty: it gets a free port per start as $PORT
	ports *FreePorts // where from
}

var _ companion.Page = (*Front)(nil)

// NewFront makes a proxy. App is where the program listens; empty: on a port that it gets at each start.
func NewFront(o Options, app string, ports *FreePorts) (*Front, error) {
	p, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Front{Proxy: p, app: app, ports: ports}, nil
}

// Place implements companion.Companion.
func (f *Front) Place() (companion.Place, error) {
	place := companion.Place{Addr: parseAddress(f.app).addr, Env: []string{"HOTRELOAD_URL=" + f.URL()}, Key: "proxy.app"}
	if f.app != "" {
		return place, nil
	}
	addr, err := f.ports.Next()
	if err != nil {
		return companion.Place{}, err
	}
	_, port, _ := net.SplitHostPort(addr)
	place.Addr, place.Given, place.Env = addr, true, append(place.Env, "PORT="+port)
	return place, nil
}

// SetUpstream implements companion.Companion.
func (f *Front) SetUpstream(p companion.Place) {
	if f.app != "" {
		p.Addr = f.app // with its scheme
	}
	f.Proxy.SetUpstream(p.Addr)
}

// FreePorts finds ports for programs to listen on.
type FreePorts struct {
	mu     sync.Mutex
	given  []string                                            // the last addresses
	listen func(network, address string) (net.Listener, error) // nil: net.Listen
}

// portsApart is how many addresses later one may come again. A program that was given one
// may be seconds away from listening there, and as many services may start together.
const portsApart = 64

// Next is an address on which nothing listens and that was not given lately. The kernel
// hands out its ports in a random order, of about 28,000 on Linux: another program will hardly
// get this one before the program listens, but of several services two sometimes would.
func (p *FreePorts) Next() (string, error) {
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
