package proc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
)

// tcpListener is a TCP socket that listens.
type tcpListener struct {
	at   netip.AddrPort
	pid  int
	user string // "" if unknown
}

// Listen listens on a TCP address; what names the setting that it comes from. It is an error too if
// the system allows what Linux refuses: that one program listens on 127.0.0.1:8080 and another on
// the same port of all addresses. Clients would reach the one or the other, by how they write the
// host.
func Listen(what, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, ExplainListen(what, addr, err)
	}
	e, ok := endpointOf(addr)
	if !ok {
		return l, nil
	}
	own, _ := netip.ParseAddrPort(l.Addr().String())
	if other, found := e.other(withoutOwn(overlapping(e), own), os.Getpid()); found {
		l.Close()
		text := fmt.Sprintf("%s: %s would share its port with %s, where %s listens", what, addr, other.at, other.owner())
		return nil, advice.Explain(errAddrInUse, text, takenHint(what, other.owner()))
	}
	return l, nil
}

// withoutOwn leaves out the listener at own, which this process has just opened, where the system does not say whose it is:
// no other process can have exactly this address.
func withoutOwn(list []tcpListener, own netip.AddrPort) []tcpListener {
	return slices.DeleteFunc(list, func(l tcpListener) bool { return l.pid == 0 && l.at == own })
}

// other is the first listener that is in the way of e and belongs to another process than self.
func (e endpoint) other(list []tcpListener, self int) (tcpListener, bool) {
	i := slices.IndexFunc(list, func(l tcpListener) bool { return l.pid != self && e.meets(l.at) })
	if i < 0 {
		return tcpListener{}, false
	}
	return list[i], true
}

func (l tcpListener) owner() Owner {
	return Owner{PID: l.pid, Command: commandOf(l.pid), User: l.user}
}

// takenHint is what to do about a port that another process has.
func takenHint(what string, own Owner) string {
	if strings.HasSuffix(own.Command, "/ControlCenter") {
		return "that is the AirPlay Receiver of macOS: turn it off in System Settings > General > AirDrop & Handoff, or give " + what + " another port"
	}
	return "end the program that has it, or give " + what + " another port"
}

// parseLsof reads what lsof -FpLn prints: a letter and a value on each line. A process comes before
// its sockets.
func parseLsof(out []byte) (list []tcpListener) {
	var now tcpListener
	for line := range bytes.Lines(out) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		switch value := string(line[1:]); line[0] {
		case 'p':
			now = tcpListener{}
			now.pid, _ = strconv.Atoi(value)
		case 'L':
			now.user = value
		case 'n':
			// It prints * for all addresses, of both families.
			if port, all := strings.CutPrefix(value, "*:"); all {
				value = "0.0.0.0:" + port
			}
			if at, err := netip.ParseAddrPort(value); err == nil {
				now.at = at
				list = append(list, now)
			}
		}
	}
	return list
}

var errTable = errors.New("not a table of TCP listeners")

// parseTable reads a MIB_TCPTABLE_OWNER_PID of Windows, or with v6 a MIB_TCP6TABLE_OWNER_PID: the
// number of rows, and the rows.
func parseTable(b []byte, v6 bool) (list []tcpListener, err error) {
	// Where a row has the address, the port in network order, and the process.
	row, addr, port, pid := 24, 4, 8, 20
	size := 4
	if v6 {
		row, addr, port, pid = 56, 0, 20, 52
		size = 16
	}
	if len(b) < 4 {
		return nil, errTable
	}
	n := int(binary.NativeEndian.Uint32(b))
	if b = b[4:]; n > len(b)/row {
		return nil, errTable
	}
	for ; n > 0; n, b = n-1, b[row:] {
		a, _ := netip.AddrFromSlice(b[addr : addr+size])
		list = append(list, tcpListener{
			at:  netip.AddrPortFrom(a, binary.BigEndian.Uint16(b[port:])),
			pid: int(binary.NativeEndian.Uint32(b[pid:])),
		})
	}
	return list, nil
}
