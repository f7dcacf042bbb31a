package watcher

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/hotreload/hotreload/internal/filestat"
)

// What a scan without reading finds out about a name.
type (
	stat   = filestat.Stat
	fileID = filestat.ID
)

const (
	kindFile = filestat.File
	kindDir  = filestat.Dir
	kindLink = filestat.Link
)

// lstat and follow are the two ways to ask about a name.
func lstat(path string) (stat, error)  { return filestat.OfLink(path) }
func follow(path string) (stat, error) { return filestat.Of(path) }

// gone distinguishes an error that means "no such name" from one that means "unknown".
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.ELOOP) ||
		errors.Is(err, syscall.ENAMETOOLONG)
}
