package proc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// R3, P5, fault 51: SIGKILL at the end of the grace, and everybody is named.
func TestIgnoresTerm(t *testing.T) {
	p := sh(t, `trap '' TERM; sleep 1000 & sleep 1001 & echo $$ $!; wait; wait`)
	pids := p.pids()
	start := time.Now()
	const grace = 50 * time.Millisecond
	p.Stop(syscall.SIGTERM, grace)
	gone(t, p.Group)
	if d := time.Since(start); d < grace {
		t.Errorf("killed after %v", d)
	}
	if s := p.State(); s.Signal != syscall.SIGKILL {
		t.Errorf("%+v", s)
	}
	killed := p.Killed()
	if len(killed) != 3 || !slices.Contains(killed, fmt.Sprint(pids[0], " sh")) || !slices.Contains(killed, fmt.Sprint(pids[1], " sleep")) {
		t.Errorf("killed %q, pids %v", killed, pids)
	}
}

func init() {
	modes["headless"] = modeHeadless
	if os.Getenv(modeVar) == "headless" {
		runtime.LockOSThread() // main is called by the main thread
	}
}

// modeHeadless listens, and goes on without its main thread.
func modeHeadless() int {
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(os.Getpid())
	syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // this thread's
	runtime.KeepAlive(l)
	return 1
}

// R4, R6: a daemon whose main thread has ended is a zombie to look at, and holds its port: it is not gone. Of one that is
// killed the threads end one by one, so this can be seen of every program for a moment.
func TestMainThreadEnded(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addr := testkit.Address(t)
	p := run(t, Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", `(setsid "$0" &); exec sleep 1000`, exe}, Env: selfEnv("headless", "ADDR="+addr),
	})
	daemon := p.pids()[0]
	eventually(t, "the main thread ends", func() bool { return testkit.State(daemon) == "Z" })
	p.Stop(syscall.SIGTERM, patience)
	gone(t, p.Group)
	if alive(daemon) {
		t.Error("it is not gone")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// Fault 54, 73: five hundred children.
func TestManyChildren(t *testing.T) {
	p := sh(t, `trap '' TERM; i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done; echo ready; wait`)
	p.line()
	p.Stop(syscall.SIGTERM, 10*time.Millisecond)
	gone(t, p.Group)
	if n := len(p.Killed()); n != 501 {
		t.Errorf("%d killed", n)
	}
	for _, c := range procDir.all() {
		if c.pgrp == p.Pid() {
			t.Errorf("left: %+v", c)
		}
	}
}

// A program that another goroutine starts just when a group's program is forked has the mark of that group. It is none of
// its processes.
func TestStartedBeside(t *testing.T) {
	session, ok := sessionMark()
	if !ok {
		t.Skip("this system has no limit that could be a mark")
	}
	a := sh(t, `exec sleep 1000`)
	var number uint64
	if _, err := fmt.Sscanf(a.os.nonce, "%x-%d", new(uint64), &number); err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "1000")
	var err error
	registry.spawn.Lock()
	marking(number, func() { err = other.Start() })
	registry.spawn.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	if nonce, _ := markOf(other.Process.Pid, session); nonce != a.os.nonce {
		t.Fatalf("the mark is %q, the group's %q", nonce, a.os.nonce)
	}
	a.Stop(syscall.SIGTERM, patience)
	gone(t, a.Group)
	if b := a.LeftBehind(); len(b) > 0 || !alive(other.Process.Pid) {
		t.Errorf("ended with the group: %q", b)
	}
}

