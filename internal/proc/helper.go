package proc

import "os"

// The hidden verbs by which this program starts itself as a helper.
const (
	verbGuard   = "__guard"
	verbExec    = "__exec"
	verbConsole = "__console"
)

// Helper must be the first statement of main, and of every TestMain whose tests start
// processes. If the program was started as one of this package's helpers, Helper does
// that job and ends the process; otherwise it returns false at once.
func Helper() bool {
	if len(os.Args) < 2 {
		return false
	}
	switch os.Args[1] {
	case verbGuard:
		os.Exit(guardMain(os.Args[2:]))
	case verbExec:
		os.Exit(execMain(os.Args[2:]))
	case verbConsole:
		os.Exit(consoleMain())
	}
	return false
}
