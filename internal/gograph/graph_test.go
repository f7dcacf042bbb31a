package gograph

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/testkit"
)

func TestMain(m *testing.M) {
	if proc.Helper() {
		return
	}
	// As in hotreload itself: without it, the end of a canceled go command is known later.
	proc.Setup()
	testkit.Main(m)
}

// project writes a txtar archive into a new directory. A file whose content is "-> TARGET" becomes a symbolic link.
func project(t testing.TB, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, archive)
	return dir
}

func write(t testing.TB, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
			err = os.Symlink(strings.TrimSpace(to), name)
		} else {
			err = os.WriteFile(name, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// testEnv is an environment in which nothing of the machine matters, and nothing is fetched.
func testEnv(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(k, "GO") && k != "GOCACHE" && k != "GOPATH" && k != "GOROOT" && k != "GOMODCACHE" || k == "CGO_ENABLED" || k == "PWD"
	})
	env = append(env, "GOPROXY=off", "GOTOOLCHAIN=local")
	if !slices.ContainsFunc(more, func(kv string) bool { return strings.HasPrefix(kv, "GOENV=") }) {
		env = append(env, "GOENV=off")
	}
	return append(env, more...)
}

func load(t testing.TB, o Options) *Graph {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if o.Env == nil {
		o.Env = testEnv()
	}
	g, err := Load(ctx, o)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return g
}

// verdict is a line of a table of files: "+" for an input, "-" for none, and a part of the reason.
type verdict struct{ file, want, reason string }

func checkVerdicts(t *testing.T, g *Graph, dir string, table []verdict) {
	t.Helper()
	for _, c := range table {
		v := g.Verdict(filepath.Join(dir, filepath.FromSlash(c.file)))
		got := "-"
		if v.Input {
			got = "+"
		}
		if got != c.want || !strings.Contains(v.Reason, c.reason) {
			t.Errorf("%s: %s %q, want %s %q", c.file, got, v.Reason, c.want, c.reason)
		}
	}
}

