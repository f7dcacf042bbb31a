//go:build unix

package runner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/testkit"
)

var (
	alive    = testkit.Alive
	listener = testkit.Listener
)

func TestStop(t *testing.T) {
	s := shell(`trap 'echo bye; exit 0' INT; echo hi; while :; do sleep 0.01; done`)
	s.StopSignal = syscall.SIGINT
	p := start(t, s)
	p.out.await(t, "hi\n")
	p.Stop()
	p.Stop()
	e := p.exit()
	p.gone()
	if !e.Asked || e.Code != 0 || e.Reason != "exit code 0" || p.out.String() != "hi\nbye\n" {
		t.Errorf("%+v %q", e, p.out)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	p.Stop()
	p.Kill()
}

// R3: SIGKILL at the timeout, said.
func TestStopTimeout(t *testing.T) {
	s := shell(`trap '' TERM; echo hi; while :; do sleep 0.01; done`)
	s.StopTimeout = 30 * time.Millisecond
	p := start(t, s)
	p.out.await(t, "hi\n")
	p.Stop()
	e := p.exit()
	p.gone()
	if e.Signal != syscall.SIGKILL || len(e.Killed) == 0 || !strings.HasSuffix(e.Killed[0], " sh") ||
		e.Reason != "killed by signal 9 (SIGKILL), because it did not end within 30ms" {
		t.Errorf("%+v", e)
	}
	if len(p.Killed()) < len(e.Killed) {
		t.Error(p.Killed())
	}
}

// R8, fault 58, 62: the cause in words.
func TestReason(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"exit 0", "exit code 0"},
		{"exit 66", "exit code 66"},
		{"echo 'Found 1 data race(s)' >&2; exit 66", "exit code 66 (data races found)"},
		{"kill -9 $$", "killed by signal 9 (not by hotreload; " + killedBy + "?)"},
		{"ulimit -c 0; kill -11 $$", "ended by signal 11 (SIGSEGV)"},
		{"kill -15 $$", "ended by signal 15 (SIGTERM)"},
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n' >&2; exit 2`, "panic: boom (/x/main.go:7)"},
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\nexit status 2\n' >&2; exit 1`, "panic: boom (/x/main.go:7)"}, // go run
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n' >&2; exit 0`, "exit code 0"},
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\nrecovered\n' >&2; exit 1`, "exit code 1"},
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n'; exit 2`, "exit code 2"}, // stdout
		{`printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n' >&2; kill -9 $$`, "killed by signal 9 (not by hotreload; " + killedBy + "?)"},
		{"kill -40 $$", "ended by signal 40 (signal 40)"},
	} {
		if strings.HasPrefix(tt.script, "kill -40") && runtime.GOOS != "linux" {
			continue // there are 31
		}
		p := start(t, shell(tt.script))
		if e := p.exit(); e.Reason != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, e.Reason, tt.want)
		}
		p.gone()
	}
	p := start(t, shell("exec sleep 1000"))
	p.Kill()
	if e := p.exit(); e.Reason != "killed by signal 9 (SIGKILL)" || !e.Asked || e.Killed != nil {
		t.Errorf("%+v", e)
	}
}

// R5, P1, fault 56: a grandchild that keeps the output open delays neither end. One in the
// group or of a daemon would be ended with it, so this process itself holds it.
func TestOutputHeldOpen(t *testing.T) {
	for _, tty := range []bool{false, true} {
		s := shell(`printf x; exit 4`)
		if tty {
			s.Stdout.TTY = terminal(t)
		}
		for _, whole := range []bool{false, true} {
			p, c, err := newProcess(s)
			if err != nil {
				t.Fatal(err)
			}
			held, err := dup(p.streams[0].other)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			if p.g, err = proc.Start(c); err != nil {
				t.Fatal(err)
			}
			if whole {
				p.run()
				q := &process{Process: p, t: t}
				if e := q.exit(); e.Code != 4 {
					t.Errorf("%+v", e)
				}
				q.gone()
				for _, st := range p.streams {
					<-st.done // the readers do not outlive it
				}
				continue
			}
			for _, st := range p.streams {
				go st.copy()
			}
			<-p.g.Gone()
			drained := false
			for range 20 { // more than one, for a goroutine may not run for 100 ms here
				drained = drained || p.drain()
			}
			if !drained {
				t.Error("seen only by its end that the output is read")
			}
			select {
			case <-p.streams[0].done:
				t.Error("the output has ended although it is held open")
			default:
			}
			p.abandon()
			for _, st := range p.streams {
				<-st.done
			}
		}
	}

	// And a grandchild within the group: Exited comes while it lives.
	p := start(t, shell(`sleep 1000 & echo $!; exit 5`))
	if e := p.exit(); e.Code != 5 || p.isGone() {
		t.Errorf("%+v", e)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(p.out.String()))
	if !alive(pid) {
		t.Error("the grandchild has ended")
	}
	p.Stop()
	p.gone()
}

