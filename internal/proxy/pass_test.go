package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestRequestPassesAsItCame compares what a program reads from its socket with
// what the client wrote to its own (P1).
func TestRequestPassesAsItCame(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 1)
	bodies := make(chan string, 1)
	raw := rawApp(t, func(c net.Conn, br *bufio.Reader) {
		head, err := readHead(br)
		if err != nil {
			return
		}
		length := 0
		for _, l := range strings.Split(head, "\r\n") {
			fmt.Sscanf(l, "Content-Length: %d", &length)
		}
		b := make([]byte, length)
		_, _ = io.ReadFull(br, b)
		if strings.Contains(head, "Transfer-Encoding: chunked") {
			var buf strings.Builder
			for !strings.HasSuffix(buf.String(), "0\r\n\r\n") {
				line, err := br.ReadString('\n')
				if err != nil {
					break
				}
				buf.WriteString(line)
			}
			b = []byte(buf.String())
		}
		heads <- head
		bodies <- string(b)
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	r := start(t, Options{Inject: true})
	r.goLive(raw)

	multipart := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1&2=3\r\n--x--\r\n"
	for _, tt := range []struct {
		name, line string
		header     []string
		body       string
		gone       []string
	}{
		{name: "JSON POST with a query", line: "POST /api?x=1&y=a%20b HTTP/1.1",
			header: []string{"Content-Type: application/json", "Content-Length: 9"}, body: `{"a": 1}` + "\n"},
		{name: "form POST is not parsed", line: "POST /f?a=query HTTP/1.1",
			header: []string{"Content-Type: application/x-www-form-urlencoded", "Content-Length: 13"}, body: "a=body&b=%zz;"},
		{name: "multipart with a query", line: "POST /up?kind=1 HTTP/1.1",
			header: []string{"Content-Type: multipart/form-data; boundary=x", fmt.Sprintf("Content-Length: %d", len(multipart))}, body: multipart},
		{name: "PUT without a body", line: "PUT /p HTTP/1.1", header: []string{"Content-Length: 0"}},
		{name: "DELETE", line: "DELETE /p HTTP/1.1"},
		{name: "HEAD", line: "HEAD /h HTTP/1.1"},
		{name: "unknown method", line: "PROPFIND /h HTTP/1.1"},
		{name: "query that net/url refuses", line: "GET /q?a=%zz;b&&c=+%00&d?e HTTP/1.1"},
		{name: "empty query", line: "GET /q? HTTP/1.1"},
		{name: "path as it was written", line: "GET /a%2Fb/./c/../%41|{x} HTTP/1.1"},
		{name: "two slashes", line: "GET //a//b?c HTTP/1.1"},
		{name: "OPTIONS of the server", line: "OPTIONS * HTTP/1.1"},
		{name: "range and conditions", line: "GET /r HTTP/1.1",
			header: []string{"Range: bytes=1-2,5-", `If-Range: "e"`, `If-None-Match: W/"a", "b"`, "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT"}},
		{name: "encodings, cookies, authorization", line: "GET /r HTTP/1.1",
			header: []string{"Accept-Encoding: br;q=1, gzip;q=0", "Cookie: a=1; b=2", "Authorization: Basic eA==", "Accept: */*"}},
		{name: "one header twice", line: "GET /r HTTP/1.1", header: []string{"X-A: 1", "X-A: 2", "Te: trailers"}},
		{name: "hop by hop", line: "GET /r HTTP/1.1", header: []string{"Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: 5"},
			gone: []string{"Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: 5"}},
		{name: "chunked", line: "POST /c HTTP/1.1", header: []string{"Transfer-Encoding: chunked"}, body: "3\r\nabc\r\n0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.t = t
			c, br := r.dialRaw()
			in := append([]string{"Host: shop.example:8443", "User-Agent: test"}, tt.header...)
			fmt.Fprintf(c, "%s\r\n%s\r\n\r\n%s", tt.line, strings.Join(in, "\r\n"), tt.body)
			if head, err := readHead(br); err != nil || !strings.HasPrefix(head, "HTTP/1.1 204 ") {
				t.Fatalf("answer: %v\n%s", err, head)
			}
			lines := strings.Split(strings.TrimSuffix(await(t, "head", heads), "\r\n\r\n"), "\r\n")
			body := await(t, "body", bodies)
			if lines[0] != tt.line {
				t.Errorf("request line %q, want %q", lines[0], tt.line)
			}
			expected := slices.DeleteFunc(slices.Clone(in), func(s string) bool { return slices.Contains(tt.gone, s) })
			expected = append(expected, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: shop.example:8443", "X-Forwarded-Proto: http")
			got := lines[1:]
			slices.Sort(got)
			slices.Sort(expected)
			if !slices.Equal(got, expected) {
				t.Errorf("headers\n%q\nwant\n%q", got, expected)
			}
			if body != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
		})
	}
}

// TestForwardingChain: a proxy in front of this one is not forgotten (P1).
func TestForwardingChain(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		fmt.Fprintf(w, "%q %q %q %q", h["X-Forwarded-For"], h["X-Forwarded-Host"], h["X-Forwarded-Proto"], h["Forwarded"])
	}))
	a := r.get("/", "X-Forwarded-For", "10.0.0.1", "X-Forwarded-Host", "shop.example", "X-Forwarded-Proto", "https", "Forwarded", "for=10.0.0.1")
	want(t, a, 200, `["10.0.0.1, 127.0.0.1"] ["shop.example"] ["https"] ["for=10.0.0.1"]`)
}

