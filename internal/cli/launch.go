package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/proc"
)

const (
	// launchTimeout bounds one link and its launches. With an empty GOCACHE the runtime would be compiled first, for seconds.
	launchTimeout = 2 * time.Second
	// slowLaunch is how much longer the first launch may take than the second. XProtect takes 120 ms and more.
	slowLaunch = 80 * time.Millisecond
)

// launch measures what every save costs that makes a new program: on some systems a program is examined when it is started for
// the first time. One slow launch may have another reason, so it takes two.
func (d *doctor) launch(goTool string) {
	var first, second time.Duration
	for range 2 {
		var err error
		if first, second, err = d.launchOnce(goTool); err != nil {
			if reportLaunch {
				d.ok("first launch", "not measured: %v", err)
			}
			return
		}
		if first-second <= slowLaunch || first < 3*second { // all is slow on a busy machine
			if reportLaunch {
				d.ok("first launch", "a new program takes %d ms to start the first time, and %d ms the second time", first.Milliseconds(), second.Milliseconds())
			}
			return
		}
	}
	d.add(levelWarn, "first launch", launchHint, "a new program takes %d ms to start the first time, and %d ms the second time: %s",
		first.Milliseconds(), second.Milliseconds(), launchCause)
}

// launchOnce links a tiny program that never was and starts it twice.
func (d *doctor) launchOnce(goTool string) (first, second time.Duration, err error) {
	cache, err := control.CacheDir(d.root)
	if err != nil {
		return 0, 0, err
	}
	dir, err := os.MkdirTemp(cache, "doctor-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program.exe")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(d.ctx, launchTimeout)
	defer cancel()
	env := proc.SetEnv(d.tools, "GOPROXY", "off")
	for _, name := range []string{"GOFLAGS", "GOOS", "GOARCH"} {
		env = proc.SetEnv(env, name, "")
	}
	env = proc.SetEnv(env, "GOWORK", "off")
	run := func(argv ...string) (time.Duration, error) {
		start := time.Now()
		state, err := proc.Run(ctx, proc.Errand{Cmd: proc.Cmd{Path: argv[0], Args: argv, Dir: dir, Env: env}, Stdout: io.Discard})
		switch {
		case ctx.Err() != nil:
			return 0, fmt.Errorf("it took longer than %v", launchTimeout)
		case err == nil && state.Code != 0:
			err = fmt.Errorf("%s ended with exit code %d", filepath.Base(argv[0]), state.Code)
		}
		return time.Since(start), err
	}
	if _, err := run(goTool, "build", "-o", program, "-ldflags=-w -buildid=hotreload/"+rand.Text(), source); err != nil {
		return 0, 0, err
	}
	if first, err = run(program); err != nil {
		return 0, 0, err
	}
	second, err = run(program)
	return first, second, err
}
