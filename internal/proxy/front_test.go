package proxy

import (
	"errors"
	"net"
	"slices"
	"testing"
)

// Programs that start together are given different ports. The kernel alone offers one
// again now and then: of 10,000 draws, dozens within so short a time.
func TestFreePorts(t *testing.T) {
	t.Parallel()
	var p FreePorts
	var all []string
	for range 10_000 {
		addr, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(all[max(0, len(all)-portsApart):], addr) {
			t.Fatalf("%s came twice, after %d others", addr, len(all))
		}
		all = append(all, addr)
	}
}

// Where the system has few ports, the one that was given first comes again.
func TestFewPorts(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{}
	p := FreePorts{listen: func(string, string) (net.Listener, error) {
		for _, addr := range []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"} {
			if !taken[addr] {
				taken[addr] = true
				return listener{addr, taken}, nil
			}
		}
		return nil, errors.New("address already in use")
	}}
	var got []string
	for range 7 {
		addr, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, addr[len("127.0.0.1:"):])
	}
	if want := []string{"1", "2", "3", "1", "2", "3", "1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// listener has an address until it is closed.
type listener struct {
	addr  string
	taken map[string]bool
}

func (l listener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l listener) Close() error              { delete(l.taken, l.addr); return nil }
func (l listener) Addr() net.Addr            { return l }
func (l listener) Network() string           { return "tcp" }
func (l listener) String() string            { return l.addr }
