package direct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// defaults are the flags that hotreload builds with, but for -w: positions and names in DWARF are the most sensitive
// witness of how a package was compiled.
var defaults = []string{"-buildvcs=false", "-pgo=off", "-ldflags=-compressdwarf=false -buildid=hotreload/app"}

// world is a module, an engine for it, and the go command.
type world struct {
	t     testing.TB
	dir   string // where go build runs
	pkg   string
	flags []string
	env   []string
	gocmd string
	out   string
	e     *Engine
	ctx   context.Context
	runs  int
}

func newWorld(t testing.TB, dir, pkg string, flags []string, env ...string) *world {
	t.Helper()
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	limit := 10 * time.Minute
	if *editCount > 0 {
		limit = 2 * time.Hour // a round of the long run, on a machine that has other work, or is stopped for some
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	w := &world{t: t, dir: dir, pkg: pkg, flags: flags, gocmd: gocmd, out: t.TempDir(), ctx: ctx}
	w.env = append(os.Environ(), "GOFLAGS=", "GOWORK=", "GOENV=off", "GOPROXY=off", "GOTOOLCHAIN=local", "PWD="+dir)
	w.env = append(w.env, env...)
	w.engine()
	return w
}

// engine makes a new one, as the next session would.
func (w *world) engine() {
	w.t.Helper()
	e, err := New(Options{Dir: w.dir, Package: w.pkg, Flags: w.flags, Env: w.env, Go: w.gocmd, Cache: filepath.Join(w.out, "cache")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.e = e
}

// script makes a script the go command, in a place that looks like a toolchain's own.
func (w *world) script(text string) {
	w.t.Helper()
	home := w.t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "pkg", "tool"), 0o777); err != nil {
		w.t.Fatal(err)
	}
	w.gocmd = filepath.Join(home, "bin", "go")
	executable(w.t, w.gocmd, "#!/bin/sh\n"+text)
	w.engine()
}

func executable(t testing.TB, path, text string) {
	t.Helper()
	writeFile(t, path, text)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// write writes files below the module's directory; an empty text removes the file.
func (w *world) write(files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		writeFile(w.t, filepath.Join(w.dir, name), text)
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if text == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	testkit.Write(t, path, text)
}

// module makes a directory of files.
func module(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
	}
	return dir
}

// golang builds with go build; the error is what it says.
func (w *world) golang() ([]byte, error) {
	w.t.Helper()
	w.runs++
	out := filepath.Join(w.out, fmt.Sprintf("go-%d", w.runs))
	defer os.Remove(out)
	cmd := exec.CommandContext(w.ctx, w.gocmd, slices.Concat([]string{"build"}, w.flags, []string{"-o", out, w.pkg})...)
	cmd.Dir, cmd.Env = w.dir, w.env
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		w.t.Fatal(err)
	}
	return data, nil
}

// direct builds with the engine.
func (w *world) direct() ([]byte, Built, error) {
	w.t.Helper()
	w.runs++
	out := filepath.Join(w.out, fmt.Sprintf("direct-%d", w.runs))
	defer os.Remove(out)
	b, err := w.e.Build(w.ctx, out)
	if err != nil {
		if _, err := os.Stat(out); err == nil {
			w.t.Error("a build that failed has left a program")
		}
		return nil, b, err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		w.t.Fatal(err)
	}
	return data, b, nil
}

// refresh makes a recipe, which the file system's clock may refuse at first.
func (w *world) refresh() {
	w.t.Helper()
	if err := w.settled(func() error { return w.e.Refresh(w.ctx) }); err != nil {
		w.t.Fatalf("no recipe: %v", err)
	}
}

// settled repeats what refuses sources that are too new to be sure of.
func (w *world) settled(f func() error) error {
	for {
		err := f()
		if !errors.Is(err, ErrUnsettled) || w.ctx.Err() != nil {
			return err
		}
	}
}

