//go:build unix && !linux

package runner

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// handedOver are the addresses of sockets that were handed over: they listen already. Neither Fd nor
// net.FileListener is used, which would change the blocking mode that all their copies share.
func handedOver(files []*os.File) (at []netip.AddrPort) {
	for _, f := range files {
		rc, err := f.SyscallConn()
		if err != nil {
			continue
		}
		var name unix.Sockaddr
		rc.Control(func(fd uintptr) { name, _ = unix.Getsockname(int(fd)) })
		switch a := name.(type) {
		case *unix.SockaddrInet4:
			at = append(at, netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)))
		case *unix.SockaddrInet6:
			at = append(at, netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)))
		}
	}
	return at
}
