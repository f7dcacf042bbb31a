package e2e

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// portApp listens on $PORT and counts what it was sent.
func portApp(graceful bool) map[string]string {
	body := `package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><html><head></head><body>version=%s method=%s body=%s</body></html>", Version, r.Method, body)
	})}
	GRACE
	fmt.Println(server.ListenAndServe())
	WAIT
}

var _ = context.Background
var _ = signal.Notify
var _ = syscall.SIGTERM
`
	if graceful {
		body = strings.Replace(body, "GRACE", `done := make(chan struct{})
	go func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		defer stop()
		<-ctx.Done()
		server.Shutdown(context.Background())
		close(done)
	}()`, 1)
		body = strings.Replace(body, "WAIT", "<-done", 1)
	} else {
		body = strings.NewReplacer("GRACE", "", "WAIT", "").Replace(body)
	}
	return map[string]string{
		"go.mod":     "module example.test/port\n\ngo 1.25\n",
		"main.go":    body,
		"version.go": "package main\n\nconst Version = \"one\"\n",
	}
}

func startProxy(t *testing.T, files map[string]string, args ...string) *web {
	t.Helper()
	addr := testkit.Address(t)
	s := start(t, newApp(t, files), append([]string{"--set", "proxy.listen=" + addr}, args...))
	w := &web{session: s, addr: addr}
	w.waitFor("live")
	return w
}

// P3: a request sent right after a save is answered by the new program, and P4:
// after a broken one by the error.
func TestP3NoStaleAnswer(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startProxy(t, portApp(true))
	for i := range 5 {
		v := fmt.Sprintf("held%d", i)
		mark := w.mark()
		w.setVersion(v)
		// A request that overtakes the file event is not held: the promise begins
		// with the first event.
		w.wait("changed", func(e ev) bool { return e.Event == "changed" })
		if got := w.get(w.addr, "/"); !strings.Contains(got, "version="+v) {
			t.Errorf("a stale answer: %q", got)
		}
		w.waitFor("live") // it may be reported a moment after the answer
		if n := count(w.since(mark), "live"); n != 1 {
			t.Errorf("%d live events", n)
		}
	}
	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
	w.wait("changed", func(e ev) bool { return e.Event == "changed" })
	resp, err := http.Get("http://" + w.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "version.go:3:17: undefined: missing") {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	w.setVersion("fixed")
	w.waitFor("live")
	if got := w.get(w.addr, "/"); !strings.Contains(got, "version=fixed") {
		t.Errorf("%q", got)
	}
}

// Z1: POSTs that are never retried, through 20 restarts: none fails, none is
// delivered to an old program after the save, with graceful and ungraceful
// programs, with and without keep-alive.
func TestZ1NoFailedRequest(t *testing.T) {
	t.Parallel()
	restarts := 20
	if testing.Short() {
		restarts = 4
	}
	for _, c := range []struct {
		order               string
		graceful, keepAlive bool
	}{
		{"stop-first", true, true}, {"stop-first", true, false}, {"stop-first", false, true}, {"stop-first", false, false},
		{"start-first", true, true}, {"start-first", true, false}, {"start-first", false, true}, {"start-first", false, false},
	} {
		t.Run(fmt.Sprintf("%s,graceful=%t,keepalive=%t", c.order, c.graceful, c.keepAlive), func(t *testing.T) {
			if c.graceful != c.keepAlive {
				testkit.Slow(t)
			}
			w := startProxy(t, portApp(c.graceful), "--set", "run.order="+c.order)
			var sent, failed atomic.Int64
			stop := make(chan struct{})
			var clients sync.WaitGroup
			halt := sync.OnceFunc(func() {
				close(stop)
				clients.Wait()
			})
			t.Cleanup(halt) // also when the test ends early
			for range 4 {
				clients.Add(1)
				go func() {
					defer clients.Done()
					client := &http.Client{Transport: &http.Transport{DisableKeepAlives: !c.keepAlive}}
					defer client.CloseIdleConnections()
					tick := time.NewTicker(20 * time.Millisecond) // 4 clients, 200 a second in all
					defer tick.Stop()
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						case <-tick.C:
						}
						sent.Add(1)
						// A body without GetBody is never sent twice by net/http.
						req, err := http.NewRequest(http.MethodPost, "http://"+w.addr+"/", io.NopCloser(strings.NewReader("x")))
						if err != nil {
							t.Error(err)
							return
						}
						resp, err := client.Do(req)
						if err != nil {
							failed.Add(1)
							t.Errorf("request %d: %v", n, err)
							continue
						}
						body, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "method=POST body=x") {
							failed.Add(1)
							t.Errorf("request %d: %d %v %s", n, resp.StatusCode, err, body)
						}
					}
				}()
			}
			for i := range restarts {
				// Restarts without a build: it is they that could lose requests.
				write(t, filepath.Join(w.dir, ".env"), fmt.Sprintf("N=%d\n", i))
				w.waitFor("live")
			}
			halt()
			t.Logf("%d requests, %d failed", sent.Load(), failed.Load())
			if sent.Load() < int64(restarts) {
				t.Errorf("only %d requests: the test proves nothing", sent.Load())
			}
			w.stop(syscall.SIGTERM)
		})
	}
}
