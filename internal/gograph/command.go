package gograph

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
)

// runGo runs the go command, gives its standard output to read while it runs, and returns its standard error and exit code
// (-1: ended by a signal). When ctx ends, so does the whole process group, git and compilers included, before runGo returns.
// err is ctx's, that of the start, or read's.
func runGo(ctx context.Context, goTool, dir string, env, args []string, read func(io.Reader) error) (stderr string, code int, err error) {
	path, err := exec.LookPath(goTool)
	if err != nil {
		if errors.Is(err, exec.ErrDot) {
			err = exec.ErrNotFound // a program that lies about in the project is not the go command
		}
		return "", -1, &failure{"cannot run the go command: " + err.Error(), "install Go (https://go.dev/dl) or put its bin directory on PATH"}
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return "", -1, err
	}
	defer outR.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		outW.Close()
		return "", -1, err
	}
	defer errR.Close()
	g, err := proc.Start(proc.Cmd{Path: path, Args: append([]string{goTool}, args...), Dir: dir, Env: env, Stdout: outW, Stderr: errW})
	outW.Close()
	errW.Close()
	if err != nil {
		return "", -1, err
	}
	var (
		wg      sync.WaitGroup
		text    strings.Builder
		readErr error
	)
	wg.Add(2)
	go func() {
		defer wg.Done()
		readErr = read(outR)
		io.Copy(io.Discard, outR) // a reader that gave up must not block the command
	}()
	go func() {
		defer wg.Done()
		io.Copy(&text, errR)
	}()
	ended := make(chan struct{})
	go func() {
		wg.Wait()
		<-g.Exited()
		close(ended)
	}()
	select {
	case <-ended:
		// Not Gone: it is a proof that no descendant is left, which takes seconds where hotreload is no subreaper, and the
		// go command leaves nothing behind but, once a day, its telemetry helper.
	case <-ctx.Done():
		// What go mod downloads goes to temporary names first, so nothing is lost by being quick.
		g.Stop(syscall.SIGTERM, 500*time.Millisecond)
		<-g.Gone()
		outR.Close() // should even SIGKILL not have ended everybody
		errR.Close()
		<-ended
	}
	if ctx.Err() != nil {
		return "", -1, ctx.Err()
	}
	return text.String(), g.State().Code, readErr
}
