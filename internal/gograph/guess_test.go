package gograph

import (
	"path/filepath"
	"testing"
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
