package proc

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// listening is run for a command with sockets.
func listening(t *testing.T, c Cmd, names []string) (*Group, func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c.Stdout = w
	g, err := StartListening(c, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Stop(syscall.SIGKILL, 0)
		gone(t, g)
		r.Close()
	})
	return g, func() string {
		b := make([]byte, 4096)
		n, _ := r.Read(b)
		return string(b[:n])
	}
}

// The protocol of sd_listen_fds(3): descriptors from 3 on, and the pid of the program.
func TestStartListening(t *testing.T) {
	a, b := listener(t), listener(t)
	script := `echo $LISTEN_PID $$ $LISTEN_FDS $LISTEN_FDNAMES $A $PWD $1; ls /proc/$$/fd; env | grep -c LISTEN_`
	g, read := listening(t, Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", script, "sh", "arg"},
		Env:   []string{"A=1", "LISTEN_PID=1", "PATH=" + os.Getenv("PATH")},
		Extra: []*os.File{a, b}, Dir: "/usr",
	}, []string{"http", "x:y"})
	gone(t, g)
	pid := strconv.Itoa(g.Pid())
	if got, want := read(), pid+" "+pid+" 2 http:x_y 1 /usr arg\n0\n1\n2\n3\n4\n3\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStartListeningFails(t *testing.T) {
	socket := listener(t)
	fds := countFds(t)
	if _, err := StartListening(Cmd{Path: "/does/not/exist", Extra: []*os.File{socket}}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if n := countFds(t); n > fds {
		t.Errorf("%d descriptors, were %d", n, fds)
	}
}