// TestAnswerPassesAsItCame: not a header more or less, but for Cache-Control (P1, P6, P12).
func TestAnswerPassesAsItCame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, method, answer string }{
		{"no type, no date", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"},
		{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n"},
		{"no content", "GET", "HTTP/1.1 204 No Content\r\nX-A: 1\r\nX-A: 2\r\n\r\n"},
		{"own server", "GET", "HTTP/1.1 207 Multi-Status\r\nContent-Length: 2\r\nServer: me\r\n\r\nok"},
		{"part", "GET", "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-5/9\r\nContent-Length: 6\r\n\r\n<html>"},
		{"head of a page", "HEAD", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\nEtag: \"x\"\r\n\r\n"},
		{"cookies and CORS", "GET", "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nAccess-Control-Allow-Origin: https://a.example\r\nContent-Length: 2\r\n\r\nok"},
		{"redirect with a page", "GET", "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<html><a>found</html>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := rawApp(t, func(c net.Conn, br *bufio.Reader) {
				if _, err := readHead(br); err == nil {
					_, _ = io.WriteString(c, tt.answer)
				}
			})
			r := start(t, Options{Inject: true})
			r.goLive(raw)
			c, br := r.dialRaw()
			fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n", tt.method)
			all, err := io.ReadAll(br)
			if err != nil {
				t.Fatal(err)
			}
			sorted := func(s string) []string {
				head, body, _ := strings.Cut(s, "\r\n\r\n")
				l := strings.Split(head, "\r\n")
				l = slices.DeleteFunc(l, func(s string) bool { return s == "Connection: close" }) // hop by hop: ours
				slices.Sort(l)
				return append(l, body)
			}
			said := strings.Replace(tt.answer, "\r\n", "\r\nCache-Control: no-cache\r\n", 1)
			if got, want := sorted(string(all)), sorted(said); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// TestTrailers in both directions (P1).
func TestTrailers(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html>%s %q", b, r.Trailer)
		w.Header().Set("X-Sum", "42")
	}))
	c, br := r.dialRaw()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nTrailer: X-Digest\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\nX-Digest: abc\r\n\r\n")
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(b), `body map["X-Digest":["abc"]]`) || res.Trailer.Get("X-Sum") != "42" {
		t.Fatalf("%v %q %q", err, b, res.Trailer)
	}
}

// TestExpectContinue: the program decides, not the proxy (P1).
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	goOn := make(chan bool)
	seen := make(chan struct{}, 1)
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- struct{}{}
		if !<-goOn {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	post := func() (net.Conn, *bufio.Reader) {
		c, br := r.dialRaw()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
		await(t, "the program sees the head", seen)
		return c, br
	}
	var br *bufio.Reader
	for range 50 { // who says it, the program or net/http, is a race that must not be seen
		var c net.Conn
		c, br = post()
		goOn <- true
		if head, err := readHead(br); err != nil || head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("%v %q", err, head)
		}
		fmt.Fprint(c, "body")
		res, err := http.ReadResponse(br, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(err, res)
		}
		if b, _ := io.ReadAll(res.Body); string(b) != "body" {
			t.Fatalf("%q", b)
		}
		c.Close()
	}
	_, br = post()
	goOn <- false
	if head, err := readHead(br); err != nil || !strings.HasPrefix(head, "HTTP/1.1 417 ") {
		t.Fatalf("the body was asked for though the program refuses: %v %q", err, head)
	}
}

