package proc

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
)

func listener(t *testing.T) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// hold is run for a held process.
func hold(t *testing.T, c Cmd, names []string) (*Held, func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c.Stdout = w
	h, err := Hold(c, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Group().Stop(syscall.SIGKILL, 0)
		gone(t, h.Group())
		r.Close()
	})
	return h, func() string {
		b := make([]byte, 4096)
		n, _ := r.Read(b)
		return string(b[:n])
	}
}

// The protocol of sd_listen_fds(3): descriptors from 3 on, and the pid of the program.
func TestHold(t *testing.T) {
	a, b := listener(t), listener(t)
	h, read := hold(t, Cmd{Extra: []*os.File{a, b}, Dir: "/usr"}, []string{"http", "x:y"})
	script := `echo $LISTEN_PID $$ $LISTEN_FDS $LISTEN_FDNAMES $A $PWD $1; ls /proc/$$/fd`
	env := []string{"A=1", "LISTEN_PID=1", "PATH=" + os.Getenv("PATH")}
	if err := h.Release("/bin/sh", []string{"sh", "-c", script, "sh", "arg"}, env); err != nil {
		t.Fatal(err)
	}
	gone(t, h.Group())
	pid := strconv.Itoa(h.Group().Pid())
	if got, want := read(), pid+" "+pid+" 2 http:x_y 1 /usr arg\n0\n1\n2\n3\n4\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := h.Release("/bin/sh", nil, nil); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestHoldWithoutSockets(t *testing.T) {
	h, read := hold(t, Cmd{}, nil)
	if err := h.Release("/bin/sh", []string{"sh", "-c", "echo ${LISTEN_PID-none}"}, []string{}); err != nil {
		t.Fatal(err)
	}
	gone(t, h.Group())
	if got := read(); got != "none\n" {
		t.Errorf("%q", got)
	}
}

func TestHoldFails(t *testing.T) {
	h, _ := hold(t, Cmd{Extra: []*os.File{listener(t)}}, nil)
	if err := h.Release("/does/not/exist", nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	gone(t, h.Group())
	if h.Group().State().Code != 127 {
		t.Error(h.Group().State())
	}
}

func TestHoldClose(t *testing.T) {
	fds := countFds(t)
	h, _ := hold(t, Cmd{Extra: []*os.File{listener(t)}}, nil)
	h.Close()
	if !closed(h.Group().Gone()) {
		t.Error("not gone")
	}
	if n := countFds(t); n > fds+2 { // the listener and the pipe of the test
		t.Errorf("%d descriptors, were %d", n, fds)
	}
	h.Close()
}
