package runner

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
)

// How long output is waited for after the writer has ended: while some of it comes, or until for
// drainTime none did, as for a terminal that was stopped by Ctrl-S, but never longer than drainMax.
// They are hardly ever used up: normally the pipe is seen empty at once, even if another process
// still has its other end. A shorter time was not enough on a busy machine: last words were lost.
const (
	drainTime = 500 * time.Millisecond
	drainMax  = 5 * time.Second
)

// Spec says what to run.
type Spec struct {
	Path string   // executable; not searched for in PATH
	Args []string // argv with argv[0]; empty: Path alone
	Dir  string   // working directory
	Env  []string // complete environment, "key=value"; the last assignment counts

	Stdin      *os.File // nil: the null device
	Foreground *os.File // a terminal of which the process becomes the foreground group; nil: none

	Stdout, Stderr Stream

	StopSignal  syscall.Signal // zero: SIGTERM
	StopTimeout time.Duration  // between StopSignal and SIGKILL; zero: SIGKILL at once

	Ready Ready

	// Sockets are listening sockets handed over as descriptors 3, 4, ... by systemd's
	// protocol (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES). SocketNames are their names in
	// the same order; a missing or empty one becomes "unknown". Not on Windows.
	Sockets     []*os.File
	SocketNames []string

	// Own says whether a source file belongs to the user, for the first own frame of a
	// panic. Nil: every file outside GOROOT, the module cache and vendor directories.
	Own func(file string) bool
}

// Stream receives one output stream of the process.
type Stream struct {
	// Write is called from one goroutine per stream, in order, with the bytes as they
	// were written. It may block, which in turn blocks the process. It must not keep p.
	// Nil: the output is dropped.
	Write func(p []byte)

	// TTY is the terminal on which the output is shown in the end. The process then gets a
	// pseudo-terminal of the same size, with output processing off; nil: a pipe.
	TTY *os.File

	// File is given to the process itself: nothing is captured, Write and TTY are not
	// used. For a full-screen program that has the terminal (Spec.Foreground).
	File *os.File
}

// Ready says when the process counts as ready. At most one kind is set, or Start fails; none: as
// soon as it is started.
type Ready struct {
	TCP    string         // an address that accepts a connection
	HTTP   string         // a URL that answers GET with a status below 500
	Log    *regexp.Regexp // matches a line of either stream
	Notify bool           // READY=1 on NOTIFY_SOCKET, as by sd_notify(3)
	After  time.Duration  // alive for so long
	Listen bool           // a process of the group listens on a TCP or Unix socket of its own

	Grace   time.Duration // for Listen: after this time it counts as ready all the same; zero: it does not
	Timeout time.Duration // later than that is late (ErrLate); zero: never
}

// Process is a running process with everything that descends from it.
type Process struct {
	g       *proc.Group
	spec    Spec
	start   time.Time
	oom     int64 // the system's count of out-of-memory kills at the start
	streams []*stream
	tail    *tail
	match   *lineMatcher // nil unless Ready.Log
	inUse   *inUse
	notify  *notifySocket

	listeners recent

	asked  atomic.Bool // Stop or Kill was called
	killed atomic.Bool // SIGKILL came from us

	stopOnce sync.Once
	stopping chan struct{} // closed at the first Stop or Kill
	ended    chan struct{} // closed when exit is set
	exit     Exit

	work   sync.WaitGroup // what awaits readiness
	ready  chan error
	exited chan Exit
	gone   chan struct{}
}

// Helper must be the first statement of a main that uses Spec.Sockets: this program then starts
// itself as a helper, which becomes the process. Without sockets it is not needed. It returns at
// once in any other case.
func Helper() { proc.Helper() }

