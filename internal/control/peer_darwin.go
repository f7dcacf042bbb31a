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
		cred, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if err != nil {
			return
		}
		pid, _ := unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		p, known = peer{int(cred.Uid), pid}, true
	})
	return p, known
}
