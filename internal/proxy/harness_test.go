package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, endBrowser) }

const hang = testkit.Deadline

var eventually = testkit.Until

// rig is a proxy that runs, for a service "api" in /src.
type rig struct {
	*Proxy
	t   *testing.T
	gen int
	pid int
}

func start(t *testing.T, o Options) *rig {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Service == "" {
		o.Service = "api"
	}
	if o.Hold == 0 {
		o.Hold = hang
	}
	if o.Dir == "" {
		o.Dir = "/src"
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(hang):
			t.Error("Run does not return")
		}
	})
	return &rig{Proxy: p, t: t, pid: 100}
}

// startLive is a proxy in front of a program that is live.
func startLive(t *testing.T, o Options, h http.Handler) (*rig, *app) {
	t.Helper()
	r := start(t, o)
	a := startApp(t, h)
	r.goLive(a)
	return r, a
}

func (r *rig) emit(b event.Body) {
	r.Emit(event.Event{Time: time.Now(), Service: "api", Generation: r.gen, Body: b})
}

// save is the event of a save: a new generation is wanted.
func (r *rig) save() {
	r.gen++
	r.emit(event.Changed{Paths: []string{"/src/main.go"}, Effect: "rebuild", Why: "Go file of package main"})
}

// goLive is what the engine says when the newest generation is up.
func (r *rig) goLive(a *app) {
	if r.gen == 0 {
		r.gen = 1
	}
	r.pid++
	a.pid = r.pid
	r.emit(event.BuildFinished{OK: true})
	r.emit(event.Started{PID: r.pid})
	r.SetUpstream(a.addr)
	r.emit(event.Ready{})
	r.emit(event.Live{})
}

func (r *rig) fail() {
	r.emit(event.BuildFinished{OK: false, Summary: "1 error in .", Diagnostics: []event.Diagnostic{{
		File: "/src/main.go", Line: 12, Column: 5, Message: "undefined: <b>x</b>", Package: "example.com/api",
		Frame: []event.SourceLine{{Number: 11, Text: "func main() {"}, {Number: 12, Text: "\tx := <b>x</b>()"}, {Number: 13, Text: "}"}},
	}}})
}

func (r *rig) exited(a *app, expected bool) {
	r.emit(event.Exited{PID: a.pid, Expected: expected, Code: 2, Reason: "exit code 2"})
}

// waits blocks until n requests are held.
func (r *rig) waits(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d requests are held", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.held == n
	})
}

// app is a program: a real server on a port of its own.
type app struct {
	addr string
	srv  *http.Server
	pid  int
	once sync.Once
}

func startApp(t *testing.T, h http.Handler) *app {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveApp(t, ln, h)
}

func serveApp(t *testing.T, ln net.Listener, h http.Handler) *app {
	a := &app{addr: ln.Addr().String(), srv: &http.Server{Handler: h, Protocols: new(http.Protocols)}}
	a.srv.Protocols.SetHTTP1(true)
	a.srv.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = a.srv.Serve(ln) }()
	t.Cleanup(a.kill)
	return a
}

// kill closes everything at once, as a program does that ignores SIGTERM.
func (a *app) kill() { a.once.Do(func() { _ = a.srv.Close() }) }

// shutdown ends it as a program does that drains.
func (a *app) shutdown() {
	a.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		_ = a.srv.Shutdown(ctx)
	})
}

// says is a handler that answers with one text.
func says(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
}

// rawApp answers every connection's first request with fixed bytes, and hands
// out the bytes that it was sent, as far as read says.
func rawApp(t *testing.T, serve func(c net.Conn, br *bufio.Reader)) *app {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(hang))
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return &app{addr: ln.Addr().String()}
}

// readHead reads lines up to the empty one.
func readHead(br *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := br.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String(), err
		}
	}
}

// dialRaw is a client that is only a connection.
func (r *rig) dialRaw() (net.Conn, *bufio.Reader) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.ln.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(hang))
	r.t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// answer is an answer that has been read.
type answer struct {
	*http.Response
	body string
}

// do sends a request without following redirects or undoing encodings.
func (r *rig) do(method, path, body string, header ...string) (*answer, error) {
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, r.URL()+path, rd)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	res, err := tr.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return &answer{res, string(b)}, err
}

func (r *rig) get(path string, header ...string) *answer {
	r.t.Helper()
	a, err := r.do("GET", path, "", header...)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// later sends a request in the background.
func (r *rig) later(method, path, body string, header ...string) <-chan *answer {
	out := make(chan *answer, 1)
	go func() {
		a, err := r.do(method, path, body, header...)
		if err != nil {
			a = &answer{&http.Response{Status: err.Error()}, err.Error()}
		}
		out <- a
	}()
	return out
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	return testkit.Receive(t, what, c)
}

func want(t *testing.T, a *answer, code int, body string) {
	t.Helper()
	if a.StatusCode != code || !strings.Contains(a.body, body) {
		t.Fatalf("answer %s\n%s\nwant %d with %q", a.Status, a.body, code, body)
	}
}

// browser are the headers of a page load.
var browser = []string{"Accept", "text/html,*/*;q=0.8", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Accept-Encoding", "gzip, deflate, br, zstd"}

// refusals tells when the program could not be reached.
func (r *rig) refusals() <-chan error {
	out := make(chan error, 100)
	dial := r.dial
	r.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			out <- err
		}
		return c, err
	}
	return out
}

// state is what a browser would receive.
func (r *rig) state() state {
	r.t.Helper()
	b, _, _ := r.snapshot()
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		r.t.Fatal(err)
	}
	return s
}
