//go:build unix

package direct

import (
	"errors"

	"golang.org/x/sys/unix"
)

// supported says that this system tells enough about a file to notice every change.
const supported = true

// look follows links: the file that the compiler would read counts.
func look(path string) (stamp, error) {
	var st unix.Stat_t
	for {
		err := unix.Stat(path, &st)
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
