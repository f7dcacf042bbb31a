package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/event"
)

// TestHeldUntilLive: from the save on, requests wait for the new program; a POST
// reaches it once, and the old one never (P3).
func TestHeldUntilLive(t *testing.T) {
	t.Parallel()
	var old, posts atomic.Int32
	r, a := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		old.Add(1)
		fmt.Fprint(w, "old")
	}))
	want(t, r.get("/"), 200, "old")
	r.save()
	var got []<-chan *answer
	for i := range 50 {
		got = append(got, r.later("POST", "/", fmt.Sprintf("body %d", i)))
	}
	r.waits(50)
	r.emit(event.BuildFinished{OK: true})
	r.Drain(t.Context(), r.pid)
	a.kill()
	r.exited(a, true)
	r.waits(50)
	bodies := sync.Map{}
	r.goLive(startApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if _, twice := bodies.LoadOrStore(string(b), true); twice {
			t.Errorf("%s twice", b)
		}
		posts.Add(1)
		fmt.Fprintf(w, "new %s", b)
	})))
	for i, g := range got {
		want(t, await(t, "answer", g), 200, fmt.Sprintf("new body %d", i))
	}
	r.waits(0)
	if posts.Load() != 50 || old.Load() != 1 {
		t.Fatalf("%d POSTs, %d requests at the old program", posts.Load(), old.Load())
	}
}

// TestHeldBeforeTheFirstProgram: the browser may be faster than the first build (P3).
func TestHeldBeforeTheFirstProgram(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	got := r.later("GET", "/", "", browser...)
	r.waits(1)
	r.goLive(startApp(t, says("hello")))
	want(t, await(t, "answer", got), 200, "hello")
}

// TestHeldBeforeTheBody: a client that asks before it sends is not asked to go on
// while its request waits (P3).
func TestHeldBeforeTheBody(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	c, br := r.dialRaw()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n")
	r.waits(1)
	r.fail() // the answer is the first thing that the client reads
	if head, err := readHead(br); err != nil || !strings.HasPrefix(head, "HTTP/1.1 503 ") {
		t.Fatalf("%v %q", err, head)
	}
}

// TestReleased: what ends the wait without a new program (P3).
func TestReleased(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(r *rig)
		code int
		body string
	}{
		{"undone", func(r *rig) {
			r.emit(event.Undone{Paths: []string{"/src/main.go"}})
		}, 200, "old"},
		{"the same program", func(r *rig) { r.emit(event.BuildFinished{OK: true, Unchanged: true}) }, 200, "old"},
		{"the build failed", func(r *rig) { r.fail() }, 503, "main.go:12:5: undefined: <b>x</b>"},
		{"the session ended", func(r *rig) { r.Emit(event.Event{Body: event.SessionEnded{}}) }, 503, "hotreload has ended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := startLive(t, Options{}, says("old"))
			r.save()
			got := r.later("POST", "/", "x")
			r.waits(1)
			for _, b := range []event.Body{ // nothing of this ends it
				event.BuildStarted{}, event.BuildCanceled{}, event.Held{Reason: "resumed"}, event.Waiting{Reason: "slow"}, event.BuildFinished{OK: true},
				event.Changed{Effect: "none", Why: "same as the running program"}, event.Changed{Effect: "reload"}, event.Changed{Effect: "rebuild"},
			} {
				r.emit(b)
			}
			r.Emit(event.Event{Service: "web", Generation: 9, Body: event.Live{}})
			r.Emit(event.Event{Service: "web", Generation: 9, Body: event.BuildFinished{}})
			r.Emit(event.Event{Service: "api", Generation: r.gen - 1, Body: event.BuildFinished{}}) // of an earlier save
			r.mu.Lock()
			if !r.pending || r.trouble != nil {
				t.Error("something of this has ended the wait")
			}
			r.mu.Unlock()
			r.waits(1)
			tt.end(r)
			want(t, await(t, "answer", got), tt.code, tt.body)
		})
	}
}

