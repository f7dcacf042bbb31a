package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// hangup: a console that closes sends SIGTERM on Windows, never SIGHUP.
func hangup(...any) func() bool { return func() bool { return false } }

// showsColor makes a console show colours. fatih/color does that for standard output only, which may be
// redirected.
func showsColor(f *os.File) bool {
	var mode uint32
	h := windows.Handle(f.Fd())
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 ||
		windows.SetConsoleMode(h, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
