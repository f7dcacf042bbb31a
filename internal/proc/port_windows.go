package proc

import (
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

var getTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

// tcpListeners are all TCP sockets that listen; false: the system does not say.
func tcpListeners() (list []tcpListener, known bool) {
	const ownerPidListener = 3 // TCP_TABLE_OWNER_PID_LISTENER
	if getTable.Find() != nil {
		return nil, false
	}
	for _, family := range []uintptr{windows.AF_INET, windows.AF_INET6} {
		buf := make([]byte, 16<<10)
		for {
			size := uint32(len(buf))
			code, _, _ := getTable.Call(uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size)), 0, family, ownerPidListener, 0)
			if windows.Errno(code) == windows.ERROR_INSUFFICIENT_BUFFER {
				buf = make([]byte, max(int(size), 2*len(buf)))
				continue
			}
			if code != 0 {
				break // a machine without that family
			}
			if some, err := parseTable(buf, family == windows.AF_INET6); err == nil {
				known = true
				list = append(list, some...)
			}
			break
		}
	}
	return list, known
}

// overlapping are the listeners that may be in the way of e. Winsock lets one program have a port of
// one address, and another one that of all addresses.
func overlapping(endpoint) []tcpListener {
	list, _ := tcpListeners()
	return list
}

func portOwner(e endpoint) (Owner, bool) {
	l, found := e.other(overlapping(e), 0)
	if !found {
		return Owner{}, false
	}
	return l.owner(), true
}

// Listeners are the TCP addresses on which the processes of the group listen; false: not known.
func (g *Group) Listeners() (at []netip.AddrPort, known bool) {
	list, known := tcpListeners()
	pids := g.Pids()
	for _, l := range list {
		if slices.Contains(pids, l.pid) {
			at = append(at, l.at)
		}
	}
	return at, known
}

func commandOf(pid int) string { return commandLine([]string{NameOf(pid)}) }
