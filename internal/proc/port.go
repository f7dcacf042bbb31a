package proc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hotreload/hotreload/internal/advice"
)

// Owner is the process that listens on a TCP address.
type Owner struct {
	PID     int    // 0: it cannot be seen from here (another user's, or in another container)
	Command string // its command line, cut to a readable length; "" if unknown
	User    string // who it belongs to, where that is another user; "" if unknown
}

// String is "pid 123 (command line)".
func (o Owner) String() string {
	switch {
	case o.PID == 0 && o.User != "":
		return "a process of user " + o.User
	case o.PID == 0:
		return "a process that is not visible from here"
	case o.Command == "":
		return fmt.Sprintf("pid %d", o.PID)
	}
	return fmt.Sprintf("pid %d (%s)", o.PID, o.Command)
}

// PortOwner finds who listens where addr ("127.0.0.1:8080", ":8080") would listen, so that
// the same port cannot be taken again. false: no process does, or it is not known.
func PortOwner(addr string) (Owner, bool) {
	e, ok := endpointOf(addr)
	if !ok {
		return Owner{}, false
	}
	return portOwner(e)
}

// ExplainListen says why addr cannot be listened on, and what to do about it; what names
// the setting that the address comes from. If it is taken, the error names the owner.
func ExplainListen(what, addr string, err error) error {
	if err == nil {
		return nil
	}
	text, hint := fmt.Sprintf("%s: cannot listen on %s: %v", what, addr, err), ""
	switch {
	case errors.Is(err, errAddrInUse):
		text = fmt.Sprintf("%s: %s is taken", what, addr)
		own, found := PortOwner(addr)
		if found {
			text += " by " + own.String()
		}
		hint = takenHint(what, own)
	case errors.Is(err, errAddrNotAvail):
		text = fmt.Sprintf("%s: this machine does not have the address %s", what, addr)
		hint = "127.0.0.1 always exists"
	case errors.Is(err, errAccess):
		hint = accessHint
		if own, found := PortOwner(addr); found {
			text, hint = fmt.Sprintf("%s; %s listens there", text, own), takenHint(what, own)
		}
	}
	return advice.Explain(err, text, hint)
}

// endpoint is where something is to listen; no addresses: on all.
type endpoint struct {
	addrs []netip.Addr
	port  uint16
}

// endpointOf is false for an address without a port, or with port 0.
func endpointOf(addr string) (endpoint, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return endpoint{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return endpoint{}, false
	}
	return endpoint{hostAddrs(host), uint16(n)}, true
}

// hostAddrs are the addresses of a host as it is written in a config: none for all of
// them, and for a name that is not worth a question to the network.
func hostAddrs(host string) []netip.Addr {
	if strings.EqualFold(host, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.IsUnspecified() {
		return nil
	}
	return []netip.Addr{a.Unmap().WithZone("")}
}

// meets reports whether a listener at the address is in the way of e.
func (e endpoint) meets(listener netip.AddrPort) bool {
	if listener.Port() != e.port {
		return false
	}
	at := listener.Addr().Unmap().WithZone("")
	if len(e.addrs) == 0 || at.IsUnspecified() {
		return true
	}
	for _, a := range e.addrs {
		if a == at {
			return true
		}
	}
	return false
}

// commandLine makes one readable line of an argument vector.
func commandLine(argv []string) string {
	const most = 100
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.Join(argv, " "))
	s = strings.ToValidUTF8(strings.TrimSpace(s), "?")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "..."
	}
	return s
}
