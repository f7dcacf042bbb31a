//go:build unix

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// W9: a named pipe with the name of a source file, for which the go command waits for ever: the
// build fails and names it, the program keeps running, and all is well when it is gone, without
// another save.
func TestW9PipeInPackage(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, engine := range map[string]string{"lib/pipe.go": "auto", "pipe_test.go": "go", "asm.s": "auto"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			w := startWeb(t, newApp(t, webApp), []string{"--set", "build.engine=" + engine})
			w.knowsGraph()
			before := w.answer()
			pipe := filepath.Join(w.dir, name)
			if err := syscall.Mkfifo(pipe, 0o644); err != nil {
				t.Fatal(err)
			}
			w.setVersion("two")
			b := w.waitFor("build_finished")
			if b.flag("ok") || !strings.Contains(b.line, pipe) || !strings.Contains(b.line, "a named pipe") {
				t.Errorf("%s", b.line)
			}
			if now := w.answer(); now != before {
				t.Errorf("%s: %v, was %v", name, now, before)
			}
			if out, code := hr(t, w.dir, "wait"); code != 1 || !strings.Contains(out, "named pipe") {
				t.Errorf("%s: exit %d: %s", name, code, out)
			}
			if err := os.Remove(pipe); err != nil {
				t.Fatal(err)
			}
			w.waitFor("live")
			if a := w.answer(); a.version != "two" {
				t.Errorf("%s: %v", name, a)
			}
		})
	}
}

// W9: the same at the first start, in a package that was not read yet.
func TestW9PipeAtTheStart(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, webApp)
	pipe := filepath.Join(dir, "lib", "pipe.go")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o644), syscall.Mkfifo(filepath.Join(dir, "lib", "pipe_windows.go"), 0o644)); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir, nil, withEnv("ADDR=127.0.0.1:0"))
	if b := s.waitFor("build_finished"); b.flag("ok") || !strings.Contains(b.line, pipe) || !strings.Contains(b.line, "a named pipe") {
		t.Errorf("%s", b.line)
	}
	// These read the packages too.
	if out, code := hr(t, dir, "why", "main.go"); code == 0 || !strings.Contains(out, pipe+" is a named pipe") {
		t.Errorf("why: exit %d: %s", code, out)
	}
	if out, code := hr(t, dir, "run", "--once"); code == 0 || !strings.Contains(out, "lib/pipe.go is a named pipe") {
		t.Errorf("run --once: exit %d: %s", code, out)
	}
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	s.waitFor("live")
}

// W9: the search for a main package does not wait for a pipe either.
func TestW9PipeBesideMain(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod": "module example.test/m\n\ngo 1.25\n", "cmd/m/main.go": "package main\n\nfunc main() {}\n", "lib.go": "package lib\n",
	})
	pipe := filepath.Join(dir, "a.go")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := hr(t, dir, "run", "--once")
	if code == 0 || !strings.Contains(out, pipe+" is a named pipe") || !strings.Contains(out, "hint: remove it") {
		t.Errorf("exit %d: %s", code, out)
	}
}
