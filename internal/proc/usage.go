package proc

import (
	"strconv"
	"strings"
	"time"
)

// Usage is what the processes of a group take of the machine.
type Usage struct {
	CPU    time.Duration // all that they have used
	Memory int64         // that they have now, in bytes; what several of them share counts for each
}

// UsageOf is that of the group whose leader has this process id; false if there is no such group, or if
// it is not known.
func UsageOf(pid int) (Usage, bool) {
	registry.mu.Lock()
	g := registry.groups[pid]
	registry.mu.Unlock()
	if g == nil {
		return Usage{}, false
	}
	return g.usage()
}

// psArgs are for ps. Each column has its own -o: after a "=", POSIX takes the rest of the argument for the title of that
// column.
var psArgs = []string{"-A", "-o", "pgid=", "-o", "rss=", "-o", "time="}

// parsePs adds up what ps prints for psArgs of the processes of a group: the memory in KiB, the
// time as [[days-]hours:]minutes:seconds.
func parsePs(out string, group int) (u Usage, ok bool) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != strconv.Itoa(group) {
			continue
		}
		rss, err := strconv.ParseInt(f[1], 10, 64)
		cpu, known := parsePsTime(f[2])
		if err != nil || !known {
			return Usage{}, false
		}
		u.Memory += rss << 10
		u.CPU += cpu
		ok = true
	}
	return u, ok
}

func parsePsTime(s string) (d time.Duration, ok bool) {
	days, rest, found := strings.Cut(s, "-")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.Atoi(days)
	if err != nil {
		return 0, false
	}
	seconds := float64(n) * 24
	parts := strings.Split(rest, ":")
	for len(parts) < 3 {
		parts = append([]string{"0"}, parts...)
	}
	for i, p := range parts {
		// A comma, in some languages.
		v, err := strconv.ParseFloat(strings.Replace(p, ",", ".", 1), 64)
		if err != nil || i > 2 {
			return 0, false
		}
		if i > 0 {
			seconds *= 60
		}
		seconds += v
	}
	return time.Duration(seconds * float64(time.Second)), true
}
