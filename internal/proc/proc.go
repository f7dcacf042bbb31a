package proc

import (
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Cmd is a command to start.
type Cmd struct {
	Path    string   // executable, not searched for in PATH
	Args    []string // argv with argv[0]; empty: Path alone
	CmdLine string   // on Windows: the command line as it is, instead of that of Args
	Dir     string   // working directory; empty: this process's
	Env     []string // complete environment as "key=value"; nil: CleanEnv of this process's

	// The standard streams; nil: the null device. The caller keeps its copies and
	// closes them. They are put into blocking mode, as a program expects of them.
	Stdin, Stdout, Stderr *os.File

	// Extra become descriptors 3, 4, ... Their blocking mode is left alone, because a
	// listening socket shares it with the generation that is still accepting on it.
	Extra []*os.File

	// Foreground is this process's terminal: the new group becomes its foreground
	// group until the leader has ended; then the terminal is taken back and its modes of
	// before the start are restored. Ignored if this process is itself in the
	// background (a job started with &), whose terminal is not ours to give away.
	Foreground *os.File
}

// State says how the leader of a group ended.
type State struct {
	Code       int            // exit code; -1 if ended by a signal
	Signal     syscall.Signal // 0 if it exited
	CoreDumped bool
	UserTime   time.Duration
	SysTime    time.Duration
}

// Group is a started command with everything that descends from it.
type Group struct {
	pid     int
	exited  chan struct{}
	gone    chan struct{}
	stopped chan syscall.Signal

	exitOnce sync.Once
	state    State // written before exited is closed

	mu     sync.Mutex
	killed []string
	behind []string

	os osGroup
}

func newGroup() *Group {
	return &Group{
		exited:  make(chan struct{}),
		gone:    make(chan struct{}),
		stopped: make(chan syscall.Signal, 1),
	}
}

// Start starts the command as the leader of a new group. "Text file busy" is retried
// for up to 127 ms: another process may still be closing the file that it wrote.
// The error is that of the system call (an [*os.PathError]), unexplained.
func Start(c Cmd) (*Group, error) {
	if len(c.Args) == 0 {
		c.Args = []string{c.Path}
	}
	if c.Env == nil {
		c.Env = CleanEnv(os.Environ())
	}
	for wait := time.Millisecond; ; wait *= 2 {
		g, err := start(c)
		if err == nil {
			return g, nil
		}
		if !textFileBusy(err) || wait > 64*time.Millisecond {
			return nil, &os.PathError{Op: "start", Path: c.Path, Err: err}
		}
		time.Sleep(wait)
	}
}

// Pid is the leader's process id, and the group's.
func (g *Group) Pid() int { return g.pid }

// Exited is closed when the leader has ended and was reaped.
func (g *Group) Exited() <-chan struct{} { return g.exited }

// State says how the leader ended. It is valid once Exited is closed.
func (g *Group) State() State { return g.state }

// Gone is closed when every process of the group has ended, and on Linux every daemon
// that left it. Two seconds after a SIGKILL that did not help (a process in an
// uninterruptible wait, or one of another user) it is closed anyway, and Killed
// names who is left. Exited is always closed first.
func (g *Group) Gone() <-chan struct{} { return g.gone }

// Signal sends sig to every process of the group, once. A signal that usually ends a
// program is followed by SIGCONT, for a stopped process would not see it.
// It returns [os.ErrProcessDone] when the group is gone.
func (g *Group) Signal(sig syscall.Signal) error { return g.signal(sig) }

// Stop ends the group: sig at once, SIGKILL to what is left after grace. It returns
// immediately; Gone reports the end. A later call can only shorten the grace; with 0 it
// kills at once.
func (g *Group) Stop(sig syscall.Signal, grace time.Duration) { g.stop(sig, grace) }

// Killed lists, as "pid name", the processes that were still there at the end of a
// grace greater than zero and had to be killed, and those that even SIGKILL did not
// end. It is complete once Gone is closed.
func (g *Group) Killed() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.killed)
}

// LeftBehind lists, as "pid name", the processes that had left the group and were ended by
// Stop. It is complete once Gone is closed, and always empty where they are not found (not
// Linux).
func (g *Group) LeftBehind() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.behind)
}

// Stopped receives the signal that has stopped the leader, and 0 when it goes on. SIGTTIN
// and SIGTTOU are the terminal's: it read from, or changed, one that it is not in the
// foreground of. A value that was not read yet is replaced. Never on Windows, and not
// for Suspend.
func (g *Group) Stopped() <-chan syscall.Signal { return g.stopped }

func (g *Group) leaderEnded(s State) {
	g.exitOnce.Do(func() {
		g.state = s
		close(g.exited)
	})
}

func (g *Group) addKilled(names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range names {
		if !slices.Contains(g.killed, n) {
			g.killed = append(g.killed, n)
		}
	}
}
