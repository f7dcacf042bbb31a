//go:build unix

package files

import (
	"errors"
	"os"
	"syscall"
)

// busy: a file can be renamed, opened and removed while others have it open.
func busy(error) bool { return false }

// OpenShared opens a file or a directory for reading, so that others can rename or remove it meanwhile. It does not
// wait for the other end of a pipe, nor for who has a lease on the file.
func OpenShared(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// Locked says that another program has the file open and does not share it now: one that has a lease, or, on a
// mount, one on the other side.
func Locked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ETXTBSY)
}
