//go:build unix

package ui

import "os"

func same(f, g *os.File) bool {
	x, err := f.Stat()
	y, err2 := g.Stat()
	return err == nil && err2 == nil && os.SameFile(x, y)
}
