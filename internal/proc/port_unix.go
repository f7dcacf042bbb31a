//go:build unix && !linux

package proc

import (
	"bufio"
	"bytes"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

// portOwner asks lsof, which macOS has: the tables of the kernel are not to be read
// without it.
func portOwner(e endpoint) (Owner, bool) {
	out, err := exec.Command("lsof", "-nP", "-iTCP:"+strconv.Itoa(int(e.port)), "-sTCP:LISTEN", "-FpLn").Output()
	if err != nil && len(out) == 0 {
		return Owner{}, false
	}
	var o Owner
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		line := sc.Text()
		if line == "" {
			continue
		}
		switch value := line[1:]; line[0] {
		case 'p':
			o = Owner{}
			o.PID, _ = strconv.Atoi(value)
		case 'L':
			o.User = value
		case 'n':
			if at, err := netip.ParseAddrPort(strings.Replace(value, "*:", "0.0.0.0:", 1)); err == nil && e.meets(at) {
				o.Command = commandOf(o.PID)
				return o, true
			}
		}
	}
	return Owner{}, false
}

func commandOf(pid int) string {
	out, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return NameOf(pid)
	}
	return commandLine([]string{string(out)})
}