// TestPaused: no request waits while nothing is built; what answers is marked (P3).
func TestPaused(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{Inject: true}, says("old"))
	r.save()
	got := r.later("POST", "/", "x")
	r.waits(1)
	r.Emit(event.Event{Body: event.Paused{}})
	a := await(t, "answer", got)
	want(t, a, 200, "old")
	if m := a.Header.Get("X-Hotreload-Stale"); m != "paused; generation=2; answers=1" || r.state().Status != "paused" {
		t.Fatal(m, r.state())
	}
	r.Emit(event.Event{Body: event.Resumed{}})
	got = r.later("POST", "/", "x")
	r.waits(1)
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "answer", got), 200, "new")
}

// TestBuildWithoutAChange: an edit of the config asks for a build (P3).
func TestBuildWithoutAChange(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, says("old"))
	r.gen++
	r.emit(event.BuildStarted{})
	got := r.later("GET", "/", "")
	r.waits(1)
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "answer", got), 200, "new")
}

// TestHoldExpires: no request waits longer than hold (P3).
func TestHoldExpires(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Hold: time.Millisecond})
	a := r.get("/")
	want(t, a, 503, "api: Waiting")
	if a.Header.Get("Retry-After") != "1" || !strings.HasPrefix(a.Header.Get("X-Hotreload-Stale"), "waiting") {
		t.Fatal(a.Header)
	}
	want(t, r.get("/", browser...), 503, `data-page="waiting"`)
}

// TestHeldClientLeaves: it does not count any more (P10).
func TestHeldClientLeaves(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	c, _ := r.dialRaw()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r.waits(1)
	c.Close()
	r.waits(0)
}

// TestTenThousandHeld: bounded, the rest is asked to come again (P10).
func TestTenThousandHeld(t *testing.T) {
	t.Parallel()
	n := 10000
	if testing.Short() {
		n = 2000
	}
	served := atomic.Int32{}
	r := start(t, Options{MaxHeld: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	tr := &http.Transport{MaxIdleConnsPerHost: 100}
	defer tr.CloseIdleConnections()
	var held, rest sync.WaitGroup
	var refused, answered atomic.Int32
	post := func() {
		req, _ := http.NewRequestWithContext(ctx, "POST", r.URL(), strings.NewReader("x"))
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		switch {
		case res.StatusCode == 503 && res.Header.Get("Retry-After") != "":
			refused.Add(1)
		case res.StatusCode == 200:
			answered.Add(1)
		default:
			t.Errorf("answer %s", res.Status)
		}
	}
	for range 1000 {
		held.Go(post)
	}
	r.waits(1000)
	for range 50 {
		rest.Go(func() {
			for range (n - 1000) / 50 {
				post()
			}
		})
	}
	rest.Wait()
	if int(refused.Load()) != n-1000 {
		t.Fatalf("%d of %d refused", refused.Load(), n-1000)
	}
	r.waits(1000)
	r.goLive(startApp(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })))
	held.Wait()
	if answered.Load() != 1000 || served.Load() != 1000 {
		t.Fatalf("%d answered, %d served", answered.Load(), served.Load())
	}
}

// TestRefusedRightAfterLive: a server that says it is ready a moment before it
// listens costs nothing; a POST is still sent once (P3).
func TestRefusedRightAfterLive(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	var posts atomic.Int32
	r := start(t, Options{})
	refused := r.refusals()
	r.goLive(&app{addr: addr})
	got := r.later("POST", "/", "x")
	await(t, "it is refused", refused)
	if ln, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	serveApp(t, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		posts.Add(1)
		fmt.Fprintf(w, "got %s", b)
	}))
	want(t, await(t, "answer", got), 200, "got x")
	if posts.Load() != 1 {
		t.Fatal(posts.Load())
	}
}

// TestUndeliveredIsHeldAgain: a request that finds the port closed, because the
// program has just crashed, waits with the others for the next one (P3, P5).
func TestUndeliveredIsHeldAgain(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	refused := r.refusals()
	a := startApp(t, says("old"))
	r.goLive(a)
	a.kill()
	got := r.later("POST", "/", "x")
	await(t, "it is refused", refused)
	r.save()
	r.Emit(event.Event{Service: "api", Generation: 1, Body: event.Exited{PID: a.pid, Code: 2}})
	r.waits(1)
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "answer", got), 200, "new")
}

