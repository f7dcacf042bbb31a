//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// L8: an embedded file becomes a link to the same text, which go build refuses to embed, and a file again, also
// when no import graph is known yet.
func TestL8EmbeddedLink(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("graph known=%v", known), func(t *testing.T) {
			w := startWeb(t, newApp(t, webApp), nil)
			page := filepath.Join(w.dir, "static", "page.html")
			if known {
				until(t, "the import graph is known", func() bool {
					out, _ := hr(t, w.dir, "why", "static/page.html")
					return strings.Contains(out, "embedded by")
				})
			}
			text := filepath.Join(t.TempDir(), "copy.html")
			write(t, text, read(t, page))
			if err := os.Symlink(text, page+"~"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(page+"~", page); err != nil {
				t.Fatal(err)
			}
			if out, code := hr(t, w.dir, "wait"); code != 1 || !strings.Contains(out, "cannot embed") {
				t.Errorf("wait: %d: %s", code, out)
			}
			replaceFile(t, page, read(t, text))
			if out, code := hr(t, w.dir, "wait"); code != 0 {
				t.Errorf("wait: %d: %s", code, out)
			}
		})
	}
}

// L15: rules do exactly what they say, and no rebuild.
func TestL15Rules(t *testing.T) {
	t.Parallel()
	files := map[string]string{".hotreload.toml": `
[[rules]]
paths = ["templates/**/*.html"]
effect = "restart"

[[rules]]
paths = ["web/*.css"]
effect = "reload"

[[rules]]
paths = ["conf/*"]
effect = "signal"
signal = "SIGHUP"

[[rules]]
paths = ["notes/*"]
effect = "none"

[[rules]]
paths = ["src/*.txt"]
effect = "none"
command = ["sh", "-c", "cat src/a.txt > made.tmp && mv made.tmp made.out"]

[[rules]]
paths = ["tmpl/*.src"]
effect = "restart"
command = ["cp", "tmpl/a.src", "templates/t.html"]
`}
	for k, v := range webApp {
		files[k] = v
	}
	w := startWeb(t, newApp(t, files), nil)
	before := w.answer()
	mark := w.mark()

	w.edit("templates/t.html", "template1", "template2")
	w.waitFor("live")
	if got := w.get(w.addr, "/t"); got != "template2\n" {
		t.Errorf("template: %q", got)
	}
	if a := w.answer(); a.pid == before.pid {
		t.Error("not restarted")
	}
	write(t, filepath.Join(w.dir, "web", "a.css"), "x")
	if e := w.waitFor("reloaded"); e.str("kind") != "css" {
		t.Error(e.line)
	}
	write(t, filepath.Join(w.dir, "conf", "a"), "x")
	w.wait("SIGHUP", func(e ev) bool { return e.Event == "output" && strings.Contains(e.str("text"), "got SIGHUP") })
	write(t, filepath.Join(w.dir, "notes", "a"), "x")
	w.settle()
	write(t, filepath.Join(w.dir, "src", "a.txt"), "made")
	// The command renames it, because a file that is open for writing is not reported.
	w.wait("made.out", func(e ev) bool {
		return e.Event == "changed" && slices.Contains(e.strs("paths"), filepath.Join(w.dir, "made.out"))
	})
	if got := read(t, filepath.Join(w.dir, "made.out")); got != "made" {
		t.Errorf("made.out: %q", got)
	}
	pid := w.answer().pid
	write(t, filepath.Join(w.dir, "tmpl", "a.src"), "from source\n")
	w.waitFor("live")
	w.settle()
	for w.get(w.addr, "/t") != "from source\n" {
		w.waitFor("live")
	}
	if a := w.answer(); a.pid == pid {
		t.Error("not restarted after the command")
	}
	if n := count(w.since(mark), "build_started"); n != 0 {
		t.Errorf("%d builds", n)
	}
}

// L7: an import graph that was read while an editor had a file empty is read again, though the file's header is in the end
// what it always was; until then every name would count.
func TestL7GraphOfEmptyFile(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := newApp(t, webApp), t.TempDir()
	hook, log, overlay := filepath.Join(bin, "hook"), filepath.Join(bin, "log"), filepath.Join(bin, "overlay.json")
	// What go list sees, and the watcher does not: it looks a moment later.
	write(t, filepath.Join(bin, "empty.go"), "")
	write(t, overlay, fmt.Sprintf(`{"Replace": {%q: %q}}`, filepath.Join(dir, "version.go"), filepath.Join(bin, "empty.go")))
	write(t, filepath.Join(bin, "go"), `#!/bin/sh
case "$*" in
*-export*) ;;
list*-deps*)
	if [ -e `+hook+` ]; then
		rm `+hook+`
		shift
		`+real+` list -overlay=`+overlay+` "$@"
		printf 'package main\n\nconst Version = "fixed"\n' >`+dir+`/version.go
		echo empty >>`+log+`
		exit
	fi
	echo whole >>`+log+` ;;
esac
exec `+real+` "$@"
`)
	if err := os.Chmod(filepath.Join(bin, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	lists := func() string { b, _ := os.ReadFile(log); return string(b) }
	w := startWeb(t, dir, nil, withEnv("PATH="+bin+":"+os.Getenv("PATH")))
	until(t, "the first graph", func() bool { return lists() == "whole\n" })
	write(t, hook, "")
	w.edit("lib/lib.go", "package lib\n", "package lib\n\nimport _ \"unicode/utf16\"\n")
	until(t, "another look after the empty file", func() bool { return strings.Contains(lists(), "empty\nwhole\n") })
	w.wait("the fixed program", func(e ev) bool { return e.Event == "live" && e.num("generation") > 2 })
	if a := w.answer(); a.version != "fixed" {
		t.Errorf("answer %+v", a)
	}
}
