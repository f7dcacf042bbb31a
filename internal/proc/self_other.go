//go:build unix && !linux

package proc

import "os"

func selfPath() (string, error) { return os.Executable() }
