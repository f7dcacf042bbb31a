//go:build !linux && !darwin

package main

import (
	"fmt"
	"os"
)

// describeTerminals cannot tell sizes with the standard library alone here.
func describeTerminals() {
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		f := []*os.File{os.Stdin, os.Stdout, os.Stderr}[i]
		info, err := f.Stat()
		fmt.Printf("%s terminal=%v\n", name, err == nil && info.Mode()&os.ModeCharDevice != 0)
	}
}