// TestDeliveredIsNotSentAgain: once a byte of the body was read, never (P3).
func TestDeliveredIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	raw := rawApp(t, func(c net.Conn, br *bufio.Reader) {
		conns.Add(1)
		_, _ = readHead(br)
	})
	r := start(t, Options{})
	r.goLive(raw)
	want(t, must(r.do("POST", "/", "x")), http.StatusBadGateway, "No answer")
	if conns.Load() != 1 {
		t.Fatalf("sent %d times", conns.Load())
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestStartFirst: the old program answers until live; then Drain is for it (Z1).
func TestStartFirst(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	arrived := make(chan struct{}, 1)
	r, old := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-finish
		fmt.Fprint(w, "old")
	}))
	got := r.later("GET", "/", "")
	await(t, "arrives", arrived)
	r.save()
	next := r.later("GET", "/", "")
	r.waits(1)
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "the one that waited", next), 200, "new")
	drained := make(chan struct{})
	go func() { r.Drain(context.Background(), old.pid); close(drained) }()
	eventually(t, "the old one drains", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.retired) == 1 && r.retired[0].draining
	})
	want(t, r.get("/"), 200, "new") // the new one is not drained
	close(finish)
	want(t, await(t, "old answer", got), 200, "old")
	await(t, "drained", drained)
	r.exited(old, true)
	want(t, r.get("/"), 200, "new")
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.retired) != 0 {
		t.Fatal("the old one is kept")
	}
}

// TestStartFirstFails: the old program goes on answering, marked (Z3).
func TestStartFirstFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body event.Body
		mark string
	}{
		{"dies", event.Exited{PID: 999, Code: 1, Reason: "exit code 1"}, "crashed; generation=2; answers=1"},
		{"is not ready", event.Problem{Message: "not ready: timeout"}, "not-started; generation=2; answers=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := startLive(t, Options{}, says("old"))
			r.save()
			r.emit(event.BuildFinished{OK: true})
			r.emit(event.Started{PID: 999})
			r.SetUpstream("127.0.0.1:1")
			got := r.later("POST", "/", "x")
			r.waits(1)
			r.emit(tt.body)
			a := await(t, "answer", got)
			want(t, a, 200, "old")
			if m := a.Header.Get("X-Hotreload-Stale"); m != tt.mark {
				t.Fatalf("%q", m)
			}
			r.save()
			r.goLive(startApp(t, says("new")))
			a = r.get("/")
			want(t, a, 200, "new")
			if a.Header.Get("X-Hotreload-Stale") != "" {
				t.Fatal("still marked")
			}
		})
	}
}

// TestDrainOfOneThatNeverAnswered: what does not come up beside the program that serves has
// answered nothing, so that its end drains nothing: the old one goes on, marked (Z3).
func TestDrainOfOneThatNeverAnswered(t *testing.T) {
	t.Parallel()
	r, old := startLive(t, Options{}, says("old"))
	r.save()
	r.emit(event.BuildFinished{OK: true})
	r.emit(event.Started{PID: 201})
	next := r.later("GET", "/", "")
	r.waits(1)
	r.emit(event.Problem{Message: "not ready within 10s"})
	r.Drain(t.Context(), 201)
	a := await(t, "the one that waited", next)
	want(t, a, 200, "old")
	if a.Header.Get("X-Hotreload-Stale") == "" {
		t.Error("not marked")
	}
	r.emit(event.Exited{PID: 201, Expected: true})
	want(t, r.get("/"), 200, "old")
	if old.pid == 201 {
		t.Fatal("the test is wrong")
	}
}

// TestPromote: the new program answers from then on, though something newer is wanted
// already and `live` does not come (Z3).
func TestPromote(t *testing.T) {
	t.Parallel()
	r, old := startLive(t, Options{}, says("old"))
	r.save()
	r.emit(event.BuildFinished{OK: true})
	r.emit(event.Started{PID: 201})
	first := r.gen
	r.save()
	wanted := r.gen
	r.gen = first
	r.SetUpstream(startApp(t, says("new")).addr)
	r.emit(event.Ready{})
	r.Promote(7) // another one
	r.Promote(201)
	r.Drain(t.Context(), old.pid)
	old.kill()
	r.exited(old, true)
	r.gen = wanted
	r.fail()
	want(t, r.get("/", "Sec-Fetch-Dest", "image"), 200, "new")
	r.gen = first
	r.Promote(201) // again: nothing
	want(t, r.get("/", "Sec-Fetch-Dest", "image"), 200, "new")
}

