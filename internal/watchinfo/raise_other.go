//go:build !linux && !windows

package watchinfo

// RaiseHint says how to raise the limit of open files.
func RaiseHint(string, int) string {
	return "raise the limit of open files (ulimit -n), or exclude directories"
}