// R4, fault 55: daemons leave group and session; some by a double fork, so that no process
// can tell by their parents where they came from.
func TestDaemons(t *testing.T) {
	const daemon = `
		(setsid sh -c 'echo $$; exec sleep 1000' &)            # double fork
		setsid sh -c 'echo $$; exec sleep 1000' &              # still a child
		setsid sh -c 'sleep 1000 & echo $!; exec sleep 1000' & # a child of a daemon
		setsid env -i sleep 1000 & echo $!                     # carries no marker, but has a parent
		(setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.1; done' &)  # ignores signals
	`
	a := sh(t, daemon+`exec sleep 1000`)
	b := sh(t, daemon+`exec sleep 1000`)
	read := func(p *program) (pids []int) {
		for range 5 {
			pids = append(pids, p.pids()...)
		}
		return pids
	}
	ap, bp := read(a), read(b)
	a.Stop(syscall.SIGTERM, 10*time.Millisecond)
	gone(t, a.Group)
	for _, pid := range ap {
		if exists(pid) {
			t.Errorf("%d %s of the stopped group is left", pid, NameOf(pid))
		}
	}
	for _, pid := range bp {
		if !alive(pid) {
			t.Errorf("%d of the other group has been ended", pid)
		}
	}
	if k := a.Killed(); !slices.ContainsFunc(k, func(s string) bool { return strings.HasSuffix(s, " sh") }) {
		t.Errorf("killed %q", k)
	}
	b.Stop(syscall.SIGTERM, 0)
	gone(t, b.Group)
	for _, pid := range bp {
		if exists(pid) {
			t.Errorf("%d is left", pid)
		}
	}
}

// The leader ended without being asked to, and a daemon is all that is left: Gone waits for it.
func TestOnlyDaemonLeft(t *testing.T) {
	for _, stop := range []bool{true, false} {
		p := sh(t, `setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.01; exit 0`)
		pid := p.pids()[0]
		wait(t, "exited", p.Exited())
		if closed(p.Gone()) {
			t.Error("gone with a daemon left")
		}
		if stop {
			p.Stop(syscall.SIGTERM, patience)
		} else {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		gone(t, p.Group)
		// Killed before it was ever seen, it is a zombie that the reaper reaps presently.
		eventually(t, "end of the daemon", func() bool { return !exists(pid) })
	}
}

// A daemon born while the group ends: its parent forks on SIGTERM.
func TestLateDaemon(t *testing.T) {
	for range 20 {
		p := sh(t, `trap 'setsid sleep 1000 & echo $!; exit' TERM; echo ready; while :; do sleep 0.005; done`)
		p.line()
		p.Stop(syscall.SIGTERM, patience)
		pid := p.pids()[0]
		gone(t, p.Group)
		if alive(pid) {
			t.Fatal("left")
		}
	}
}

// A signal is lost on a shell that has a handler and is about to execute something. What
// it executed gets it again.
func TestDaemonExecs(t *testing.T) {
	p := sh(t, `(setsid sh -c 'trap "exec sleep 1000" TERM; echo $$; while :; do sleep 0.01; done' &); exec sleep 1000`)
	pid := p.pids()[0]
	p.Stop(syscall.SIGTERM, 2*patience)
	gone(t, p.Group)
	if alive(pid) || p.Killed() != nil {
		t.Error("left, or only killed:", p.Killed())
	}
}

// Fault 57: orphans of a living group are reaped, those in the group and those outside.
func TestReapsOrphans(t *testing.T) {
	p := sh(t, `i=0; while [ $i -lt 50 ]; do (sh -c 'echo $$' &); (setsid sh -c 'echo $$' &); i=$((i+1)); done; exec sleep 1000`)
	for range 100 {
		pid := p.pids()[0]
		eventually(t, "reaped", func() bool { return !exists(pid) })
	}
	if closed(p.Exited()) {
		t.Error("the leader ended")
	}
}

// The reaper must not take the exit status of a child of os/exec.
func TestDoesNotSteal(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 50
	}
	for i := range n {
		c := exec.Command("/bin/sh", "-c", "exit 9")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 { // a zombie while the process table is read
			eventually(t, "zombie", func() bool { return !alive(c.Process.Pid) })
			reap()
		}
		var ee *exec.ExitError
		if err := c.Wait(); !errors.As(err, &ee) || ee.ExitCode() != 9 {
			t.Fatal(err)
		}
	}
}

