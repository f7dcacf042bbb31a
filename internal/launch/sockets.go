package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/proc"
)

// Sockets are listening sockets that outlive every start of the program: between
// two of them the kernel queues connections instead of refusing them.
type Sockets struct {
	files []*os.File
	names []string
	paths map[string]fs.FileInfo // of Unix sockets, removed at the end if they are still these
}

// Listen opens what run.listen names, or takes what was reserved. Go's net.Listen asks for the
// largest backlog that the system allows (somaxconn), which matters here: it is the queue
// in which requests wait during a restart.
func Listen(root string, sockets []config.Socket, reserved *Reserved) (*Sockets, error) {
	if len(sockets) > 0 && !unixHandover {
		return nil, advice.With(errors.New("run.listen: sockets cannot be given to a program on Windows"),
			"remove run.listen: the program opens its address itself; with proxy.listen, the proxy holds requests during a restart")
	}
	s := &Sockets{paths: map[string]fs.FileInfo{}}
	for _, c := range sockets {
		if a, ok := reserved.take(c.String()); ok {
			s.files = append(s.files, a.sockets.files...)
			s.names = append(s.names, a.sockets.names...)
			maps.Copy(s.paths, a.sockets.paths)
			continue
		}
		if err := s.open(root, c); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *Sockets) open(root string, c config.Socket) error {
	address := c.Address
	if c.Network == "unix" {
		address = abs(root, address)
		if err := removeDead(address); err != nil {
			return err
		}
	}
	l, err := listen(c.Network, address)
	if err != nil {
		return err
	}
	defer l.Close()
	var f *os.File
	switch l := l.(type) {
	case *net.TCPListener:
		f, err = l.File()
	case *net.UnixListener:
		// The file in the file system stays when this copy is closed.
		l.SetUnlinkOnClose(false)
		if s.paths[address], err = os.Lstat(address); err != nil {
			return err
		}
		f, err = l.File()
	default:
		err = fmt.Errorf("run.listen: %s cannot be handed over", c.Network)
	}
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	s.names = append(s.names, c.Name)
	return nil
}

func listen(network, address string) (net.Listener, error) {
	if network == "tcp" {
		return proc.Listen("run.listen", address)
	}
	l, err := net.Listen(network, address)
	return l, proc.ExplainListen("run.listen", address, err)
}

// removeDead removes the file of a Unix socket on which nothing listens any more.
func removeDead(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return advice.With(fmt.Errorf("run.listen: %s exists and is not a socket", path), "remove it, or name another path")
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return advice.With(fmt.Errorf("run.listen: another program listens on %s", path), "stop it, or name another path")
	}
	return os.Remove(path)
}

// Close gives them back. Nil has none.
func (s *Sockets) Close() {
	if s == nil {
		return
	}
	for _, f := range s.files {
		f.Close()
	}
	for p, ours := range s.paths {
		if fi, err := os.Lstat(p); err == nil && os.SameFile(fi, ours) {
			os.Remove(p)
		}
	}
}
