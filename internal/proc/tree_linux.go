package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// procFS is the mount point of a proc file system.
type procFS string

const procDir procFS = "/proc"

// list returns the descendants of process root, zombies included, without those that skip
// names and what descends from these.
//
// Where the kernel lists children (CONFIG_PROC_CHILDREN, usual), only they are visited: a
// desktop has a thousand processes, we have ten. A pass is not a snapshot: a process whose
// parent dies meanwhile moves to us and may be seen nowhere. Hence passes are repeated
// until two agree; but where there is none at all, and none was just ending, there is no
// parent either.
func (p procFS) list(root int, skip func(process) bool) []process {
	var last []process
	for i := range 5 {
		ps, whole := p.pass(root, skip)
		if len(ps) == 0 && whole {
			return nil
		}
		slices.SortFunc(ps, func(a, b process) int { return a.pid - b.pid })
		same := slices.EqualFunc(ps, last, func(a, b process) bool { return a.pid == b.pid && a.start == b.start })
		last = ps
		if same && i > 0 {
			break
		}
	}
	return last
}

// pass is whole if no process that it found was gone when it was read.
func (p procFS) pass(root int, skip func(process) bool) (ps []process, whole bool) {
	pids, err := p.children(root)
	if err != nil {
		ps, whole = p.scan(root)
		return slices.DeleteFunc(ps, skip), whole
	}
	whole = true
	seen := map[int]bool{root: true}
	for len(pids) > 0 {
		pid := pids[0]
		pids = pids[1:]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		pr, ok := p.stat(pid)
		whole = whole && ok
		if ok && !skip(pr) {
			ps = append(ps, pr)
			more, _ := p.children(pid)
			pids = append(pids, more...)
		}
	}
	return ps, whole
}

// children lists the children of a process, which the kernel keeps per thread. An orphan moves to
// the list of the main thread, which is therefore read last: who is in no list then has been
// reaped, or is found by its own parent.
// fs.ErrNotExist for a living process means that the kernel does not show it.
func (p procFS) children(pid int) ([]int, error) {
	dir := string(p) + "/" + strconv.Itoa(pid) + "/task"
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	tasks, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return nil, err
	}
	if main := slices.Index(tasks, strconv.Itoa(pid)); main >= 0 {
		tasks = append(slices.Delete(tasks, main, main+1), strconv.Itoa(pid))
	}
	var pids []int
	var missing error
	found := false
	for _, t := range tasks {
		b, err := readProc(dir + "/" + t + "/children")
		if errors.Is(err, fs.ErrNotExist) { // or the thread ended
			missing = err
			continue
		}
		found = true
		for f := range bytes.FieldsSeq(b) {
			if n, err := strconv.Atoi(string(f)); err == nil {
				pids = append(pids, n)
			}
		}
	}
	if !found {
		return nil, missing
	}
	return pids, nil
}

// readProc is os.ReadFile in half its system calls: it does not try to register the
// file with the poller. A stop reads dozens of these files, on the way from save to live.
func readProc(name string) ([]byte, error) {
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	buf := make([]byte, 0, 512)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := syscall.Read(fd, buf[len(buf):cap(buf)])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return buf, err
		}
		if n <= 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
	}
}

// scan finds the descendants of root in the whole process table.
func (p procFS) scan(root int) (ps []process, whole bool) {
	byParent := map[int][]process{}
	pids := map[int]bool{0: true}
	for _, pr := range p.all() {
		byParent[pr.ppid] = append(byParent[pr.ppid], pr)
		pids[pr.pid] = true
	}
	whole = true
	for ppid := range byParent {
		whole = whole && pids[ppid]
	}
	next := []int{root}
	for len(next) > 0 {
		kids := byParent[next[0]]
		delete(byParent, next[0])
		next = next[1:]
		for _, k := range kids {
			ps = append(ps, k)
			next = append(next, k.pid)
		}
	}
	return ps, whole
}

func (p procFS) all() []process {
	d, err := os.Open(string(p))
	if err != nil {
		return nil
	}
	names, _ := d.Readdirnames(-1)
	d.Close()
	var ps []process
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if pr, ok := p.stat(pid); ok {
				ps = append(ps, pr)
			}
		}
	}
	return ps
}

// stat reads /proc/PID/stat: "pid (name) state ppid pgrp ..."; the name may itself hold
// spaces and parentheses.
func (p procFS) stat(pid int) (process, bool) {
	var buf [1024]byte
	fd, err := syscall.Open(string(p)+"/"+strconv.Itoa(pid)+"/stat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false
	}
	n, err := syscall.Read(fd, buf[:])
	syscall.Close(fd)
	if err != nil || n <= 0 {
		return process{}, false
	}
	return parseStat(pid, buf[:n])
}

