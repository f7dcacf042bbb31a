// Package files reads files that another user may have put there, and reports who owns them.
// Whatever has the name of a config or of an env file is opened without blocking, and read only
// if it is a regular file of a sensible size: a named pipe would hang every command, and a link
// to /dev/zero would fill the memory. os.ReadFile does neither.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxConfig is how large, in bytes, a file may be that a person writes by hand.
const MaxConfig = 1 << 20

// Error says why a file is not read. Its text does not have the path.
type Error struct {
	What string // "is a named pipe, not a regular file"
	err  error  // of the system; may be nil
}

func (e *Error) Error() string { return e.What }
func (e *Error) Unwrap() error { return e.err }

// Read returns the content of a regular file of at most limit bytes, links followed. It
// never waits for a writer. The error is an *Error.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	if !fi.Mode().IsRegular() {
		return nil, &Error{What: "is " + kind(fi.Mode()) + ", not a regular file"}
	}
	// Its size is no promise: it may grow, and files in /proc say 0.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, explain(path, err)
	case int64(len(data)) > limit:
		return nil, &Error{What: "is larger than " + size(limit)}
	}
	return data, nil
}

// Pipe reports whether the name is a named pipe, links followed: who opens it for reading
// waits for a writer.
func Pipe(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode()&fs.ModeNamedPipe != 0
}

func explain(path string, err error) error {
	var of *fs.PathError
	text := err.Error()
	if errors.As(err, &of) {
		text = of.Err.Error()
	}
	// A socket cannot be opened at all.
	if fi, statErr := os.Stat(path); statErr == nil && !fi.Mode().IsRegular() {
		return &Error{What: "is " + kind(fi.Mode()) + ", not a regular file", err: err}
	}
	return &Error{What: "cannot be read: " + text, err: err}
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
