//go:build !linux

package engine

import (
	"io/fs"
	"time"
)

func ctime(fi fs.FileInfo) time.Time { return fi.ModTime() }
