package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// TestIdleConnections: thousands that say nothing do not keep others from being answered, and those
// that stay silent are closed, with what they held (P10).
func TestIdleConnections(t *testing.T) {
	const wanted, atLeast = 10000, 500
	r := start(t, Options{IdleTimeout: 2 * time.Second, HeaderTimeout: 2 * time.Second})
	r.goLive(startApp(t, says("here")))
	var list []net.Conn
	defer func() {
		for _, c := range list {
			c.Close()
		}
	}()
	for range wanted {
		c, err := net.Dial("tcp", r.ln.Addr().String())
		if err != nil {
			// Each takes two of the files that a process may have open.
			t.Logf("%d connections: %v", len(list), err)
			for _, c := range list[max(0, len(list)-50):] {
				c.Close()
			}
			list = list[:max(0, len(list)-50)]
			break
		}
		list = append(list, c)
	}
	if len(list) < atLeast {
		t.Skipf("the limit of open files allows %d connections only", len(list))
	}
	want(t, r.get("/"), 200, "here")
	// Half of them send a request first, and keep the connection.
	closed := make(chan error, len(list))
	for i, c := range list {
		go func() {
			_ = c.SetDeadline(time.Now().Add(hang))
			if i%2 == 0 {
				fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			}
			_, err := io.Copy(io.Discard, c) // until the proxy closes it
			closed <- err
		}()
	}
	for range list {
		if err := await(t, "the end of an idle connection", closed); err != nil && errors.Is(err, errDeadline(err)) {
			t.Fatal(err)
		}
	}
	want(t, r.get("/"), 200, "here")
	t.Logf("%d connections", len(list))
}

// errDeadline is err if it is the deadline of the test.
func errDeadline(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	return errors.New("another one")
}

// TestSlowHead: a client that does not come to the end of its head is closed; a slow body and a slow
// answer are not (P2, P10).
func TestSlowHead(t *testing.T) {
	r := start(t, Options{HeaderTimeout: 50 * time.Millisecond})
	more := make(chan struct{})
	r.goLive(startApp(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		<-more
		fmt.Fprintf(w, "%s", b)
	})))
	slow, _ := r.dialRaw()
	fmt.Fprint(slow, "GET / HTTP/1.1\r\nHost: local")
	body, br := r.dialRaw()
	fmt.Fprint(body, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\na")
	if _, err := io.Copy(io.Discard, slow); err != nil { // it is closed, long after the other one began
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			t.Fatal("a head without end is waited for")
		}
	}
	fmt.Fprint(body, "b")
	close(more)
	if b, err := io.ReadAll(br); err != nil || !strings.HasSuffix(string(b), "ab") {
		t.Errorf("%v %q", err, b)
	}
}

// TestClientsOwnMistakes are answered with 400, or closed. Neither is the program's failure, nor
// shown as one (P1).
func TestClientsOwnMistakes(t *testing.T) {
	var said atomic.Int32
	var got sync.Map
	r := start(t, Options{Inject: true, Notice: func(event.Problem) { said.Add(1) }, Output: func(int, time.Time) []byte { said.Add(1); return nil }})
	r.goLive(startApp(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, err := io.ReadAll(req.Body)
		got.Store(req.URL.Path, err)
	})))
	for name, raw := range map[string]string{
		"no HTTP":                    "hello, this is not a request\r\n\r\n",
		"no host":                    "GET / HTTP/1.1\r\n\r\n",
		"two lengths":                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"a bad header":               "GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
		"a bad chunk":                "POST / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"TLS to a plain port":        "\x16\x03\x01\x00\x05hello\r\n\r\n",
		"a header that is too large": "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, br := r.dialRaw()
			go func() { _, _ = io.WriteString(c, raw) }()
			line, err := br.ReadString('\n')
			if err == nil && !strings.HasPrefix(line, "HTTP/1.1 4") || err != nil && errors.Is(err, errDeadline(err)) {
				t.Errorf("%q %v", line, err)
			}
		})
	}
	t.Run("a body that is broken off", func(t *testing.T) {
		c, _ := r.dialRaw()
		fmt.Fprint(c, "POST /off HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc")
		c.Close()
		eventually(t, "the program sees the end", func() bool { err, ok := got.Load("/off"); return ok && err != nil })
	})
	t.Run("an answer that is not read", func(t *testing.T) {
		c, br := r.dialRaw()
		fmt.Fprint(c, "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = bufio.NewReader(br).ReadByte()
		c.Close()
	})
	if s := r.state(); s.Status != "live" || s.Trouble != nil || said.Load() != 0 {
		t.Errorf("%+v, %d notices", s, said.Load())
	}
	want(t, r.get("/after"), 200, "")
}
