//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// child is a process that the bench started, in its own process group.
type child struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it was reaped
	err  error         // valid once done is closed
}

// start runs argv with its output appended to the file log.
func start(argv []string, dir string, env []string, log string) (*child, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// end asks with sig, waits up to grace and then kills. What the child had started by
// then and left behind is killed too: each process by its id and start time, so that
// an id that another process has by now is left alone.
func (c *child) end(sig syscall.Signal, grace time.Duration) {
	left := descendants(c.pid())
	_ = c.cmd.Process.Signal(sig) // an error says that it has ended: so much the better
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		left = append(left, descendants(c.pid())...)
		_ = syscall.Kill(-c.pid(), syscall.SIGKILL)
		<-c.done
	}
	for _, p := range left {
		if again, err := processStat(p.pid); err == nil && again.started == p.started {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
}

// tail is the end of what the child printed.
func (c *child) tail() string { return tail(c.log) }

func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) > 15 {
		lines = lines[len(lines)-15:]
	}
	return strings.Join(lines, "\n")
}

// run runs argv to its end.
func run(argv []string, dir string, env []string, log string) error {
	c, err := start(argv, dir, env, log)
	if err != nil {
		return err
	}
	<-c.done
	if c.err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), c.err, c.tail())
	}
	return nil
}

// process is a line of the system's process table.
type process struct {
	pid, parent int
	started     uint64        // clock ticks after boot
	cpu         time.Duration // used by it and by its reaped children
}

// errNoProcessTable is why the idle figures and the settling exist on Linux only.
var errNoProcessTable = errors.New("the process table is read from /proc, which only Linux has")

// descendants are the processes below pid, without it.
func descendants(pid int) []process {
	all, err := processes()
	if err != nil {
		return nil
	}
	below := map[int]bool{pid: true}
	var out []process
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if below[p.parent] && !below[p.pid] {
				below[p.pid], grown = true, true
				out = append(out, p)
			}
		}
	}
	return out
}

// settle waits until what the bench has started is at rest, so that the work that one
// tool does behind an edit (a graph refresh, a cache write) is not charged to the next.
// It gives up waiting after limit.
func settle(pause, limit time.Duration) {
	time.Sleep(pause)
	used := func() (sum time.Duration) {
		for _, p := range descendants(os.Getpid()) {
			sum += p.cpu
		}
		return sum
	}
	deadline := time.Now().Add(limit)
	last := used()
	for time.Now().Before(deadline) {
		time.Sleep(settleStep)
		now := used()
		if d := now - last; d >= 0 && d <= settleQuiet {
			return
		}
		last = now
	}
}

const (
	settleStep  = 200 * time.Millisecond
	settleQuiet = 20 * time.Millisecond // two clock ticks: what idle runtimes use
)