func dup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	return os.NewFile(uintptr(fd), "held"), err
}

// Fault 63: closed output is not the end.
func TestClosesOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := shell(`exec >&- 2>&-; read x; exit 6`)
	s.Stdin = r
	p := start(t, s)
	for _, st := range p.streams {
		<-st.done
	}
	select {
	case e := <-p.Exited():
		t.Fatalf("%+v", e)
	default:
	}
	w.Close()
	if e := p.exit(); e.Code != 6 {
		t.Errorf("%+v", e)
	}
}

// Everything that was written before the end has been passed on when Exited tells it,
// however much there is, through a pipe and through a terminal.
func TestNothingLost(t *testing.T) {
	n := 30
	if testing.Short() {
		n = 8
	}
	defer func(was bool) { keepTerminal = was }(keepTerminal)
	for _, c := range []struct{ tty, keep bool }{{false, false}, {true, false}, {true, true}} {
		tty := c.tty
		keepTerminal = c.keep
		for range n {
			s := shell(`head -c 200000 /dev/zero | tr '\0' x; printf END; exit 7`)
			if tty {
				s.Stdout.TTY = terminal(t)
			}
			p := start(t, s)
			e := p.exit()
			if out := p.out.String(); e.Code != 7 || len(out) != 200003 || !strings.HasSuffix(out, "END") {
				t.Fatalf("terminal %v: %+v, %d bytes", tty, e, len(out))
			}
			p.gone()
		}
	}
}

// N5 (1): where the last close of a terminal discards what was not read, our copy of the process's
// end stays open until the whole group is gone.
func TestKeptTerminal(t *testing.T) {
	defer func(was bool) { keepTerminal = was }(keepTerminal)
	keepTerminal = true
	s := shell(`sleep 1000 & printf x; exit 5`)
	s.Stdout.TTY, s.Stderr.TTY = terminal(t), terminal(t)
	p := start(t, s)
	if e := p.exit(); e.Code != 5 || p.out.String() != "x" {
		t.Errorf("%+v, %q", e, p.out)
	}
	for _, st := range p.streams {
		if _, err := st.other.Stat(); err != nil {
			t.Errorf("after Exited: %v", err)
		}
		select {
		case <-st.done:
			t.Error("the output has ended before the group")
		default:
		}
	}
	p.Kill()
	p.gone()
	for _, st := range p.streams {
		if _, err := st.other.Stat(); err == nil {
			t.Error("still open after Gone")
		}
		<-st.done
	}

	// Without a terminal, the end of a pipe is still seen by its reader.
	q := start(t, shell(`exec >&- 2>&-; sleep 1000`))
	for _, st := range q.streams {
		<-st.done
	}
}

// noPoller is a descriptor that the runtime's poller refuses.
type noPoller struct{ syscall.RawConn }

func (n noPoller) Read(f func(uintptr) bool) error {
	done := false
	if err := n.Control(func(fd uintptr) { done = f(fd) }); err != nil || done {
		return err
	}
	return errors.New("waiting for unsupported file type")
}

