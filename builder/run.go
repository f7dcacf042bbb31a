package builder

import (
	"context"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
)

// command is one process to run to its end.
type command struct {
	path   string
	argv   []string
	dir    string
	env    []string
	output io.Writer // stdout, and stderr where that is nil; never called concurrently
	stderr io.Writer
	// hard: killed at once when it has to end. go build and cp can take that; a command
	// of the user's gets SIGINT first, because make removes a half-written target then,
	// and would take it for finished otherwise.
	hard bool
}

// ending is how a command ended.
type ending struct {
	err     error // it could not be started
	stopped bool  // it was ended because its context was over
	state   proc.State
}

func (e ending) ok() bool {
	return e.err == nil && !e.stopped && e.state.Code == 0 && e.state.Signal == 0
}

const (
	// interruptGrace is how long a user's command may take to clean up when it has to end.
	interruptGrace = 2 * time.Second
	// leftoverGrace is for processes that outlive the command that started them.
	leftoverGrace = 500 * time.Millisecond
	// drainGrace is for output that is still in the pipe although all of the group is
	// gone; only a process that left the group (not on Linux) keeps a pipe open longer.
	drainGrace = 100 * time.Millisecond
)

// run runs the command and returns when its whole process group is gone and its output
// was read.
func run(ctx context.Context, c command) ending {
	if ctx.Err() != nil {
		return ending{stopped: true}
	}
	var (
		mu      sync.Mutex // of the two writers, which may be the same
		readers sync.WaitGroup
		ours    []*os.File // the reading ends
		theirs  []*os.File // the writing ends
	)
	defer func() {
		for _, f := range ours {
			f.Close()
		}
	}()
	stream := func(w io.Writer) (*os.File, error) {
		r, wr, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, r), append(theirs, wr)
		readers.Go(func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := r.Read(buf)
				if n > 0 {
					mu.Lock()
					w.Write(buf[:n])
					mu.Unlock()
				}
				if err != nil {
					return
				}
			}
		})
		return wr, nil
	}
	stdout, err := stream(c.output)
	stderr := stdout
	if err == nil && c.stderr != nil {
		stderr, err = stream(c.stderr)
	}
	var g *proc.Group
	if err == nil {
		g, err = proc.Start(proc.Cmd{Path: c.path, Args: c.argv, Dir: c.dir, Env: c.env, Stdout: stdout, Stderr: stderr})
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		readers.Wait() // at the end of their pipes already
		return ending{err: err}
	}

	var e ending
	select {
	case <-g.Exited():
		// Nothing may outlive a build: what its command left behind would write into
		// the next one.
		g.Stop(syscall.SIGTERM, leftoverGrace)
	case <-ctx.Done():
		e.stopped = true
		if c.hard {
			g.Stop(syscall.SIGKILL, 0)
		} else {
			g.Stop(syscall.SIGINT, interruptGrace)
		}
	}
	<-g.Exited()
	done := ctx.Done()
	if e.stopped {
		g.Stop(syscall.SIGKILL, leftoverGrace) // only shortens the grace of above
		done = nil
	}
	select {
	case <-g.Gone():
	case <-done: // canceled while leftovers had their time
		g.Stop(syscall.SIGKILL, 0)
		<-g.Gone()
	}
	e.state = g.State()
	for _, f := range ours {
		f.SetReadDeadline(time.Now().Add(drainGrace))
	}
	readers.Wait()
	for _, w := range []io.Writer{c.output, c.stderr} {
		if w, ok := w.(interface{ flush() }); ok {
			w.flush()
		}
	}
	return e
}

// runStep runs a command of the user's, diagnosing its output.
func (b *Builder) runStep(ctx context.Context, s Step, env []string, tmp string, out *output) failure {
	f := failure{step: s, found: newDiagnoser(b.o.Dir, false)}
	argv := s.Argv
	if s.Shell != "" {
		var err error
		if argv, err = shellCommand(s.Shell, tmp); err != nil {
			f.end.err = err
			return f
		}
	}
	path, err := lookPath(env, b.o.Dir, argv[0])
	if err != nil {
		f.end.err = err
		return f
	}
	f.end = run(ctx, command{path: path, argv: argv, dir: b.o.Dir, env: env, output: newText(f.found, out)})
	return f
}
