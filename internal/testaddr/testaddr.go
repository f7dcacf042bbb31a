// Package testaddr gives tests addresses on which they can let a program listen.
package testaddr

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Below the ports that systems hand out by themselves (from 32768 on Linux, 49152
// elsewhere), to listeners on port 0 and to every connection that goes out: one of those
// comes back as somebody else's in the moment between asking for it and using it, or
// between two starts of a program.
const (
	lowest = 20000
	ports  = 12000
)

// Each run of tests goes through the range from another place on, so that two at a time
// hardly meet.
var given atomic.Uint32

func init() { given.Store(rand.Uint32N(ports)) }

// Free is an address of 127.0.0.1 on which nobody listens, another one each time.
func Free(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+given.Add(1)%ports))
		if err != nil {
			continue // somebody's
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}
