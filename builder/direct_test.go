//go:build unix

package builder

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

var read = testkit.Read

// several is a program of a few packages.
var several = map[string]string{
	"main.go":     "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/app/leaf\"\n\t\"example.com/app/mid\"\n)\n\nfunc main() { fmt.Println(leaf.Name(), mid.Twice(2)) }\n",
	"leaf/l.go":   "package leaf\n\n// Name is called by all.\nfunc Name() string {\n\tdefer func() {}()\n\treturn \"one\"\n}\n\n// Add is inlined.\nfunc Add(a, b int) int { return a + b }\n",
	"mid/m.go":    "package mid\n\nimport \"example.com/app/leaf\"\n\n// Twice doubles.\nfunc Twice(n int) int { return leaf.Add(n, n) }\n",
	"mid/m2.go":   "package mid\n\nvar unused = 1\n",
	"leaf/doc.go": "// Package leaf is a leaf.\npackage leaf\n",
}

func edit(t *testing.T, dir, name, old, text string) {
	t.Helper()
	src := read(t, filepath.Join(dir, name))
	if !strings.Contains(src, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	write(t, dir, name, strings.Replace(src, old, text, 1))
}

// idle waits for a recipe.
func idle(t *testing.T, b *Builder) {
	t.Helper()
	was := leanDelay
	defer func() { leanDelay = was }()
	leanDelay = 0
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for !b.EngineStatus().Ready && ctx.Err() == nil {
		b.Idle(ctx)
	}
	if s := b.EngineStatus(); !s.Ready {
		t.Fatalf("no recipe: %s", s.Reason)
	}
}

// TestDirect holds D1 and D6 behind the builder: the same programs and the same results as with the go engine, whichever
// engine has made them.
func TestDirect(t *testing.T) {
	testkit.Slow(t)
	dir := project(t, several)
	b := newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Engine: EngineDirect}})
	g := newBuilder(t, Options{Dir: dir})
	gen := 0
	both := func(engine string) Result {
		t.Helper()
		gen++
		want := build(t, g, gen)
		r := build(t, b, gen)
		if r.Engine != engine {
			t.Fatalf("built by %s (%s), want %s", r.Engine, r.Fallback, engine)
		}
		if (r.Fallback == "") != (engine == EngineDirect) {
			t.Errorf("engine %s, fallback %q", r.Engine, r.Fallback)
		}
		if r.OK != want.OK || r.Sum != want.Sum || r.Summary != want.Summary || r.Hint != want.Hint || r.Output != want.Output ||
			!reflect.DeepEqual(r.Diagnostics, want.Diagnostics) {
			t.Errorf("not the result of the go engine:\n%+v\n%+v", r, want)
		}
		return r
	}
	both(EngineGo) // there is no recipe yet
	idle(t, b)
	edit(t, dir, "leaf/l.go", `"one"`, `"two"`)
	if r := both(EngineDirect); says(t, r.Binary) != "two 4" {
		t.Errorf("the program says %q", says(t, r.Binary))
	}
	edit(t, dir, "leaf/l.go", "return a + b", "return a + b + 1")
	both(EngineDirect)

	edit(t, dir, "mid/m.go", "leaf.Add(n, n)", "leaf.Add(n, undefined)")
	edit(t, dir, "leaf/l.go", "return a + b + 1", "return a + b + 2")
	if r := both(EngineGo); len(r.Diagnostics) != 1 || !strings.Contains(r.Fallback, "does not compile") {
		t.Errorf("%+v", r)
	}
	edit(t, dir, "mid/m.go", "leaf.Add(n, undefined)", "leaf.Add(n, n)")
	both(EngineDirect)

	edit(t, dir, "mid/m.go", "func Twice", "func Twice(")
	if r := both(EngineGo); !strings.Contains(r.Fallback, "does not parse") && !strings.Contains(r.Fallback, "does not compile") {
		t.Errorf("the reason is %q", r.Fallback)
	}
	edit(t, dir, "mid/m.go", "func Twice(", "func Twice")
	both(EngineDirect)

	edit(t, dir, "mid/m2.go", "package mid\n", "package mid\n\nimport _ \"unicode/utf16\"\n")
	if r := both(EngineGo); !strings.Contains(r.Fallback, "imports") {
		t.Errorf("the reason is %q", r.Fallback)
	}
	both(EngineGo)
	idle(t, b)
	both(EngineDirect)
}

// TestDirectIdle holds that idle time checks what was built, ends when a build begins, and that a builder whose engine is
// off builds on.
func TestDirectIdle(t *testing.T) {
	testkit.Slow(t)
	dir := project(t, several)
	b := newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Engine: EngineDirect}})
	mustBuild(t, b, 1)
	idle(t, b)
	free, known := freeSpace(b.o.Cache)
	lean, err := filepath.Glob(filepath.Join(b.o.Cache, "direct", "*", "lean-*", "*"))
	if want := !known || free >= spareSpace; err != nil || (len(lean) > 0) != want {
		t.Errorf("%d archives without debug information, with %d bytes free; %v", len(lean), free, err)
	}
	edit(t, dir, "leaf/l.go", `"one"`, `"two"`)
	mustBuild(t, b, 2)

	was := checkDelay
	defer func() { checkDelay = was }()
	checkDelay = time.Hour
	over := make(chan error)
	go func() { over <- b.Idle(t.Context()) }()
	edit(t, dir, "leaf/l.go", `"two"`, `"three"`)
	for done := false; !done; {
		mustBuild(t, b, 3) // the first one may come before Idle has begun
		select {
		case err := <-over:
			if err != nil {
				t.Errorf("interrupted: %v", err)
			}
			done = true
		default:
		}
	}
	checkDelay = 0
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for {
		if err := b.Idle(ctx); err != nil || ctx.Err() != nil {
			t.Fatal(err, ctx.Err())
		}
		if !b.EngineStatus().Checked.IsZero() {
			break
		}
		mustBuild(t, b, 4)
	}
	if s := b.EngineStatus(); s.Local != 3 {
		t.Errorf("%+v", s)
	}

	// A package that came out differently: the engine's archive of leaf is changed behind its back.
	edit(t, dir, "leaf/l.go", `"three"`, `"four"`)
	if r := mustBuild(t, b, 5); r.Engine != EngineDirect {
		t.Fatalf("built by %s (%s)", r.Engine, r.Fallback)
	}
	archives, err := filepath.Glob(filepath.Join(b.o.Cache, "direct", "*", "engine-*", "archives", "*.a"))
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, a := range archives {
		text := read(t, a)
		i := strings.LastIndex(text, "four")
		if i < 0 {
			continue
		}
		if err := os.WriteFile(a, []byte(text[:i]+"FOUR"+text[i+4:]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err = nil
	for err == nil && ctx.Err() == nil {
		err = b.Idle(ctx)
	}
	if err == nil || !strings.Contains(err.Error(), "example.com/app/leaf") {
		t.Error(err)
	}
	if r := mustBuild(t, b, 6); r.Engine != EngineGo || !strings.Contains(r.Fallback, "turned off") {
		t.Errorf("built by %s (%s)", r.Engine, r.Fallback)
	}
	if s := b.EngineStatus(); s.Off == "" {
		t.Errorf("%+v", s)
	}
}
