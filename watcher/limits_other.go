//go:build !linux

package watcher

// On the BSDs and macOS a watch is an open file, on Windows a handle.
func watchLimit() (string, int)    { return "", 0 }
func instanceLimit() (string, int) { return "", 0 }

func raiseHint(string, int) string {
	return "raise the limit of open files (ulimit -n), or exclude directories"
}
