//go:build unix

package watcher

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keep an open from hanging on a FIFO that took a file's place.
const openFlags = syscall.O_NONBLOCK

// lstat and follow fill a small struct without the allocations of os.Lstat: a
// look at 10,000 files makes no garbage beyond the paths.
func lstat(path string) (stat, error)  { return statWith(unix.Lstat, path) }
func follow(path string) (stat, error) { return statWith(unix.Stat, path) }

func statWith(call func(string, *unix.Stat_t) error, path string) (stat, error) {
	var st unix.Stat_t
	for {
		err := call(path, &st)
		if err == nil {
			return fromUnix(&st), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return stat{}, err
		}
	}
}

func statOpen(f *os.File) (stat, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return stat{}, err
	}
	var st unix.Stat_t
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = unix.Fstat(int(fd), &st) }); err != nil {
		return stat{}, err
	}
	if inner != nil {
		return stat{}, inner
	}
	return fromUnix(&st), nil
}

func fromUnix(st *unix.Stat_t) stat {
	s := stat{
		id:    fileID{uint64(st.Dev), uint64(st.Ino)},
		size:  st.Size,
		mtime: st.Mtim.Nano(),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.kind = kindFile
	case unix.S_IFDIR:
		s.kind = kindDir
	case unix.S_IFLNK:
		s.kind = kindLink
	}
	return s
}
