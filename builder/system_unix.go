//go:build unix

package builder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const exeSuffix = ""

func binarySuffix(string) string { return "" }

// tempVariables name the directory for temporary files.
var tempVariables = []string{"TMPDIR"}

func sameVariable(a, b string) bool { return a == b }

// shellArgv is the command that runs a shell string.
func shellArgv(script string) []string { return []string{"sh", "-c", script} }

// shellCommand prepares a shell string; nothing to prepare here, see Windows.
func shellCommand(script, _ string) ([]string, error) { return shellArgv(script), nil }

// lookPath finds a command as a shell would in that environment and directory; the
// result is absolute. [exec.LookPath] would search the PATH of this process instead.
func lookPath(env []string, dir, name string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, executable(path)
	}
	err := error(fs.ErrNotExist)
	for _, d := range filepath.SplitList(getEnv(env, "PATH")) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d) // an empty entry is the current directory
		}
		path := filepath.Join(d, name)
		e := executable(path)
		if e == nil {
			return path, nil
		}
		if errors.Is(e, fs.ErrPermission) {
			err = e // found, but may not be run: worth more than "not found"
		}
	}
	return "", err
}

func executable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir():
		return &fs.PathError{Op: "exec", Path: path, Err: syscall.EISDIR}
	case st.Mode()&0o111 == 0:
		return &fs.PathError{Op: "exec", Path: path, Err: fs.ErrPermission}
	}
	return nil
}

func mayExecute(st fs.FileInfo) bool { return st.Mode()&0o111 != 0 }

// copyBinary copies what the user's command has left, so that the next run of the
// command may overwrite its output, even in place, while the old program runs. A hard
// link would be cheaper, but then that write fails ("text file busy") or, on macOS, kills
// the program. cp does it, because this process must never have a binary open for
// writing; it also clones where the file system can (GNU cp since 9.0).
func copyBinary(ctx context.Context, from, to, dir string, env []string, out *output) (Step, ending) {
	s := Step{Argv: []string{"cp", "--", from, to}}
	path, err := lookPath(env, dir, s.Argv[0])
	if err != nil {
		return s, ending{err: err}
	}
	return s, run(ctx, command{path: path, argv: s.Argv, dir: dir, env: env, output: out, hard: true})
}

func removeBinary(path string) { os.Remove(path) }
