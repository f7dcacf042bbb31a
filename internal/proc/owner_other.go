//go:build unix && !linux && !darwin

package proc

// terminalOwner is not known here: then only modes that hotreload itself set are put back.
func terminalOwner(int) int { return 0 }
