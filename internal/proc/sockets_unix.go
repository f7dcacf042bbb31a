//go:build unix

package proc

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StartListening is Start for a command that is given listening sockets: its Extra descriptors,
// announced by LISTEN_FDS with the given names (each may be empty).
//
// systemd's protocol wants the process id in the environment (LISTEN_PID), which must be complete
// before the fork. So this program starts itself as a helper, which knows its own id and then
// becomes the command. That costs a Go runtime. To start the helper while the build still runs
// was rejected: it would have to be thrown away with every build that fails.
func StartListening(c Cmd, names []string) (*Group, error) {
	self, err := selfPath()
	if err != nil {
		return nil, err
	}
	status, theirs, err := os.Pipe() // the error of exec; closed by a successful one
	if err != nil {
		return nil, err
	}
	defer status.Close()
	theirs.Fd() // into blocking mode
	if len(c.Args) == 0 {
		c.Args = []string{c.Path}
	}
	n, path := len(c.Extra), c.Path
	c.Path, c.Args = self, append([]string{"hotreload", verbExec, strconv.Itoa(n), sockNames(names, n), path}, c.Args...)
	c.Extra = append(c.Extra[:n:n], theirs)
	g, err := Start(c)
	theirs.Close()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(status)
	if errno, e := strconv.Atoi(string(b)); e == nil {
		err = syscall.Errno(errno)
	}
	if err != nil {
		g.Stop(syscall.SIGKILL, 0)
		<-g.Gone()
		return nil, &os.PathError{Op: "start", Path: path, Err: err}
	}
	return g, nil
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

// execMain is the helper: the number of sockets, their names, a path and its argv.
func execMain(args []string) int {
	if len(args) < 4 {
		return 127
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return 127
	}
	status := 3 + n
	syscall.CloseOnExec(status)
	env := SetEnv(os.Environ(), "LISTEN_PID", strconv.Itoa(os.Getpid()))
	env = SetEnv(env, "LISTEN_FDS", args[0])
	env = SetEnv(env, "LISTEN_FDNAMES", args[1])
	for wait := time.Millisecond; ; wait *= 2 {
		err = syscall.Exec(args[2], args[3:], env)
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
