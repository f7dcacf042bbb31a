package proc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/advice"
)

// R7: who listens where we would.
func TestPortOwner(t *testing.T) {
	for _, c := range []struct {
		listen string
		ask    []string // each with the port put in
		not    []string
	}{
		{"127.0.0.1:0", []string{"127.0.0.1:%s", ":%s", "0.0.0.0:%s", "localhost:%s", "[::]:%s"}, []string{"127.0.0.2:%s", "[::1]:%s"}},
		{":0", []string{"127.0.0.1:%s", ":%s", "[::1]:%s", "localhost:%s", "192.0.2.1:%s"}, nil},
		{"[::1]:0", []string{"[::1]:%s", "localhost:%s", ":%s"}, []string{"127.0.0.1:%s"}},
	} {
		l, err := net.Listen("tcp", c.listen)
		if err != nil {
			if strings.Contains(c.listen, "::") {
				t.Logf("%s: no IPv6 here: %v", c.listen, err)
				continue
			}
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for _, a := range c.ask {
			a = fmt.Sprintf(a, port)
			if o, found := PortOwner(a); !found || o.PID != os.Getpid() || !strings.Contains(o.String(), os.Args[0]) {
				t.Errorf("%s, asked for %s: %v %v", l.Addr(), a, o, found)
			}
		}
		for _, a := range c.not {
			a = fmt.Sprintf(a, port)
			if o, found := PortOwner(a); found {
				t.Errorf("%s, asked for %s: %v", l.Addr(), a, o)
			}
		}
		_, inUse := net.Listen("tcp", l.Addr().String())
		e := ExplainListen("proxy.listen", l.Addr().String(), inUse)
		if !strings.Contains(e.Error(), fmt.Sprintf("pid %d", os.Getpid())) || !strings.Contains(advice.Hint(e), "proxy.listen") || !errors.Is(e, errAddrInUse) {
			t.Errorf("%v", e)
		}
		l.Close()
		if o, found := PortOwner(":" + port); found {
			t.Errorf("after the end: %v", o)
		}
	}
	for _, bad := range []string{"", "x", ":0", ":99999", "localhost", "unix:/run/x"} {
		if o, found := PortOwner(bad); found {
			t.Errorf("%q: %v", bad, o)
		}
	}
}

func TestParseSocket(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000:0050":                         "0.0.0.0:80",
		"00000000000000000000000001000000:0016": "[::1]:22",
		"0000000000000000FFFF00000100007F:0016": "[::ffff:127.0.0.1]:22",
	} {
		if got, ok := parseSocket(text); !ok || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, bad := range []string{"", ":", "zz:0016", "0100007F", "01:0016"} {
		if got, ok := parseSocket(bad); ok {
			t.Errorf("%q: %v", bad, got)
		}
	}
}
