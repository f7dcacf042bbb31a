package runner

import "golang.org/x/sys/windows"

const (
	errTextBusy = windows.ERROR_SHARING_VIOLATION
	errTooBig   = windows.ERROR_FILENAME_EXCED_RANGE
)

// formatErrors are those of a file that the system cannot run.
var formatErrors = []error{windows.ERROR_BAD_EXE_FORMAT}

const (
	executeBits   = false
	refusedHint   = "an antivirus program or a policy may refuse it"
	argumentLimit = "Windows allows 32,767 characters for all arguments"
)

// writerHint is how to find who has a file open.
func writerHint(string) string { return "it may be a virus scanner or an indexer: try again" }
