package watcher

import (
	"errors"
	"io/fs"
	"syscall"
)

// kind is what a name stands for.
type kind uint8

const (
	kindOther kind = iota // FIFO, socket, device: never opened
	kindFile
	kindDir
	kindLink
)

// fileID identifies an inode. The zero value means that the system does not tell.
type fileID struct{ dev, ino uint64 }

func (id fileID) known() bool { return id != fileID{} }

// stat is what a look without reading tells of a name. Times are only ever
// compared for being equal, so that a clock that jumps cannot hurt.
type stat struct {
	kind  kind
	id    fileID
	size  int64
	mtime int64 // ns since 1970
}

func kindOf(m fs.FileMode) kind {
	switch {
	case m.IsRegular():
		return kindFile
	case m.IsDir():
		return kindDir
	case m&fs.ModeSymlink != 0:
		return kindLink
	}
	return kindOther
}

// gone tells an error that means "no such name" from one that means "cannot say".
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.ELOOP) ||
		errors.Is(err, syscall.ENAMETOOLONG)
}
