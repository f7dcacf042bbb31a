//go:build !linux

package proc

import "os"

// Self names this program's own file, also for a program that starts it on our behalf.
func Self() (string, error) { return os.Executable() }
