//go:build unix

package runner

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestReadyLog(t *testing.T) {
	for _, script := range []string{
		`echo almost rea; echo dy; read x <&9; echo server ready on 80; exec sleep 1000`,
		`read x <&9; printf 'server ready on 80' >&2; exec sleep 1000`,
		`read x <&9; printf 'server rea'; sleep 0.01; printf 'dy on 80\n'; exec sleep 1000`,
		`head -c 300000 /dev/zero; read x <&9; echo; echo server ready on 80; exec sleep 1000`,
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		s := shell("exec 9<&0 </dev/null; " + script)
		s.Stdin = r
		s.Ready = Ready{Log: regexp.MustCompile(`^server ready on \d+`), Timeout: patience}
		p := start(t, s)
		r.Close()
		select {
		case err := <-p.Ready():
			t.Error("before the line:", err)
		default:
		}
		w.Write([]byte("go\n"))
		w.Close()
		if err := p.ready(); err != nil {
			t.Error(script, err)
		}
		p.Stop()
		p.gone()
	}
}

func init() { modes["notify"] = modeNotify }

func modeNotify() int {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Fprint(c, "STATUS=starting")
	var x string
	fmt.Scan(&x)
	fmt.Fprint(c, "STATUS=done\nREADY=1\n")
	for range 1000 { // a program must not be blocked because its output is not read
		if _, err := fmt.Fprint(c, "WATCHDOG=1"); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(os.Getenv("NOTIFY_SOCKET"))
	select {}
}

func TestReadyNotify(t *testing.T) {
	for _, tmp := range []string{"", filepath.Join(t.TempDir(), strings.Repeat("long", 30))} {
		if tmp != "" {
			os.MkdirAll(tmp, 0o700)
			t.Setenv("TMPDIR", tmp)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		s := self("notify")
		s.Stdin = r
		s.Ready = Ready{Notify: true, Timeout: patience}
		p := start(t, s)
		r.Close()
		select {
		case err := <-p.Ready():
			t.Error("before the message:", err)
		default:
		}
		w.Write([]byte("go\n"))
		w.Close()
		if err := p.ready(); err != nil {
			t.Error(err)
		}
		p.out.await(t, "\n")
		path := strings.TrimSpace(p.out.String())
		fi, err := os.Stat(filepath.Dir(path))
		if err != nil || fi.Mode().Perm() != 0o700 {
			t.Error(path, fi, err)
		}
		p.Kill()
		p.gone()
		if _, err := os.Stat(filepath.Dir(path)); err == nil {
			t.Error("the directory is left")
		}
	}
}

// Without a listening socket it is ready after Grace. A socket that was handed over, and
// one of a stranger, do not count.
func TestReadyListenGrace(t *testing.T) {
	s := shell("exec sleep 1000")
	s.Sockets = []*os.File{listener(t)}
	s.Ready = Ready{Listen: true, Grace: 30 * time.Millisecond, Timeout: patience}
	p := start(t, s)
	if err := p.ready(); err != nil || p.Listens() {
		t.Error(err, p.Listens())
	}
	if time.Since(p.start) < s.Ready.Grace {
		t.Error("too early")
	}
	p.Kill()
	p.gone()

	listener(t) // a stranger's
	q := self("listen")
	r, w, err := os.Pipe() // never tells it to listen
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	q.Stdin = r
	q.Ready = Ready{Listen: true, Grace: 300 * time.Millisecond, Timeout: patience}
	p = start(t, q)
	r.Close()
	p.out.await(t, "started") // it has a socket
	if err := p.ready(); err != nil || p.Listens() {
		t.Error(err, p.Listens())
	}
	p.Kill()
	p.gone()

	// Without Grace it is late, and ready when it listens after all.
	q = self("listen", "NET=tcp4", "ADDR=127.0.0.1:0")
	if r, w, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	q.Stdin = r
	q.Ready = Ready{Listen: true, Timeout: 20 * time.Millisecond}
	p = start(t, q)
	r.Close()
	if err := p.ready(); !errors.Is(err, ErrLate) {
		t.Error(err)
	}
	w.Write([]byte("go\n"))
	if err := p.ready(); err != nil || !p.Listens() {
		t.Error(err, p.Listens())
	}
}

// A leader that starts the server in the background and exits well.
func TestReadyAfterLeader(t *testing.T) {
	s := shell(`(sleep 0.05; echo listening; exec sleep 1000) & exit 0`)
	s.Ready = Ready{Log: regexp.MustCompile("listening"), Timeout: patience}
	p := start(t, s)
	if e := p.exit(); e.Code != 0 {
		t.Error(e)
	}
	if err := p.ready(); err != nil {
		t.Error(err)
	}
}

// Sockets by systemd's protocol: accepted by the program, which is this test binary with
// its own pid in LISTEN_PID.
func TestSockets(t *testing.T) {
	f := listener(t)
	s := shell(`test "$LISTEN_PID" = $$ && test "$LISTEN_FDS" = 1 && test "$LISTEN_FDNAMES" = web && test -S /dev/fd/3 && echo "ok $0 $A"`)
	s.Args[0] = "argv0"
	s.Args = append(s.Args, "zero")
	s.Env = []string{"A=b", "PATH=" + os.Getenv("PATH")}
	s.Sockets, s.SocketNames = []*os.File{f}, []string{"web"}
	out := newSink()
	s.Stdout.Write = out.Write
	s.Ready = Ready{Log: regexp.MustCompile("ok"), Timeout: patience}
	s.Path = "/bin/sh"
	p, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	e := <-p.Exited()
	<-p.Gone()
	if e.Code != 0 || out.String() != "ok zero b\n" {
		t.Errorf("%+v %q", e, out)
	}
}

// The signals of the streams: sent once, to the whole group.
func TestSignal(t *testing.T) {
	s := shell(`trap 'echo one' USR1; sh -c 'trap "echo two" USR1; echo up; while :; do sleep 0.01; done' & echo up; while :; do sleep 0.01; done`)
	p := start(t, s)
	p.out.await(t, "up\nup\n")
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	p.out.await(t, "one\n")
	p.out.await(t, "two\n")
}
