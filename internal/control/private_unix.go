//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hotreload/hotreload/internal/files"
)

// private makes sure that no other user can reach the directory: in a shared directory
// another user may have made it first. hint is for a directory of another user.
func private(dir, hint string) error {
	fi, err := own(dir, hint)
	if err != nil {
		return err
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// ours makes sure that no other user can have changed what is in the directory. What is there
// need not be hotreload's otherwise: a session that listens, programs that are run. It is so
// for root, too: what root read there could come from anyone.
func ours(dir, hint string) error {
	fi, err := own(dir, hint)
	if err == nil && fi.Mode().Perm()&0o022 != 0 {
		return &ForeignError{Path: dir, what: "can be changed by others", hint: strange}
	}
	return err
}

// own is the directory, which must be ours: if it is a link, the link and what it leads to.
// A link of root's is the administrator's will.
func own(dir, hint string) (fs.FileInfo, error) {
	link, err := os.Lstat(dir)
	if err != nil {
		return nil, foreign(dir, err, hint)
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, foreign(dir, err, hint)
	}
	for _, x := range []fs.FileInfo{link, fi} {
		st, ok := x.Sys().(*syscall.Stat_t)
		if !ok || int(st.Uid) == os.Getuid() || st.Uid == 0 && x.Mode()&fs.ModeSymlink != 0 {
			continue
		}
		return nil, &ForeignError{Path: dir, Owner: files.UserName(st.Uid), hint: hint}
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	return fi, nil
}

// openLock opens a lock file, which must be ours, without following a link: its target
// would be overwritten.
func openLock(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &ForeignError{Path: path, what: "is a link", hint: strange}
	}
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		st, ok := fi.Sys().(*syscall.Stat_t)
		switch {
		case !fi.Mode().IsRegular():
			err = &ForeignError{Path: path, what: "is not a regular file", hint: strange}
		case ok && int(st.Uid) != os.Getuid():
			err = &ForeignError{Path: path, Owner: files.UserName(st.Uid), hint: ownCache}
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
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
		return path, files.UserName(st.Uid), true
	}
}
