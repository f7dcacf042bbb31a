// Handover is a server whose listening socket is never closed: hotreload keeps it open
// and passes it to each new process, by the protocol of systemd's socket activation. The
// same program runs under systemd, and alone, without a change.
//
// It also keeps its state: the number of visits survives every restart.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// EDIT ME: what `curl 127.0.0.1:8082` answers.
const greeting = "hello"

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	// This comes first: a program that reports that it is ready must be able to stop well.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listeners, err := listen()
	if err != nil {
		return err
	}
	visits, err := restore()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, visitor %d (pid %d)\n", greeting, visits.Add(1), os.Getpid())
	})}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		log.Printf("listening on %s", l.Addr())
		go func() { failed <- server.Serve(l) }()
	}
	// Now the program can answer. This reports it to hotreload (ready = "notify") or to
	// systemd (Type=notify). Without NOTIFY_SOCKET, it does nothing.
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return err
	}

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// First, accept no new connections: they wait in the socket, of which hotreload has a
	// copy. Then give accepted connections a moment to reach their handlers, because
	// Shutdown drops a request that it finds unread.
	for _, l := range listeners {
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		l.Close()
	}
	time.Sleep(30 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	return save(visits)
}

// listen uses the sockets that were passed to the program, or opens one if there are none.
func listen() ([]net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	if len(listeners) > 0 {
		return listeners, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:8082")
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

// stateFile is the file for the state. hotreload names a directory that is kept across
// restarts, and so does systemd (StateDirectory=). "" means that there is none.
func stateFile() string {
	for _, name := range []string{"HOTRELOAD_STATE_DIR", "STATE_DIRECTORY"} {
		if dir := os.Getenv(name); dir != "" {
			return filepath.Join(dir, "visits")
		}
	}
	return ""
}

func restore() (*atomic.Int64, error) {
	visits := new(atomic.Int64)
	text, err := os.ReadFile(stateFile())
	if errors.Is(err, fs.ErrNotExist) || stateFile() == "" {
		return visits, nil
	}
	if err != nil {
		return visits, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return visits, fmt.Errorf("%s: %w; remove it to start again", stateFile(), err)
	}
	visits.Store(n)
	return visits, nil
}

// save writes the complete state or nothing.
func save(visits *atomic.Int64) error {
	file := stateFile()
	if file == "" {
		return nil
	}
	if err := os.WriteFile(file+".new", []byte(strconv.FormatInt(visits.Load(), 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
