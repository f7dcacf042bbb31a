//go:build !linux

package builder

// autoLinkers is empty: mold is for ELF only, and the own linkers of macOS and Windows
// sign, or write debug files, in ways that Go's linker counts on.
var autoLinkers []string
