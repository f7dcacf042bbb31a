package direct

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// TestD1Cutoff holds that an edit inside of a function compiles one package, one that shifts lines those that see it, and
// that all come out as go build has them.
func TestD1Cutoff(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	for i, step := range []struct {
		name, file, old, new string
		compiled             []string // after example.com/app/
	}{
		{"nothing", "", "", "", nil},
		{"a string in a body", "leaf/leaf.go", `"big body"`, `"a longer body"`, []string{"leaf"}},
		{"an initialiser", "leaf/other.go", `"one": 1`, `"one": 11`, []string{"leaf"}},
		{"main", "main.go", `"hello"`, `"good day"`, []string{""}},
		{"an inlined body", "leaf/leaf.go", "return n + 1", "return n + 2", []string{"leaf", "mid", "web", ""}},
		{"a shift of lines", "leaf/leaf.go", "// Zero is zero.", "// Zero\n// is zero.", []string{"leaf", "mid", "web", ""}},
		{"a generic body", "gen/gen.go", "if a > b {", "if b < a {", []string{"gen", "mid", ""}},
		{"an embedded file", "web/pages/index.html", "index", "another index", []string{"web"}},
		{"an embedded string", "web/motto.txt", "a motto", "the motto", []string{"web"}},
		{"a test", "leaf/leaf_test.go", "Small(1)", "Small(2)", nil},
		{"a file left out", "leaf/never.go", "true", "false", nil},
	} {
		if testing.Short() && i%2 != 0 {
			continue // each is a go build beside the direct one
		}
		if step.file != "" {
			w.replace(step.file, step.old, step.new)
		}
		b := w.same()
		var want []string
		for _, p := range step.compiled {
			want = append(want, strings.TrimSuffix("example.com/app/"+p, "/"))
		}
		got := slices.Clone(b.Compiled)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: compiled %v, want %v", step.name, got, want)
		}
	}
	if err := w.settled(func() error { return w.e.Check(w.ctx) }); err != nil {
		t.Errorf("D4: %v", err)
	}
	if b := w.same(); len(b.Compiled) > 0 {
		t.Errorf("after the check %v were compiled", b.Compiled)
	}
}

func (w *world) replace(file, old, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, file)
	src, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(string(src), old) {
		w.t.Fatalf("%s has no %q", file, old)
	}
	writeFile(w.t, path, strings.Replace(string(src), old, text, 1))
}

// TestD1Flags holds the same for the flags that change how a program is compiled and linked.
func TestD1Flags(t *testing.T) {
	testkit.Slow(t)
	for i, flags := range [][]string{
		{"-ldflags=-w -buildid=hotreload/app"},
		{"-ldflags=-s -w -X main.greeting=no -X 'example.com/app/leaf.Name=two words' -buildid=hotreload/app"},
		{"-ldflags=-buildid=hotreload/app", "-trimpath"},
		{"-ldflags=-buildid=hotreload/app", "-gcflags=all=-N -l"},
		{"-ldflags=-buildid=hotreload/app", "-gcflags=-N"},
		{"-ldflags=-buildid=hotreload/app", "-tags=never"},
		{"-ldflags=-buildid=hotreload/app", "-buildmode=pie"},
		{"-ldflags=-buildid=hotreload/app", "-race"},
		{"-ldflags=-w -buildid=hotreload/app", "-gcflags=all=-N -l"},
		{"-ldflags=-w -buildid=hotreload/app", "-trimpath", "-buildmode=pie"},
		{"-ldflags=-w -buildid=hotreload/app", "-race"},
		{"-ldflags=-w -linkmode=external -buildid=hotreload/app"},
		{"-ldflags=-w -buildid="},
	} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			if testing.Short() && i > 0 {
				t.Skip("long: compiles the standard library with these flags")
			}
			w := newWorld(t, module(t, program), ".", append([]string{"-buildvcs=false", "-pgo=off"}, flags...))
			if _, err := w.golang(); err != nil {
				if slices.Contains(flags, "-race") {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			w.refresh()
			w.lean()
			w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
			w.same()
			w.replace("leaf/leaf.go", "// Zero is zero.", "// Zero\n// is zero.")
			w.same()
			if err := w.settled(func() error { return w.e.Check(w.ctx) }); err != nil {
				t.Errorf("D4: %v", err)
			}
		})
	}
}

