//go:build unix

package proc

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// afterKill is how long SIGKILL may take before the group is given up: a process in
// an uninterruptible wait, or one that belongs to another user, must not hang us. Tests shorten it.
var afterKill = 2 * time.Second

// strayGrace is the least time a daemon outside the group gets between its signal and
// SIGKILL, even if the group used up the whole grace.
const strayGrace = 100 * time.Millisecond

type osGroup struct {
	nonce string
	term  *foreground

	suspended atomic.Bool // Suspend stopped it

	wake chan struct{} // a Stop came in, or some child ended; buffered 1

	// Guarded by Group.mu.
	request *stopRequest
	empty   bool              // the group is gone: its id may be reused, never signal it again
	known   map[int]uint64    // strays seen so far: pid -> start time, to find them again without a parent
	unsure  map[int]time.Time // since when a process could not be judged
}

type stopRequest struct {
	sig     syscall.Signal
	killAt  time.Time
	patient bool // the grace was not zero: who is killed at its end is named
}

func start(c Cmd) (*Group, error) {
	g := newGroup()
	number := groupCount.Add(1)
	session, _ := sessionMark()
	g.os = osGroup{
		nonce:  nonceOf(session, number),
		wake:   make(chan struct{}, 1),
		known:  make(map[int]uint64),
		unsure: make(map[int]time.Time),
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: childEnv(c.Env, g.os.nonce), Sys: groupAttr()}

	std := []*os.File{c.Stdin, c.Stdout, c.Stderr}
	if slices.Contains(std, nil) {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer null.Close()
		for i := range std {
			if std[i] == nil {
				std[i] = null
			}
		}
	}
	for _, f := range std {
		attr.Files = append(attr.Files, f.Fd())
	}
	for _, f := range c.Extra {
		fd, err := descriptor(f)
		if err != nil {
			return nil, err
		}
		attr.Files = append(attr.Files, fd)
	}
	if c.Foreground != nil {
		if t, fd := newForeground(c.Foreground); t != nil {
			g.os.term = t
			attr.Sys.Foreground, attr.Sys.Ctty = true, int(fd)
		}
	}

	registry.spawn.Lock()
	var pid int
	var err error
	marking(number, func() { pid, err = fork(c.Path, c.Args, attr) })
	if err != nil {
		registry.spawn.Unlock()
		if g.os.term != nil {
			g.os.term.release(0)
		}
		return nil, err
	}
	g.pid = pid
	enter(g)
	registry.spawn.Unlock()

	go g.wait()
	go g.supervise()
	return g, nil
}

// descriptor is f.Fd without its side effect on the blocking mode.
func descriptor(f *os.File) (fd uintptr, err error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = rc.Control(func(n uintptr) { fd = n })
	return fd, err
}

// childEnv puts the marker in front and, like os/exec, lets the last of several
// assignments to a variable win.
func childEnv(env []string, nonce string) []string {
	env = slices.DeleteFunc(uniqueEnv(env, variableKey), func(kv string) bool { return strings.HasPrefix(kv, marker+"=") })
	return slices.Insert(env, 0, marker+"="+nonce)
}

func textFileBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// wait is the one waiter of the leader. It blocks: nothing is polled.
//
// It does not wait for the whole group: a blocked wait4(-pgid) is not woken when the last
// child in the group leaves it by setsid, and would later steal from whoever gets the id.
func (g *Group) wait() {
	for {
		var ws syscall.WaitStatus
		var ru syscall.Rusage
		_, err := syscall.Wait4(g.pid, &ws, syscall.WUNTRACED|syscall.WCONTINUED, &ru)
		switch {
		case err == syscall.EINTR:
			continue
		case err == nil:
			if sig, ok := stopped(uint32(ws), syscall.SIGCONT); ok {
				g.reportStop(sig)
				continue
			}
		}
		if g.os.term != nil {
			g.os.term.release(g.pid) // what it left running has no more business there
		}
		s := State{Code: -1} // if it was reaped elsewhere, all we know is that it ended
		if err == nil {
			s = stateOf(ws, &ru)
		}
		g.leaderEnded(s)
		return
	}
}

// stopped reports whether a status of wait4 is that of a process that was stopped by sig or, with 0, goes on. cont is
// SIGCONT on the system that it is of.
//
// The methods of syscall.WaitStatus take SIGSTOP for "goes on" on macOS and the BSDs, and what macOS says of one that goes
// on for "stopped by SIGCONT".
func stopped(status uint32, cont syscall.Signal) (sig syscall.Signal, yes bool) {
	const (
		isStopped = 0x7f
		goesOn    = 0xff // in the place of the signal: Linux, NetBSD and OpenBSD
	)
	low, high := syscall.Signal(status&0x7f), syscall.Signal(status>>8&0xff)
	switch {
	case low == cont: // FreeBSD: no process is ended by it
		return 0, true
	case low != isStopped:
		return 0, false
	case high == cont || high == goesOn: // cont: macOS
		return 0, true
	}
	return high, true
}

