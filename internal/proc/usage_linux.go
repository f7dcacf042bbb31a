package proc

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

func (g *Group) usage() (u Usage, ok bool) {
	members, strays, _ := g.attribute(g.candidates(true))
	for _, p := range slices.Concat(members, strays) {
		b, err := readProc(string(procDir) + "/" + strconv.Itoa(p.pid) + "/stat")
		if one, read := parseUsage(b); err == nil && read {
			u.CPU += one.CPU
			u.Memory += one.Memory
			ok = true
		}
	}
	return u, ok
}

// parseUsage reads /proc/PID/stat. The time of a child counts for its parent when it has ended, so the
// sum of a group does not fall with it.
func parseUsage(stat []byte) (u Usage, ok bool) {
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) < 22 {
		return Usage{}, false
	}
	const utime, cstime, rss = 11, 14, 21 // utime, stime, cutime, cstime
	for i := utime; i <= cstime; i++ {
		n, err := strconv.ParseInt(string(f[i]), 10, 64)
		if err != nil {
			return Usage{}, false
		}
		u.CPU += time.Duration(n) * clockTick
	}
	pages, err := strconv.ParseInt(string(f[rss]), 10, 64)
	u.Memory = pages * int64(os.Getpagesize())
	return u, err == nil
}
