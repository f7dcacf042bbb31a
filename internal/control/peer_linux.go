package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf says who listens at the other end, as the system noted it.
func peerOf(c net.Conn) (p peer, known bool) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return peer{}, false
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p, known = peer{int(cred.Uid), int(cred.Pid)}, true
		}
	})
	return p, known
}
