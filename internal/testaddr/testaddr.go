// Package testaddr gives tests addresses on which they can let a program listen.
package testaddr

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Below the ports that systems hand out by themselves (from 32768 on Linux, 49152
// elsewhere), to listeners on port 0 and to every connection that goes out: one of those
// comes back as somebody else's in the moment between asking for it and using it, or
// between two starts of a program.
const (
	lowest = 20000
	block  = 500 // ports of one process, the first of which says that they are taken
	blocks = 24
)

var (
	claim sync.Once
	taken net.Listener // for as long as the process lives
	first int          // of the block's own
	given atomic.Uint32
)

// take gives this process ports that no other test asks for, also not while a program that had one is started again.
func take() {
	for i := range blocks {
		n := lowest + (os.Getpid()+i)%blocks*block
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n)); err == nil {
			taken, first = l, n+1
			return
		}
	}
}

// Free is an address of 127.0.0.1 on which nobody listens, another one each time, up to a few hundred.
func Free(t testing.TB) string {
	t.Helper()
	claim.Do(take)
	if taken == nil {
		t.Fatal("no ports left by other tests")
	}
	for range block {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+int(given.Add(1)-1)%(block-1)))
		if err != nil {
			continue // somebody's
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}
