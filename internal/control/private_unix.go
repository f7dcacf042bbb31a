//go:build unix

package control

import (
	"fmt"
	"os"
	"syscall"
)

// private makes sure that nobody else can reach the directory: in a shared
// temporary directory somebody else may have made it first.
func private(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s belongs to somebody else: set XDG_RUNTIME_DIR or TMPDIR to a directory of your own", dir)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}
