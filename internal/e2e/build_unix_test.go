//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestB9CommandWithoutOutput(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[build]\ncommand = \"go build -o web.bin . && echo built\"\n\n[run]\ncommand = [\"./web.bin\"]\n"
	w := startWeb(t, newApp(t, files), nil)
	pid := w.answer().pid
	w.edit("version.go", "package main", "package main // a comment")
	w.waitFor("live")
	if now := w.answer().pid; now == pid {
		t.Error("not restarted after a successful build without output")
	}
}

// B8: a PATH in build.env and run.env is where the go command, for whatever it is asked,
// and run.command are looked for; hotreload's own PATH has neither of these.
func TestB8PathOfTheConfig(t *testing.T) {
	t.Parallel()
	bin, tools := t.TempDir(), t.TempDir()
	log := filepath.Join(bin, "log")
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	executable := func(path, text string) {
		write(t, path, text)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	executable(filepath.Join(bin, "go"), "#!/bin/sh\necho \"$1 $2\" >>"+log+"\nexec "+real+" \"$@\"\n")
	executable(filepath.Join(tools, "launch"), "#!/bin/sh\nexec \"$@\"\n")
	files := maps.Clone(webApp)
	path := os.Getenv("PATH")
	files[".hotreload.toml"] = fmt.Sprintf("[build]\nenv = { PATH = %q }\n[run]\ncommand = [\"launch\", \"{binary}\"]\nenv = { PATH = %q }\n",
		bin+":"+path, tools+":"+path)
	dir := newApp(t, files)
	w := startWeb(t, dir, nil, withEnv("PATH="+t.TempDir()))
	until(t, "a graph", func() bool {
		b, _ := os.ReadFile(log)
		return strings.Contains(string(b), "list -e")
	})
	w.setVersion("two")
	w.waitFor("live")
	if a := w.answer(); a.version != "two" {
		t.Errorf("answer %+v", a)
	}
	w.stop(syscall.SIGTERM)
}