// same builds with both, and wants the same bytes from a direct build.
func (w *world) same() Built {
	w.t.Helper()
	got, b, err := w.direct()
	if err != nil {
		w.t.Fatalf("left to go build: %v", err)
	}
	want, err := w.golang()
	if err != nil {
		w.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		w.t.Fatalf("the program is not that of go build (%d and %d bytes)", len(got), len(want))
	}
	return b
}

// left wants the engine to leave the build to the go command, for a reason that holds a word.
func (w *world) left(word string) {
	w.t.Helper()
	_, _, err := w.direct()
	if !errors.Is(err, ErrFallback) {
		w.t.Fatalf("got %v, want a build left to go build", err)
	}
	if !strings.Contains(err.Error(), word) {
		w.t.Fatalf("the reason is %q, want it to say %q", err, word)
	}
}

// program is a small module with what the packages of programs have: a leaf that all import, generics, embedded files,
// inlinable functions, constraints, tests.
var program = map[string]string{
	"go.mod": "module example.com/app\n\ngo 1.24\n",
	"main.go": `package main

import (
	"fmt"
	"os"

	"example.com/app/gen"
	"example.com/app/leaf"
	"example.com/app/mid"
	"example.com/app/web"
)

const greeting = "hello"

func main() {
	fmt.Println(greeting, mid.Answer(), leaf.Small(3), gen.Max(2, 3), len(web.Pages()))
	for _, v := range gen.Map([]int{1, 2, 3}, func(i int) string { return fmt.Sprint(i + 1) }) {
		fmt.Println(v)
	}
	os.Exit(leaf.Zero)
}
`,
	"leaf/leaf.go": `// Package leaf is imported by all.
package leaf

import "errors"

// ErrNone is an error.
var ErrNone = errors.New("none")

// Zero is zero.
const Zero = 0

// T is a type.
type T struct {
	Name string
	n    int
}

// Len is small enough to be inlined.
func (t T) Len() int { return len(t.Name) + t.n }

// Small is inlined, too.
func Small(n int) int { return n + 1 }

// Big is not.
func Big(n int) (string, error) {
	s := ""
	for i := 0; i < n; i++ {
		s += "big body"
		if len(s) > 1000 {
			return s, ErrNone
		}
	}
	defer func() { s += "deferred" }()
	return s + "done", nil
}
`,
	"leaf/other.go": `package leaf

// Table is a table.
var Table = map[string]int{"one": 1, "two": 2}

func helper(a, b int) int {
	for a > b {
		a -= b * 2
	}
	return a
}

// Help calls what is not exported.
func Help() int { return helper(100, 7) }
`,
	"leaf/leaf_test.go": "package leaf\n\nimport \"testing\"\n\nfunc TestSmall(t *testing.T) { Small(1) }\n",
	"leaf/never.go":     "//go:build never\n\npackage leaf\n\nconst Never = true\n",
	"mid/mid.go": `package mid

import (
	"strings"

	"example.com/app/gen"
	"example.com/app/leaf"
)

// Answer answers.
func Answer() string {
	s, err := leaf.Big(3)
	if err != nil {
		return err.Error()
	}
	t := leaf.T{Name: s}
	return strings.Repeat(s, 2) + string(rune('a'+gen.Max(t.Len(), leaf.Help())%26))
}
`,
	"gen/gen.go": `package gen

import "cmp"

// Max is generic.
func Max[T cmp.Ordered](a, b T) T {
	if a > b {
		return a
	}
	return b
}

// Map is generic in two types.
func Map[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}

// Pair is a generic type.
type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

// Swap gives it another way round.
func (p Pair[K, V]) Swap() (V, K) { return p.Value, p.Key }
`,
	"web/web.go": `package web

import (
	"embed"

	"example.com/app/leaf"
)

//go:embed pages/*.html static
var files embed.FS

//go:embed motto.txt
var motto string

// Pages is all of it.
func Pages() string {
	text, err := files.ReadFile("pages/index.html")
	if err != nil {
		return leaf.ErrNone.Error()
	}
	return string(text) + motto
}
`,
	"web/pages/index.html":    "<h1>index</h1>\n",
	"web/static/css/site.css": "body { color: black }\n",
	"web/motto.txt":           "a motto\n",
}
