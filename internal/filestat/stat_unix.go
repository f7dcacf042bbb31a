//go:build unix

package filestat

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Of follows links.
func Of(path string) (Stat, error) { return with(unix.Stat, path) }

// OfLink does not.
func OfLink(path string) (Stat, error) { return with(unix.Lstat, path) }

// Exact is Of: nothing costs more here.
func Exact(path string) (Stat, error) { return Of(path) }

// ExactLink is OfLink.
func ExactLink(path string) (Stat, error) { return OfLink(path) }

func with(call func(string, *unix.Stat_t) error, path string) (Stat, error) {
	var st unix.Stat_t
	for {
		err := call(path, &st)
		if err == nil {
			return fromUnix(&st), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return Stat{}, err
		}
	}
}

// OfFile asks about an open file.
func OfFile(f *os.File) (Stat, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return Stat{}, err
	}
	var st unix.Stat_t
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = unix.Fstat(int(fd), &st) }); err != nil {
		return Stat{}, err
	}
	if inner != nil {
		return Stat{}, inner
	}
	return fromUnix(&st), nil
}

func fromUnix(st *unix.Stat_t) Stat {
	//nolint:unconvert // the fields' types differ between systems
	return Stat{
		Kind:  kindOf(uint32(st.Mode)),
		ID:    ID{uint64(st.Dev), uint64(st.Ino)},
		Size:  int64(st.Size),
		Mtime: st.Mtim.Nano(),
		Ctime: st.Ctim.Nano(),
		Mode:  uint32(st.Mode),
	}
}

func kindOf(mode uint32) Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return File
	case unix.S_IFDIR:
		return Dir
	case unix.S_IFLNK:
		return Link
	}
	return Other
}
