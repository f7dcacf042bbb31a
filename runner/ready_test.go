package runner

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

func init() {
	modes["http"] = modeHTTP
	modes["listen"] = modeListen
}

func TestReadyAtOnce(t *testing.T) {
	p := start(t, self("sleep"))
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
	for { // without cgo, as on Windows, select {} would be a deadlock
		if _, err := l.Accept(); err != nil {
			return 1
		}
	}
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
			if tt.wrap != "" && runtime.GOOS == "windows" {
				t.Skip("there is no sh here")
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
		s := self("sleep")
		if tt.ready.Notify && runtime.GOOS == "windows" {
			continue // it has no such sockets
		}
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

		for _, code := range []string{"3", "0"} {
			s := self("says", "CODE="+code)
			s.Ready = tt.ready
			p = start(t, s)
			want := "ended before it was ready: exit code " + code
			if err := p.ready(); err == nil || err.Error() != want {
				t.Errorf("%+v: %v, want %s", tt.ready, err, want)
			}
			p.gone()
		}
	}
}

// Of two conditions, which one counts could only be guessed.
func TestReadyOnce(t *testing.T) {
	for name, r := range map[string]Ready{
		"two":   {TCP: "127.0.0.1:1", Notify: true},
		"grace": {After: time.Hour, Grace: time.Second},
	} {
		if p, err := Start(Spec{Path: os.Args[0], Ready: r}); err == nil {
			<-p.Gone()
			t.Errorf("%s: started", name)
		}
	}
}