// TestD2 holds that the engine leaves to go build what a recipe cannot foresee.
func TestD2(t *testing.T) {
	for i, c := range []struct {
		name, reason string
		edit         func(w *world)
		broken       bool // go build fails
	}{
		{"package clause", "imports or directives", func(w *world) { w.replace("leaf/never.go", "package leaf", "package other") }, false},
		{"import added", "imports or directives", func(w *world) {
			w.replace("leaf/other.go", "package leaf\n", "package leaf\n\nimport _ \"unicode/utf16\"\n")
		}, false},
		{"import renamed", "imports or directives", func(w *world) { w.replace("mid/mid.go", `"strings"`, `strings "strings"`) }, false},
		{"constraint added", "imports or directives", func(w *world) { w.replace("leaf/other.go", "package leaf", "//go:build !never\n\npackage leaf") }, false},
		{"constraint taken away", "imports or directives", func(w *world) { w.replace("leaf/never.go", "//go:build never\n", "\n") }, false},
		{"constraint commented out", "imports or directives", func(w *world) { w.replace("leaf/never.go", "//go:build never", "/*\n//go:build never\n*/") }, false},
		{"debug setting", "imports or directives", func(w *world) { w.replace("main.go", "package main", "//go:debug panicnil=1\npackage main") }, false},
		{"directive", "imports or directives", func(w *world) { w.replace("leaf/leaf.go", "// Small is inlined, too.", "//go:noinline") }, false},
		{"embed pattern", "imports or directives", func(w *world) { w.replace("web/web.go", "pages/*.html static", "pages/*.html") }, false},
		{"embed in a comment", "imports or directives", func(w *world) { w.replace("web/web.go", "//go:embed motto.txt", "/*\n//go:embed motto.txt\n*/") }, false},
		{"import of a test", "imports or directives", func(w *world) { w.replace("leaf/leaf_test.go", `"testing"`, "\"testing\"\n\nimport _ \"fmt\"") }, false},
		{"file added", "added", func(w *world) { w.write(map[string]string{"leaf/new.go": "package leaf\n"}) }, false},
		{"file removed", "removed", func(w *world) { w.write(map[string]string{"leaf/never.go": ""}) }, false},
		{"source removed", "removed", func(w *world) { w.write(map[string]string{"leaf/other.go": ""}) }, true},
		{"embedded file added", "added", func(w *world) { w.write(map[string]string{"web/pages/two.html": "two"}) }, false},
		{"embedded file added below", "added", func(w *world) { w.write(map[string]string{"web/static/css/two.css": "two"}) }, false},
		{"embedded directory added", "added", func(w *world) { w.write(map[string]string{"web/static/img/a.png": "png"}) }, false},
		{"embedded file removed", "removed", func(w *world) {
			w.write(map[string]string{"web/pages/two.html": "two"})
			w.refreshed()
			w.write(map[string]string{"web/pages/two.html": ""})
		}, false},
		{"assembly added", "added", func(w *world) { w.write(map[string]string{"leaf/a.s": "// nothing\n"}) }, false},
		{"go.mod", "go.mod", func(w *world) { w.replace("go.mod", "go 1.24", "go 1.23") }, false},
		{"go.sum", "go.sum", func(w *world) { w.write(map[string]string{"go.sum": "\n"}) }, false},
		{"go.work", "go.work", func(w *world) { w.write(map[string]string{"go.work": "go 1.24\n\nuse .\n"}) }, false},
		{"go.mod between", "go.mod", func(w *world) { w.write(map[string]string{"leaf/go.mod": "module other\n"}) }, true},
		{"vendor", "vendor", func(w *world) { w.write(map[string]string{"vendor/modules.txt": "# none\n"}) }, false},
		{"does not parse", "does not parse", func(w *world) { w.replace("main.go", `"fmt"`, `"fmt`) }, true},
		{"does not compile", "does not compile", func(w *world) { w.replace("main.go", "greeting,", "undefined,") }, true},
		{"does not link", "failed", func(w *world) {
			w.replace("leaf/other.go", "var Table", "func missing()\n\nfunc init() { missing() }\n\nvar Table")
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if i%3 != 0 {
				testkit.Slow(t)
			}
			t.Parallel()
			w := newWorld(t, module(t, program), ".", defaults)
			w.refresh()
			c.edit(w)
			if c.name == "does not link" {
				c.reason = "compile" // with -complete the compiler sees it first
			}
			w.left(c.reason)
			if testing.Short() {
				return
			}
			if _, err := w.golang(); (err != nil) != c.broken {
				t.Errorf("go build: %v", err)
			}
			if c.broken {
				return
			}
			w.refresh()
		})
	}
}