func rel(t testing.TB, dir string, names []string) []string {
	t.Helper()
	var out []string
	for _, n := range names {
		r, err := filepath.Rel(dir, n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, filepath.ToSlash(r))
	}
	return out
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

const shop = `
-- go.mod --
module example.com/shop

go 1.25
-- go.sum --
-- README.md --
-- cmd/api/main.go --
package main

import "example.com/shop/web"

func main() { web.Serve() }
-- cmd/api/main_test.go --
package main
-- cmd/worker/main.go --
package main

import "example.com/shop/queue"

func main() { queue.Run() }
-- queue/queue.go --
package queue

func Run() {}
-- store/store.go --
package store

var X = 1
-- store/store_windows.go --
package store
-- store/store_linux_arm64.go --
package store
-- store/debug.go --
//go:build integration

package store
-- store/gen.go --
//go:build ignore

package main
-- store/other.go --
//go:build darwin || freebsd

package store
-- store/nolinux.go --
//go:build !linux

package store
-- store/two.go --
//go:build alpha && beta

package store
-- store/odd.go --
//go:build (alpha || beta) && go1.25

package store
-- store/_draft.go --
package store
-- web/web.go --
package web

import (
	_ "embed"

	"example.com/shop/store"
)

//go:embed page.html
var page string

func Serve() { println(page, store.X) }
-- web/page.html --
hello
-- web/notes.txt --
`

// L7: what cannot matter does not count, and the reason is said.
func TestRelevance(t *testing.T) {
	dir := project(t, shop)
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	if g.Broken() {
		t.Fatalf("broken: %v", g.problems)
	}
	checkVerdicts(t, g, dir, []verdict{
		{"cmd/api/main.go", "+", "Go file of package example.com/shop/cmd/api"},
		{"web/web.go", "+", "Go file of package example.com/shop/web"},
		{"web/page.html", "+", "embedded by example.com/shop/web (//go:embed page.html)"},
		{"store/store.go", "+", "Go file of package example.com/shop/store"},
		{"go.mod", "+", "module file of example.com/shop"},
		{"go.sum", "+", "checksums"},
		{"go.work", "+", "workspace"}, // it would take over if it came to be
		{"go.work.sum", "-", ""},
		{"default.pgo", "-", ""},
		{"cmd/api/default.pgo", "+", "profile"},

		{"cmd/api/main_test.go", "-", "test file"},
		{"web/new_test.go", "-", "test file"},
		{"queue/queue_test.go", "-", "test file"},
		{"cmd/worker/main.go", "-", "package example.com/shop/cmd/worker is not imported by cmd/api"},
		{"queue/queue.go", "-", "package example.com/shop/queue is not imported by cmd/api"},
		{"brandnew/x.go", "-", "package example.com/shop/brandnew is not imported by cmd/api"},
		{"README.md", "-", "not part of the build"},
		{"web/notes.txt", "-", "not part of the build"},
		{"store/store_windows.go", "-", "built only for windows"},
		{"store/store_linux_arm64.go", "-", "built only for linux/arm64"},
		{"store/debug.go", "-", "needs build tag integration"},
		{"store/gen.go", "-", "excluded by //go:build ignore"},
		{"store/other.go", "-", "built only for darwin, freebsd"},
		{"store/nolinux.go", "-", "not built for linux"},
		{"store/two.go", "-", "needs build tags alpha, beta"},
		{"store/odd.go", "-", "excluded by //go:build (alpha || beta) && go1.25"},
		{"store/_draft.go", "-", "begin with _"},
		{"store/store_plan9.go", "-", "built only for plan9"}, // does not exist
		{"store", "-", ""},
	})
	same(t, "chain", g.Verdict(filepath.Join(dir, "store/store.go")).Chain,
		[]string{"example.com/shop/cmd/api", "example.com/shop/web", "example.com/shop/store"})
	same(t, "no chain", g.Verdict(filepath.Join(dir, "queue/queue.go")).Chain, []string(nil))
	same(t, "inputs", rel(t, dir, g.Inputs()),
		[]string{"cmd/api/main.go", "go.mod", "go.sum", "store/store.go", "web/page.html", "web/web.go"})
	same(t, "dirs", rel(t, dir, g.Dirs()), []string{".", "cmd/api", "store", "web"})
	same(t, "trees", g.Trees(), []string(nil))
	path, name, pdir := g.MainPackage()
	same(t, "main", []string{path, name, pdir}, []string{"example.com/shop/cmd/api", "main", filepath.Join(dir, "cmd", "api")})
	mpath, mdir := g.Module()
	same(t, "module", []string{mpath, mdir}, []string{"example.com/shop", dir})
	if v := g.Verdict(filepath.Join(g.goroot, "src", "fmt", "print.go")); v.Input || v.Reason != "part of Go itself" {
		t.Errorf("GOROOT: %+v", v)
	}
	if v := g.Verdict(filepath.Join(g.modcache, "x@v1", "x.go")); v.Input || !strings.Contains(v.Reason, "module cache") {
		t.Errorf("module cache: %+v", v)
	}
	if v := g.Verdict("web/web.go"); !v.Input {
		t.Errorf("a name relative to Dir: %+v", v)
	}
}

// L8: new and removed files count as the build would take them.
func TestNewAndRemoved(t *testing.T) {
	dir := project(t, shop)
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	write(t, dir, `
-- store/new.go --
package store
-- store/new_windows.go --
package store
-- store/tagged.go --
//go:build integration

package store
-- store/broken.go --
packag store
-- store/badtag.go --
//go:build (

package store
-- store/doc.go --
package documentation
-- store/asm_amd64.s --
-- store/lib.syso --
-- store/x.c --
-- store/UP.S --
-- store/linked.go --
-> ../queue/queue.go
-- store/dangling.go --
-> nowhere.go
`)
	if err := os.MkdirAll(filepath.Join(dir, "store", "dir.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"store/store.go", "web/page.html", "store/debug.go", "go.sum"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	asm := "+"
	if runtime.GOARCH != "amd64" {
		asm = "-"
	}
	checkVerdicts(t, g, dir, []verdict{
		{"store/new.go", "+", "Go file of package example.com/shop/store"},
		{"store/new_windows.go", "-", "built only for windows"},
		{"store/tagged.go", "-", "needs build tag integration"},
		{"store/broken.go", "+", ""},
		{"store/badtag.go", "+", ""},
		{"store/doc.go", "-", "documentation"},
		{"store/asm_amd64.s", asm, ""},
		{"store/lib.syso", "+", "object file"},
		{"store/x.c", "+", "C source"}, // go build refuses it in a package without cgo: that is a change
		{"store/UP.S", "-", "without cgo"},
		{"store/linked.go", "+", "Go file"},
		{"store/dir.go", "-", "not a regular file"},
		{"store/store.go", "+", "Go file"},      // removed
		{"web/page.html", "+", "embedded"},      // removed
		{"go.sum", "+", "checksums"},            // removed
		{"store/debug.go", "-", "was excluded"}, // removed, and never counted
		{"store/came_and_went.go", "+", "Go file"},
	})
	// What go list says now is the judge for every name.
	after := load(t, Options{Dir: dir, Package: "./cmd/api"})
	p := after.packages[filepath.Join(dir, "store")]
	for _, f := range []string{"new.go", "broken.go", "badtag.go", "lib.syso", "x.c", "linked.go"} {
		if !has(p.files, f) {
			t.Errorf("go list does not have store/%s: %v", f, p.files)
		}
	}
	if !after.Broken() {
		t.Error("a package with broken.go is not broken")
	}
}

// A file that is edited into or out of the build.
func TestEditedConstraint(t *testing.T) {
	dir := project(t, shop)
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	write(t, dir, "-- store/debug.go --\npackage store\n-- store/store.go --\n//go:build ignore\n\npackage store\n")
	checkVerdicts(t, g, dir, []verdict{{"store/debug.go", "+", "Go file"}, {"store/store.go", "+", "Go file"}})
}

func TestFIFO(t *testing.T) {
	mkfifo, err := exec.LookPath("mkfifo")
	if err != nil {
		t.Skip("no mkfifo")
	}
	dir := project(t, shop)
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	if err := exec.Command(mkfifo, filepath.Join(dir, "store", "fifo.go")).Run(); err != nil {
		t.Skip(err)
	}
	checkVerdicts(t, g, dir, []verdict{{"store/fifo.go", "-", "not a regular file"}})
	if h := gocmd.HeaderOf(filepath.Join(dir, "store", "fifo.go")); h != (gocmd.Header{}) {
		t.Errorf("header of a FIFO: %+v", h)
	}
	// What go passes over is opened by nothing else either.
	for _, name := range []string{"cmd/api/fifo_plan9.go", "store/go.mod"} {
		if err := exec.Command(mkfifo, filepath.Join(dir, filepath.FromSlash(name))).Run(); err != nil {
			t.Skip(err)
		}
	}
	if path := PipeBelow(t.Context(), dir); path != "" {
		t.Errorf("nothing waits for %s", path)
	}
	missing, err := Missing(context.Background(), Options{Dir: dir, Package: "example.com/shop/cmd/api", Env: testEnv()})
	if missing != "" || err != nil {
		t.Errorf("missing: %q, %v", missing, err)
	}
	if m := ModulePath(filepath.Join(dir, "store")); m != "" {
		t.Errorf("module %q", m)
	}
}

const linkedModules = `
-- app/go.mod --
module example.com/app

go 1.25

require (
	example.com/lib v0.0.0
	example.com/unused v0.0.0
)

replace (
	example.com/lib => ../lib
	example.com/unused => ../unused
)
-- app/main.go --
package main

import "example.com/lib/deep"

func main() { deep.F() }
-- lib/go.mod --
module example.com/lib

go 1.25
-- lib/deep/deep.go --
package deep

func F() {}
-- lib/other/other.go --
package other
-- unused/go.mod --
module example.com/unused

go 1.25
-- unused/unused.go --
package unused
`

// L9: a local replace target is followed.
func TestReplace(t *testing.T) {
	dir := project(t, linkedModules)
	g := load(t, Options{Dir: filepath.Join(dir, "app")})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	same(t, "trees", rel(t, dir, g.Trees()), []string{"lib"})
	same(t, "dirs", rel(t, dir, g.Dirs()), []string{"app", "lib", "lib/deep", "unused"})
	write(t, dir, "-- lib/deep/new.go --\npackage deep\n")
	checkVerdicts(t, g, dir, []verdict{
		{"lib/deep/deep.go", "+", "Go file of package example.com/lib/deep"},
		{"lib/deep/new.go", "+", "Go file of package example.com/lib/deep"},
		{"lib/other/other.go", "-", "package example.com/lib/other is not imported by example.com/app"},
		{"lib/go.mod", "+", "module file of example.com/lib"},
		{"lib/go.sum", "+", "checksums of module example.com/lib"},
		{"unused/go.mod", "+", "module file of example.com/unused"},
		{"unused/unused.go", "-", "package example.com/unused is not imported"},
	})
}

// A replace line may point to a module that contains the project.
func TestReplaceParent(t *testing.T) {
	dir := project(t, `
-- go.mod --
module example.com/lib

go 1.25
-- lib.go --
package lib
-- examples/a/go.mod --
module example.com/a

go 1.25

require example.com/lib v0.0.0

replace example.com/lib => ../..
-- examples/a/main.go --
package main

import _ "example.com/lib"

func main() {}
`)
	g := load(t, Options{Dir: filepath.Join(dir, "examples", "a")})
	same(t, "trees", g.Trees(), []string{dir})
	checkVerdicts(t, g, dir, []verdict{
		{"lib.go", "+", "Go file of package example.com/lib"},
		{"examples/a/x.go", "+", "Go file of package example.com/a"},
		{"examples/b/x.go", "-", "package example.com/lib/examples/b is not imported"},
	})
}

// L9: modules of go.work outside the project are followed.
func TestWorkspace(t *testing.T) {
	dir := project(t, `
-- go.work --
go 1.25

use (
	./app
	./lib
	./idle
)
-- app/go.mod --
module example.com/app

go 1.25
-- app/cmd/api/main.go --
package main

import "example.com/lib"

func main() { lib.F() }
-- lib/go.mod --
module example.com/lib

go 1.25
-- lib/lib.go --
package lib

func F() {}
-- idle/go.mod --
module example.com/idle

go 1.25
-- idle/idle.go --
package idle
-- stranger/go.mod --
module example.com/stranger

go 1.25
-- stranger/s.go --
package stranger
`)
	app := load(t, Options{Dir: filepath.Join(dir, "app"), Package: "./cmd/api"})
	if app.Broken() {
		t.Fatal(app.problems)
	}
	same(t, "trees", rel(t, dir, app.Trees()), []string{"lib"})
	table := []verdict{
		{"lib/lib.go", "+", "Go file of package example.com/lib"},
		{"lib/go.mod", "+", "module file"},
		{"idle/go.mod", "+", "module file of example.com/idle"},
		{"idle/idle.go", "-", "package example.com/idle is not imported by cmd/api"},
		{"go.work", "+", "workspace"},
		{"go.work.sum", "+", "workspace"},
		{"stranger/s.go", "-", "in no module of the build"},
		{"stranger/go.mod", "-", "not part of the build"},
	}
	checkVerdicts(t, app, dir, table)
	// From the workspace's own directory, everything is in the project.
	whole := load(t, Options{Dir: dir, Package: "./app/cmd/api"})
	same(t, "trees", whole.Trees(), []string(nil))
	checkVerdicts(t, whole, dir, table)
	path, mdir := whole.Module()
	same(t, "module", []string{path, mdir}, []string{"example.com/app", filepath.Join(dir, "app")})

	// GOWORK=off: the import cannot be found, and everything counts.
	off := load(t, Options{Dir: filepath.Join(dir, "app"), Package: "./cmd/api", Env: testEnv("GOWORK=off")})
	if !off.Broken() {
		t.Error("not broken without the workspace")
	}
}

// L13: an import of a package that does not exist yet, then the package is created.
func TestMissingPackage(t *testing.T) {
	dir := project(t, shop)
	good := load(t, Options{Dir: dir, Package: "./cmd/api"})
	write(t, dir, "-- cmd/api/main.go --\npackage main\n\nimport (\n\t\"example.com/shop/a/b\"\n\t\"example.com/shop/web\"\n)\n\nfunc main() { web.Serve(); b.B() }\n")
	partial := load(t, Options{Dir: dir, Package: "./cmd/api"})
	for name, g := range map[string]*Graph{"partial": partial, "merged": Merge(good, partial)} {
		if !g.Broken() {
			t.Fatalf("%s: not broken", name)
		}
		why := "the import graph is incomplete: package example.com/shop/a/b is missing"
		checkVerdicts(t, g, dir, []verdict{
			{"a/b/b.go", "+", why},
			{"a/b/static/page.html", "-", "not part of the build"}, // a Go file that embeds it is still to come, and counts
			{"queue/queue.go", "+", why},
			{"store/store_windows.go", "+", why},
			{"elsewhere/go.mod", "+", why},
			{"web/notes.txt", "-", "not part of the build"}, // E1: a program's log in the directory of an input
			{"web/web.go", "+", "Go file of package"},
			{"a/b/b_test.go", "-", "test file"},
			{"docs/x.md", "-", "not part of the build"},
			{".git/index", "-", ""},
		})
		if dirs := g.Dirs(); !slices.Contains(dirs, dir) || !slices.Contains(dirs, filepath.Join(dir, "a", "b")) {
			t.Errorf("%s: the missing directory and the nearest that exists are not among %v", name, dirs)
		}
	}
	write(t, dir, "-- a/b/b.go --\npackage b\n\nfunc B() {}\n")
	fixed := load(t, Options{Dir: dir, Package: "./cmd/api"})
	if fixed.Broken() || Merge(Merge(good, partial), fixed) != fixed {
		t.Errorf("still broken: %v", fixed.problems)
	}
	checkVerdicts(t, fixed, dir, []verdict{{"a/b/b.go", "+", "Go file of package example.com/shop/a/b"}, {"queue/queue.go", "-", "not imported"}})
}

// L13 with a module outside: its tree is to be watched although nothing of it is imported yet.
func TestMissingInReplaced(t *testing.T) {
	dir := project(t, linkedModules)
	write(t, dir, "-- app/main.go --\npackage main\n\nimport \"example.com/unused/soon\"\n\nfunc main() { soon.F() }\n")
	g := load(t, Options{Dir: filepath.Join(dir, "app")})
	if !g.Broken() {
		t.Fatal("not broken")
	}
	same(t, "trees", rel(t, dir, g.Trees()), []string{"unused"})
	checkVerdicts(t, g, dir, []verdict{{"unused/soon/x.go", "+", "incomplete"}})
}

// Merge keeps what broken code hides for the moment.
func TestMerge(t *testing.T) {
	dir := project(t, shop)
	good := load(t, Options{Dir: dir, Package: "./cmd/api"})
	write(t, dir, "-- web/web.go --\npackage web\n\nimport \"\n")
	partial := load(t, Options{Dir: dir, Package: "./cmd/api"})
	if !partial.Broken() {
		t.Fatal("not broken")
	}
	if v := partial.Verdict(filepath.Join(dir, "web/page.html")); v.Input {
		t.Fatalf("the partial graph knows of the embedded file: %+v; the test proves nothing", v)
	}
	g := Merge(good, partial)
	checkVerdicts(t, g, dir, []verdict{
		{"web/page.html", "+", "embedded by example.com/shop/web"},
		{"store/store.go", "+", "Go file of package example.com/shop/store"},
		{"queue/queue.go", "+", "incomplete: web/web.go:3:"},
	})
	same(t, "chain", g.Verdict(filepath.Join(dir, "store/store.go")).Chain,
		[]string{"example.com/shop/cmd/api", "example.com/shop/web", "example.com/shop/store"})
	if Merge(nil, partial) != partial || Merge(good, nil) != good || Merge(nil, nil) != nil {
		t.Error("Merge with nil")
	}
	// Merging must not change what it merges.
	if good.Broken() || good.Verdict(filepath.Join(dir, "queue/queue.go")).Input {
		t.Error("Merge changed the good graph")
	}

	// A broken go.mod leaves nothing but the last graph.
	write(t, dir, "-- go.mod --\nmodul x\n-- web/web.go --\npackage web\n")
	none := load(t, Options{Dir: dir, Package: "./cmd/api"})
	checkVerdicts(t, none, dir, []verdict{{"queue/queue.go", "+", "incomplete"}, {"go.mod", "+", ""}, {"x_test.go", "-", "test file"}})
	g = Merge(good, none)
	checkVerdicts(t, g, dir, []verdict{{"web/page.html", "+", "embedded"}, {"go.mod", "+", "module file"}, {"queue/queue.go", "+", "incomplete"}})
	path, name, _ := g.MainPackage()
	same(t, "main", []string{path, name}, []string{"example.com/shop/cmd/api", "main"})
	if good.Broken() {
		t.Error("Merge changed the good graph")
	}
}

// B6: a go command too old for the module.
func TestTooOld(t *testing.T) {
	dir := project(t, "-- go.mod --\nmodule example.com/old\n\ngo 1.999\n-- main.go --\npackage main\n\nfunc main() {}\n")
	g := load(t, Options{Dir: dir})
	checkVerdicts(t, g, dir, []verdict{{"main.go", "+", "go >= 1.999"}, {"go.mod", "+", ""}})
}

// A syntax error below the imports leaves the graph whole.
func TestBrokenBody(t *testing.T) {
	dir := project(t, shop)
	write(t, dir, "-- store/store.go --\npackage store\n\nvar X = 1\n\nfunc {\n")
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	if g.Broken() {
		t.Errorf("broken: %v", g.problems)
	}
}

func TestNothingKnown(t *testing.T) {
	ctx := context.Background()
	empty := project(t, "-- main.go --\npackage main\n\nfunc main() {}\n-- other.go --\npackage main\n")
	if _, err := Load(ctx, Options{Dir: empty, Env: testEnv()}); err == nil || !strings.Contains(err.Error(), "no go.mod") || !strings.Contains(advice.Hint(err), "go mod init") {
		t.Errorf("no go.mod: %v", err)
	}
	if _, err := Mains(ctx, Options{Dir: empty, Env: testEnv()}); err == nil || !strings.Contains(advice.Hint(err), "go mod init") {
		t.Errorf("Mains without go.mod: %v", err)
	}
	if _, err := Load(ctx, Options{Dir: empty, Go: filepath.Join(empty, "no-go")}); err == nil || advice.Hint(err) == "" {
		t.Errorf("no go command: %v", err)
	}
	if _, err := Load(ctx, Options{Dir: filepath.Join(empty, "gone")}); err == nil {
		t.Error("no directory: no error")
	}
	// One file by name needs no module.
	g := load(t, Options{Dir: empty, Package: "main.go"})
	checkVerdicts(t, g, empty, []verdict{{"main.go", "+", "Go file"}, {"other.go", "-", "not among the files"}, {"x_test.go", "-", ""}})
	// A file by name in a module.
	dir := project(t, shop)
	g = load(t, Options{Dir: dir, Package: "cmd/api/main.go"})
	checkVerdicts(t, g, dir, []verdict{
		{"cmd/api/main.go", "+", ""}, {"store/new.go", "+", ""}, {"cmd/api/extra.go", "-", "not among the files"}, {"go.mod", "+", "module file"},
		{"queue/queue.go", "-", "package example.com/shop/queue is not imported by cmd/api/main.go"},
	})
	path, mdir := g.Module()
	same(t, "module", []string{path, mdir}, []string{"example.com/shop", dir})
	// An unknown package: Broken, not an error.
	if g := load(t, Options{Dir: dir, Package: "./nothere"}); !g.Broken() {
		t.Error("./nothere is not broken")
	}
}

const tagged = `
-- go.mod --
module example.com/tagged

go 1.25
-- main.go --
package main

func main() {}
-- a.go --
//go:build a

package main

import _ "example.com/tagged/pa"
-- b.go --
//go:build b

package main

import _ "example.com/tagged/pb"
-- race.go --
//go:build race

package main
-- cgo.go --
package main

import "C"
-- cgotag.go --
//go:build cgo

package main
-- pa/p.go --
package pa
-- pb/p.go --
package pb
`

// B8: tags, from flags, from GOFLAGS, and the system of the build decide.
func TestTags(t *testing.T) {
	dir := project(t, tagged)
	weird := `-ldflags=-s -X "main.v=it's $(x) *" -X 'main.w=a b'`
	for _, c := range []struct {
		name  string
		o     Options
		table []verdict
	}{
		{"none", Options{}, []verdict{{"a.go", "-", "needs build tag a"}, {"pa/p.go", "-", "not imported"}}},
		{"Tags", Options{Tags: []string{"a"}}, []verdict{{"a.go", "+", ""}, {"pa/p.go", "+", ""}, {"b.go", "-", ""}}},
		{"-tags", Options{Flags: []string{"-tags", "a,b"}}, []verdict{{"a.go", "+", ""}, {"pb/p.go", "+", ""}}},
		{"--tags=", Options{Flags: []string{"--tags=a b", "-o", "x", "-v", "-json", weird, "-p=3", "-unknown", "-ldflags", "-w"}},
			[]verdict{{"a.go", "+", ""}, {"pb/p.go", "+", ""}}},
		{"both", Options{Tags: []string{"a"}, Flags: []string{"-tags=b"}}, []verdict{{"a.go", "+", ""}, {"b.go", "+", ""}}},
		{"GOFLAGS", Options{Env: testEnv(`GOFLAGS='-tags=a,b' -buildvcs=false "-ldflags=-X main.v=1"`)}, []verdict{{"a.go", "+", ""}, {"pb/p.go", "+", ""}}},
		{"flag over GOFLAGS", Options{Tags: []string{"a"}, Env: testEnv("GOFLAGS=-tags=b")}, []verdict{{"a.go", "+", ""}, {"b.go", "-", "needs build tag b"}}},
		{"race", Options{Flags: []string{"-race"}}, []verdict{{"race.go", "+", ""}}},
		{"no race", Options{}, []verdict{{"race.go", "-", "needs build tag race"}}},
		{"GOOS", Options{Env: testEnv("GOOS=windows", "GOARCH=arm64")}, []verdict{
			{"new_windows.go", "+", ""}, {"new_windows_arm64.go", "+", ""}, {"new_linux.go", "-", "built only for linux"},
			{"new_windows_amd64.go", "-", "built only for windows/amd64"}, {"new_unix.go", "+", ""}}},
		{"no cgo", Options{Env: testEnv("CGO_ENABLED=0")}, []verdict{{"cgo.go", "-", "needs cgo"}, {"cgotag.go", "-", "needs cgo"}}},
		{"cgo", Options{Env: testEnv("CGO_ENABLED=1")}, []verdict{{"cgo.go", "+", ""}, {"cgotag.go", "+", ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = dir
			g := load(t, c.o)
			if g.Broken() {
				t.Errorf("broken: %v", g.problems)
			}
			checkVerdicts(t, g, dir, c.table)
		})
	}
}

func TestProfile(t *testing.T) {
	dir := project(t, tagged)
	write(t, dir, "-- default.pgo --\n-- my.pgo --\n")
	for _, c := range []struct {
		o            Options
		auto, chosen string
	}{
		{Options{}, "+", "-"},
		{Options{Flags: []string{"-pgo=auto"}}, "+", "-"},
		{Options{Flags: []string{"-pgo=off"}}, "-", "-"},
		{Options{Flags: []string{"-pgo", "my.pgo"}}, "-", "+"},
		{Options{Env: testEnv("GOFLAGS=-pgo=off")}, "-", "-"},
		{Options{Env: testEnv("GOFLAGS=-pgo=off"), Flags: []string{"-pgo=auto"}}, "+", "-"},
	} {
		c.o.Dir = dir
		g := load(t, c.o)
		checkVerdicts(t, g, dir, []verdict{{"default.pgo", c.auto, ""}, {"my.pgo", c.chosen, ""}, {"off", "-", ""}})
	}
}

func TestModfileAndOverlay(t *testing.T) {
	dir := project(t, tagged)
	write(t, dir, "-- dev.mod --\nmodule example.com/tagged\n\ngo 1.25\n-- gen/main.txt --\npackage main\n\nimport _ \"example.com/tagged/pa\"\n\nfunc main() {}\n")
	write(t, dir, fmt.Sprintf("-- overlay.json --\n{\"Replace\": {%q: %q}}\n", filepath.Join(dir, "main.go"), filepath.Join(dir, "gen", "main.txt")))
	g := load(t, Options{Dir: dir, Flags: []string{"-modfile=dev.mod", "-overlay", "overlay.json"}})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	checkVerdicts(t, g, dir, []verdict{
		{"dev.mod", "+", "-modfile"}, {"dev.sum", "+", "-modfile"}, {"overlay.json", "+", "overlay"}, {"gen/main.txt", "+", "overlay of"},
		{"pa/p.go", "+", "Go file"},
	})
}

// Trap j: vendored packages are inputs when -mod=vendor is in effect, by the flag, by GOFLAGS or by default. They are not the
// user's own sources; what is below another directory called vendor is.
func TestVendor(t *testing.T) {
	dir := filepath.Join(project(t, ""), "vendor", "v")
	write(t, dir, `
-- go.mod --
module example.com/v

go 1.25

require example.com/dep v1.0.0
-- main.go --
package main

import "example.com/dep"

func main() { dep.F() }
-- vendor/modules.txt --
# example.com/dep v1.0.0
## explicit; go 1.25
example.com/dep
-- vendor/example.com/dep/dep.go --
package dep

func F() {}
-- vendor/example.com/dep/LICENSE --
`)
	for _, o := range []Options{{}, {Flags: []string{"-mod=vendor"}}, {Env: testEnv("GOFLAGS=-mod=vendor")}} {
		o.Dir = dir
		g := load(t, o)
		if g.Broken() {
			t.Fatal(g.problems)
		}
		checkVerdicts(t, g, dir, []verdict{
			{"vendor/example.com/dep/dep.go", "+", "Go file of package example.com/dep"},
			{"vendor/example.com/dep/new.go", "+", "Go file of package example.com/dep"},
			{"vendor/example.com/dep/LICENSE", "-", "not part of the build"},
			{"vendor/example.com/none/x.go", "-", "package example.com/none is not imported"},
			{"vendor/modules.txt", "+", "vendored"},
		})
		same(t, "dirs", rel(t, dir, g.Dirs()), []string{".", "vendor", "vendor/example.com/dep"})
		same(t, "sources", rel(t, dir, g.Sources()), []string{"main.go"})
		same(t, "trees", g.Trees(), []string(nil))
	}
	// Without vendoring the module is not to be had here.
	g := load(t, Options{Dir: dir, Flags: []string{"-mod=mod"}})
	if !g.Broken() {
		t.Error("-mod=mod with an unreachable module is not broken")
	}
	// And with nothing imported, vendor means nothing.
	write(t, dir, "-- main.go --\npackage main\n\nfunc main() {}\n")
	g = load(t, Options{Dir: dir, Env: testEnv("GOFLAGS=-mod=mod")})
	checkVerdicts(t, g, dir, []verdict{
		{"vendor/example.com/dep/dep.go", "-", "the vendor directory is not used"}, {"vendor/modules.txt", "-", "not part of the build"}})
}

// Trap i: a nested module is not in the build.
func TestNestedModule(t *testing.T) {
	dir := project(t, shop)
	write(t, dir, "-- tools/go.mod --\nmodule example.com/tools\n\ngo 1.25\n-- tools/gen/main.go --\npackage main\n\nfunc main() {}\n")
	g := load(t, Options{Dir: dir, Package: "./cmd/api"})
	checkVerdicts(t, g, dir, []verdict{
		{"tools/gen/main.go", "-", "in module example.com/tools, which is not part of the build"},
		{"tools/go.mod", "-", "not part of the build"},
		{"tools/go.sum", "-", "not part of the build"},
		{"store/go.mod", "+", "makes example.com/shop/store part of another module"}, // not there yet
		{"cmd/go.mod", "+", "makes example.com/shop/cmd/api part of another module"},
		{"queue/go.mod", "-", ""},
	})
}

// W10: a project under a linked name, a linked package directory, a linked source file.
func TestLinks(t *testing.T) {
	base := project(t, strings.ReplaceAll(shop, "\n-- ", "\n-- real/"))
	write(t, base, `
-- link --
-> real
-- outside/pkg/pkg.go --
package pkg
-- outside/one.go --
package web
-- real/pkg --
-> ../outside/pkg
-- real/web/one.go --
-> ../../outside/one.go
-- real/web/linked.go --
package web

import _ "example.com/shop/pkg"
-- real/alias --
-> store
`)
	link, real := filepath.Join(base, "link"), filepath.Join(base, "real")
	g := load(t, Options{Dir: link, Package: "./cmd/api"})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	same(t, "inputs", rel(t, base, g.Inputs()), []string{
		"link/cmd/api/main.go", "link/go.mod", "link/go.sum", "link/pkg/pkg.go", "link/store/store.go",
		"link/web/linked.go", "link/web/one.go", "link/web/page.html", "link/web/web.go", "outside/one.go"})
	same(t, "dirs", rel(t, base, g.Dirs()), []string{"link", "link/cmd/api", "link/pkg", "link/store", "link/web", "outside"})
	for _, d := range []string{link, real} {
		checkVerdicts(t, g, d, []verdict{
			{"store/store.go", "+", "Go file of package example.com/shop/store"},
			{"store/brandnew.go", "+", "Go file of package example.com/shop/store"},
			{"pkg/pkg.go", "+", "Go file of package example.com/shop/pkg"},
			{"pkg/new.go", "+", "Go file of package example.com/shop/pkg"},
			{"alias/store.go", "+", "Go file of package example.com/shop/store"},
			{"alias/new.go", "+", "Go file of package example.com/shop/store"},
			{"web/page.html", "+", "embedded"},
			{"queue/queue.go", "-", "package example.com/shop/queue is not imported by cmd/api"},
			{"go.mod", "+", "module file"},
		})
	}
	// A graph is asked by several goroutines at once.
	fresh := load(t, Options{Dir: link, Package: "./cmd/api"})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				if v := fresh.Verdict(filepath.Join(real, "alias", fmt.Sprintf("new%d.go", i*j))); !v.Input {
					t.Errorf("%+v", v)
				}
			}
		})
	}
	wg.Wait()
	checkVerdicts(t, g, base, []verdict{
		{"outside/pkg/pkg.go", "+", "Go file of package example.com/shop/pkg"},
		{"outside/pkg/new.go", "+", "Go file of package example.com/shop/pkg"},
		{"outside/one.go", "+", "link"},
		{"outside/two.go", "-", ""},
	})
}

