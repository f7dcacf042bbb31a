package gograph

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/filestat"
)

// E1, E12: while no graph can tell, what could be an input counts, and nothing else.
func TestGuess(t *testing.T) {
	dir := project(t, `
-- go.mod --
module example.com/guess
-- main.go --
package main

import _ "embed"

//go:embed data.txt "with space.txt" static/*.html
var data string

//go:embed all:assets
var all string
-- broken/x.go --
package broken
	//go:embed page.html
func {
-- tested/x_test.go --
package tested
//go:embed only.txt
-- other/go.mod --
module example.com/other
-- assets/link.txt --
-> ../data.txt
-- assets/linked --
-> ../broken
`)
	var g Guess
	for name, want := range map[string]bool{
		"main.go": true, "new/x.go": true, "main_test.go": false, "_x.go": false, "go.sum": true, "go.work": true,
		"vendor/modules.txt": true, "asm_amd64.s": true, "x.c": true, "lib/x.h": true, "default.pgo": true,
		"data.txt": true, "with space.txt": true, "static/a.html": true, "static/b/a.html": false, "static/a.css": false,
		"assets/deep/.hidden": true, "assets/new.bin": true,
		"assets/link.txt": true, "assets/linked/x.txt": true, // a file and a directory, when the program was built
		"broken/page.html": true, "broken/other.html": false, "tested/only.txt": false,
		"app.log": false, "data.db": false, "data.db-wal": false, "README.md": false, "session.json": false,
		"other/data.txt": false, // another module: the pattern above does not reach into it
	} {
		if what, got := g.Input(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: input %v (%s), want %v", name, got, what, want)
		}
	}

	// A pattern that is written later counts at once.
	write(t, dir, "-- main.go --\npackage main\n\n//go:embed app.log\nvar log string\n")
	if _, ok := g.Input(filepath.Join(dir, "app.log")); !ok {
		t.Error("a new pattern is not seen")
	}
	if _, ok := g.Input(filepath.Join(dir, "data.txt")); ok {
		t.Error("an old pattern still counts")
	}
}

// A directory of thousands of files is not listed for each of them, and yet nothing that is written later is missed.
func TestGuessOfMany(t *testing.T) {
	dir := project(t, "-- go.mod --\nmodule example.com/many\n-- main.go --\npackage main\n")
	const many = 500
	for i := range many {
		write(t, dir, fmt.Sprintf("-- f%d.log --\n", i))
	}
	settled := func(name string) {
		path := filepath.Join(dir, name)
		for st, err := filestat.Of(path); err == nil && st.Since(time.Now()); st, err = filestat.Of(path) {
		}
	}
	settled(".")
	settled("main.go")
	var g Guess
	log := filepath.Join(dir, "f7.log")
	counts := func(want bool, when string) {
		t.Helper()
		if what, ok := g.Input(log); ok != want {
			t.Errorf("%s: input %v (%s)", when, ok, what)
		}
	}
	counts(false, "nothing embeds it")
	if n := testing.AllocsPerRun(5, func() { g.Input(log) }); n > many/5 {
		t.Errorf("%v allocations for one of %d files in a directory", n, many)
	}

	write(t, dir, "-- more.go --\npackage main\n\n//go:embed f7.log\nvar log string\n")
	counts(true, "a new file embeds it")
	settled(".")
	settled("more.go")
	counts(true, "as before")
	before, err := os.Stat(filepath.Join(dir, "more.go"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "-- more.go --\npackage main\n\n//go:embed f8.log\nvar log string\n")
	if err := os.Chtimes(filepath.Join(dir, "more.go"), before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if st, _ := filestat.Of(filepath.Join(dir, "more.go")); st.Ctime != 0 { // else nothing tells the two apart
		counts(false, "the pattern is another one, of the same size and time")
	}
	if err := os.Remove(filepath.Join(dir, "more.go")); err != nil {
		t.Fatal(err)
	}
	log = filepath.Join(dir, "f8.log")
	counts(false, "the file is gone")
}