// Nor that of a group's leader or of a guard.
func TestReapLeavesOwn(t *testing.T) {
	for range 100 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			reap()
		}()
		p := sh(t, "exit 5")
		reap()
		gone(t, p.Group)
		if p.State().Code != 5 {
			t.Fatal(p.State())
		}
		<-done
	}
}

// Descriptors: the given ones, and no others.
func TestDescriptors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	leak, err := syscall.Open("/", syscall.O_RDONLY, 0) // inherited, as far as Setup knows
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leak)
	closeInherited()
	p := run(t, Cmd{
		Path:  "/bin/sh",
		Args:  []string{"sh", "-c", `ls -l /proc/self/fd | sed -n 's/.* \([0-9]*\) -> .*/\1/p' | tr '\n' ' '; echo; echo extra >&3; cat; pwd; echo $A $B`},
		Dir:   "/usr",
		Env:   []string{"A=1", "B=2", "A=3", "PATH=" + os.Getenv("PATH")},
		Extra: []*os.File{w},
	})
	w.Close()
	if l := p.line(); l != "0 1 2 3 4 " { // 4 is the directory that ls reads
		t.Errorf("descriptors %q", l)
	}
	if l := p.line(); l != "/usr" {
		t.Errorf("pwd %q", l)
	}
	if l := p.line(); l != "3 2" {
		t.Errorf("environment %q, want the last assignment", l)
	}
	b, _ := io.ReadAll(r)
	if string(b) != "extra\n" {
		t.Errorf("descriptor 3: %q", b)
	}
}

// R12: a program that is being written is retried.
func TestTextFileBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, "#!/bin/sh\nexit 6\n")
	if _, err := Start(Cmd{Path: path}); !errors.Is(err, syscall.ETXTBSY) {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { f.Close() })
	g, err := Start(Cmd{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	gone(t, g)
	if g.State().Code != 6 {
		t.Error(g.State())
	}
}

// P3: children must survive the end of whatever thread Start was called from.
func TestForkThread(t *testing.T) {
	started := make(chan *program)
	go func() {
		runtime.LockOSThread() // without unlock: the thread ends with the goroutine
		started <- sh(t, "exec sleep 1000")
	}()
	p := <-started
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 50 {
		<-tick.C
		if closed(p.Exited()) {
			t.Fatal("ended with the thread: ", p.State())
		}
	}
}

// F6, fault 105: nothing gathers.
func TestLeaks(t *testing.T) {
	n := 500
	if testing.Short() {
		n = 100
	}
	cycle := func(i int) {
		g, err := Start(Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", []string{
			"exec sleep 1000", "exit 3", "sleep 1000 & exec sleep 1000", "(setsid sleep 1000 &); exec sleep 1000", "kill -6 $$",
		}[i%5]}})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			<-time.After(time.Duration(i%7) * time.Millisecond)
		}
		g.Stop(syscall.SIGTERM, patience)
		gone(t, g)
	}
	for i := range 20 {
		cycle(i)
	}
	fds, routines, groups := countFds(t), runtime.NumGoroutine(), len(registry.groups)
	for i := range n {
		cycle(i)
	}
	eventually(t, fmt.Sprintf("goroutines back to %d", routines), func() bool { return runtime.NumGoroutine() <= routines })
	if n := countFds(t); n > fds {
		t.Errorf("%d descriptors, were %d", n, fds)
	}
	if n := len(registry.groups); n != groups {
		t.Errorf("%d groups registered, were %d", n, groups)
	}
	var left []process
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if left = procDir.list(os.Getpid(), func(process) bool { return false }); len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("left: %+v", left)
		}
	}
}

