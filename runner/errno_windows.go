package runner

import "golang.org/x/sys/windows"

const (
	errTextBusy   = windows.ERROR_SHARING_VIOLATION
	errExecFormat = windows.ERROR_BAD_EXE_FORMAT
	errTooBig     = windows.ERROR_FILENAME_EXCED_RANGE
)
