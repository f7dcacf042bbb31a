//go:build !unix

package watcher

import (
	"io/fs"
	"os"
)

const openFlags = 0

// Without inode numbers a moved directory is known by its events alone, and a
// replaced one by them too; both are reliable where this file is used (Windows
// reports a rename in the directory that holds the name).
func lstat(path string) (stat, error)  { return fromInfo(os.Lstat(path)) }
func follow(path string) (stat, error) { return fromInfo(os.Stat(path)) }

func statOpen(f *os.File) (stat, error) { return fromInfo(f.Stat()) }

func fromInfo(fi fs.FileInfo, err error) (stat, error) {
	if err != nil {
		return stat{}, err
	}
	return stat{kind: kindOf(fi.Mode()), size: fi.Size(), mtime: fi.ModTime().UnixNano()}, nil
}
