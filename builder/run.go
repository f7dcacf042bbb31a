package builder

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
)

// command is one process to run to its end.
type command struct {
	path    string
	argv    []string
	cmdLine string // see proc.Cmd
	dir     string
	env     []string
	input   []byte
	output  io.Writer // stdout, and stderr where that is nil; never called concurrently
	stderr  io.Writer
	// hard: killed at once when it has to end. go build and cp can take that; a command
	// of the user's gets SIGINT first, because make removes a half-written target then,
	// and would take it for finished otherwise.
	hard bool
	// slow is called once when it has to end and takes longer than slowStop. kill ends it
	// at once. Both may be nil.
	slow func()
	kill <-chan struct{}
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

// interruptGrace is how long a user's command may take to clean up when it has to end.
const interruptGrace = 2 * time.Second

// slowStop is how long one waits for that without knowing for what.
const slowStop = 500 * time.Millisecond

// run runs the command and returns when its whole process group is gone and its output
// was read.
func run(ctx context.Context, c command) ending {
	e := proc.Errand{
		Cmd:    proc.Cmd{Path: c.path, Args: c.argv, CmdLine: c.cmdLine, Dir: c.dir, Env: c.env},
		Stdout: c.output, Stderr: c.stderr,
		// Nothing may outlive a build: what its command left behind would write into
		// the next one.
		Whole: true,
	}
	if len(c.input) > 0 {
		r, w, err := os.Pipe()
		if err != nil {
			return ending{err: err}
		}
		// Closing the reading end also ends the writing of what was not read.
		defer r.Close()
		e.Cmd.Stdin = r
		go func() {
			_, _ = w.Write(c.input)
			w.Close()
		}()
	}
	if !c.hard {
		e.Signal, e.Grace, e.Kill = syscall.SIGINT, interruptGrace, c.kill
	}
	if c.slow != nil {
		over := make(chan struct{})
		defer close(over)
		defer context.AfterFunc(ctx, func() {
			select {
			case <-over:
			case <-time.After(slowStop):
				c.slow()
			}
		})()
	}
	state, err := proc.Run(ctx, e)
	for _, w := range []io.Writer{c.output, c.stderr} {
		if w, ok := w.(interface{ flush() }); ok {
			w.flush()
		}
	}
	if err != nil && err == ctx.Err() {
		return ending{stopped: true, state: state}
	}
	return ending{err: err, state: state}
}

// runStep runs a command of the user's, diagnosing its output.
func (b *Builder) runStep(ctx context.Context, s Step, env []string, out *output) failure {
	f := failure{step: s, found: newDiagnoser(b.o.Dir, false)}
	env = proc.MergeEnv(env, s.Env)
	words := shellCommand{argv: s.Argv}
	if s.Shell != "" {
		var err error
		if words, err = shell(env, s.Shell); err != nil {
			f.end.err = err
			return f
		}
	}
	path, err := proc.LookPath(env, b.o.Dir, words.argv[0])
	if err != nil {
		f.end.err = err
		return f
	}
	c := command{
		path: path, argv: words.argv, cmdLine: words.cmdLine, dir: b.o.Dir, env: env, input: s.Input, output: newText(f.found, out), hard: s.kill, kill: b.o.Kill,
	}
	if b.o.Stopping != nil {
		c.slow = func() { b.o.Stopping(f.name()) }
	}
	f.end = run(ctx, c)
	return f
}