// refreshed makes another recipe, as after a build by the go command.
func (w *world) refreshed() {
	w.e.Invalid("test")
	w.refresh()
}

// TestD2Refused holds that no recipe is made for builds that are more than compile and link, or that may say something.
func TestD2Refused(t *testing.T) {
	dir := module(t, program)
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	writeFile(t, overlay, `{"Replace": {}}`)
	for _, c := range []struct {
		flags []string
		env   string
	}{
		{[]string{"-pgo=off", "-ldflags=-buildid=hotreload/app"}, ""},
		{[]string{"-buildvcs=false", "-ldflags=-buildid=hotreload/app"}, ""},
		{[]string{"-buildvcs=false", "-pgo=off"}, ""},
		{append(slices.Clone(defaults), "-cover"), ""},
		{append(slices.Clone(defaults), "-overlay="+overlay), ""},
		{append(slices.Clone(defaults), "-toolexec=env"), ""},
		{append(slices.Clone(defaults), "-a"), ""},
		{append(slices.Clone(defaults), "-x"), ""},
		{append(slices.Clone(defaults), "-asan"), ""},
		{append(slices.Clone(defaults), "-buildmode=plugin"), ""},
		{append(slices.Clone(defaults), "-modfile=other.mod"), ""},
		{append(slices.Clone(defaults), "-ldflags=-v -buildid=hotreload/app"), ""},
		{append(slices.Clone(defaults), "-ldflags=-buildid=mine"), ""},
		{defaults, "GOFLAGS=-cover"},
		{defaults, "GOFLAGS=-x"},
		{defaults, "GOSSAFUNC=main"},
		{defaults, "GO111MODULE=off"},
	} {
		w := newWorld(t, dir, ".", c.flags, c.env)
		err := w.settled(func() error { return w.e.Refresh(w.ctx) })
		if !errors.Is(err, ErrFallback) {
			t.Errorf("%v %s: %v, want no recipe", c.flags, c.env, err)
		}
		w.left("")
	}
	// What the compiler would say is said by it for one package alone.
	w := newWorld(t, dir, ".", append(slices.Clone(defaults), "-gcflags=-m"))
	w.refresh()
	w.replace("main.go", `"hello"`, `"good day"`)
	w.left("-m")
}

// TestD2Cgo holds that a package with C or assembly is left to go build, and one that imports it is not.
func TestD2Cgo(t *testing.T) {
	testkit.Slow(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no C compiler")
	}
	w := newWorld(t, module(t, map[string]string{
		"go.mod":    "module example.com/c\n\ngo 1.24\n",
		"main.go":   "package main\n\nimport (\n\t\"example.com/c/asm\"\n\t\"example.com/c/c\"\n)\n\nfunc main() { println(c.Two(), asm.F(), \"hello\") }\n",
		"c/c.go":    "package c\n\n// int two(void) { return 2; }\nimport \"C\"\n\nfunc Two() int { return int(C.two()) }\n",
		"asm/a.go":  "package asm\n\nfunc F() int { return 1 }\n",
		"asm/a.s":   "// nothing\n",
		"asm/go.go": "package asm\n\nvar X = \"x\"\n",
	}), ".", defaults, "CGO_ENABLED=1")
	w.refresh()
	w.same()
	w.replace("main.go", `"hello"`, `"good day"`)
	w.same()
	w.replace("asm/go.go", `"x"`, `"y"`)
	w.left("example.com/c/asm has changed, and it has assembly")
	w.refresh()
	w.replace("c/c.go", "return 2", "return 3")
	w.left("example.com/c/c has changed, and it uses cgo")
	w.refresh()
	w.same()
}

