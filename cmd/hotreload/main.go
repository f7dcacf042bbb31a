// Hotreload watches a Go project, rebuilds it on a save and restarts the program.
package main

import (
	"os"

	"github.com/hotreload/hotreload/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
