package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// tab is a browser that listens.
type tab struct {
	t    *testing.T
	c    net.Conn
	br   *bufio.Reader
	page int // version of the page that it shows
}

func (r *rig) listen() *tab {
	r.t.Helper()
	c, _ := r.dialRaw()
	fmt.Fprint(c, "GET /__hotreload/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.Header.Get("Content-Type") != "text/event-stream" {
		r.t.Fatal(err, res)
	}
	return &tab{t: r.t, c: c, br: bufio.NewReader(res.Body)}
}

// next is the next state.
func (b *tab) next() state {
	b.t.Helper()
	s, err := b.read()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *tab) read() (s state, err error) {
	for {
		_ = b.c.SetReadDeadline(time.Now().Add(hang)) // there may be many states
		line, err := b.br.ReadString('\n')
		if err != nil {
			return s, err
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return s, json.Unmarshal([]byte(data), &s)
		}
	}
}

// until reads states up to one that is as wanted, and returns how often the
// number of the page changed on the way.
func (b *tab) until(what string, ok func(s state) bool) (s state, pages int) {
	b.t.Helper()
	for {
		s = b.next()
		if s.Page != b.page {
			b.page = s.Page
			pages++
		}
		if ok(s) {
			return s, pages
		}
	}
}

// TestStates: the current state at once, then every change; a page is asked to
// load again once per program, when it is live (P8).
func TestStates(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	b := r.listen()
	s := b.next()
	if s.Status != "building" || s.Answers || s.Page != 0 || s.Service != "api" {
		t.Fatalf("%+v", s)
	}
	r.goLive(startApp(t, says("1")))
	s, pages := b.until("live", func(s state) bool { return s.Status == "live" })
	if pages != 1 || s.Generation != 1 {
		t.Fatalf("%d times, %+v", pages, s)
	}
	r.save()
	if s, pages = b.until("building", func(s state) bool { return s.Status == "building" }); pages != 0 {
		t.Fatalf("the page is to be loaded before the program is ready: %+v", s)
	}
	r.fail()
	if s, pages = b.until("broken", func(s state) bool { return s.Status == "broken" }); pages != 0 || s.Trouble == nil || !s.Answers {
		t.Fatalf("%+v", s)
	}
	late := r.listen() // a browser that comes, or comes back
	s = late.next()
	if late.page = s.Page; s.Status != "broken" || s.Trouble.Places[0].File != "main.go" {
		t.Fatalf("%+v", s)
	}
	r.save()
	r.goLive(startApp(t, says("2")))
	for _, b := range []*tab{b, late} {
		if s, pages = b.until("live", func(s state) bool { return s.Status == "live" }); pages != 1 || s.Trouble != nil {
			t.Fatalf("%d times, %+v", pages, s)
		}
	}
	if n := r.Reload(false); n != 2 {
		t.Fatalf("%d browsers", n)
	}
	if s = b.next(); s.Page != 3 || s.CSS != 0 {
		t.Fatalf("%+v", s)
	}
	r.emit(event.Changed{Effect: "reload", Paths: []string{"/src/static/a.css", "/src/logo.png"}})
	r.Reload(true)
	if s = b.next(); s.Page != 3 || s.CSS != 1 || fmt.Sprint(s.Files) != "[a.css logo.png]" {
		t.Fatalf("%+v", s)
	}
	r.Emit(event.Event{Body: event.SessionEnded{Reason: "quit"}})
	if s = b.next(); s.Status != "ended" {
		t.Fatalf("%+v", s)
	}
	if _, err := io.ReadAll(b.br); err != nil {
		t.Fatal("the stream does not end in order:", err)
	}
}

// TestStalledTab: one that does not read delays no other; it gets the newest state
// when it reads or comes again (P8).
func TestStalledTab(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, says("x"))
	stalled, c := r.listen(), r.listen()
	for range 600 { // far more than the buffers of a connection hold
		r.save()
		r.emit(event.BuildFinished{OK: false, Output: strings.Repeat("x", 20<<10)})
		c.until("broken", func(s state) bool { return s.Status == "broken" && s.Trouble.Generation == r.gen })
	}
	seen := 0
	for {
		s, err := stalled.read()
		if err != nil {
			break // it was dropped meanwhile, which takes writeTimeout
		}
		if seen++; s.Trouble != nil && s.Trouble.Generation == r.gen {
			break
		}
	}
	if seen > 590 {
		t.Fatalf("%d states were kept for it", seen)
	}
	if s := r.listen().next(); s.Trouble.Generation != r.gen {
		t.Fatalf("%+v", s)
	}
}

