package proc

import (
	"bufio"
	"bytes"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

// portOwner asks netstat. Its words are translated on a localised system, so the columns
// are counted and a listener is recognised by its foreign address, which has port 0.
func portOwner(e endpoint) (Owner, bool) {
	out, err := exec.Command("netstat", "-ano").Output()
	if err != nil {
		return Owner{}, false
	}
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		w := strings.Fields(sc.Text()) // TCP local foreign state pid
		if len(w) != 5 || w[0] != "TCP" || !strings.HasSuffix(w[2], ":0") {
			continue
		}
		at, err := netip.ParseAddrPort(w[1])
		if err != nil || !e.meets(at) {
			continue
		}
		pid, _ := strconv.Atoi(w[4])
		return Owner{PID: pid, Command: NameOf(pid)}, true
	}
	return Owner{}, false
}
