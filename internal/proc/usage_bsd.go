//go:build unix && !linux

package proc

import (
	"context"
	"os/exec"
	"time"
)

// usage asks ps: without cgo, the kernel of macOS does not say how much memory a process has.
func (g *Group) usage() (Usage, bool) {
	const timeout = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c := exec.CommandContext(ctx, "ps", psArgs...)
	c.WaitDelay = timeout
	out, err := c.Output()
	if err != nil {
		return Usage{}, false
	}
	return parsePs(string(out), g.pid)
}
