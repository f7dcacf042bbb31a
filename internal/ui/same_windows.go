package ui

import (
	"os"

	"golang.org/x/sys/windows"
)

var compareObjectHandles = windows.NewLazySystemDLL("kernelbase.dll").NewProc("CompareObjectHandles")

// same: os.SameFile takes all pipes and devices for one file, since they have no numbers. So the
// system is asked whether two handles are of one object. Both streams of a console are checked before.
func same(f, g *os.File) bool {
	if compareObjectHandles.Find() != nil {
		return false
	}
	ok, _, _ := compareObjectHandles.Call(f.Fd(), g.Fd())
	return ok != 0
}
