package gograph

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

// runGo runs the go command, gives its standard output to read while it runs, and returns its standard error and exit code
// (-1: ended by a signal). When ctx ends, so does the whole process group, git and compilers included, before runGo returns.
// err is ctx's, that of the start, or read's.
func runGo(ctx context.Context, goTool, dir string, env, args []string, read func(io.Reader) error) (stderr string, code int, err error) {
	path, err := proc.LookPath(env, dir, goTool)
	if err != nil {
		text := "the go command is not on PATH"
		if !errors.Is(err, fs.ErrNotExist) {
			text = "the go command cannot be run: " + err.Error()
		}
		return "", -1, advice.With(errors.New(text), "install Go (https://go.dev/dl), or add its bin directory to PATH")
	}
	var (
		text    strings.Builder
		readErr error
		reader  sync.WaitGroup
	)
	r, w := io.Pipe()
	reader.Go(func() {
		readErr = read(r)
		r.Close() // from here on, what is written is lost at once
	})
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: path, Args: append([]string{goTool}, args...), Dir: dir, Env: env},
		Stdout: w, Stderr: &text,
		// What go mod downloads goes to temporary names first, so nothing is lost by being quick.
		Signal: syscall.SIGTERM, Grace: 500 * time.Millisecond,
	})
	w.Close()
	reader.Wait()
	switch {
	case ctx.Err() != nil:
		return "", -1, context.Cause(ctx)
	case err != nil:
		return "", -1, err
	}
	return text.String(), state.Code, readErr
}
