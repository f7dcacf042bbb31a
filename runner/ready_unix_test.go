//go:build unix

package runner

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

func init() {
	modes["http"] = modeHTTP
	modes["listen"] = modeListen
	modes["notify"] = modeNotify
}

func TestReadyAtOnce(t *testing.T) {
	p := start(t, shell("exec sleep 1000"))
	if err := p.ready(); err != nil {
		t.Error(err)
	}
}

func TestReadyTCP(t *testing.T) {
	addr := testkit.Address(t)
	s := self("serve", "ADDR="+addr)
	_, port, _ := net.SplitHostPort(addr)
	for _, a := range []string{addr, ":" + port, "0.0.0.0:" + port} {
		s.Ready = Ready{TCP: a, Timeout: patience}
		p := start(t, s)
		if err := p.ready(); err != nil {
			t.Error(a, err)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal("ready before it listens: ", err)
		}
		c.Close()
		p.Stop()
		p.gone()
	}
}

// modeHTTP answers 503 twice and then STATUS.
func modeHTTP() int {
	n := 0
	fmt.Println(http.ListenAndServe(os.Getenv("ADDR"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		status, _ := strconv.Atoi(os.Getenv("STATUS"))
		if n <= 2 {
			status = 503
		}
		fmt.Println(r.Method, r.URL.Path, status)
		if status == 302 {
			w.Header().Set("Location", "/loop")
		}
		w.WriteHeader(status)
	})))
	return 1
}

func TestReadyHTTP(t *testing.T) {
	for _, status := range []string{"200", "404", "302"} {
		addr := testkit.Address(t)
		s := self("http", "ADDR="+addr, "STATUS="+status)
		s.Ready = Ready{HTTP: "http://" + addr + "/healthz", Timeout: patience}
		p := start(t, s)
		if err := p.ready(); err != nil {
			t.Error(err)
		}
		p.Kill()
		p.gone()
		if want := "GET /healthz 503\nGET /healthz 503\nGET /healthz " + status + "\n"; p.out.String() != want {
			t.Errorf("%q", p.out)
		}
	}
}

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

// The matcher gives the same answer however the stream is cut.
func FuzzLineMatcher(f *testing.F) {
	f.Add("a\nready\n", 2, 3)
	f.Fuzz(func(t *testing.T, text string, i, j int) {
		re := regexp.MustCompile(`^ready$`)
		want := false
		for l := range strings.SplitSeq(text, "\n") {
			want = want || re.MatchString(strings.TrimSuffix(l, "\r"))
		}
		i = min(max(i, 0), len(text))
		j = min(max(j, i), len(text))
		m := newLineMatcher(re)
		add := m.add(0)
		add([]byte(text[:i]))
		add([]byte(text[i:j]))
		add([]byte(text[j:]))
		got := false
		select {
		case <-m.found:
			got = true
		default:
		}
		if want && !got {
			t.Errorf("%q cut at %d, %d: not found", text, i, j)
		}
	})
}

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

// modeListen listens on NET when it is asked to.
func modeListen() int {
	if c, err := net.Dial("udp", "127.0.0.1:9"); err == nil { // a socket that does not listen
		defer c.Close()
	}
	fmt.Println("started")
	var x string
	fmt.Scan(&x)
	l, err := net.Listen(os.Getenv("NET"), os.Getenv("ADDR"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer l.Close()
	select {}
}

func TestReadyListen(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, net, addr, wrap string }{
		{"tcp4", "tcp4", "127.0.0.1:0", ""},
		{"tcp6", "tcp", ":0", ""},
		{"unix", "unix", filepath.Join(t.TempDir(), "s"), ""},
		{"child", "tcp4", "127.0.0.1:0", `"$0"; true`},
		{"daemon", "tcp4", "127.0.0.1:0", `exec 9<&0; (setsid "$0" <&9 &); exec sleep 1000`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if (tt.name == "unix" || tt.name == "daemon") && runtime.GOOS != "linux" {
				t.Skip("neither is seen here")
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			s := self("listen", "NET="+tt.net, "ADDR="+tt.addr)
			s.Stdin = r
			if tt.wrap != "" {
				s.Path, s.Args = "/bin/sh", []string{"sh", "-c", tt.wrap, exe}
			}
			s.Ready = Ready{Listen: true, Grace: patience, Timeout: patience}
			p := start(t, s)
			r.Close()
			p.out.await(t, "started")
			select {
			case err := <-p.Ready():
				t.Error("before it listens:", err)
			default:
			}
			w.Write([]byte("go\n"))
			if err := p.ready(); err != nil || !p.Listens() {
				t.Error(err, p.Listens(), p.out)
			}
			p.Kill()
			p.gone()
		})
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

func TestNotReady(t *testing.T) {
	addr := testkit.Address(t)
	const soon = 20 * time.Millisecond
	for _, tt := range []struct {
		ready Ready
		want  string
	}{
		{Ready{TCP: addr}, "not ready within 20ms: nothing accepts connections on " + addr},
		{Ready{HTTP: "http://" + addr}, "not ready within 20ms: no answer with a status below 500 from http://" + addr},
		{Ready{Log: regexp.MustCompile("x.y")}, `not ready within 20ms: no line of its output matches "x.y"`},
		{Ready{Notify: true}, "not ready within 20ms: it did not send READY=1 to NOTIFY_SOCKET"},
		{Ready{After: time.Hour}, "not ready within 20ms: 1h0m0s have not passed"},
		{Ready{Listen: true, Grace: time.Hour}, "not ready within 20ms: it does not listen"},
	} {
		s := shell("exec sleep 1000")
		s.Ready = tt.ready
		s.Ready.Timeout = soon
		p := start(t, s)
		if err := p.ready(); err == nil || err.Error() != tt.want {
			t.Errorf("timeout: %v, want %s", err, tt.want)
		}
		if p.isGone() {
			t.Error("ended by the timeout, which is the caller's business")
		}
		p.Kill()
		p.gone()

		s.Ready.Timeout = 0
		p = start(t, s)
		p.Stop()
		if err := p.ready(); err != errStopped {
			t.Errorf("stopped: %v", err)
		}
		p.gone()

		for _, script := range []string{"exit 3", "exit 0"} {
			s := shell(script)
			s.Ready = tt.ready
			p = start(t, s)
			want := "ended before it was ready: exit code " + script[5:]
			if err := p.ready(); err == nil || err.Error() != want {
				t.Errorf("%+v: %v, want %s", tt.ready, err, want)
			}
			p.gone()
		}
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

// Of two conditions, which one counts could only be guessed.
func TestReadyOnce(t *testing.T) {
	for name, r := range map[string]Ready{
		"two":   {TCP: "127.0.0.1:1", Notify: true},
		"grace": {After: time.Hour, Grace: time.Second},
	} {
		if p, err := Start(Spec{Path: "/bin/true", Ready: r}); err == nil {
			<-p.Gone()
			t.Errorf("%s: started", name)
		}
	}
}