// TestD2Vendored holds that files that are not expected to change are checked too: a package of others that has
// changed leaves the build to go build, together with what else was edited.
func TestD2Vendored(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, map[string]string{
		"go.mod":                    "module example.com/app\n\ngo 1.24\n\nrequire example.com/v v1.0.0\n",
		"main.go":                   "package main\n\nimport \"example.com/v\"\n\nfunc main() { println(v.Text, \"hello\") }\n",
		"vendor/modules.txt":        "# example.com/v v1.0.0\n## explicit; go 1.24\nexample.com/v\n",
		"vendor/example.com/v/v.go": "package v\n\nvar Text = \"one\"\n",
	}), ".", defaults)
	w.refresh()
	w.same()
	w.replace("main.go", `"hello"`, `"good day"`)
	w.same()
	w.replace("vendor/example.com/v/v.go", `"one"`, `"two"`)
	w.left("v.go has changed")
	w.refresh()
	w.same()
	w.replace("main.go", `"good day"`, `"good night"`)
	w.replace("vendor/example.com/v/v.go", `"two"`, `"three"`)
	w.left("v.go has changed")
	w.refresh()
	w.same()
}

// TestD3Failed holds that a build that fails in the middle of a cascade leaves nothing behind: what it had compiled is
// compiled again, and who imports that, too.
func TestD3Failed(t *testing.T) {
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	// leaf compiles and exports something else; mid does not compile.
	w.replace("leaf/leaf.go", "func Small(n int) int { return n + 1 }", "func Small(n int) int { return n + 3 }")
	w.replace("mid/mid.go", "leaf.Help()", "leaf.Nothing()")
	w.left("mid does not compile")
	w.replace("mid/mid.go", "leaf.Nothing()", "leaf.Help()")
	b := w.same()
	for _, p := range []string{"leaf", "web"} {
		if !slices.Contains(b.Compiled, "example.com/app/"+p) {
			t.Errorf("%s was not compiled again: %v", p, b.Compiled)
		}
	}
}

// TestD3Canceled holds the same for a build that is canceled, at many moments.
func TestD3Canceled(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	w.same()
	start := time.Now()
	w.replace("leaf/leaf.go", "n + 1", "n + 1 + 0")
	w.same()
	whole := time.Since(start) / 2
	for i := range 8 {
		w.replace("leaf/leaf.go", "return n + 1 + 0", "return n + 1 + 0 + 0")
		ctx, cancel := context.WithTimeout(w.ctx, whole*time.Duration(i)/8)
		_, err := w.e.Build(ctx, filepath.Join(w.out, "canceled"))
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a canceled build: %v", err)
		}
		left, _ := filepath.Glob(filepath.Join(w.e.work(), "*"))
		if len(left) > 0 {
			t.Fatalf("a canceled build has left %v", left)
		}
	}
	w.same()
	if archives, _ := filepath.Glob(filepath.Join(w.e.archives(), "*")); len(archives) > len(w.e.recipe.packages) {
		t.Errorf("%d archives are left of %d packages", len(archives), len(w.e.recipe.packages))
	}
}

// TestD3CacheGone holds that the engine notices that Go's build cache has lost what it needs.
func TestD3CacheGone(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	for i := range w.e.state.archives {
		w.e.state.archives[i].path += "-gone"
	}
	w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
	w.left("gone")
	w.refresh()
	w.same()
}

