package runner

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// listens is Process.Listens.
func (p *Process) listens() bool {
	l := &listenProbe{pids: p.g.Pids(), ignore: inodes(p.spec.Sockets)}
	return l.listening()
}

// lookListen returns a function that says whether a process of the group listens.
func (p *Process) lookListen() func() bool {
	l := &listenProbe{
		pids: []int{p.g.Pid()}, ignore: inodes(p.spec.Sockets),
		nextPids: time.Now().Add(20 * time.Millisecond), // most servers listen by then, and have no children
	}
	return func() bool {
		// Listing the group's processes reads the process table; the leader's own
		// descriptors cost next to nothing.
		if now := time.Now(); now.After(l.nextPids) {
			l.pids = p.g.Pids()
			l.nextPids = now.Add(max(20*time.Millisecond, 10*time.Since(now)))
		}
		return l.listening()
	}
}

// listenProbe looks for listening sockets of processes.
type listenProbe struct {
	pids     []int
	nextPids time.Time
	ignore   map[string]bool // inodes of sockets that were handed over: they listen already
}

func (l *listenProbe) listening() bool {
	for _, pid := range l.pids {
		dir := "/proc/" + strconv.Itoa(pid)
		own := l.sockets(dir)
		if len(own) == 0 {
			continue
		}
		// In the process's network name space, which need not be ours.
		for _, t := range []struct {
			name   string
			listen func(f [][]byte) (inode []byte, listens bool)
			sorted bool // listening sockets come first
		}{
			{"/net/tcp", tcpRow, true}, {"/net/tcp6", tcpRow, true}, {"/net/unix", unixRow, false},
		} {
			if found(dir+t.name, own, t.listen, t.sorted) {
				return true
			}
		}
	}
	return false
}

// sockets returns the inodes of a process's sockets.
func (l *listenProbe) sockets(dir string) map[string]bool {
	fds, err := os.Open(dir + "/fd")
	if err != nil {
		return nil
	}
	defer fds.Close()
	names, _ := fds.Readdirnames(-1)
	var own map[string]bool
	for _, n := range names {
		link, err := os.Readlink(dir + "/fd/" + n)
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(link, "socket:["); ok {
			if inode = strings.TrimSuffix(inode, "]"); !l.ignore[inode] {
				if own == nil {
					own = make(map[string]bool)
				}
				own[inode] = true
			}
		}
	}
	return own
}

func found(file string, own map[string]bool, row func([][]byte) ([]byte, bool), sorted bool) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	buf := make([]byte, 0, 16<<10)
	first := true
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for {
			line, rest, ok := bytes.Cut(buf, []byte{'\n'})
			if !ok {
				break
			}
			if !first {
				inode, listens := row(bytes.Fields(line))
				if listens && own[string(inode)] {
					return true
				}
				if !listens && sorted {
					return false // the rest may be a hundred thousand connections
				}
			}
			first = false
			buf = buf[:copy(buf[:cap(buf)], rest)]
		}
		if err != nil || n == 0 {
			return false
		}
	}
}

// tcpRow: sl local remote st tx:rx tr:tm retrnsmt uid timeout inode ...
func tcpRow(f [][]byte) ([]byte, bool) {
	if len(f) < 10 {
		return nil, false
	}
	return f[9], string(f[3]) == "0A" // TCP_LISTEN
}

// unixRow: Num RefCount Protocol Flags Type St Inode Path
func unixRow(f [][]byte) ([]byte, bool) {
	if len(f) < 7 {
		return nil, false
	}
	return f[6], string(f[3]) == "00010000" // __SO_ACCEPTCON
}

func inodes(files []*os.File) map[string]bool {
	m := make(map[string]bool)
	for _, f := range files {
		if fi, err := f.Stat(); err == nil {
			if st, ok := fi.Sys().(*syscall.Stat_t); ok {
				m[strconv.FormatUint(st.Ino, 10)] = true
			}
		}
	}
	return m
}
