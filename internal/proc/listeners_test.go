package proc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/advice"
)

func (l tcpListener) String() string { return fmt.Sprint(l.at, " ", l.pid, " ", l.user) }

// N5 (22, 38): what lsof prints.
func TestParseLsof(t *testing.T) {
	for text, want := range map[string]string{
		"": "[]",
		"p4711\nLbob\nf12\nn*:8080\nf13\nn[::1]:8080\n":    "[0.0.0.0:8080 4711 bob [::1]:8080 4711 bob]",
		"p612\nLbob\nf9\nn*:5000\np7\nf3\nn127.0.0.1:80\n": "[0.0.0.0:5000 612 bob 127.0.0.1:80 7 ]",
		"p1\r\nn127.0.0.1:80":                              "[127.0.0.1:80 1 ]",
		"p1\nn[fe80::1%en0]:80\n":                          "[[fe80::1%en0]:80 1 ]",
		"p1\nnlocalhost:http\n\np\nn\nx\n":                 "[]",
		"p1\nn127.0.0.1:1->127.0.0.1:2\n":                  "[]",
	} {
		if got := fmt.Sprint(parseLsof([]byte(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// table is a table of listeners as Windows lays it out.
func table(v6 bool, list ...tcpListener) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(len(list)))
	port := func(p uint16) { b = append(binary.BigEndian.AppendUint16(b, p), 0xff, 0xff) } // the rest is not zero
	for _, l := range list {
		if v6 {
			b = append(b, l.at.Addr().AsSlice()...)
			b = append(b, 5, 0, 0, 0) // scope
			port(l.at.Port())
			b = append(b, make([]byte, 20)...) // the other address and scope
			port(0)
			b = append(b, 2, 0, 0, 0)
		} else {
			b = append(b, 2, 0, 0, 0) // MIB_TCP_STATE_LISTEN
			b = append(b, l.at.Addr().AsSlice()...)
			port(l.at.Port())
			b = append(b, 0, 0, 0, 0)
			port(0)
		}
		b = binary.NativeEndian.AppendUint32(b, uint32(l.pid))
	}
	return b
}

// N5 (22): the system's tables on Windows.
func TestParseTable(t *testing.T) {
	at := netip.MustParseAddrPort
	v4 := []tcpListener{{at: at("127.0.0.1:8080"), pid: 4711}, {at: at("0.0.0.0:80"), pid: 4}}
	v6 := []tcpListener{{at: at("[::1]:8080"), pid: 70000}, {at: at("[::]:443"), pid: 4}}
	for _, c := range []struct {
		v6   bool
		list []tcpListener
	}{{false, v4}, {true, v6}, {false, nil}, {true, nil}} {
		b := table(c.v6, c.list...)
		for _, rest := range []int{0, 100} { // the buffer is larger than the table
			got, err := parseTable(append(slices.Clone(b), make([]byte, rest)...), c.v6)
			if err != nil || !slices.Equal(got, c.list) {
				t.Errorf("%v, want %v (%v)", got, c.list, err)
			}
		}
		for n := range b {
			if got, err := parseTable(b[:n], c.v6); err == nil {
				t.Errorf("%d of %d bytes: %v", n, len(b), got)
			}
		}
	}
	if _, err := parseTable([]byte{0xff, 0xff, 0xff, 0xff, 0, 0}, false); err == nil {
		t.Error("more rows than there are")
	}
}

// N5 (9): who would share a port with us where the system allows it.
func TestOther(t *testing.T) {
	at := netip.MustParseAddrPort
	const self, them = 1, 2
	for _, c := range []struct {
		addr  string
		list  []tcpListener
		found bool
	}{
		{"127.0.0.1:8080", nil, false},
		{"127.0.0.1:8080", []tcpListener{{at: at("127.0.0.1:8080"), pid: self}}, false},
		{"127.0.0.1:8080", []tcpListener{{at: at("127.0.0.1:8080"), pid: self}, {at: at("0.0.0.0:8080"), pid: them}}, true},
		{"127.0.0.1:8080", []tcpListener{{at: at("[::]:8080"), pid: them}}, true},
		{"127.0.0.1:8080", []tcpListener{{at: at("0.0.0.0:8081"), pid: them}}, false},
		{"127.0.0.1:8080", []tcpListener{{at: at("[::1]:8080"), pid: them}}, false},
		{"localhost:8080", []tcpListener{{at: at("[::1]:8080"), pid: them}}, true},
		{":8080", []tcpListener{{at: at("127.0.0.1:8080"), pid: them}}, true},
		{"[::1]:8080", []tcpListener{{at: at("127.0.0.1:8080"), pid: them}}, false},
	} {
		e, ok := endpointOf(c.addr)
		if !ok {
			t.Fatal(c.addr)
		}
		other, found := e.other(c.list, self)
		if found != c.found || found && other.pid != them {
			t.Errorf("%s with %v: %v %v", c.addr, c.list, other, found)
		}
	}
	for _, bad := range []string{"", "x", ":0", ":99999", "127.0.0.1"} {
		if e, ok := endpointOf(bad); ok {
			t.Errorf("%q: %v", bad, e)
		}
	}
}

// N5 (9): a listener without a known process is our own if it has exactly the address that we have just opened (Wine).
func TestWithoutOwn(t *testing.T) {
	at := netip.MustParseAddrPort
	list := []tcpListener{{at: at("127.0.0.1:8080")}, {at: at("0.0.0.0:8080")}, {at: at("127.0.0.1:8081")}, {at: at("127.0.0.1:8080"), pid: 2}}
	want := fmt.Sprint(list[1:])
	if got := fmt.Sprint(withoutOwn(list, at("127.0.0.1:8080"))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// N5 (9, 17): what to do about a port.
func TestPortHints(t *testing.T) {
	airplay := Owner{PID: 612, Command: "/System/Library/CoreServices/ControlCenter.app/Contents/MacOS/ControlCenter"}
	if hint := takenHint("proxy.listen", airplay); !strings.Contains(hint, "AirPlay") || !strings.Contains(hint, "proxy.listen") {
		t.Error(hint)
	}
	if hint := takenHint("proxy.listen", Owner{PID: 3, Command: "shop"}); strings.Contains(hint, "AirPlay") || !strings.Contains(hint, "proxy.listen") {
		t.Error(hint)
	}
	err := ExplainListen("proxy.listen", "192.0.2.1:1", fmt.Errorf("listen: %w", errAccess))
	if hint := advice.Hint(err); hint != accessHint || !errors.Is(err, errAccess) {
		t.Errorf("%v, hint %q", err, hint)
	}
}
