//go:build !unix

package filestat

import (
	"io/fs"
	"os"
)

// Of follows links.
func Of(path string) (Stat, error) { return fromInfo(os.Stat(path)) }

// OfLink does not.
func OfLink(path string) (Stat, error) { return fromInfo(os.Lstat(path)) }

// OfFile asks about an open file.
func OfFile(f *os.File) (Stat, error) { return fromInfo(f.Stat()) }

func fromInfo(fi fs.FileInfo, err error) (Stat, error) {
	if err != nil {
		return Stat{}, err
	}
	return Stat{Kind: KindOf(fi.Mode()), Size: fi.Size(), Mtime: fi.ModTime().UnixNano(), Mode: uint32(fi.Mode())}, nil
}