// TestD3EditMeanwhile holds that a program is made of what the snapshot saw: an edit while the compiler works, even one
// that keeps size and modification time, makes the build invalid, and the next one sees it.
func TestD3EditMeanwhile(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	w.replace("leaf/leaf.go", `"big body"`, `"bag body"`)
	now, dirty, err := w.e.snapshot(w.ctx)
	if err != nil || len(dirty) != 1 {
		t.Fatal(dirty, err)
	}
	made, err := w.e.cascade(w.ctx, t.TempDir(), dirty)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.e.sourcesUnchanged(now, made); err != nil {
		t.Errorf("nothing was edited: %v", err)
	}
	path := filepath.Join(w.dir, "leaf/leaf.go")
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	w.replace("leaf/leaf.go", `"bag body"`, `"bug body"`)
	if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := w.e.sourcesUnchanged(now, made); !errors.Is(err, ErrFallback) {
		t.Errorf("an edit while the compiler worked went unnoticed: %v", err)
	}
	w.same()

	// What holds again what it held was something else in between. A change of the mode is none.
	w.replace("leaf/leaf.go", `"bug body"`, `"bog body"`)
	if now, dirty, err = w.e.snapshot(w.ctx); err != nil || len(dirty) != 1 {
		t.Fatal(dirty, err)
	}
	w.replace("leaf/leaf.go", `"bog body"`, `"beg body"`)
	if made, err = w.e.cascade(w.ctx, t.TempDir(), dirty); err != nil {
		t.Fatal(err)
	}
	if st, err = os.Stat(path); err != nil {
		t.Fatal(err)
	}
	for { // the clock of the file system may not have moved
		w.replace("leaf/leaf.go", `"beg body"`, `"bog body"`)
		if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(st.ModTime()) {
			break
		}
		w.replace("leaf/leaf.go", `"bog body"`, `"beg body"`)
	}
	if err := w.e.sourcesUnchanged(now, made); !errors.Is(err, ErrFallback) {
		t.Errorf("an edit that was undone while the compiler worked went unnoticed: %v", err)
	}
	w.same()
	w.replace("leaf/leaf.go", `"bog body"`, `"big body"`)
	if now, dirty, err = w.e.snapshot(w.ctx); err != nil || len(dirty) != 1 {
		t.Fatal(dirty, err)
	}
	if made, err = w.e.cascade(w.ctx, t.TempDir(), dirty); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.e.sourcesUnchanged(now, made); err != nil {
		t.Errorf("a change of the mode counts as an edit: %v", err)
	}
}

// TestSnapshotSneaky holds that no stamp is believed that a tool can set: same size, same modification time.
func TestSnapshotSneaky(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	path := filepath.Join(w.dir, "leaf/leaf.go")
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"bag", "bug", "beg"} {
		src, _ := os.ReadFile(path)
		text := strings.Replace(string(src), "big body", s+" body", 1)
		if s != "bag" {
			i := strings.Index(string(src), " body\"")
			text = string(src[:i-3]) + s + string(src[i:])
		}
		writeFile(t, path, text)
		if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
			t.Fatal(err)
		}
		if b := w.same(); len(b.Compiled) != 1 {
			t.Errorf("%s: compiled %v", s, b.Compiled)
		}
	}
	if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if b := w.same(); len(b.Compiled) > 0 {
		t.Errorf("a touched file was compiled: %v", b.Compiled)
	}
}

