//go:build unix

package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// copyHandover is examples/handover, on an address of its own.
func copyHandover(t *testing.T, addr string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "handover")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", "handover"))); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{".hotreload.toml", "main.go"} {
		f = filepath.Join(dir, f)
		write(t, f, strings.ReplaceAll(read(t, f), "127.0.0.1:8082", addr))
	}
	cmd := exec.Command("go", "mod", "download")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("the modules of examples/handover cannot be had here: %v: %s", err, out)
	}
	return dir
}

// Z2, Z6: examples/handover takes its socket by go-systemd, says when it is ready, drains
// and hands its state on; the same in both orders.
func TestZ2Handover(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, order := range []string{"stop-first", "start-first"} {
		t.Run(order, func(t *testing.T) {
			addr := testkit.Address(t)
			dir := copyHandover(t, addr)
			s := start(t, dir, []string{"--set", "run.order=" + order})
			s.waitFor("live")
			if got := s.get(addr, "/"); !strings.HasPrefix(got, "hello, visitor 1 ") {
				t.Errorf("%q", got)
			}
			s.edit("main.go", `greeting = "hello"`, `greeting = "welcome"`)
			s.waitFor("live")
			until(t, "the new program answers", func() bool { return strings.HasPrefix(s.get(addr, "/"), "welcome, visitor ") })
			if order == "stop-first" { // with start-first the successor begins before the state is written
				if got := s.get(addr, "/"); !strings.HasPrefix(got, "welcome, visitor 3 ") {
					t.Errorf("%q", got)
				}
			}
			s.stop(syscall.SIGTERM)
		})
	}
}

// Z2: the binary of examples/handover works without hotreload, under systemd's protocol:
// LISTEN_FDS with the right LISTEN_PID, NOTIFY_SOCKET, STATE_DIRECTORY.
func TestZ2HandoverUnderSystemdsProtocol(t *testing.T) {
	t.Parallel()
	addr := testkit.Address(t)
	dir := copyHandover(t, addr)
	build := exec.Command("go", "build", "-o", "handover", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(shortTempDir(t), "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	state := t.TempDir()
	for _, want := range []string{"hello, visitor 1 ", "hello, visitor 2 "} {
		// LISTEN_PID is known only to the process itself: a shell becomes the program.
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0"`, filepath.Join(dir, "handover"))
		cmd.ExtraFiles = []*os.File{socket}
		cmd.Env = append(cleanEnv(), "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "STATE_DIRECTORY="+state, "NOTIFY_SOCKET="+notify.LocalAddr().String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		buf := make([]byte, 256)
		if err := notify.SetReadDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		n, err := notify.Read(buf)
		if err != nil || string(buf[:n]) != "READY=1" {
			t.Errorf("got %q, %v", buf[:n], err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 100)
		n, _ = resp.Body.Read(body)
		resp.Body.Close()
		cancel()
		if !strings.HasPrefix(string(body[:n]), want) {
			t.Errorf("%q, want %q", body[:n], want)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("ended: %v", err)
		}
	}
}