const cgoProject = `
-- go.mod --
module example.com/c

go 1.25
-- main.go --
package main

// #cgo CFLAGS: -I${SRCDIR}/include -DX=1
// #include "../h/x.h"
// #include <deep.h>
// #include <stdio.h>
import "C"

func main() { println(C.X) }
-- native.c --
#include "local.h"
int f(void) { return 1; }
-- local.h --
#include "sub/inner.h"
-- sub/inner.h --
#include "leaf/leaf.h"
-- sub/leaf/leaf.h --
-- include/deep.h --
-- lonely.h --
-- notes.md --
-- asm/add_amd64.s --
#include "consts.h"
-- asm/consts.h --
-- asm/asm.go --
package asm
-- asm.go --
package main

import _ "example.com/c/asm"
`

// L8: C and assembly sources, and headers beside and outside the package.
func TestCgoAndAssembly(t *testing.T) {
	base := filepath.Join(project(t, ""), "vendor")
	write(t, base, strings.ReplaceAll(cgoProject, "\n-- ", "\n-- c/"))
	dir := filepath.Join(base, "c")
	write(t, base, "-- h/x.h --\n#define X 1\n")
	write(t, base, "-- c/go.mod --\nmodule example.com/c\n\ngo 1.25\n\nreplace example.com/h => ../h\n-- h/go.mod --\nmodule example.com/h\n")
	g := load(t, Options{Dir: dir, Env: testEnv("CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64")})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	checkVerdicts(t, g, base, []verdict{
		{"c/native.c", "+", "C source of package example.com/c"},
		{"c/local.h", "+", "C header of package example.com/c"},
		{"c/lonely.h", "+", "C header of package example.com/c"}, // go build hashes every header beside the package
		{"c/new.h", "+", "C header of package example.com/c"},
		{"c/new.c", "+", "C source"},
		{"c/new.cpp", "+", "C++ source"},
		{"c/new.S", "+", "assembly source"}, // for the C compiler: the package has cgo
		{"c/new.s", "+", "assembly source"},
		{"c/new_windows.c", "-", "built only for windows"},
		{"c/sub/inner.h", "+", "C header of package example.com/c"},
		{"c/sub/leaf/leaf.h", "+", "C header of package example.com/c"},
		{"c/sub/new.h", "-", "not part of the build"},
		{"c/include/deep.h", "+", "C header"},
		{"c/include/new.h", "+", "C header in a directory that package example.com/c includes from"},
		{"h/x.h", "+", "C header of package example.com/c"},
		{"c/notes.md", "-", "not part of the build"},
		{"c/asm/add_amd64.s", "+", "assembly source of package example.com/c/asm"},
		{"c/asm/consts.h", "+", "C header of package example.com/c/asm"},
		{"c/asm/new_amd64.s", "+", "assembly source"},
		{"c/asm/new_arm64.s", "-", "built only for arm64"},
		{"c/asm/new.S", "-", "without cgo"},
	})
	same(t, "dirs", rel(t, base, g.Dirs()), []string{"c", "c/asm", "c/include", "c/sub", "c/sub/leaf", "h"})
}

