//go:build unix

package control

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// private makes sure that nobody else can reach the directory: in a shared
// temporary directory somebody else may have made it first.
func private(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return foreign(dir, err, ownRuntime)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Getuid() {
		return &ForeignError{Path: dir, Owner: nameOf(st.Uid), hint: ownRuntime}
	}
	if !fi.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// trusted refuses to talk to a socket in a directory that somebody else has made: it
// need not be a session that listens there. Root may talk to everybody's.
func trusted(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return foreign(dir, err, ownRuntime)
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() && os.Getuid() != 0 {
		return &ForeignError{Path: dir, Owner: nameOf(st.Uid), hint: ownRuntime}
	}
	return nil
}

// ownerOf names the owner of what is in the way to the path: the path itself, or the
// nearest directory above it that there is.
func ownerOf(path string) (at, owner string, foreign bool) {
	for ; ; path = filepath.Dir(path) {
		fi, err := os.Lstat(path)
		if err != nil && path != filepath.Dir(path) {
			continue
		}
		if err != nil {
			return path, "", false
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok || int(st.Uid) == os.Getuid() {
			return path, "", false
		}
		return path, nameOf(st.Uid), true
	}
}

func nameOf(uid uint32) string {
	id := strconv.Itoa(int(uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}