func stateOf(ws syscall.WaitStatus, ru *syscall.Rusage) State {
	s := State{
		Code:     ws.ExitStatus(), // -1 if signalled
		UserTime: time.Duration(ru.Utime.Nano()),
		SysTime:  time.Duration(ru.Stime.Nano()),
	}
	if ws.Signaled() {
		s.Signal, s.CoreDumped = ws.Signal(), ws.CoreDump()
	}
	return s
}

func (g *Group) reportStop(sig syscall.Signal) {
	if g.os.suspended.Load() {
		return // our own doing
	}
	select { // this goroutine is the only sender
	case <-g.stopped:
	default:
	}
	g.stopped <- sig
}

func (g *Group) signal(sig syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.os.empty {
		return os.ErrProcessDone
	}
	return g.send(sig)
}

// send is called with g.mu held, and only while the group's id is certainly ours.
func (g *Group) send(sig syscall.Signal) error {
	target := -g.pid
	err := syscall.Kill(target, sig)
	if err == syscall.ESRCH {
		select {
		case <-g.exited:
			return os.ErrProcessDone
		default: // the leader moved itself to another group
			target = g.pid
			err = syscall.Kill(target, sig)
		}
	}
	if terminating(sig) {
		syscall.Kill(target, syscall.SIGCONT)
	}
	return err
}

func terminating(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGABRT:
		return true
	}
	return false
}

// StopErr is always nil: a signal can be sent to each process of the group.
func (g *Group) StopErr() error { return nil }

// nearly is what may be left of a grace when it counts as over: who gives many groups the same
// time kills them at the same moment, whose own time ends a little later.
const nearly = 250 * time.Millisecond

func (g *Group) stop(sig syscall.Signal, grace time.Duration) {
	g.mu.Lock()
	at := time.Now().Add(grace)
	switch r := g.os.request; {
	case r == nil:
		g.os.request = &stopRequest{sig: sig, killAt: at, patient: grace > 0}
	case at.Before(r.killAt):
		r.patient = grace > 0 || r.patient && r.killAt.Sub(at) < nearly
		r.killAt = at
	}
	g.mu.Unlock()
	g.look()
}

// look makes supervise look.
func (g *Group) look() {
	select {
	case g.os.wake <- struct{}{}:
	default:
	}
}

// supervise carries out Stop and finds out when everything is gone. While the leader lives
// and nothing asked for its end, it sleeps. After that it looks every 1 to 10 ms if a caller
// waits, else every 1 to 500 ms; and where Setup could arrange it, as soon as any child of
// this process ends.
func (g *Group) supervise() {
	defer g.finish()
	s := supervision{g: g, signalled: map[int]string{}}
	exited := g.exited
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !s.turn(time.Now(), exited == nil) {
		timer.Reset(max(s.pause(exited == nil), 0))
		select {
		case <-exited:
			exited = nil
		case <-g.os.wake:
		case <-timer.C:
		}
	}
}

// supervision is what supervise knows from one turn to the next.
type supervision struct {
	g     *Group
	req   stopRequest // as of this turn
	asked bool        // there is a request
	empty bool        // the group is gone; only strays may be left
	tick  time.Duration

	sent     bool      // the request's signal was sent
	killedAt time.Time // zero: not yet

	straysAt  time.Time      // when the group was found gone and the strays' turn began
	signalled map[int]string // strays: pid -> image at that time
	strayKill time.Time      // when they were killed; zero: not yet
}

// turn does what is due and reports whether that was all: nothing is left, or nothing helps.
func (s *supervision) turn(now time.Time, leaderGone bool) (over bool) {
	g := s.g
	g.mu.Lock()
	if s.asked = g.os.request != nil; s.asked {
		s.req = *g.os.request
	}
	s.empty = g.os.empty
	g.mu.Unlock()

	if s.asked && !s.empty && s.stopGroup(now) {
		s.killStrays() // their turn never comes
		return true
	}
	if leaderGone && !s.empty {
		s.reap()
	}
	if !s.empty {
		return false
	}
	left, sure := g.strays()
	if len(left) == 0 && sure && g.leaderGone() {
		return true
	}
	return s.asked && s.stopStrays(left, now)
}