// TestEarlyHints: 1xx answers pass (P1).
func TestEarlyHints(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Final", "1")
		_, _ = io.WriteString(w, "ok")
	}))
	var hints atomic.Value
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints.Store(fmt.Sprint(code, h.Get("Link")))
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", r.URL(), nil)
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if hints.Load() != "103</a.css>; rel=preload" || res.Header.Get("X-Final") != "1" {
		t.Fatal(hints.Load(), res.Header)
	}
}

// TestUploadIsStreamed: 100 MB pass through a few buffers (P1).
func TestUploadIsStreamed(t *testing.T) {
	const size = 100 << 20
	first := make(chan struct{})
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var buf [32 << 10]byte
		n, err := io.ReadFull(r.Body, buf[:])
		close(first)
		total := n
		for err == nil {
			n, err = r.Body.Read(buf[:])
			total += n
		}
		fmt.Fprint(w, total)
	}))
	c, br := r.dialRaw()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size)
	piece := bytes.Repeat([]byte("x"), 64<<10)
	for sent := 0; sent < size; sent += len(piece) {
		if _, err := c.Write(piece); err != nil {
			t.Fatal(err)
		}
		if sent == 0 {
			await(t, "the program reads the beginning before the rest is sent", first)
		}
	}
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	runtime.ReadMemStats(&after)
	if string(b) != fmt.Sprint(size) {
		t.Fatalf("the program got %s bytes", b)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 8<<20 {
		t.Fatalf("%d MB were allocated", spent>>20)
	}
}

// TestWebSocket: echo, cut by Drain, and back at the next program (P2).
func TestWebSocket(t *testing.T) {
	t.Parallel()
	echo := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, nil) // checks Origin against Host
			if err != nil {
				return
			}
			defer c.CloseNow()
			for {
				_, b, err := c.Read(r.Context())
				if err != nil {
					return
				}
				_ = c.Write(r.Context(), websocket.MessageText, append([]byte(name+" "), b...))
			}
		})
	}
	r, _ := startLive(t, Options{Inject: true}, echo("old"))
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	dial := func() *websocket.Conn {
		c, _, err := websocket.Dial(ctx, r.URL()+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {r.URL()}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ask := func(c *websocket.Conn, want string) {
		t.Helper()
		if err := c.Write(ctx, websocket.MessageText, []byte("hi")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(ctx); err != nil || string(b) != want {
			t.Fatalf("%q %v, want %q", b, err, want)
		}
	}
	c := dial()
	ask(c, "old hi")
	r.save()
	ask(c, "old hi") // a save does not cut it
	r.Drain(ctx, r.pid)
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Fatal("it is not cut:", err)
	}
	c.CloseNow()
	got := make(chan *websocket.Conn, 1)
	go func() { got <- dial() }()
	r.waits(1)
	r.goLive(startApp(t, echo("new")))
	c = await(t, "connect", got)
	ask(c, "new hi")
	c.CloseNow()
}

// TestEventStream: the first byte at once, not waited for, cut in order (P2).
func TestEventStream(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	c, br := r.dialRaw()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b [9]byte
	if _, err := io.ReadFull(res.Body, b[:]); err != nil || string(b[:]) != "data: 1\n\n" {
		t.Fatalf("%q %v", b, err)
	}
	r.save()
	r.Drain(t.Context(), r.pid)
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
		t.Fatalf("the stream does not end in order: %q %v", rest, err)
	}
	await(t, "the program learns it", gone)
}

// TestStreamThatComesLate: a stream that begins while the program is being
// drained is cut too (P2).
func TestStreamThatComesLate(t *testing.T) {
	t.Parallel()
	begin := make(chan struct{})
	arrived := make(chan struct{})
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-begin
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	got := r.later("GET", "/", "")
	await(t, "arrives", arrived)
	drained := make(chan struct{})
	pid := r.pid
	go func() { r.Drain(context.Background(), pid); close(drained) }()
	eventually(t, "it drains", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.current.draining })
	close(begin)
	await(t, "drained", drained)
	want(t, await(t, "ends", got), 200, "")
}

