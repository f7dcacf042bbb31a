//go:build linux || darwin

package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func describeTerminals() {
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		f := []*os.File{os.Stdin, os.Stdout, os.Stderr}[i]
		var size struct{ rows, cols, x, y uint16 }
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
		if errno != 0 {
			fmt.Printf("%s terminal=false\n", name)
			continue
		}
		fmt.Printf("%s terminal=true rows=%d cols=%d\n", name, size.rows, size.cols)
	}
}
