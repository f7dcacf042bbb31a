package proc

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

func portOwner(e endpoint) (Owner, bool) {
	uids := map[string]string{} // inode -> uid
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		listeners(table, func(at netip.AddrPort, uid, inode string) {
			if e.meets(at) {
				uids[inode] = uid
			}
		})
	}
	if len(uids) == 0 {
		return Owner{}, false
	}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		fds, err := os.Open("/proc/" + d.Name() + "/fd")
		if err != nil {
			continue
		}
		names, _ := fds.Readdirnames(-1)
		fds.Close()
		for _, n := range names {
			link, err := os.Readlink("/proc/" + d.Name() + "/fd/" + n)
			if err != nil {
				continue
			}
			inode, ok := strings.CutPrefix(link, "socket:[")
			if !ok {
				continue
			}
			if _, ok := uids[strings.TrimSuffix(inode, "]")]; ok {
				return Owner{PID: pid, Command: commandOf(pid)}, true
			}
		}
	}
	for _, uid := range uids {
		if uid == strconv.Itoa(os.Getuid()) {
			break // ours, and yet not to be seen: in another process name space
		}
		if u, err := user.LookupId(uid); err == nil {
			return Owner{User: u.Username}, true
		}
		return Owner{User: uid}, true
	}
	return Owner{}, true
}

// overlapping finds nothing: Linux refuses what Listen looks for.
func overlapping(endpoint) []tcpListener { return nil }

// Listeners are the TCP addresses on which the processes of the group listen; false: not known.
func (g *Group) Listeners() (out []netip.AddrPort, known bool) {
	for _, pid := range g.Pids() {
		dir := "/proc/" + strconv.Itoa(pid)
		own := map[string]bool{} // inodes
		fds, err := os.ReadDir(dir + "/fd")
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if link, err := os.Readlink(dir + "/fd/" + fd.Name()); err == nil {
				if inode, ok := strings.CutPrefix(link, "socket:["); ok {
					own[strings.TrimSuffix(inode, "]")] = true
				}
			}
		}
		for _, table := range []string{"/net/tcp", "/net/tcp6"} {
			listeners(dir+table, func(at netip.AddrPort, _, inode string) {
				if own[inode] && !slices.Contains(out, at) {
					out = append(out, at)
				}
			})
		}
	}
	return out, true
}

// listeners calls f for every listening socket of a table like /proc/net/tcp. They are
// first there; the rest may be a hundred thousand connections.
func listeners(table string, f func(at netip.AddrPort, uid, inode string)) {
	file, err := os.Open(table)
	if err != nil {
		return
	}
	defer file.Close()
	sc := bufio.NewScanner(file)
	sc.Scan() // headings
	for sc.Scan() {
		// sl local remote st tx:rx tr:tm retrnsmt uid timeout inode ...
		w := strings.Fields(sc.Text())
		if len(w) < 10 || w[3] != "0A" {
			return
		}
		if at, ok := parseSocket(w[1]); ok {
			f(at, w[7], w[9])
		}
	}
}

// parseSocket reads "0100007F:1F90": the address in words of 32 bits, each in the byte
// order of the machine.
func parseSocket(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(n)), ok
}

// commandOf is the command line of a process.
func commandOf(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(b) == 0 {
		return NameOf(pid)
	}
	return commandLine(strings.Split(strings.TrimRight(string(b), "\x00"), "\x00"))
}
