package proc

import (
	"math"
	"math/rand/v2"
	"strconv"

	"golang.org/x/sys/unix"
)

// A program can lose the marker in its environment (env -i), its parent (a double fork), its group and its session
// (setsid), all at once. What it keeps are its resource limits: they are copied by fork, and exec leaves them alone. So
// one of them says whose it is: the time that a real-time thread may run without a pause, which is unlimited anywhere
// else. The hard limit is the session's number, and the soft one is lower by the number of the group; 2^60
// microseconds, the least of these numbers where hotreload does not run inside hotreload, are 36,000 years.

// markSession makes the hard limit of this process, which all its children inherit, the number of this session. It
// returns false where that is not possible; then the environment is all there is.
func markSession() (number uint64, ok bool) {
	number = rand.Uint64()
	var old unix.Rlimit
	if strconv.IntSize < 64 || unix.Prlimit(0, unix.RLIMIT_RTTIME, nil, &old) != nil {
		return number, false
	}
	most := min(old.Max, 1<<61)
	if most < 1<<40 { // a real limit, or very many sessions one inside the other
		return number, false
	}
	number = most/2 + rand.Uint64N(most/2) // lower than that of a session around this one
	return number, unix.Prlimit(0, unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: number, Max: number}, nil) == nil
}

// marking calls fork while what it starts inherits the mark of a group. The caller holds registry.spawn.
func marking(group uint64, fork func()) {
	session, ok := sessionMark()
	if ok {
		_ = unix.Prlimit(0, unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: session - group, Max: session}, nil)
		defer unix.Prlimit(0, unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: session, Max: session}, nil)
	}
	fork()
}

// limitMark returns the session and the group that the process is marked with, zeros if it is not.
func limitMark(pid int) (session, group uint64) {
	var lim unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_RTTIME, nil, &lim) != nil || lim.Max == math.MaxUint64 {
		return 0, 0
	}
	return lim.Max, lim.Max - lim.Cur
}

// markOf returns the nonce of the group that the process was started in, "" if it carries none. It is sure if the
// process carries the number of the session; else it may have none yet (see attribute).
func markOf(pid int, session uint64) (nonce string, sure bool) {
	if s, group := limitMark(pid); s == session {
		return nonceOf(s, group), true
	}
	return procDir.environMark(pid), false
}
