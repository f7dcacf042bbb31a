package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

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
