//go:build unix

package scaffold

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A named pipe in the place of a file that is read stops nothing.
func TestPipes(t *testing.T) {
	dir := makeProject(t, map[string]string{
		"go.mod":             "module example.com/x\n\ngo 1.25\n",
		"main.go":            "package main\n\nfunc main() {}\n",
		"tailwind.config.js": "",
	})
	for _, name := range []string{"Makefile", "package.json"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fresh(t, Options{Dir: dir})
}