func parseStat(pid int, b []byte) (process, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 20 {
		return process{}, false
	}
	ppid, err1 := strconv.Atoi(f[1])
	pgrp, err2 := strconv.Atoi(f[2])
	start, err3 := strconv.ParseUint(f[19], 10, 64)
	threads, err4 := strconv.Atoi(f[17])
	if len(f) < 49 { // before Linux 3.5
		f = append(f, make([]string, 49-len(f))...)
	}
	name := string(b[open+1 : end])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return process{}, false
	}
	return process{
		pid: pid, ppid: ppid, pgrp: pgrp, start: start,
		// The main thread of a process is a zombie as soon as it has ended, also while others of its threads run, and
		// hold its files: a port is free when the last one is gone.
		zombie: (f[0] == "Z" || f[0] == "X") && threads <= 1,
		name:   name,
		image:  name + f[25], // and the start of its stack, which is random
		noEnv:  f[48] == "0", // env_end
	}, true
}

// environMark returns the marker in the environment the process was started with, "" if it has none or its
// environment cannot be read.
func (p procFS) environMark(pid int) string {
	dir := string(p) + "/" + strconv.Itoa(pid)
	b, err := readProc(dir + "/environ")
	if len(b) == 0 && !errors.Is(err, fs.ErrPermission) { // the main thread has ended, and others may be left
		tasks, _ := os.ReadDir(dir + "/task")
		for i := 0; i < len(tasks) && len(b) == 0; i++ {
			b, _ = readProc(dir + "/task/" + tasks[i].Name() + "/environ")
		}
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(marker+"=")); ok {
			return string(v)
		}
	}
	return ""
}

// isGuard recognises the guard of a hotreload that runs inside a group: it ends the
// groups it knows as soon as that hotreload is gone, and must live to do so.
func (p procFS) isGuard(pid int) bool {
	b, _ := os.ReadFile(filepath.Join(string(p), strconv.Itoa(pid), "cmdline"))
	args := strings.Split(string(b), "\x00")
	return len(args) > 1 && args[1] == verbGuard
}

// foreign returns what is none of the group's business: the other groups and the guards.
func (g *Group) foreign() map[int]bool {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	foreign := make(map[int]bool, len(registry.groups))
	for pid := range registry.groups {
		foreign[pid] = pid != g.pid
	}
	for gd := range registry.guards {
		foreign[gd.pid] = true
	}
	return foreign
}

// candidates returns the processes among which members and strays of the group can be: our
// descendants, or all if orphans are not re-parented to us. What descends from another
// group cannot be: an orphan comes to us, not to it.
func (g *Group) candidates(once bool) []process {
	self := os.Getpid()
	if !subreaper.Load() {
		return slices.DeleteFunc(procDir.all(), func(p process) bool { return p.pid == self })
	}
	foreign := g.foreign()
	skip := func(p process) bool { return foreign[p.pid] || foreign[p.pgrp] }
	if once {
		ps, _ := procDir.pass(self, skip)
		return ps
	}
	return procDir.list(self, skip)
}

// attribute divides a process list into the group's members, and its strays: processes
// that left the group but carry its marker, descend from one of these or of a member, or
// were recognised so before.
//
// sure is false while a process without a mark that cannot be lost is just beginning to
// execute a program, or ending: it has no environment (not even an empty one) and cannot
// be judged.
func (g *Group) attribute(ps []process) (members, strays []process, sure bool) {
	foreign := g.foreign()
	session, _ := sessionMark()
	// What a group starts is in another process group than this process. A process that is not was started by another
	// goroutine, just when this process had the mark of the group that it was starting.
	beside := syscall.Getpgrp()
	g.mu.Lock()
	defer g.mu.Unlock()

	sure = true
	ours := map[int]bool{}
	var rest []process
	for _, p := range ps {
		switch {
		case p.pgrp == g.pid && !g.os.empty:
			members = append(members, p)
			ours[p.pid] = true
		case foreign[p.pid] || foreign[p.pgrp] || p.pgrp == beside:
		case g.os.known[p.pid] == p.start && p.start != 0:
			strays = append(strays, p)
			ours[p.pid] = true
		case p.zombie:
		default:
			nonce, certain := markOf(p.pid, session)
			if nonce == g.os.nonce {
				strays = append(strays, p)
				ours[p.pid] = true
				break
			}
			rest = append(rest, p)
			if certain {
				break
			}
			if now, ok := procDir.stat(p.pid); p.noEnv || ok && now.image != p.image {
				since, again := g.os.unsure[p.pid]
				if !again {
					since = time.Now()
					g.os.unsure[p.pid] = since
				}
				sure = sure && time.Since(since) > afterKill
			}
		}
	}
	strays = append(strays, descendants(rest, ours)...)
	strays = slices.DeleteFunc(strays, func(p process) bool {
		return g.os.known[p.pid] != p.start && procDir.isGuard(p.pid)
	})
	for _, p := range strays {
		g.os.known[p.pid] = p.start
	}
	return members, strays, sure
}

