package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
)

type sink chan event.Event

func (s sink) Emit(ev event.Event) { s <- ev }

// What the proxy has to say about itself is no reason why the program does not come up: its
// page would show it as such while the first build is made.
func TestNoticeIsNoReason(t *testing.T) {
	c := config.Default()
	c.Root = t.TempDir()
	said := make(sink, 10)
	e := &Engine{opt: Options{Config: c, Sink: said}, root: c.Root}
	e.conf.Store(c)
	v := &service{engine: e, name: "app"}
	set := &settings{Service: c.ForServices()[0]}
	set.Proxy.Listen = "0.0.0.0:0"
	v.conf.Store(set)
	var err error
	if v.front, err = v.newFront(e); err != nil {
		t.Fatal(err)
	}
	e.roster.Store(newRoster([]*service{v}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- v.front.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if p, ok := (<-said).Body.(event.Problem); !ok || !strings.Contains(p.Message, "everyone who reaches this machine") {
		t.Fatalf("%+v", p)
	}
	res, err := http.Get(strings.Replace(v.front.URL(), "localhost", "127.0.0.1", 1) + "/__hotreload/client.js")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	state, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(state), `"status":"building"`) {
		t.Errorf("the page shows something else than a build: %v\n%.500s", err, state)
	}
}

// Programs that start together are given different ports. The kernel alone offers one
// again now and then: of 10,000 draws, dozens within so short a time.
func TestFreePorts(t *testing.T) {
	var p freePorts
	var all []string
	for range 10_000 {
		addr, err := p.next()
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
	taken := map[string]bool{}
	p := freePorts{listen: func(string, string) (net.Listener, error) {
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
		addr, err := p.next()
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