// TestTabsThatGo are forgotten (P8).
func TestTabsThatGo(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	b := r.listen()
	b.next()
	b.c.Close()
	eventually(t, "the browser is forgotten", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.clients) == 0 })
}

// TestNotLoopback: possible, and said (P9).
func TestNotLoopback(t *testing.T) {
	t.Parallel()
	said := make(chan event.Problem, 1)
	r := start(t, Options{Listen: "0.0.0.0:0", Notice: func(p event.Problem) { said <- p }})
	if p := await(t, "notice", said); !strings.Contains(p.Message, "everyone") || p.Hint == "" {
		t.Fatalf("%+v", p)
	}
	if !strings.HasPrefix(r.URL(), "http://localhost:") {
		t.Fatal(r.URL())
	}
	// By the number under which it was reached.
	want(t, r.get("/__hotreload/state"), 200, r.session)
	want(t, r.get("/__hotreload/state", "Host", "192.0.2.1"), 403, "")
	quiet := start(t, Options{Notice: func(p event.Problem) { t.Errorf("%+v", p) }})
	want(t, quiet.get("/__hotreload/state"), 200, quiet.session)
}

// TestReports: what the overlay is given (P4).
func TestReports(t *testing.T) {
	t.Parallel()
	p := &Proxy{opt: Options{Service: "api", Dir: "/src", Editor: "vscode://file/{file}:{line}:{column}"}}
	tr := &trouble{p: p, kind: buildFailed, gen: 7, build: event.BuildFinished{Summary: "2 errors", Hint: "go get x", Diagnostics: []event.Diagnostic{
		{File: "/src/a b/ü&.go", Line: 3, Column: 4, Message: "bad\n\thave int", Package: "x/a", Frame: []event.SourceLine{{Number: 3, Text: "\tx := 1"}}},
		{File: "/elsewhere/b.go", Line: 1, Message: "worse"},
		{Message: "no place"},
	}}}
	r := tr.report()
	if r.Places[0].File != "a b/ü&.go" || r.Places[0].Link != "vscode://file/src/a%20b/%C3%BC%26.go:3:4" || r.Places[0].Code[0].Caret != "\t  " {
		t.Errorf("%+v", r.Places[0])
	}
	if r.Places[1].File != "/elsewhere/b.go" || r.Places[1].Link != "" || r.Places[2].Link != "" {
		t.Errorf("%+v", r.Places)
	}
	const text = "api: Build failed (generation 7): 2 errors\na b/ü&.go:3:4: bad\n\t\thave int\n/elsewhere/b.go:1: worse\nno place\nhint: go get x\n"
	if got := r.text(); got != text {
		t.Errorf("%q", got)
	}
	p.opt.Editor = "idea://open?file={file}&line={line}"
	if l := p.project().Link("/src/a&b.go", 3, 0); l != "idea://open?file=/src/a%26b.go&line=3" {
		t.Error(l)
	}
	many := &trouble{p: p, kind: buildFailed, build: event.BuildFinished{Diagnostics: make([]event.Diagnostic, 80), Output: strings.Repeat("x\n", 100<<10)}}
	if r := many.report(); len(r.Places) != mostPlaces || r.More != 30 {
		t.Errorf("%d %d", len(r.Places), r.More)
	}
	many = &trouble{p: p, kind: buildFailed, build: event.BuildFinished{Output: strings.Repeat("x\n", 100<<10)}}
	if r := many.report(); len(r.Output) > mostOutput+10 {
		t.Error(len(r.Output))
	}
}

// TestOwnPagesEscape: what a program or a compiler says is never markup (P4).
func TestOwnPagesEscape(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	r.save()
	r.emit(event.BuildFinished{OK: false, Summary: "</title><script>alert(1)</script>", Output: "</pre></script><img src=x onerror=alert(1)>"})
	a := r.get("/", browser...)
	if strings.Contains(a.body, "<img") || strings.Contains(a.body, "<script>alert") || !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatal(a.Header, a.body)
	}
}
