//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// B5: a long first build says how many packages are compiled, and that changes nothing of what the build says.
func TestB5Progress(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	compiler, _ := g.compiler()
	files := maps.Clone(webApp)
	for i := range 3 {
		name := fmt.Sprintf("part%d", i)
		files[name+"/part.go"] = "package " + name + "\n"
		files["use"+name+".go"] = "package main\n\nimport _ \"example.test/web/" + name + "\"\n"
	}
	files[".hotreload.toml"] = fmt.Sprintf("[build]\nflags = [%q]\n", "-toolexec="+compiler)
	dir := newApp(t, files)
	g.shut()
	s := start(t, dir, nil, withEnv("ADDR=127.0.0.1:0"))
	g.await()
	e := s.wait("a long build", func(e ev) bool { return e.Event == "waiting" && e.num("compiled") >= 3 })
	if !strings.HasPrefix(e.str("reason"), "still building after ") {
		t.Error(e.line)
	}
	g.open()
	if e := s.waitFor("build_finished"); !e.flag("ok") || e.str("output") != "" || len(e.strs("diagnostics")) > 0 {
		t.Error(e.line)
	}
	s.stop(syscall.SIGTERM)
	if text, want := s.err.String(), fmt.Sprintf("build   %s: %d packages compiled\n", e.str("reason"), e.num("compiled")); !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

// B5, B9: of a command of the user's only the time is said.
func TestB5ProgressOfCommand(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/slow\n\ngo 1.25\n",
		".hotreload.toml": fmt.Sprintf("[build]\ncommand = [\"sh\", %q]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\"]\n", filepath.Join(g.dir, "build.sh")),
	})
	write(t, filepath.Join(g.dir, "build.sh"), fmt.Sprintf(". '%s'\nprintf '#!/bin/sh\\nexec sleep 1000\\n' > app\nchmod +x app\n", g.script()))
	g.shut()
	s := start(t, dir, nil)
	g.await()
	e := s.waitFor("waiting")
	if !strings.HasPrefix(e.str("reason"), "still building after ") || e.Raw["compiled"] != nil || e.Raw["packages"] != nil {
		t.Error(e.line)
	}
	g.open()
	s.waitFor("live")
	s.stop(syscall.SIGTERM)
	if text, want := s.err.String(), "build   "+e.str("reason")+"\n"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
