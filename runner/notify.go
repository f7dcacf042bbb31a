package runner

import (
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hotreload/hotreload/internal/proc"
)

// notifySocket receives the messages of sd_notify(3).
type notifySocket struct {
	path   string
	conn   *net.UnixConn
	remove func()
	ready  chan struct{}
	done   chan struct{}
}

// maxSocketPath is what fits into sockaddr_un everywhere.
const maxSocketPath = 103

func newNotifySocket() (*notifySocket, error) {
	const name = "notify"
	dir, remove, err := proc.MkdirTemp("", "hotreload-")
	if err == nil && len(filepath.Join(dir, name)) > maxSocketPath {
		remove()
		dir, remove, err = proc.MkdirTemp("/tmp", "hotreload-") // TMPDIR is too long
	}
	if err != nil {
		return nil, err
	}
	n := &notifySocket{
		path:   filepath.Join(dir, name),
		remove: remove,
		ready:  make(chan struct{}),
		done:   make(chan struct{}),
	}
	n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"})
	if err != nil {
		remove()
		return nil, err
	}
	go n.receive()
	return n, nil
}

// receive reads to the end, also after READY=1: a full socket would block a program that
// sends STATUS= or WATCHDOG= now and then.
func (n *notifySocket) receive() {
	defer close(n.done)
	var once sync.Once
	buf := make([]byte, 4096)
	for {
		k, err := n.conn.Read(buf)
		if err != nil {
			return
		}
		if saysReady(string(buf[:k])) {
			once.Do(func() { close(n.ready) })
		}
	}
}

// saysReady: a message is a list of assignments, one per line.
func saysReady(message string) bool {
	for line := range strings.SplitSeq(message, "\n") {
		if line == "READY=1" {
			return true
		}
	}
	return false
}

func (n *notifySocket) close() {
	n.conn.Close()
	<-n.done
	n.remove()
}
