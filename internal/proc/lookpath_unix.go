//go:build unix

package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// LookPath finds a command as a shell would in that environment and directory; the
// result is absolute. [exec.LookPath] would search the PATH of this process instead.
func LookPath(env []string, dir, name string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, executable(path)
	}
	err := error(fs.ErrNotExist)
	for _, d := range filepath.SplitList(GetEnv(env, "PATH")) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d) // an empty entry is the current directory
		}
		path := filepath.Join(d, name)
		e := executable(path)
		if e == nil {
			return path, nil
		}
		// Found, but may not be run: worth more than "not found". A directory that may not
		// be entered is none where it was found.
		var refused *fs.PathError
		if errors.As(e, &refused) && refused.Op == "exec" && errors.Is(e, fs.ErrPermission) {
			err = e
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