// descendants returns those of ps that descend from the processes in ours, and adds them there.
func descendants(ps []process, ours map[int]bool) (out []process) {
	for found := true; found; {
		found = false
		for _, p := range ps {
			if ours[p.ppid] && !ours[p.pid] {
				ours[p.pid], found = true, true
				out = append(out, p)
			}
		}
	}
	return out
}

// strays returns the living processes that left the group, and reaps the dead ones among
// our children. If it is not sure, there may be more.
func (g *Group) strays() (strays []process, sure bool) {
	_, strays, sure = g.attribute(g.candidates(false))
	self := os.Getpid()
	return slices.DeleteFunc(strays, func(p process) bool {
		if p.zombie && p.ppid == self && p.pid != g.pid {
			syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
		return p.zombie
	}), sure
}

// remember notes the strays there are now, while their parents can still be seen. One pass
// must do: a stop waits for it, and it matters only to what has lost its marker.
func (g *Group) remember() { g.attribute(g.candidates(true)) }

// Members names, as "pid name", the processes of the group that are alive, and those that left it. On macOS it is the
// leader alone.
func (g *Group) Members() []string {
	members, strays, _ := g.attribute(g.candidates(false))
	var names []string
	for _, p := range slices.Concat(members, strays) {
		if !p.zombie {
			p.name = fullName(p.pid, p.name)
			names = append(names, p.String())
		}
	}
	return names
}

// Pids lists the processes of the group that are alive, and those that left it.
// It is empty where the system does not provide it (not Linux).
func (g *Group) Pids() []int {
	members, strays, _ := g.attribute(g.candidates(false))
	var pids []int
	for _, p := range slices.Concat(members, strays) {
		if !p.zombie {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// groupAlive says whether the group has a member. With thorough, zombies that are never
// reaped (no subreaper, and a PID 1 that does not reap) do not count. That reads the whole
// process table, which costs too much for a group that is not to end.
func groupAlive(pgid int, thorough bool) bool {
	if syscall.Kill(-pgid, 0) == syscall.ESRCH {
		return false
	}
	if !thorough {
		return true
	}
	ps := procDir.all()
	if ps == nil {
		return true
	}
	self := os.Getpid()
	return slices.ContainsFunc(ps, func(p process) bool {
		return p.pgrp == pgid && (!p.zombie || p.ppid == self) // we shall reap our own
	})
}

// markedProcesses finds the living processes that carry a nonce of the session and are in
// none of the groups, anywhere on the machine: the guard is the parent of none.
func markedProcesses(session uint64, groups map[int]string, mine func(nonce string) bool) []process {
	var ps []process
	for _, p := range procDir.all() {
		if p.zombie || groups[p.pgrp] != "" {
			continue
		}
		if nonce, _ := markOf(p.pid, session); mine(nonce) {
			p.name = fullName(p.pid, p.name)
			ps = append(ps, p)
		}
	}
	return ps
}

// NameOf is the command name of a process, "" if it is unknown.
func NameOf(pid int) string {
	p, ok := procDir.stat(pid)
	if !ok {
		return ""
	}
	return fullName(pid, p.name)
}

// fullName completes a name that the kernel cut to 15 bytes.
func fullName(pid int, name string) string {
	if len(name) < 15 {
		return name
	}
	b, _ := os.ReadFile(filepath.Join(string(procDir), strconv.Itoa(pid), "cmdline"))
	arg0, _, _ := bytes.Cut(b, []byte{0})
	if base := filepath.Base(string(arg0)); strings.HasPrefix(base, name) {
		return base
	}
	return name
}

// process is one entry of the system's table.
type process struct {
	pid, ppid, pgrp int
	zombie          bool
	start           uint64 // with pid: the identity of the process
	name            string
	image           string // changes with each exec
	noEnv           bool   // just beginning to execute a program, or ending
}
