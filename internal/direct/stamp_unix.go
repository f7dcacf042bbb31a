//go:build unix

package direct

import (
	"errors"

	"golang.org/x/sys/unix"
)

// supported says that this system tells enough about a file to notice every change.
const supported = true

// look follows links: the file that the compiler would read counts.
func look(path string) (stamp, error) { return lookBy(unix.Stat, path) }

// lookHere does not.
func lookHere(path string) (stamp, error) { return lookBy(unix.Lstat, path) }

func lookBy(call func(string, *unix.Stat_t) error, path string) (stamp, error) {
	var st unix.Stat_t
	for {
		err := call(path, &st)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return stamp{}, nil
		case err != nil:
			return stamp{}, err
		}
		//nolint:unconvert // the fields' types differ between systems
		return stamp{
			size: int64(st.Size), mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
			dev: uint64(st.Dev), ino: uint64(st.Ino), mode: uint32(st.Mode),
		}, nil
	}
}

func (s stamp) regular() bool { return s.mode&unix.S_IFMT == unix.S_IFREG }

// samePlace says that a name stands for the same thing: the very directory, a file (which editors replace), a link.
func (s stamp) samePlace(t stamp) bool {
	kind := s.mode & unix.S_IFMT
	return kind == t.mode&unix.S_IFMT && (kind != unix.S_IFDIR || s.dev == t.dev && s.ino == t.ino)
}