// TestRollback: the last good program answers again, marked as stale; it may be
// announced as live with its older generation, or only as ready (Z4).
func TestRollback(t *testing.T) {
	t.Parallel()
	for _, last := range []event.Body{event.Live{}, event.Ready{}} {
		t.Run(last.Name(), func(t *testing.T) {
			r, old := startLive(t, Options{}, says("old"))
			r.save()
			r.emit(event.BuildFinished{OK: true})
			r.Drain(t.Context(), r.pid)
			old.kill()
			r.exited(old, true)
			r.emit(event.Started{PID: 201})
			r.emit(event.Exited{PID: 201, Code: 2, Reason: "exit code 2"})
			want(t, r.get("/"), 503, "exit code 2")
			again := startApp(t, says("old again"))
			r.SetUpstream(again.addr)
			r.Emit(event.Event{Service: "api", Generation: 1, Body: event.Started{PID: 202}})
			r.Emit(event.Event{Service: "api", Generation: 1, Body: last})
			a := r.get("/")
			want(t, a, 200, "old again")
			if m := a.Header.Get("X-Hotreload-Stale"); m != "crashed; generation=2; answers=1" {
				t.Fatalf("%q", m)
			}
		})
	}
}

// TestBrokenBuild: who gets what while the build is broken (P4).
func TestBrokenBuild(t *testing.T) {
	t.Parallel()
	old := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/json" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"old": true}`)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><head></head>old page")
	})
	const mark = "build-failed; generation=2; answers=1"
	for _, tt := range []struct {
		name   string
		o      Options
		gone   bool // no old program runs
		method string
		path   string
		header []string
		code   int
		body   string
		kind   string
		mark   string
	}{
		{name: "page", o: Options{Inject: true}, header: browser, code: 200, body: "/__hotreload/client.js", kind: "text/html", mark: mark},
		{name: "page of an old browser", o: Options{Inject: true}, header: []string{"Accept", "text/html"}, code: 200, body: "old page", kind: "text/html", mark: mark},
		{name: "part of the page", o: Options{Inject: true}, header: []string{"Sec-Fetch-Dest", "style"}, code: 200, body: "old page", kind: "text/html", mark: mark},
		{name: "program", o: Options{Inject: true}, code: 503, body: "main.go:12:5: undefined: <b>x</b>\n", kind: "text/plain; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "fetch", o: Options{Inject: true}, header: []string{"Sec-Fetch-Dest", "empty", "Accept", "text/html"}, code: 503, body: "main.go:12:5", kind: "text/plain; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "fragment", o: Options{Inject: true}, header: []string{"Hx-Request", "true", "Accept", "text/html"}, code: 503, body: "main.go:12:5", kind: "text/plain; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "page that is none", o: Options{Inject: true}, path: "/json", header: browser, code: 503, body: "undefined: &lt;b&gt;x", kind: "text/html; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "form", o: Options{Inject: true}, method: "POST", header: browser, code: 503, body: "The form was not sent", kind: "text/html; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "page without injection", header: browser, code: 503, body: "undefined: &lt;b&gt;x", kind: "text/html; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "page without an old program", o: Options{Inject: true}, gone: true, header: browser, code: 503, body: "undefined: &lt;b&gt;x", kind: "text/html; charset=utf-8", mark: "build-failed; generation=2"},
		{name: "serve", o: Options{WhenBroken: "serve"}, code: 200, body: "old page", kind: "text/html", mark: mark},
		{name: "serve, json", o: Options{WhenBroken: "serve", Inject: true}, path: "/json", header: browser, code: 200, body: "old", kind: "application/json", mark: mark},
		{name: "serve without an old program", o: Options{WhenBroken: "serve"}, gone: true, code: 503, body: "main.go:12:5", kind: "text/plain; charset=utf-8", mark: "build-failed; generation=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, a := startLive(t, tt.o, old)
			r.gen = 1
			r.save()
			r.fail()
			if tt.gone {
				a.kill()
				r.exited(a, true)
			}
			if tt.method == "" {
				tt.method = "GET"
			}
			if tt.path == "" {
				tt.path = "/"
			}
			res, err := r.do(tt.method, tt.path, "", tt.header...)
			if err != nil {
				t.Fatal(err)
			}
			want(t, res, tt.code, tt.body)
			if k := res.Header.Get("Content-Type"); k != tt.kind {
				t.Errorf("Content-Type %q, want %q", k, tt.kind)
			}
			if m := res.Header.Get("X-Hotreload-Stale"); m != tt.mark {
				t.Errorf("mark %q, want %q", m, tt.mark)
			}
			if tt.code == 503 && res.Header.Get("Retry-After") != "1" {
				t.Error("no Retry-After")
			}
			// It goes away when it is fixed.
			r.save()
			r.goLive(startApp(t, says("fixed")))
			res = r.get("/")
			want(t, res, 200, "fixed")
			if res.Header.Get("X-Hotreload-Stale") != "" {
				t.Error("still marked")
			}
		})
	}
}

