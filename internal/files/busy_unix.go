//go:build unix

package files

// busy: a file can be renamed, opened and removed whoever has it open.
func busy(error) bool { return false }