// TestChunksPassAtOnce: what the program flushes, the client has: text and pages,
// compressed or not, with a length or without (P2, P6).
func TestChunksPassAtOnce(t *testing.T) {
	t.Parallel()
	pieces := []string{"<!doctype html><head></head>a", "b\n", "c", strings.Repeat("d", 1000), "e"}
	next := make(chan string)
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		w.Header().Set("Content-Type", q.Get("type"))
		if q.Has("length") {
			w.Header().Set("Content-Length", strconv.Itoa(len(strings.Join(pieces, ""))))
		}
		var out interface {
			io.Writer
			Flush() error
		} = bufio.NewWriter(w)
		if q.Has("gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			gz := gzip.NewWriter(w)
			defer gz.Close()
			out = gz
		}
		for range pieces {
			_, _ = io.WriteString(out, <-next)
			_ = out.Flush()
			_ = http.NewResponseController(w).Flush()
		}
	}))
	for _, query := range []string{"type=text/plain", "type=text/plain&length", "type=text/html", "type=text/html&length", "type=text/html&gzip", "type=text/plain&gzip"} {
		t.Run(query, func(t *testing.T) {
			r.t = t
			c, br := r.dialRaw()
			fmt.Fprintf(c, "GET /?%s HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n", query)
			next <- pieces[0]
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			body := io.Reader(res.Body)
			if res.Header.Get("Content-Encoding") == "gzip" {
				if body, err = gzip.NewReader(body); err != nil {
					t.Fatal(err)
				}
			}
			var got strings.Builder
			buf := make([]byte, 4096)
			for i := range pieces {
				if i > 0 {
					next <- pieces[i]
				}
				for !strings.HasSuffix(got.String(), pieces[i]) && !strings.HasSuffix(got.String(), "</head>a") {
					n, err := body.Read(buf)
					got.Write(buf[:n])
					if err != nil && err != io.EOF {
						t.Fatalf("%v after %q", err, got.String())
					}
				}
				if i == 0 && strings.Contains(query, "html") != strings.Contains(got.String(), "client.js") {
					t.Fatalf("%q", got.String())
				}
			}
			if _, err := io.ReadAll(body); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOldAnswersEnd: what is in flight at a save is finished by the program that
// began it, and Drain waits for that (P2, P3).
func TestOldAnswersEnd(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	arrived := make(chan struct{}, 1)
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-finish
		fmt.Fprint(w, "old")
	}))
	got := r.later("GET", "/", "")
	await(t, "arrives", arrived)
	r.save()
	drained := make(chan struct{})
	pid := r.pid
	go func() { r.Drain(context.Background(), pid); close(drained) }()
	eventually(t, "it drains", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.current.draining })
	next := r.later("GET", "/", "")
	r.waits(1)
	select {
	case <-drained:
		t.Fatal("Drain does not wait")
	default:
	}
	close(finish)
	want(t, await(t, "old answer", got), 200, "old")
	await(t, "drained", drained)
	r.goLive(startApp(t, says("new")))
	want(t, await(t, "new answer", next), 200, "new")
}

// TestDrainEndsWithItsContext: a handler that never ends does not hold the
// restart forever (P2).
func TestDrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	arrived := make(chan struct{}, 1)
	r, a := startLive(t, Options{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-finish
	}))
	defer close(finish)
	got := r.later("POST", "/", "x")
	await(t, "arrives", arrived)
	r.save()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Drain(ctx, r.pid)
	a.kill()
	r.exited(a, true)
	// It was delivered, so it is not sent again, and the client learns that.
	want(t, await(t, "answer", got), http.StatusBadGateway, "closed the connection before it answered")
}

// TestHTTP2: a client that speaks HTTP/2 without TLS reaches the program with
// it, trailers and all, if the program speaks it, else with HTTP/1.1 (P1).
func TestHTTP2(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s te=%s", r.Proto, b, r.Header.Get("Te"))
		w.Header().Set("Grpc-Status", "0")
	})
	for _, tt := range []struct {
		name  string
		h2    bool
		proto string
	}{{"both", true, "HTTP/2.0"}, {"the program only HTTP/1.1", false, "HTTP/1.1"}} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, Options{Inject: true})
			a := startApp(t, h)
			if !tt.h2 {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				srv := &http.Server{Handler: h}
				go func() { _ = srv.Serve(ln) }()
				defer srv.Close()
				a = &app{addr: ln.Addr().String()}
			}
			r.goLive(a)
			tr := &http.Transport{Protocols: new(http.Protocols)}
			tr.Protocols.SetUnencryptedHTTP2(true)
			defer tr.CloseIdleConnections()
			for range 2 {
				req, _ := http.NewRequest("POST", r.URL(), strings.NewReader("body"))
				req.Header.Set("Te", "trailers")
				res, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(b) != tt.proto+" body te=trailers" || res.Trailer.Get("Grpc-Status") != "0" || res.ProtoMajor != 2 {
					t.Fatalf("%q %v %v %v", b, err, res.Trailer, res.Proto)
				}
			}
		})
	}
}

