package files

import (
	"errors"

	"golang.org/x/sys/windows"
)

// busy says that another process has the file open, and does not share it.
func busy(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
