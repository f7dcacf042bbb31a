//go:build !unix

// Command bench compares hotreload with a build by hand and with its peers.
package main

import (
	"fmt"
	"os"
)

// Signals, process groups and /proc are what the bench measures with.
func main() {
	fmt.Fprintln(os.Stderr, "bench: runs on Unix systems only")
	os.Exit(1)
}
