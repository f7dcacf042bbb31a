package runner

import (
	"bytes"
	"os"
	"strconv"
)

// oomKills counts the processes that the out-of-memory killer has ended since boot, those
// killed for the limit of a control group included. -1: unknown.
func oomKills() int64 {
	b, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return -1
	}
	_, rest, ok := bytes.Cut(b, []byte("\noom_kill "))
	if !ok {
		return -1
	}
	num, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseInt(string(num), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