// E11: the headers that go build does not look at, by package; also beside the module, but not of the system, of a vendored
// package, or of one that would embed the file that makes go build look.
func TestOutsideHeaders(t *testing.T) {
	base := filepath.Join(project(t, ""), "vendor")
	write(t, base, strings.ReplaceAll(cgoProject, "\n-- ", "\n-- c/"))
	dir := filepath.Join(base, "c")
	write(t, base, "-- h/x.h --\n#include \"y.h\"\n-- h/y.h --\n-- c/go.mod --\nmodule example.com/c\n\ngo 1.25\n\nrequire example.com/v v1.0.0\n"+
		"-- c/vendor/modules.txt --\n# example.com/v v1.0.0\n## explicit; go 1.25\nexample.com/v\n"+
		"-- c/vendor/example.com/v/v.go --\npackage v\n\n// #include \"sub/v.h\"\nimport \"C\"\n-- c/vendor/example.com/v/sub/v.h --\n"+
		"-- c/all/all.go --\npackage all\n\n// #include \"sub/a.h\"\nimport \"C\"\n\nimport \"embed\"\n\n//go:embed *\nvar FS embed.FS\n-- c/all/sub/a.h --\n"+
		"-- c/more.go --\npackage main\n\nimport (\n\t_ \"example.com/c/all\"\n\t_ \"example.com/v\"\n)\n")
	g := load(t, Options{Dir: dir, Env: testEnv("CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64")})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	list := g.OutsideHeaders("hotreload_headers.go")
	if len(list) != 1 || list[0].Dir != dir || list[0].Name != "main" {
		t.Fatalf("%+v", list)
	}
	same(t, "headers", rel(t, base, list[0].Files), []string{"c/include/deep.h", "c/sub/inner.h", "c/sub/leaf/leaf.h", "h/x.h", "h/y.h"})
}

