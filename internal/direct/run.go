package direct

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/hotreload/hotreload/internal/proc"
)

// ended is what came of a command.
type ended struct {
	stdout, stderr []byte // of a tool that was run with merge: both in stdout
	code           int    // -1: ended by a signal
}

type command struct {
	path  string
	argv  []string
	dir   string
	env   []string
	merge bool // stderr goes where stdout goes
}

// run runs a command to its end, or kills its whole process group when ctx is over. The error is ctx's, or says that
// the command could not be started.
func run(ctx context.Context, c command) (ended, error) {
	if err := ctx.Err(); err != nil {
		return ended{}, err
	}
	var (
		e       ended
		readers sync.WaitGroup
		ours    []*os.File
		theirs  []*os.File
	)
	defer func() {
		for _, f := range ours {
			f.Close()
		}
	}()
	stream := func(to *[]byte) (*os.File, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, r), append(theirs, w)
		readers.Go(func() {
			var buf bytes.Buffer
			io.Copy(&buf, r)
			*to = buf.Bytes()
		})
		return w, nil
	}
	stdout, err := stream(&e.stdout)
	stderr := stdout
	if err == nil && !c.merge {
		stderr, err = stream(&e.stderr)
	}
	var g *proc.Group
	if err == nil {
		g, err = proc.Start(proc.Cmd{Path: c.path, Args: c.argv, Dir: c.dir, Env: c.env, Stdout: stdout, Stderr: stderr})
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		readers.Wait()
		return ended{}, err
	}
	over := make(chan struct{})
	go func() {
		readers.Wait()
		<-g.Exited()
		close(over)
	}()
	select {
	case <-over:
		// Not Gone: a compiler has no children, and the linker waits for the one that it has.
	case <-ctx.Done():
		g.Stop(syscall.SIGKILL, 0)
		<-g.Gone()
		for _, f := range ours { // should even SIGKILL not have ended everybody
			f.Close()
		}
		<-over
		return ended{}, ctx.Err()
	}
	e.code = g.State().Code
	return e, nil
}

// goTool asks the go command something.
func (e *Engine) goTool(ctx context.Context, tmp string, args ...string) (ended, error) {
	r, err := run(ctx, command{path: e.o.Go, argv: append([]string{"go"}, args...), dir: e.o.Dir, env: e.environment(tmp)})
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case err != nil:
		return r, refuse("the go command could not be run: %v", err)
	case r.code != 0:
		return r, refuse("go %s: %s", args[0], lastLine(r.stderr))
	}
	return r, nil
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	if len(text) > 200 {
		text = text[:200]
	}
	return string(bytes.ToValidUTF8(text, nil))
}

// environment is that of the tools: temporary files go where they are removed, for a killed linker leaves some behind.
func (e *Engine) environment(tmp string) []string {
	env := setEnv(e.o.Env, "PWD", e.o.Dir)
	for _, name := range []string{"TMPDIR", "GOTMPDIR"} {
		env = setEnv(env, name, tmp)
	}
	return env
}

var errExit = errors.New("the tool failed")
