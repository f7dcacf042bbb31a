//go:build unix && !linux && !darwin

package control

// parentOf is not known here: below a make, Ctrl-Z does nothing.
func parentOf(int) int { return 0 }
