package testkit

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// The ports are below those that systems hand out themselves (from 32768 on Linux, 49152
// elsewhere) to listeners on port 0 and to outgoing connections. A port from that range could be
// taken by another process between two starts of a program.
const (
	lowestPort = 20000
	blockSize  = 500 // ports of one process; the first one marks the block as taken
	blocks     = 24
)

var (
	claim     sync.Once
	taken     net.Listener // for as long as the process lives
	firstPort int
	given     atomic.Uint32
)

// claimBlock reserves ports that no other test process uses, even while a program is restarted
// and does not listen.
func claimBlock() {
	for i := range blocks {
		n := lowestPort + (os.Getpid()+i)%blocks*blockSize
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n)); err == nil {
			taken, firstPort = l, n+1
			return
		}
	}
}

// Address returns an address of 127.0.0.1 on which nothing listens, a different one each time
// up to a few hundred.
func Address(t testing.TB) string {
	t.Helper()
	claim.Do(claimBlock)
	if taken == nil {
		t.Fatal("other tests have all ports")
	}
	for range blockSize {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+int(given.Add(1)-1)%(blockSize-1)))
		if err != nil {
			continue // another process has it
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}
