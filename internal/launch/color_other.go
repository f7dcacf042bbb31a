//go:build !windows

package launch

// forceColor: a program that is shown on a terminal has one.
const forceColor = false