// TestD4Mismatch holds that a package that came out differently from go build switches the engine off, for later
// sessions too, until the user turns it on again.
func TestD4Mismatch(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	w.replace("leaf/leaf.go", `"big body"`, `"bag body"`)
	w.same()
	for i, a := range w.e.state.archives {
		if a.ours {
			data, err := os.ReadFile(a.path)
			if err != nil {
				t.Fatal(err)
			}
			// As if the compiler had got other arguments: a byte of the code differs.
			n := strings.LastIndex(string(data), "bag body")
			if n < 0 {
				t.Fatalf("no string in %s", w.e.recipe.packages[i].path)
			}
			data[n] = 'B'
			if err := os.WriteFile(a.path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := w.settled(func() error { return w.e.Check(w.ctx) })
	var m *Mismatch
	if !errors.As(err, &m) || !strings.Contains(m.What, "example.com/app/leaf") {
		t.Fatalf("the check says %v", err)
	}
	w.left("turned off")
	w.engine()
	if err := w.settled(func() error { return w.e.Refresh(w.ctx) }); err == nil || !strings.Contains(err.Error(), "turned off") {
		t.Errorf("the next session: %v", err)
	}
	if w.e.Status().Distrusted == "" {
		t.Error("the status does not tell")
	}
	if err := os.Remove(w.e.distrustFile()); err != nil {
		t.Fatal(err)
	}
	w.engine()
	w.refresh()
	w.same()
}

// TestD5 holds that no program of ours can be taken for one of go build's: it has no build ID, and a later go build over
// it builds.
func TestD5(t *testing.T) {
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	want, err := w.golang()
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(w.dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	w.replace("main.go", `"hello"`, `"good day"`)
	out := filepath.Join(w.out, "program")
	if _, err := w.e.Build(w.ctx, out); err != nil {
		t.Fatal(err)
	}
	id, err := exec.Command(w.gocmd, "tool", "buildid", out).CombinedOutput()
	if err != nil || strings.TrimSpace(string(id)) != "hotreload/app" {
		t.Errorf("the build ID is %q (%v)", id, err)
	}
	for _, a := range w.e.state.archives {
		if a.ours {
			id, err := exec.Command(w.gocmd, "tool", "buildid", a.path).CombinedOutput()
			if err == nil && strings.TrimSpace(string(id)) != "" {
				t.Errorf("an archive has the build ID %q", id)
			}
		}
	}
	writeFile(t, filepath.Join(w.dir, "main.go"), string(src))
	cmd := exec.Command(w.gocmd, slices.Concat([]string{"build"}, w.flags, []string{"-o", out, "."})...)
	cmd.Dir, cmd.Env = w.dir, w.env
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got, err := os.ReadFile(out)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("go build has kept a program that was not its own (%v)", err)
	}
}

// TestD5Cache holds that a direct build leaves Go's build cache as it was.
func TestD5Cache(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a build cache")
	}
	cache := t.TempDir()
	w := newWorld(t, module(t, map[string]string{
		"go.mod":  "module example.com/s\n\ngo 1.24\n",
		"main.go": "package main\n\nimport \"example.com/s/a\"\n\nfunc main() { println(a.S()) }\n",
		"a/a.go":  "package a\n\nfunc S() string { return \"s\" }\n",
	}), ".", defaults, "GOCACHE="+cache)
	w.refresh()
	list := func() map[string]stamp {
		all := map[string]stamp{}
		filepath.WalkDir(cache, func(p string, _ os.DirEntry, _ error) error {
			all[p], _ = stampOf(p)
			return nil
		})
		return all
	}
	before := list()
	w.replace("a/a.go", `"s"`, `"t"`)
	if _, b, err := w.direct(); err != nil || len(b.Compiled) == 0 {
		t.Fatal(b, err)
	}
	after := list()
	for p, s := range after {
		if before[p] != s {
			t.Errorf("%s was written", p)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, were %d", len(after), len(before))
	}
}

// Work that nothing waits for leaves the processors to others; builds do not.
func TestPriority(t *testing.T) {
	was := niceness
	defer func() { niceness = was }()
	niceness = 5
	own, err := exec.Command("nice").Output()
	if err != nil {
		t.Skip("there is no nice here: ", err)
	}
	want, _ := strconv.Atoi(strings.TrimSpace(string(own)))
	w := newWorld(t, module(t, program), ".", defaults)
	log := filepath.Join(t.TempDir(), "log")
	w.script("nice >>" + log + "\nexec " + w.gocmd + " \"$@\"\n")
	w.refresh()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	for _, l := range lines {
		if n, err := strconv.Atoi(l); err != nil || n != min(want+niceness, 19) {
			t.Errorf("asked with niceness %s, this test has %d", l, want)
		}
	}
	if len(lines) < 3 {
		t.Errorf("asked %d times", len(lines))
	}
}

// TestLinkerSettings holds that the linker is set to stay on its processor, that the user's settings come after that, and
// that the program is go build's own all the same.
func TestLinkerSettings(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", defaults, "GODEBUG=http2client=0,asyncpreemptoff=0")
	w.refresh()
	linker, settings := w.e.recipe.link.tool.Argv[0], filepath.Join(w.out, "settings")
	wrapper := filepath.Join(w.out, "link")
	executable(t, wrapper, "#!/bin/sh\nprintf %s \"$GODEBUG\" > "+settings+"\nexec "+linker+" \"$@\"\n")
	w.e.recipe.link.tool.Argv = []string{wrapper}
	w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
	w.same()
	if got, err := os.ReadFile(settings); err != nil || string(got) != "asyncpreemptoff=1,http2client=0,asyncpreemptoff=0" {
		t.Errorf("GODEBUG of the linker is %q, %v", got, err)
	}
	if got := linkerSettings(nil); got != "GODEBUG=asyncpreemptoff=1" {
		t.Error(got)
	}
}
