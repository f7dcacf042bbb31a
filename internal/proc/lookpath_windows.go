package proc

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LookPath finds a command as cmd.exe would in that environment and directory, except
// that the directory itself is not searched; the result is absolute.
func LookPath(env []string, dir, name string) (string, error) {
	exts := filepath.SplitList(strings.ToLower(GetEnv(env, "PATHEXT")))
	if len(exts) == 0 {
		exts = []string{".com", ".exe", ".bat", ".cmd"}
	}
	if strings.ContainsAny(name, `:\/`) {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return executable(path, exts)
	}
	for _, d := range filepath.SplitList(GetEnv(env, "PATH")) {
		if !filepath.IsAbs(d) {
			continue
		}
		if path, err := executable(filepath.Join(d, name), exts); err == nil {
			return path, nil
		}
	}
	return "", fs.ErrNotExist
}

func executable(path string, exts []string) (string, error) {
	found, ok := withExtension(path, exts, func(path string) bool {
		st, err := os.Stat(path)
		return err == nil && !st.IsDir()
	})
	if !ok {
		return "", &fs.PathError{Op: "exec", Path: path, Err: fs.ErrNotExist}
	}
	return found, nil
}