// Start starts the process. The error says what is wrong with the file or its directory, and has
// a method Hint() string where there is something to do about it.
func Start(s Spec) (*Process, error) {
	if err := s.Ready.check(); err != nil {
		return nil, err
	}
	p, c, err := newProcess(s)
	if err != nil {
		return nil, err
	}
	if len(s.Sockets) > 0 {
		c.Extra = s.Sockets
		p.g, err = proc.StartListening(c, s.SocketNames)
	} else {
		p.g, err = proc.Start(c)
	}
	if err != nil {
		p.abandon()
		if pe := (*os.PathError)(nil); !errors.As(err, &pe) {
			return nil, err // nothing is wrong with the file
		}
		return nil, explain(s.Path, s.Dir, err)
	}
	p.run()
	return p, nil
}

// newProcess makes all of a process but the process.
func newProcess(s Spec) (*Process, proc.Cmd, error) {
	if s.StopSignal == 0 {
		s.StopSignal = syscall.SIGTERM
	}
	p := &Process{
		spec:     s,
		oom:      oomKills(),
		tail:     new(tail),
		inUse:    newInUse(),
		stopping: make(chan struct{}),
		ended:    make(chan struct{}),
		ready:    make(chan error, 2),
		exited:   make(chan Exit, 1),
		gone:     make(chan struct{}),
	}
	c := proc.Cmd{
		Path: s.Path, Args: s.Args, Dir: s.Dir, Env: s.Env,
		Stdin: s.Stdin, Foreground: s.Foreground,
	}
	if c.Env == nil {
		c.Env = proc.CleanEnv(os.Environ())
		p.spec.Env = c.Env
	}
	var taps []func([]byte)
	if s.Ready.Log != nil {
		p.match = newLineMatcher(s.Ready.Log)
	}
	outputs := []**os.File{&c.Stdout, &c.Stderr}
	for i, st := range []Stream{s.Stdout, s.Stderr} {
		if st.File != nil {
			*outputs[i] = st.File
			continue
		}
		taps = []func([]byte){p.inUse.add(i)}
		if i == 1 {
			taps = append(taps, p.tail.add)
		}
		if p.match != nil {
			taps = append(taps, p.match.add(i))
		}
		if st.Write != nil {
			taps = append(taps, st.Write)
		}
		x, err := newStream(st.TTY, taps)
		if err != nil {
			p.abandon()
			return nil, c, err
		}
		p.streams = append(p.streams, x)
		*outputs[i] = x.other
	}
	if s.Ready.Notify {
		n, err := newNotifySocket()
		if err != nil {
			p.abandon()
			return nil, c, err
		}
		p.notify = n
		c.Env = append(slices.Clip(c.Env), "NOTIFY_SOCKET="+n.path)
	}
	return p, c, nil
}

// abandon undoes newProcess.
func (p *Process) abandon() {
	closeAll(p.streams)
	if p.notify != nil {
		p.notify.close()
	}
}

func closeAll(streams []*stream) {
	for _, s := range streams {
		s.close()
	}
}

// run starts everything that lives as long as the process.
func (p *Process) run() {
	p.start = time.Now()
	for _, s := range p.streams {
		s.started()
		go s.copy()
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.work.Go(func() { p.ready <- p.awaitReady(ctx) })
	go func() {
		<-p.g.Exited()
		p.drain()
		p.exit = p.describe()
		close(p.ended)
		p.exited <- p.exit
		<-p.g.Gone()
		cancel()
		p.drain()
		closeAll(p.streams)
		// Not for ever: Write may hang on a terminal that was stopped by Ctrl-S.
		timeout := time.After(drainTime)
		for _, s := range p.streams {
			select {
			case <-s.done:
			case <-timeout:
			}
		}
		p.work.Wait()
		if p.notify != nil {
			p.notify.close()
		}
		close(p.gone)
	}()
}

// drain waits until what was written so far has been passed on, and says whether it was.
func (p *Process) drain() bool {
	begun := time.Now()
	passed, since := p.passed(), begun
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 2*time.Millisecond) {
		if !slices.ContainsFunc(p.streams, func(s *stream) bool { return !s.drained() }) {
			return true
		}
		now := time.Now()
		if n := p.passed(); n != passed {
			passed, since = n, now
		}
		if now.Sub(since) > drainTime || now.Sub(begun) > drainMax {
			return false
		}
		time.Sleep(wait)
	}
}