// TestFailedRule: a command that leads to no new program (tailwind, say) fails:
// shown, but what answers is right (P4).
func TestFailedRule(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, says("app"))
	r.save() // undone: that number is what answers, too
	r.emit(event.Undone{})
	r.emit(event.Changed{Effect: "reload", Paths: []string{"/src/a.css"}})
	r.emit(event.BuildFinished{OK: false, Summary: "a command failed", Output: "a.css:3: no such color"})
	a := r.get("/")
	want(t, a, 200, "app")
	if a.Header.Get("X-Hotreload-Stale") != "" {
		t.Fatal("marked as stale")
	}
	if s := r.state(); s.Trouble == nil || !s.Trouble.Note || fmt.Sprint(s.Trouble.Words) != "[{a.css:3: no such color }]" || s.Status != "live" {
		t.Fatalf("%+v", s)
	}
	r.Reload(true)
	if s := r.state(); s.Trouble != nil {
		t.Fatalf("%+v", s)
	}
}

// TestCrash: at start and later; the panic with its first own frame (P5).
func TestCrash(t *testing.T) {
	t.Parallel()
	stack := "goroutine 1 [running]:\nruntime.panic()\n\t/go/src/runtime/panic.go:1 +0x1\nmain.main()\n\t/src/main.go:7 +0x1d\nmain.other()\n\t/src/other.go:7 +0x1d"
	end := event.Exited{PID: 101, Code: 2, Reason: "panic: boom (main.go:7)", Panic: stack, File: "/src/main.go", Line: 7}
	for _, when := range []string{"at the first start", "at a start", "later"} {
		t.Run(when, func(t *testing.T) {
			r := start(t, Options{Editor: "vscode://file/{file}:{line}:{column}"})
			switch when {
			case "at the first start":
				r.gen = 1
				r.emit(event.Started{PID: 101})
			case "at a start":
				a := startApp(t, says("old"))
				r.goLive(a)
				r.save()
				r.Drain(t.Context(), r.pid)
				r.exited(a, true)
				end.PID = 150
				r.emit(event.Started{PID: 150})
			case "later":
				r.goLive(startApp(t, says("old")))
				want(t, r.get("/"), 200, "old")
				end.PID = r.pid
			}
			r.emit(end)
			a := r.get("/")
			want(t, a, 503, "panic: boom (main.go:7)")
			want(t, a, 503, "\n"+stack+"\n")
			want(t, r.get("/", browser...), 503, "Crashed")
			s := r.state()
			if s.Status != "broken" || s.Answers || s.Trouble.Title != "Crashed" || s.Trouble.Places[0].File != "main.go" {
				t.Fatalf("%+v", s)
			}
			var marked []string
			for _, l := range s.Trouble.Stack {
				if l.Marked {
					marked = append(marked, l.Text+" "+l.Link)
				}
			}
			if len(marked) != 2 || marked[0] != "main.main() " || marked[1] != "\t/src/main.go:7 +0x1d vscode://file/src/main.go:7:1" {
				t.Fatalf("%q", marked)
			}
			// A restart without a save: held while it starts, then it answers.
			r.emit(event.Started{PID: 300})
			got := r.later("GET", "/", "")
			r.waits(1)
			r.SetUpstream(startApp(t, says("again")).addr)
			r.emit(event.Ready{})
			r.emit(event.Live{})
			want(t, await(t, "answer", got), 200, "again")
		})
	}
}

