// Handover is a server whose listening socket is never closed: hotreload holds it open
// and hands it to every start, by the protocol of systemd's socket activation. The same
// program runs under systemd unchanged, and by itself.
//
// It also hands its state on: the number of visits survives every restart.
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
	// First of all: a program that says it is ready must be able to end well.
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
	// From here on the program can answer: whoever waits for that (ready = "notify", or
	// systemd's Type=notify) is told. Without NOTIFY_SOCKET this does nothing.
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return err
	}

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// First no new connections: they wait in the socket, of which hotreload has a copy.
	// Then a moment for those that were accepted to get to their handler, since Shutdown
	// drops a request that it finds unread.
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

// listen takes the sockets that were handed over, or opens one when run by hand.
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

// stateFile is where the state is kept: hotreload names a directory that outlives
// restarts, systemd one that outlives the service (StateDirectory=); "" is nowhere.
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
		return visits, fmt.Errorf("%s: %w; remove it to begin anew", stateFile(), err)
	}
	visits.Store(n)
	return visits, nil
}

// save writes the state whole or not at all.
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