// N5 (24): output is read also where the runtime's poller does not know a pseudo-terminal, and a
// close ends it.
func TestWithoutPoller(t *testing.T) {
	for _, held := range []bool{false, true} {
		out := newSink()
		s, err := newStream(terminal(t), []func([]byte){out.Write})
		if err != nil {
			t.Fatal(err)
		}
		s.raw = noPoller{s.raw}
		go s.copy()
		for i := range 3 {
			fmt.Fprintf(s.other, "line %d\n", i)
			out.await(t, fmt.Sprintf("line %d\n", i))
		}
		fmt.Fprint(s.other, "last")
		for end := time.Now().Add(patience); !s.drained(); {
			if time.Now().After(end) {
				t.Fatal("never drained")
			}
			runtime.Gosched()
		}
		if held {
			h, err := dup(s.other)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
		} else {
			s.closeOther()
			<-s.done
		}
		s.close()
		<-s.done
		if want := "line 0\nline 1\nline 2\nlast"; out.String() != want {
			t.Errorf("%q", out)
		}
	}
}

// What was read but is not passed on yet is not drained, though the kernel has nothing left.
func TestDrained(t *testing.T) {
	for _, tty := range []*os.File{nil, terminal(t)} {
		enter, release := make(chan bool), make(chan bool)
		s, err := newStream(tty, []func([]byte){func([]byte) {
			enter <- true
			<-release
		}})
		if err != nil {
			t.Fatal(err)
		}
		go s.copy()
		for range 100 {
			io.WriteString(s.other, "x")
			if s.drained() {
				t.Fatal("drained before it was read")
			}
			<-enter
			if s.drained() {
				t.Fatal("drained before it was passed on")
			}
			release <- true
			for end := time.Now().Add(patience); !s.drained(); {
				if time.Now().After(end) {
					t.Fatal("never drained")
				}
				runtime.Gosched()
			}
		}
		s.closeOther()
		<-s.done
		s.close()
	}
}

// R10: a flood does not delay the end, neither with a reader that keeps up nor with one
// that hangs.
func TestStopFlood(t *testing.T) {
	for _, hang := range []bool{false, true} {
		first := make(chan struct{})
		release := make(chan struct{})
		var once sync.Once
		s := self("spam", "SIZE=-1")
		s.Stdout.Write = func(p []byte) {
			once.Do(func() { close(first) })
			if hang {
				<-release
			}
		}
		p := start(t, s)
		<-first
		p.Stop()
		e := p.exit()
		p.gone()
		close(release)
		if e.Signal != syscall.SIGTERM {
			t.Errorf("%+v", e)
		}
		for _, st := range p.streams {
			<-st.done
		}
	}
}

// terminal is a terminal such as hotreload's own stream could be.
func terminal(t *testing.T) *os.File {
	t.Helper()
	m, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		tty.Close()
	})
	return tty
}

func init() { modes["tty"] = modeTTY }

// modeTTY says what it sees of its streams, and again at each resize.
func modeTTY() int {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	for {
		for fd := range 3 {
			size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
			if err != nil {
				fmt.Fprint(os.Stderr, "- ")
				continue
			}
			fmt.Fprintf(os.Stderr, "%dx%d ", size.Col, size.Row)
		}
		fmt.Fprint(os.Stderr, "\n")
		<-c
	}
}