// The processes of a canceled Load have ended when it returns.
func TestCancel(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	dir := project(t, shop)
	fifo := filepath.Join(dir, "started")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Skip("no mkfifo")
	}
	tool := filepath.Join(dir, "slow-go")
	script := "#!" + sh + "\ntrap '' TERM\ncase $1 in list) ;; *) echo '{}'; exit;; esac\nsleep 1000 & echo $! > " + fifo + "\nwait; sleep 1000\n"
	testkit.WriteProgram(t, tool, []byte(script))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := Load(ctx, Options{Dir: dir, Go: tool, Env: testEnv()})
		done <- err
	}()
	var pids []string
	for len(pids) < 2 { // two of the three commands are go list
		b, err := os.ReadFile(fifo) // blocks until one has started
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, strings.Fields(string(b))...)
	}
	cancel()
	select {
	case err := <-done:
		if err != context.Canceled {
			t.Errorf("Load: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Load does not return")
	}
	for _, pid := range pids {
		// A zombie has ended; whoever adopted it has yet to look.
		if out, _ := exec.Command("ps", "-o", "stat=", "-p", pid).Output(); len(out) > 0 && out[0] != 'Z' {
			t.Errorf("process %s is alive: %s", pid, out)
		}
	}
}

// A large program's graph is small once loaded.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 2,000 packages")
	}
	const n = 2000
	var b strings.Builder
	b.WriteString("-- go.mod --\nmodule example.com/big\n\ngo 1.25\n")
	for i := range n {
		fmt.Fprintf(&b, "-- p%d/a.go --\npackage p\n", i)
		for j := 2*i + 1; j <= 2*i+2 && j < n; j++ {
			fmt.Fprintf(&b, "import _ \"example.com/big/p%d\"\n", j)
		}
	}
	b.WriteString("-- main.go --\npackage main\n\nimport (\n\t_ \"net/http\"\n\n\t_ \"example.com/big/p0\"\n)\n\nfunc main() {}\n")
	dir := project(t, b.String())
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	start := time.Now()
	g := load(t, Options{Dir: dir})
	took := time.Since(start)
	size := heap() - before
	t.Logf("%d local packages: loaded in %v, %d KiB kept", len(g.packages), took.Round(time.Millisecond), size>>10)
	if g.Broken() || len(g.packages) != n+1 || len(g.Inputs()) != n+2 {
		t.Fatalf("%d packages, %d inputs, %v", len(g.packages), len(g.Inputs()), g.problems)
	}
	if size > 8<<20 {
		t.Errorf("the graph keeps %d KiB", size>>10)
	}
	v := g.Verdict(filepath.Join(dir, "p1500", "a.go"))
	if want := 12; !v.Input || len(v.Chain) != want {
		t.Errorf("chain of %d, want %d: %v", len(v.Chain), want, v.Chain)
	}
	runtime.KeepAlive(g)
}

