//go:build unix

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
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

// activatedApp takes its sockets from LISTEN_FDS, as a program under systemd
// does, checking LISTEN_PID as go-systemd's activation package does, and drains as
// docs/zero-downtime.md says. It writes a count into HOTRELOAD_STATE_DIR.
const activatedApp = `package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "2" {
		fmt.Println("no sockets:", os.Getenv("LISTEN_PID"), os.Getpid(), os.Getenv("LISTEN_FDS"))
		os.Exit(1)
	}
	state := filepath.Join(os.Getenv("HOTRELOAD_STATE_DIR"), "count")
	old, _ := os.ReadFile(state)
	count, _ := strconv.Atoi(string(old))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "version=%s names=%s count=%d", Version, os.Getenv("LISTEN_FDNAMES"), count)
	})}
	var listeners []net.Listener
	for fd := range 2 {
		l, err := net.FileListener(os.NewFile(uintptr(3+fd), "socket"))
		if err != nil {
			panic(err)
		}
		listeners = append(listeners, l)
		go server.Serve(l)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println("serving")
	<-ctx.Done()
	os.WriteFile(state, []byte(strconv.Itoa(count+1)), 0o600)
	for _, l := range listeners {
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		l.Close()
	}
	time.Sleep(30 * time.Millisecond) // what was accepted gets to its handler
	server.Shutdown(context.Background())
}
`

// Z2: sockets that hotreload keeps open: no connection is refused during a
// restart, and without keep-alive no request fails. Z6: what a generation writes
// into HOTRELOAD_STATE_DIR, the next one finds.
func TestZ2SocketsAndZ6State(t *testing.T) {
	t.Parallel()
	restarts := 20
	if testing.Short() {
		restarts = 5
	}
	addr := testkit.Address(t)
	sock := filepath.Join(shortTempDir(t), "x.sock")
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/activated\n\ngo 1.25\n",
		"main.go":         activatedApp,
		"version.go":      "package main\n\nconst Version = \"one\"\n",
		".hotreload.toml": fmt.Sprintf("[run]\nlisten = [\"web=%s\", \"unix:%s\"]\nready = \"http://%s/\"\n", addr, sock, addr),
	})
	s := start(t, dir, nil)
	w := &web{session: s, addr: addr}
	w.waitFor("live")
	if got := w.get(addr, "/"); !strings.HasPrefix(got, "version=one names=web:") {
		t.Fatalf("%q\n%s", got, w.dump())
	}
	unix := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", sock)
	}}}
	resp, err := unix.Get("http://unix/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	unix.CloseIdleConnections()

	var sent, failed atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				sent.Add(1)
				req, _ := http.NewRequest(http.MethodPost, "http://"+addr+"/", io.NopCloser(strings.NewReader("x")))
				resp, err := client.Do(req)
				if err != nil {
					failed.Add(1)
					t.Errorf("request: %v", err)
					continue
				}
				resp.Body.Close()
			}
		}()
	}
	for i := range restarts {
		write(t, filepath.Join(dir, ".env"), fmt.Sprintf("N=%d\n", i))
		w.waitFor("live")
	}
	close(stop)
	clients.Wait()
	t.Logf("%d requests, %d failed", sent.Load(), failed.Load())
	if got, want := w.get(addr, "/"), fmt.Sprintf("count=%d", restarts); !strings.HasSuffix(got, want) {
		t.Errorf("state: %q, want %s", got, want)
	}
	w.setVersion("two")
	w.waitFor("live")
	if got := w.get(addr, "/"); !strings.HasPrefix(got, "version=two") {
		t.Errorf("%q", got)
	}
	w.stop(syscall.SIGTERM)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the socket outlives the session")
	}
}
