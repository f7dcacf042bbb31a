package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
)

// jobReady is the run.ready of a job: the plan learns of its end anyway.
const jobReady = "exit"

// parseReady reads the value of run.ready, which the config has checked.
func parseReady(s string) (runner.Ready, error) {
	switch {
	case s == "", s == jobReady:
		return runner.Ready{}, nil
	case s == "notify":
		return runner.Ready{Notify: true}, nil
	case strings.HasPrefix(s, "tcp:"):
		return runner.Ready{TCP: strings.TrimPrefix(s, "tcp:")}, nil
	case strings.HasPrefix(s, "http://"), strings.HasPrefix(s, "https://"):
		return runner.Ready{HTTP: s}, nil
	case strings.HasPrefix(s, "log:"):
		re, err := regexp.Compile(strings.TrimPrefix(s, "log:"))
		return runner.Ready{Log: re}, err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return runner.Ready{}, fmt.Errorf("ready = %q: %w", s, err)
	}
	return runner.Ready{After: d}, nil
}

// lookup finds the program to execute: a name with a slash is relative to the
// directory it will run in, a bare name is looked for on the PATH that it will have.
func lookup(name, dir string, env []string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, os.PathSeparator) {
		return filepath.Join(dir, name), nil
	}
	p, err := proc.LookPath(env, dir, name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", advice.With(fmt.Errorf("%s may not be executed: %w", name, err), "chmod +x")
	case err != nil:
		return "", advice.With(fmt.Errorf("%s is not on PATH", name), "run.command wants a program on PATH, or a path with a slash relative to run.dir")
	}
	return p, nil
}