func countFds(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func TestNameOf(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "a-name-of-more-than-fifteen")
	if err := os.Link("/bin/sleep", long); err != nil {
		b, err := os.ReadFile("/bin/sleep")
		if err != nil {
			t.Fatal(err)
		}
		testkit.WriteProgram(t, long, b)
	}
	g, err := Start(Cmd{Path: long, Args: []string{long, "1000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer gone(t, g)
	defer g.Stop(syscall.SIGKILL, 0)
	// Just after the start the kernel does not know the arguments yet.
	eventually(t, "the whole name", func() bool { return NameOf(g.Pid()) == "a-name-of-more-than-fifteen" })
	if n := NameOf(1 << 30); n != "" {
		t.Error(n)
	}
}

// R4, fault 62: a process can lose the marker in its environment, its group, its session and its parent. It belongs to the
// group all the same, and to no other one.
func TestBareOrphans(t *testing.T) {
	if _, ok := sessionMark(); !ok {
		t.Skip("this system has no limit that could be a mark")
	}
	const script = `
		sh -c 'nohup env -i setsid sleep 1000 >/dev/null 2>&1 & echo $!'
		(env -i setsid /bin/sh -c 'echo $$; (setsid /bin/sleep 1000 & echo $!)')  # and what it starts
	`
	a, b := sh(t, script+"exec sleep 1000"), sh(t, script+"exec sleep 1000")
	read := func(p *program) (pids []int) {
		for range 3 {
			pids = append(pids, p.pids()...)
		}
		return pids
	}
	ap, bp := read(a), read(b)
	for _, pid := range []int{ap[0], ap[2], bp[0], bp[2]} {
		eventually(t, "an orphan in a session of its own", func() bool {
			p, ok := procDir.stat(pid)
			return ok && p.ppid == os.Getpid() && p.pgrp == pid && p.name == "sleep" && procDir.environMark(pid) == ""
		})
	}
	if got := a.Pids(); !slices.Contains(got, ap[0]) || slices.Contains(got, bp[0]) {
		t.Errorf("the group has %v, want %d and not %d", got, ap[0], bp[0])
	}
	a.Stop(syscall.SIGTERM, patience)
	gone(t, a.Group)
	for _, pid := range ap {
		if alive(pid) {
			t.Errorf("%d %s of the stopped group is left", pid, NameOf(pid))
		}
	}
	for _, pid := range []int{bp[0], bp[2]} {
		if !alive(pid) {
			t.Errorf("%d of the other group has been ended", pid)
		}
	}
	if got := a.LeftBehind(); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, fmt.Sprint(ap[0], " ")) }) {
		t.Errorf("left behind %q, want %d", got, ap[0])
	}
	if a.Killed() != nil {
		t.Error("killed", a.Killed())
	}
}

// R4: if not even SIGKILL ends the group in time, what has left it is killed all the same.
func TestGroupGivenUp(t *testing.T) {
	defer func(d time.Duration) { afterKill = d }(afterKill)
	afterKill = -time.Second // SIGKILL counts as useless at once
	p := sh(t, `setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.1; done' & exec sleep 1000`)
	stray := p.pids()[0]
	eventually(t, "a session of its own", func() bool { d, ok := procDir.stat(stray); return ok && d.pgrp == stray })
	p.Stop(syscall.SIGKILL, 0)
	gone(t, p.Group)
	eventually(t, "the stray to end", func() bool { return !alive(stray) })
	if got := p.LeftBehind(); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, fmt.Sprint(stray, " ")) }) {
		t.Errorf("left behind %q, want %d", got, stray)
	}
}

// R8: a real-time signal, which has no name.
func TestStateRealTime(t *testing.T) {
	p := sh(t, "kill -34 $$")
	gone(t, p.Group)
	if s := p.State(); s.Code != -1 || s.Signal != syscall.Signal(34) {
		t.Errorf("%+v", s)
	}
}

// exists says whether there is an entry in the process table.
func exists(pid int) bool {
	_, ok := procDir.stat(pid)
	return ok
}

var listener = testkit.Listener
