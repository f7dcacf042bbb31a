//go:build unix

package proc

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Held is a process that waits to become a program. It exists because systemd's socket
// protocol wants the process id in the environment (LISTEN_PID), which must be complete
// before the fork. Starting it costs a Go runtime, but that is spent while the build is
// still running; releasing it costs less than a millisecond.
type Held struct {
	g       *Group
	control *os.File // what to become
	status  *os.File // the error of exec; closed by a successful one

	mu   sync.Mutex
	over bool
}

// order is what a held process is told to become.
type order struct {
	Path string
	Args []string
	Env  []string
}

// Hold starts c's group with a process in it that waits for Release. Path, Args and Env of
// c are not used. The descriptors Extra are announced to the program by LISTEN_FDS, with
// the given names (each may be empty).
func Hold(c Cmd, names []string) (*Held, error) {
	path, err := selfPath()
	if err != nil {
		return nil, err
	}
	cr, cw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer cr.Close()
	sr, sw, err := os.Pipe()
	if err != nil {
		cw.Close()
		return nil, err
	}
	defer sw.Close()
	for _, f := range []*os.File{cr, sw} {
		f.Fd() // into blocking mode
	}
	n := len(c.Extra)
	c.Path, c.Args = path, []string{"hotreload", verbExec, strconv.Itoa(n), sockNames(names, n)}
	c.Extra = append(c.Extra[:n:n], cr, sw)
	g, err := Start(c)
	if err != nil {
		cw.Close()
		sr.Close()
		return nil, err
	}
	return &Held{g: g, control: cw, status: sr}, nil
}

// sockNames is the value of LISTEN_FDNAMES; a name must not hold the separator.
func sockNames(names []string, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = "unknown" // as systemd has it
		if i < len(names) && names[i] != "" {
			out[i] = strings.ReplaceAll(names[i], ":", "_")
		}
	}
	return strings.Join(out, ":")
}

// Group is the group of the held process, which is also that of the program.
func (h *Held) Group() *Group { return h.g }

// Release makes the process the given program, with exactly this environment and the
// variables of the socket protocol. The error is that of exec, as of Start; after it, the
// group ends by itself.
func (h *Held) Release(path string, args, env []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return os.ErrClosed
	}
	h.over = true
	defer h.status.Close()
	if len(args) == 0 {
		args = []string{path}
	}
	err := json.NewEncoder(h.control).Encode(order{Path: path, Args: args, Env: childEnv(env, h.g.os.nonce)})
	h.control.Close()
	if err == nil {
		var b []byte
		b, err = io.ReadAll(h.status)
		if n, e := strconv.Atoi(string(b)); e == nil {
			err = syscall.Errno(n)
		}
	}
	if err != nil {
		return &os.PathError{Op: "start", Path: path, Err: err}
	}
	return nil
}

// Close ends a process that was not released, and does nothing otherwise.
func (h *Held) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return
	}
	h.over = true
	h.control.Close() // it reads the end and exits
	h.status.Close()
	h.g.Stop(syscall.SIGKILL, 0)
	<-h.g.Gone()
}

// execMain is the held process.
func execMain() int {
	if len(os.Args) != 4 {
		return 127
	}
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return 127
	}
	control, status := 3+n, 4+n
	syscall.CloseOnExec(control)
	syscall.CloseOnExec(status)
	var o order
	if json.NewDecoder(os.NewFile(uintptr(control), "control")).Decode(&o) != nil {
		return 0 // abandoned
	}
	if n > 0 {
		o.Env = append(o.Env,
			"LISTEN_PID="+strconv.Itoa(os.Getpid()),
			"LISTEN_FDS="+strconv.Itoa(n),
			"LISTEN_FDNAMES="+os.Args[3])
	}
	for wait := time.Millisecond; ; wait *= 2 {
		err = syscall.Exec(o.Path, o.Args, o.Env)
		if !textFileBusy(err) || wait > 64*time.Millisecond {
			break
		}
		time.Sleep(wait)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		syscall.Write(status, []byte(strconv.Itoa(int(errno))))
	}
	return 127
}