// TestBrokenAnswerIsBroken: an answer that the program breaks off does not look
// complete to the client, and the proxy survives it (P1).
func TestBrokenAnswerIsBroken(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
	}))
	if a, err := r.do("GET", "/broken", ""); err == nil {
		t.Fatalf("a broken answer looks complete: %q", a.body)
	}
	want(t, r.get("/"), 200, "half")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current.inflight != 0 {
		t.Fatalf("%d in flight", r.current.inflight)
	}
}

// TestNoAnswer: a program that closes the connection is explained, to people as
// a page, to others as text, never in the words of net/http (P1).
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	a := r.get("/")
	want(t, a, http.StatusBadGateway, "closed the connection before it answered")
	if a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || a.Header.Get("Retry-After") != "1" {
		t.Fatal(a.Header)
	}
	a = r.get("/", browser...)
	want(t, a, http.StatusBadGateway, "<!doctype html>")
	// The page carries the version that is live: it must not load itself again and again.
	want(t, a, http.StatusBadGateway, fmt.Sprintf(`data-page="%s.%d"`, r.session, r.page))
}

// Fault 53: connections without a request do not stay for ever, and neither do those that never finish one; what is under way
// is not cut, however long it takes (P2).
func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	const limit = 100 * time.Millisecond
	goOn := make(chan struct{})
	r, _ := startLive(t, Options{HeaderTimeout: limit, IdleTimeout: limit}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-goOn
			fmt.Fprint(w, "data: 2\n\n")
		case "/slow":
			<-goOn
			fmt.Fprint(w, "slow")
		case "/upload":
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(b), err)
		case "/upgrade":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.Copy(c, rw)
		default:
			fmt.Fprint(w, "ok")
		}
	}))

	send := func(text string) (net.Conn, *bufio.Reader) {
		c, br := r.dialRaw()
		io.WriteString(c, text)
		return c, br
	}
	_, stream := send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	_, slow := send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
	up, upload := send("POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab")
	ws, socket := send("GET /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if head, err := readHead(socket); err != nil || !strings.Contains(head, "101") {
		t.Fatal(head, err)
	}

	// Each is ended by the proxy, which a read sees.
	for name, text := range map[string]string{
		"nothing":         "",
		"half a head":     "GET / HTTP/1.1\r\nHo",
		"half a preface":  "PRI * HTTP/2.0\r\n",
		"after a request": "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		_, br := send(text)
		if _, err := io.Copy(io.Discard, br); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// By now all of these are older than the limit.
	close(goOn)
	io.WriteString(up, "cd")
	io.WriteString(ws, "hello\n")
	if line, err := socket.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("WebSocket: %q %v", line, err)
	}
	for name, c := range map[string]struct {
		br   *bufio.Reader
		want string
	}{"event stream": {stream, "data: 2"}, "slow handler": {slow, "slow"}, "upload": {upload, "4 <nil>"}} {
		if b, err := io.ReadAll(c.br); err != nil || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
}

// Fault 53: what a client sends and is no HTTP is its own mistake, not a panic of the program.
func TestInvalidRequest(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "ok")
	}))
	post := "POST / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n"
	for name, text := range map[string]string{
		"no chunk length":     post + "\r\nzz\r\nhello\r\n0\r\n\r\n",
		"chunk of wrong size": post + "\r\n2\r\nhello\r\n0\r\n\r\n",
		"huge chunk length":   post + "\r\nffffffffffffffffff\r\nhello\r\n",
		"late":                post + "\r\n5\r\nhello\r\nnonsense\r\n\r\n",
		"bad trailer":         post + "Trailer: X\r\n\r\n5\r\nhello\r\n0\r\nno colon\r\n\r\n",
		"Upgrade":             "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: \xff\xfe\r\n\r\n",
		"Upgrade with a tab":  "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: a\tb\r\n\r\n",
		"Upgrade, a page":     "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: keep-alive, upgrade\r\nUpgrade: wéb\r\n\r\n",
	} {
		c, br := r.dialRaw()
		io.WriteString(c, text)
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), "not valid HTTP") {
			t.Errorf("%s: %s %s", name, res.Status, b)
		}
		if !res.Close {
			t.Errorf("%s: the connection stays", name)
		}
	}
	// A body that ends too early, from a client that still listens.
	c, br := r.dialRaw()
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello")
	_ = c.(*net.TCPConn).CloseWrite()
	if res, err := http.ReadResponse(br, nil); err == nil && res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
	want(t, must(r.do("POST", "/", "fine")), http.StatusOK, "ok")
}
