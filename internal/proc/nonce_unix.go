//go:build unix

package proc

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// marker is the variable by which a daemon that left its group is recognised as ours
// (/proc/PID/environ): it survives fork, setsid and exec, unlike parent, group and
// session. It holds a number that no other group on this machine has.
const marker = "HOTRELOAD_GROUP"

// sessionMark is the number of this session on this machine, and whether what it starts is marked with it.
var sessionMark = sync.OnceValues(markSession)

// groupCount numbers the groups of this session, from 1.
var groupCount atomic.Uint64

// nonceOf names a group uniquely on this machine. Group 0 is what belongs to none.
func nonceOf(session, group uint64) string { return fmt.Sprintf("%016x-%d", session, group) }

// sessionOf is the session of a group, 0 if the nonce is none.
func sessionOf(nonce string) uint64 {
	text, _, _ := strings.Cut(nonce, "-")
	session, _ := strconv.ParseUint(text, 16, 64)
	return session
}