// passed is how many bytes of output have been passed on.
func (p *Process) passed() (n int64) {
	for _, s := range p.streams {
		n += s.passed.Load()
	}
	return n
}

// Pid is the process id, and the id of its group.
func (p *Process) Pid() int { return p.g.Pid() }

// Ready receives nil when the process is ready, or an error that says why it will not be (it
// ended, or was stopped before). One that is not ready in time is reported as late first
// (ErrLate), once.
func (p *Process) Ready() <-chan error { return p.ready }

// Listeners are the TCP addresses on which processes of the group listen; nil where the
// system does not show it. Where it takes long to find them, they may be of a moment ago.
func (p *Process) Listeners() []netip.AddrPort {
	at, _ := p.listeners.get(p.g.Listeners)
	return at
}

// Listens says whether a process of the group listens on a TCP or Unix socket that was not
// handed over to it. False where the system does not show it.
func (p *Process) Listens() bool { return p.listens() }

// Stop ends the group: StopSignal, and after StopTimeout SIGKILL. It returns at once.
// Further calls change nothing.
func (p *Process) Stop() { p.stop(p.spec.StopTimeout) }

// Kill ends the group by SIGKILL, also during the StopTimeout of an earlier Stop. It
// returns at once.
func (p *Process) Kill() { p.stop(0) }

func (p *Process) stop(grace time.Duration) {
	p.asked.Store(true)
	if grace <= 0 {
		p.killed.Store(true)
	}
	p.stopOnce.Do(func() { close(p.stopping) })
	p.g.Stop(p.spec.StopSignal, grace)
}

// Signal sends a signal to the group. It returns [os.ErrProcessDone] when the group is gone.
func (p *Process) Signal(sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		p.killed.Store(true)
	}
	return p.g.Signal(sig)
}

// Resize gives the process's pseudo-terminals the size of the terminals they stand for,
// and informs the process.
func (p *Process) Resize() {
	changed := false
	for _, s := range p.streams {
		changed = s.resize() || changed
	}
	if changed {
		p.g.Signal(sigWinch)
	}
}

// Exited receives one value when the leader of the group has ended and its output was
// passed on. What it left behind may still be running: see Gone.
func (p *Process) Exited() <-chan Exit { return p.exited }

// Gone is closed when the whole group is gone, its output was passed on, and nothing of it
// is open here.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Killed lists, as "pid name", the processes that had to be killed at the end of
// StopTimeout. It is complete once Gone is closed; that of Exit knows only what had been
// killed when the leader ended.
func (p *Process) Killed() []string { return p.g.Killed() }

// StopErr says why Stop could not ask the group to end, so that it was ended at once without its
// StopTimeout: on Windows, if CTRL_BREAK does not reach it and it has no window. Always nil elsewhere.
// It is complete once Gone is closed.
func (p *Process) StopErr() error { return p.g.StopErr() }

// LeftBehind lists, as "pid name", the processes that had left the group and that Stop or
// Kill ended. It is complete once Gone is closed, and always empty outside Linux.
func (p *Process) LeftBehind() []string { return p.g.LeftBehind() }

// Remaining lists, as "pid name", what is still alive of a group that was not asked to
// end; after Exited, what its leader has left running (not on macOS).
func (p *Process) Remaining() []string {
	if p.asked.Load() {
		return nil
	}
	return p.g.Members()
}

// InUse receives an address once, when the output says that it is taken ("address already
// in use"): "127.0.0.1:8080", ":8080", or "" if the output does not say which. The process
// may live on.
func (p *Process) InUse() <-chan string { return p.inUse.found }

// Stopped receives the signal that has stopped the process (SIGTTIN, SIGTTOU and SIGTSTP
// are the terminal's), and 0 when it goes on. Of several only the newest may come.
func (p *Process) Stopped() <-chan syscall.Signal { return p.g.Stopped() }
