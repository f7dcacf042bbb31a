package gograph

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The local modules outside the project, before a graph is known: relative and absolute, of go.mod and go.work.
func TestBeside(t *testing.T) {
	base := project(t, `
-- app/go.mod --
module example.com/app

go 1.25

require (
	example.com/far v1.0.0
	example.com/in v1.0.0
	example.com/lib v1.0.0
)

replace (
	example.com/far v1.0.0 => example.com/other v1.0.0
	example.com/in => ./in
	example.com/lib => ../lib
)
-- app/in/go.mod --
module example.com/in
-- lib/go.mod --
module example.com/lib
-- used/go.mod --
module example.com/used
-- absolute/go.mod --
module example.com/absolute
-- app/example.com/other/go.mod --
module example.com/trap
`)
	at := func(name string) string { return filepath.Join(base, filepath.FromSlash(name)) }
	work := "go 1.25\n\nuse (\n\t./app\n\tused\n\t" + filepath.ToSlash(at("absolute")) + "\n\t./none\n)\n"
	if err := os.WriteFile(at("go.work"), []byte(work), 0o600); err != nil {
		t.Fatal(err)
	}
	got := Beside(at("app"))
	slices.Sort(got)
	same(t, "beside", rel(t, base, got), []string{"absolute", "lib", "used"})
}