// TestCrashInTheMiddle: a request during which the program dies is answered with
// the reason (P5).
func TestCrashInTheMiddle(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	finish := make(chan struct{})
	r, a := startLive(t, Options{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-finish }))
	defer close(finish)
	got := r.later("POST", "/", "x")
	await(t, "arrives", arrived)
	a.kill()
	r.exited(a, false)
	want(t, await(t, "answer", got), http.StatusBadGateway, "exit code 2")
}

// TestCrashWhileBuilding: the next program is on its way: wait for it (P3, P5).
func TestCrashWhileBuilding(t *testing.T) {
	t.Parallel()
	r, a := startLive(t, Options{}, says("old"))
	r.save()
	got := r.later("GET", "/", "")
	r.waits(1)
	r.Emit(event.Event{Service: "api", Generation: 1, Body: event.Exited{PID: a.pid, Code: 2}})
	r.waits(1)
	r.gen = 2
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "answer", got), 200, "new")
}

// TestProblemAtStart is shown (P5).
func TestProblemAtStart(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	r.gen = 1
	got := r.later("GET", "/", "")
	r.waits(1)
	r.emit(event.Problem{Message: "cannot start api: no such file", Hint: "fix run.command"})
	a := await(t, "answer", got)
	want(t, a, 503, "cannot start api: no such file")
	want(t, a, 503, "hint: fix run.command")
	// A problem while all is well concerns no request.
	r.goLive(startApp(t, says("fine")))
	r.emit(event.Problem{Message: "wanted the terminal"})
	want(t, r.get("/"), 200, "fine")
}

// TestSuspended: a program that a signal has stopped would take a connection and never answer (T9).
func TestSuspended(t *testing.T) {
	t.Parallel()
	why := &event.Problem{Message: "the program is suspended by SIGSTOP", Hint: "SIGCONT resumes it"}
	r := start(t, Options{})
	r.gen = 1
	r.emit(event.Started{PID: 77})
	got := r.later("GET", "/", "")
	r.waits(1)
	r.Suspended(77, why)
	want(t, await(t, "answer", got), 503, "api: Suspended (generation 1): the program is suspended by SIGSTOP")
	r.Suspended(77, nil)
	got = r.later("GET", "/", "")
	r.waits(1)
	a := startApp(t, says("fine"))
	r.goLive(a)
	want(t, await(t, "answer", got), 200, "fine")

	b := r.listen()
	b.page = b.next().Page
	r.Suspended(a.pid-1, why)
	want(t, r.get("/"), 200, "fine") // it is another process
	r.Suspended(a.pid, why)
	want(t, r.get("/"), 503, "hint: SIGCONT resumes it")
	// The page that says so loads again when the program goes on, and only then; the one that is open does not.
	want(t, r.get("/", browser...), 503, `data-page="waiting"`)
	s, _ := b.until("suspended", func(s state) bool { return s.Status == "broken" })
	if s.Answers || s.Serve || s.Trouble.Kind != suspended {
		t.Fatalf("%+v", s)
	}
	r.Suspended(a.pid, nil)
	want(t, r.get("/"), 200, "fine")
	if s, pages := b.until("live", func(s state) bool { return s.Status == "live" }); pages != 0 || !s.Answers || s.Trouble != nil {
		t.Fatalf("%d pages, %+v", pages, s)
	}

	// Its successor is waited for, as ever.
	r.Suspended(a.pid, why)
	r.save()
	got = r.later("GET", "/", "")
	r.waits(1)
	next := startApp(t, says("next"))
	r.goLive(next)
	want(t, await(t, "answer", got), 200, "next")

	// With a broken build nothing is live once more when it goes on.
	r.save()
	r.fail()
	r.Suspended(next.pid, why)
	want(t, r.get("/"), 503, "Suspended")
	r.Suspended(next.pid, nil)
	want(t, r.get("/"), 503, "Build failed")
	r.Suspended(next.pid, why)
	r.exited(next, false)
	want(t, r.get("/"), 503, "Build failed")
}