// stopGroup sends the signals that are due to the group. true: even SIGKILL does not help.
func (s *supervision) stopGroup(now time.Time) (hopeless bool) {
	g := s.g
	if !s.sent {
		s.sent = true
		s.tick = 0
		g.remember() // before parents die, by which strays without a marker are found
		if now.Before(s.req.killAt) {
			g.signal(s.req.sig)
		}
	}
	if s.killedAt.IsZero() && !now.Before(s.req.killAt) {
		if s.req.patient {
			g.addKilled(g.Members()...)
		}
		s.killedAt = now
	}
	if s.killedAt.IsZero() {
		return false
	}
	// Again at each turn: a process may have joined the group since.
	g.signal(syscall.SIGKILL)
	if now.Sub(s.killedAt) > afterKill {
		g.addKilled(g.Members()...)
		return true
	}
	return false
}

// reap notes when the group is gone. From then on its id is never signalled.
func (s *supervision) reap() {
	s.g.reapMembers()
	if groupAlive(s.g.pid, s.asked) {
		return
	}
	s.g.mu.Lock()
	s.g.os.empty = true
	s.g.mu.Unlock()
	s.empty, s.tick = true, 0
}

// stopStrays sends the signals that are due to processes outside the group. true: even SIGKILL
// does not help.
func (s *supervision) stopStrays(left []process, now time.Time) (hopeless bool) {
	g := s.g
	if s.straysAt.IsZero() {
		s.straysAt = now
	}
	for _, p := range left {
		g.leftBehind(p)
		// Once, but again after an exec: a signal that came just before, to a
		// shell that had inherited a handler, is lost.
		if s.signalled[p.pid] != p.image && now.Before(s.req.killAt) {
			s.signalled[p.pid] = p.image
			syscall.Kill(p.pid, s.req.sig)
			syscall.Kill(p.pid, syscall.SIGCONT)
		}
	}
	killAt := s.req.killAt
	if least := s.straysAt.Add(strayGrace); s.req.patient && killAt.Before(least) {
		killAt = least
	}
	if now.Before(killAt) {
		return false
	}
	for _, p := range left {
		syscall.Kill(p.pid, syscall.SIGKILL)
		if s.req.patient && s.strayKill.IsZero() {
			g.addKilled(p.String())
		}
	}
	if s.strayKill.IsZero() {
		s.strayKill = now
	}
	if now.Sub(s.strayKill) <= afterKill {
		return false
	}
	for _, p := range left {
		g.addKilled(p.String())
	}
	return true
}

// killStrays kills what is outside the group, and does not wait for it: the group itself does not end.
func (s *supervision) killStrays() {
	left, _ := s.g.strays()
	for _, p := range left {
		s.g.leftBehind(p)
		s.g.addKilled(p.String())
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
}

// pause is the time until the next turn.
func (s *supervision) pause(leaderGone bool) time.Duration {
	switch {
	case !leaderGone && !s.asked:
		return time.Hour
	case !leaderGone && s.killedAt.IsZero():
		return time.Until(s.req.killAt)
	case s.asked:
		s.tick = min(max(s.tick*3/2, time.Millisecond), 10*time.Millisecond)
	case s.empty:
		s.tick = min(max(s.tick*2, time.Millisecond), 500*time.Millisecond)
	default: // a leader that left others behind; nothing is urgent
		s.tick = min(max(s.tick*2, time.Millisecond), 100*time.Millisecond)
	}
	return s.tick
}

// leftBehind notes a process that has to be ended outside the group.
func (g *Group) leftBehind(p process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pid := strconv.Itoa(p.pid) // its name may change by exec
	if !slices.ContainsFunc(g.behind, func(s string) bool { s, _, _ = strings.Cut(s, " "); return s == pid }) {
		g.behind = append(g.behind, p.String())
	}
}

func (g *Group) leaderGone() bool {
	select {
	case <-g.exited:
		return true
	default:
		return false
	}
}

// reapMembers reaps the members that were re-parented to us. It is called only when the
// leader was reaped, whose status belongs to wait.
func (g *Group) reapMembers() {
	for {
		pid, err := syscall.Wait4(-g.pid, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}

func (g *Group) finish() {
	g.mu.Lock()
	g.os.empty = true
	g.mu.Unlock()
	if g.os.term != nil {
		g.os.term.release(g.pid)
	}
	leave(g)
	g.leaderEnded(State{Code: -1, Signal: syscall.SIGKILL}) // only if SIGKILL did not help
	close(g.gone)
}

func (p process) String() string {
	return strings.TrimSpace(strconv.Itoa(p.pid) + " " + p.name)
}