// T5: both streams are terminals of the right size; resize is passed on; each stream only
// if hotreload's own is one.
func TestTerminal(t *testing.T) {
	tty := terminal(t)
	size := func(cols, rows uint16) {
		if err := pty.Setsize(tty, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	size(100, 30)
	s := self("tty")
	s.Stdout.TTY, s.Stderr.TTY = tty, tty
	p := start(t, s)
	p.err.await(t, "- 100x30 100x30 \n")
	size(80, 24)
	p.Resize()
	p.err.await(t, "- 80x24 80x24 \n")
	p.Stop()
	p.gone()
	p.Resize() // harmless

	s = self("tty")
	s.Stdout.TTY = tty
	p = start(t, s)
	p.err.await(t, "- 80x24 - \n")

	s = self("tty")
	s.Stderr.TTY = tty
	p = start(t, s)
	p.err.await(t, "- - 80x24 \n")
}

// T5: through a terminal the bytes are unchanged as well, and the streams stay apart.
func TestTerminalBytes(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	path := writeFile(t, string(all)+"line\nline\r\n\ttab", 0o600)
	s := shell(`cat "$0"; cat "$0" >&2`)
	s.Args = append(s.Args, path)
	s.Stdout.TTY, s.Stderr.TTY = terminal(t), terminal(t)
	p := start(t, s)
	p.exit()
	p.gone()
	want := string(all) + "line\nline\r\n\ttab"
	if p.out.String() != want || p.err.String() != want {
		t.Errorf("%q\n%q", p.out, p.err)
	}
}

// R8: any end at any time. No hang, the right cause, every time.
func TestRandomEnds(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 60
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	fds, routines := 0, 0
	for i := range n {
		if i == 10 {
			fds, routines = countFds(t), runtime.NumGoroutine()
		}
		type end struct{ script, reason string }
		ends := []end{
			{"exit 0", "exit code 0"},
			{"exit 1", "exit code 1"},
			{"kill -9 $$", "killed by signal 9 (not by hotreload; " + killedBy + "?)"},
			{"kill -6 $$", "ended by signal 6 (SIGABRT)"},
			{`printf 'panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:7 +0x1d\n' >&2; exit 2`, "panic: x (/x/main.go:7)"},
			{"exec sleep 1000", ""},
		}
		e := ends[rnd.IntN(len(ends))]
		s := shell(fmt.Sprintf("ulimit -c 0; echo out; sleep 0.0%d; %s", rnd.IntN(10), e.script))
		s.StopTimeout = patience
		if rnd.IntN(2) == 0 {
			s.Ready.After = time.Duration(rnd.IntN(20)) * time.Millisecond
		}
		var p *process
		func() {
			var err error
			p = &process{t: t, out: newSink(), err: newSink()}
			s.Stdout.Write, s.Stderr.Write = p.out.Write, p.err.Write
			if p.Process, err = Start(s); err != nil {
				t.Fatal(err)
			}
		}()
		asked := rnd.IntN(2) == 0 || e.reason == ""
		if asked {
			timer := time.NewTimer(time.Duration(rnd.IntN(20)) * time.Millisecond)
			select {
			case <-timer.C:
			case <-p.Gone():
			}
			if rnd.IntN(2) == 0 {
				p.Stop()
			} else {
				p.Kill()
			}
		}
		got := p.exit()
		p.ready()
		p.gone()
		if !asked && got.Reason != e.reason {
			t.Errorf("%s: %+v", e.script, got)
		}
		if alive(p.Pid()) {
			t.Error("alive")
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		f, r := countFds(t), runtime.NumGoroutine()
		if f <= fds && r <= routines {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d descriptors, %d goroutines; were %d, %d", f, r, fds, routines)
		}
	}
}

// R12, fault 74, 75.
func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	elf, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(elf[:4096])
	binary.LittleEndian.PutUint16(foreign[18:], 243) // e_machine: RISC-V
	binary.LittleEndian.PutUint64(foreign[40:], 0)   // no sections
	binary.LittleEndian.PutUint16(foreign[60:], 0)
	binary.LittleEndian.PutUint16(foreign[62:], 0)
	binary.LittleEndian.PutUint16(foreign[56:], 0) // no segments
	link := filepath.Join(dir, "link")
	os.Symlink("/does/not/exist", link)
	busy := writeFile(t, "#!/bin/sh\n", 0o755)
	f, err := os.OpenFile(busy, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tt := range []struct {
		name      string
		spec      Spec
		want, tip string
	}{
		{"missing", Spec{Path: "/does/not/exist"}, "there is no such file", ""},
		{"link", Spec{Path: link}, "it is a link to /does/not/exist, which does not exist", ""},
		{"directory", Spec{Path: dir}, "it is a directory", ""},
		{"mode", Spec{Path: writeFile(t, "#!/bin/sh\n", 0o644)}, "it is not executable", "chmod +x"},
		{"text", Spec{Path: writeFile(t, "echo hi\n", 0o755)}, `it is a text without a first line like "#!/bin/sh"`, "interpreter"},
		{"empty", Spec{Path: writeFile(t, "", 0o755)}, "the file is empty", ""},
		{"archive", Spec{Path: writeFile(t, "!<arch>\n__.PKGDEF", 0o755)}, "it is a library archive", "package main"},
		{"windows", Spec{Path: writeFile(t, "MZ\x90\x00", 0o755)}, "it is a program for Windows", "GOOS"},
		{"foreign", Spec{Path: writeFile(t, string(foreign), 0o755)}, "it is a program for ELF riscv, and this is " + runtime.GOOS + "/", "GOARCH"},
		{"garbage", Spec{Path: writeFile(t, "\x00\x01\x02", 0o755)}, "exec format error", ""},
		{"interpreter", Spec{Path: writeFile(t, "#!/no/such/interp -x\n", 0o755)}, `its interpreter "/no/such/interp", named in its first line, does not exist`, ""},
		{"windows lines", Spec{Path: writeFile(t, "#!/bin/sh\r\n", 0o755)}, "its interpreter", "line endings"},
		{"loader", Spec{Path: otherLoader(t)}, "its loader /lib/no-such-ld.so.1 does not exist here", "CGO_ENABLED=0"},
		{"no dir", Spec{Path: findTrue(t), Dir: "/does/not/exist"}, "its working directory /does/not/exist does not exist", ""},
		{"file dir", Spec{Path: findTrue(t), Dir: findTrue(t)}, "its working directory " + findTrue(t) + " is not a directory", ""},
		{"too big", Spec{Path: "/bin/true", Args: []string{"true", strings.Repeat("x", 256<<10)}}, "are too long, together", "128 KiB"},
		{"busy", Spec{Path: busy}, "another process is still writing it", "fuser"},
	} {
		switch tt.name {
		case "foreign", "busy", "too big", "windows", "garbage":
			if runtime.GOOS != "linux" {
				continue // other formats, other limits
			}
		}
		for _, sockets := range []bool{false, true} {
			s := tt.spec
			name := tt.name
			if sockets { // through the helper process
				if tt.name == "no dir" || tt.name == "file dir" || tt.name == "too big" {
					continue // known to the helper already, or passed to it in a pipe
				}
				name += " with sockets"
				s.Sockets = []*os.File{listener(t)}
			}
			t.Run(name, func(t *testing.T) {
				fds := countFds(t)
				p, err := Start(s)
				if err == nil {
					p.Kill()
					<-p.Gone()
					t.Fatal("started")
				}
				if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "cannot start "+s.Path+": ") {
					t.Errorf("%q lacks %q", err, tt.want)
				}
				if h := advice.Hint(err); !strings.Contains(h, tt.tip) || (h != "") != (tt.tip != "") {
					t.Errorf("hint %q, want %q", h, tt.tip)
				}
				var errno syscall.Errno
				if !errors.As(err, &errno) {
					t.Error("the cause is lost")
				}
				if n := countFds(t); n > fds {
					t.Errorf("%d descriptors, were %d", n, fds)
				}
			})
		}
	}
}

// findTrue is the program true, which is elsewhere on macOS.
func findTrue(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("true")
	if err != nil {
		t.Skip(err)
	}
	return path
}

// otherLoader is a real program whose loader's name was changed.
func otherLoader(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip(err)
	}
	const loader = "/lib64/ld-linux-x86-64.so.2"
	other := "/lib/no-such-ld.so.1"
	i := bytes.Index(b, []byte(loader+"\x00"))
	if i < 0 {
		t.Skip("/bin/true has another loader")
	}
	copy(b[i:], append([]byte(other), make([]byte, len(loader)-len(other))...))
	return writeFile(t, string(b), 0o755)
}

// Fault 75: the working directory is deleted while the program runs, and before its end.
func TestDirDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cwd")
	os.Mkdir(dir, 0o755)
	s := shell("echo hi; exec sleep 1000")
	s.Dir = dir
	p := start(t, s)
	p.out.await(t, "hi")
	os.Remove(dir)
	p.Stop()
	p.gone()
}

func shell(script string) Spec {
	return Spec{Path: "/bin/sh", Args: []string{"sh", "-c", script}, StopTimeout: patience}
}

func countFds(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func writeFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// N5 (24): a descriptor that neither poll nor select can be asked about is read now and then: there is no busy loop, and
// its output does not count as never read.
func TestReadableUnknown(t *testing.T) {
	const unknown = 1 << 24 // of no file: poll answers POLLNVAL, and select does not take it
	if readable(unknown, 0) {
		t.Error("there is something to read at once")
	}
	begun := time.Now()
	if wait := 10 * time.Millisecond; !readable(unknown, wait) || time.Since(begun) < wait {
		t.Errorf("nothing to read, or a busy loop: %v", time.Since(begun))
	}
}