// TestEndOfRun: what is still in flight then breaks off; it does not become an
// empty answer that looks fine.
func TestEndOfRun(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Listen: "127.0.0.1:0", Service: "api", Hold: hang})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Proxy: p, t: t}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	arrived := make(chan struct{}, 1)
	r.goLive(startApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})))
	inFlight := r.later("GET", "/", "")
	await(t, "arrives", arrived)
	r.save()
	held := r.later("GET", "/", "")
	r.waits(1)
	cancel()
	want(t, await(t, "the held one", held), 503, "hotreload has ended")
	if a := await(t, "the one in flight", inFlight); a.StatusCode != 0 {
		t.Errorf("answer %s %q", a.Status, a.body)
	}
	if err := await(t, "Run", done); err != nil {
		t.Error(err)
	}
}

// TestTakenPort: explained before anything is built.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	addr := p.ln.Addr().String()
	_, err = New(Options{Listen: addr})
	if err == nil || !strings.Contains(err.Error(), "proxy.listen: "+addr+" is taken") || advice.Hint(err) == "" {
		t.Fatal(err)
	}
	if _, err := New(Options{Listen: "192.0.2.1:8090"}); err == nil || !strings.Contains(err.Error(), "does not have the address") {
		t.Fatal(err)
	}
}

// TestUnixUpstream: a program may listen on a socket in the file system.
func TestUnixUpstream(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("no Unix sockets here: ", err)
	}
	serveApp(t, ln, says("unix"))
	r := start(t, Options{})
	r.goLive(&app{addr: "unix:" + path})
	want(t, r.get("/"), 200, "unix")
}

// TestNoFailedRequest: POSTs without retries through restarts, in both orders,
// of programs that drain and that do not, with connections kept and not (Z1).
func TestNoFailedRequest(t *testing.T) {
	t.Parallel()
	restarts := 20
	if testing.Short() {
		restarts = 5
	}
	for _, startFirst := range []bool{false, true} {
		for _, graceful := range []bool{false, true} {
			for _, keep := range []bool{false, true} {
				t.Run(fmt.Sprintf("startFirst=%v graceful=%v keep=%v", startFirst, graceful, keep), func(t *testing.T) {
					var served atomic.Int64
					program := func(gen int) *app {
						return startApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							b, _ := io.ReadAll(r.Body)
							served.Add(1)
							fmt.Fprintf(w, "%d %s", gen, b)
						}))
					}
					r := start(t, Options{})
					cur := program(1)
					r.goLive(cur)
					ctx, cancel := context.WithCancel(t.Context())
					var sent atomic.Int64
					var wg sync.WaitGroup
					for range 4 {
						wg.Go(func() {
							tr := &http.Transport{DisableKeepAlives: !keep}
							defer tr.CloseIdleConnections()
							for ctx.Err() == nil {
								req, _ := http.NewRequest("POST", r.URL(), io.NopCloser(strings.NewReader("x"))) // cannot be sent twice
								res, err := tr.RoundTrip(req)
								if err != nil {
									t.Error(err)
									return
								}
								b, err := io.ReadAll(res.Body)
								res.Body.Close()
								if err != nil || res.StatusCode != 200 || !strings.HasSuffix(string(b), " x") {
									t.Errorf("%v %s %q", err, res.Status, b)
								}
								sent.Add(1)
							}
						})
					}
					for range restarts {
						n := sent.Load()
						eventually(t, "requests are answered", func() bool { return sent.Load() > n+5 })
						r.save()
						stop := func(a *app) {
							r.Drain(t.Context(), a.pid)
							if graceful {
								a.shutdown()
							} else {
								a.kill()
							}
							r.exited(a, true)
						}
						old := cur
						if !startFirst {
							stop(old)
						}
						cur = program(r.gen)
						r.goLive(cur)
						if startFirst {
							stop(old)
						}
					}
					cancel()
					wg.Wait()
					if served.Load() != sent.Load() {
						t.Errorf("%d sent, %d served", sent.Load(), served.Load())
					}
				})
			}
		}
	}
}
