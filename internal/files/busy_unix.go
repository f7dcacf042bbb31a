//go:build unix

package files

// busy: a file can be renamed, opened and removed while others have it open.
func busy(error) bool { return false }