func BenchmarkVerdict(b *testing.B) {
	dir := project(b, shop)
	g := load(b, Options{Dir: dir, Package: "./cmd/api"})
	file := filepath.Join(dir, "web", "web.go")
	for b.Loop() {
		g.Verdict(file)
	}
}

// The chain is a shortest one, in whatever order the imports are looked at.
func TestShortestChain(t *testing.T) {
	var tree strings.Builder
	pkg := func(name string, imports ...string) {
		fmt.Fprintf(&tree, "-- %s/x.go --\npackage %s\n\n", name, name)
		for _, i := range imports {
			fmt.Fprintf(&tree, "import _ \"example.com/d/%s\"\n", i)
		}
	}
	tree.WriteString("-- go.mod --\nmodule example.com/d\n\ngo 1.25\n-- main.go --\npackage main\n\nimport (\n\t_ \"example.com/d/a\"\n\t_ \"example.com/d/z\"\n)\n\nfunc main() {}\n")
	pkg("a", "b", "late") // a -> b -> c -> early is long, z -> early is short; and the other way round for late
	pkg("b", "c")
	pkg("c", "early")
	pkg("z", "early", "y")
	pkg("y", "x")
	pkg("x", "late")
	pkg("early")
	pkg("late")
	dir := project(t, tree.String())
	g := load(t, Options{Dir: dir})
	for end, by := range map[string]string{"early": "z", "late": "a"} {
		same(t, "chain", g.Verdict(filepath.Join(dir, end, "x.go")).Chain, []string{"example.com/d", "example.com/d/" + by, "example.com/d/" + end})
	}
}

// Trap l: settings made by `go env -w` hold for the graph as they do for the build, and their file counts.
func TestGOENV(t *testing.T) {
	dir := project(t, tagged)
	write(t, dir, "-- settings/env --\nGOFLAGS=-tags=a\n")
	file := filepath.Join(dir, "settings", "env")
	g := load(t, Options{Dir: dir, Env: testEnv("GOENV=" + file)})
	checkVerdicts(t, g, dir, []verdict{{"a.go", "+", ""}, {"b.go", "-", ""}, {"settings/env", "+", "go env -w"}})
	if !slices.Contains(g.Dirs(), filepath.Dir(file)) {
		t.Errorf("the directory of GOENV is not among %v", g.Dirs())
	}
}
