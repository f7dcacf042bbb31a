//go:build unix && !linux

package proc

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"strconv"
	"time"
)

// lsofTimeout is how long lsof may take: it hangs on a network file system that does not answer.
const lsofTimeout = 2 * time.Second

// lsof asks lsof, which macOS has, about TCP listeners: the tables of the kernel are not to be read
// without it. False: it does not answer. It exits with 1 if it finds none.
func lsof(args ...string) ([]tcpListener, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), lsofTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, "lsof", append([]string{"-nP", "-FpLn"}, args...)...)
	c.WaitDelay = lsofTimeout
	out, err := c.Output()
	var none *exec.ExitError
	if ctx.Err() != nil || err != nil && !(errors.As(err, &none) && none.ExitCode() == 1) {
		return nil, false
	}
	return parseLsof(out), true
}

// overlapping are the listeners that may be in the way of e. BSD lets one program have a port of
// one address, and another one that of all addresses.
func overlapping(e endpoint) []tcpListener {
	list, _ := lsof("-iTCP:"+strconv.Itoa(int(e.port)), "-sTCP:LISTEN")
	return list
}

func portOwner(e endpoint) (Owner, bool) {
	l, found := e.other(overlapping(e), 0)
	if !found {
		return Owner{}, false
	}
	return l.owner(), true
}

// Listeners are the TCP addresses on which the processes of the group listen; false: not known.
func (g *Group) Listeners() (at []netip.AddrPort, known bool) {
	list, known := lsof("-a", "-g", strconv.Itoa(g.pid), "-iTCP", "-sTCP:LISTEN")
	for _, l := range list {
		at = append(at, l.at)
	}
	return at, known
}

func commandOf(pid int) string {
	// -ww: that of macOS cuts lines at 79 characters, or COLUMNS.
	out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return NameOf(pid)
	}
	return commandLine([]string{string(out)})
}
