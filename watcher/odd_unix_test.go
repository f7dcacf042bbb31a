//go:build unix

package watcher

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func fifo(t *testing.T, path string) { must(t, unix.Mkfifo(path, 0o644)) }

func socket(t *testing.T, dir, name string) {
	t.Chdir(dir) // the address of a socket has room for about 100 bytes
	l, err := net.Listen("unix", name)
	must(t, err)
	t.Cleanup(func() { l.Close() })
}
