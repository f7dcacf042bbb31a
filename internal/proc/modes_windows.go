package proc

import "os"

// Foreground: a console has no background.
func Foreground(*os.File) bool { return true }

// RawOutput: a newline returns the carriage, whatever the mode of the input.
func RawOutput(*os.File) bool { return false }

// GuardTerminal: there is no guard process here, and a console's modes belong to the
// process that set them no longer than it lives in its own console window.
func GuardTerminal(*os.File) {}

type modesRecord struct{}
