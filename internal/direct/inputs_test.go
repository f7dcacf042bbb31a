package direct

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// small is the least that has a constraint.
var small = map[string]string{
	"go.mod":   "module example.com/e\n\ngo 1.24\n",
	"main.go":  "package main\n\nvar s = \"hello\"\n\nfunc main() { println(s) }\n",
	"never.go": "//go:build never\n\npackage main\n\nfunc init() { s = \"never\" }\n",
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// TestD2Embedded holds that every name on the way to an embedded file is looked at: what may not be embedded any more has
// go build fail.
func TestD2Embedded(t *testing.T) {
	testkit.Slow(t)
	for _, c := range []struct {
		name, pattern, reason string
		edit                  func(w *world)
	}{
		{"go.mod on the way", "a/b/x.txt", "go.mod", func(w *world) { w.write(map[string]string{"a/go.mod": "module x\n"}) }},
		{"go.mod beside the file", "a/b/x.txt", "go.mod", func(w *world) { w.write(map[string]string{"a/b/go.mod": "module x\n"}) }},
		{"go.mod on the way to a glob", "a/b/*x.txt", "go.mod", func(w *world) { w.write(map[string]string{"a/go.mod": "module x\n"}) }},
		{"go.mod in what a glob matches", "*/b/x.txt", "go.mod", func(w *world) { w.write(map[string]string{"a/go.mod": "module x\n"}) }},
		{"link for the directory", "a/b/x.txt", "replaced", func(w *world) {
			move(t, filepath.Join(w.dir, "a"), filepath.Join(w.dir, "a2"))
			symlink(t, "a2", filepath.Join(w.dir, "a"))
		}},
		{"link for the file", "a/b/x.txt", "replaced", func(w *world) {
			if err := os.Remove(filepath.Join(w.dir, "a/b/x.txt")); err != nil {
				t.Fatal(err)
			}
			symlink(t, "y.txt", filepath.Join(w.dir, "a/b/x.txt"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, module(t, map[string]string{
				"go.mod":    small["go.mod"],
				"main.go":   "package main\n\nimport _ \"embed\"\n\n//go:embed " + c.pattern + "\nvar s string\n\nfunc main() { println(s) }\n",
				"a/b/x.txt": "one\n", "a/b/y.txt": "two\n",
			}), ".", defaults)
			w.refresh()
			w.write(map[string]string{"a/b/x.txt": "other\n"})
			w.same()
			c.edit(w)
			w.left(c.reason)
			if _, err := w.golang(); err == nil {
				t.Error("go build does not mind")
			}
		})
	}
}

// TestD2Modules holds that what decides where packages come from is looked at, also where nothing is yet.
func TestD2Modules(t *testing.T) {
	testkit.Slow(t)
	t.Run("nearer go.work", func(t *testing.T) {
		root := module(t, map[string]string{
			"go.work":     "go 1.24\n\nuse ./app\nuse ./lib\n",
			"app/go.mod":  "module example.com/app\n\ngo 1.24\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib2\n",
			"app/main.go": "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.S) }\n",
			"lib/go.mod":  "module example.com/lib\n\ngo 1.24\n", "lib/lib.go": "package lib\n\nvar S = \"lib\"\n",
			"lib2/go.mod": "module example.com/lib\n\ngo 1.24\n", "lib2/lib.go": "package lib\n\nvar S = \"lib2\"\n",
		})
		w := newWorld(t, filepath.Join(root, "app"), ".", defaults)
		w.refresh()
		w.same()
		w.write(map[string]string{"go.work": "go 1.24\n\nuse .\n"})
		// Nor is that a reason to distrust the engine.
		var m *Mismatch
		if err := w.settled(func() error { return w.e.Check(w.ctx) }); errors.As(err, &m) {
			t.Errorf("the check says: %v", err)
		}
		w.left("go.work")
		w.refresh()
		w.same()
	})
	t.Run("package in a second module", func(t *testing.T) {
		root := module(t, map[string]string{
			"app/go.mod":  "module example.com/app\n\ngo 1.24\n\nrequire example.com/app/sub v0.0.0\n\nreplace example.com/app/sub => ../sub\n",
			"app/main.go": "package main\n\nimport \"example.com/app/sub/p\"\n\nfunc main() { println(p.S) }\n",
			"sub/go.mod":  "module example.com/app/sub\n\ngo 1.24\n", "sub/p/p.go": "package p\n\nvar S = \"sub\"\n",
		})
		w := newWorld(t, filepath.Join(root, "app"), ".", defaults)
		w.refresh()
		w.same()
		w.write(map[string]string{"sub/p/p.go": "package p\n\nvar S = \"app\"\n"})
		w.left("appeared or disappeared")
		if _, err := w.golang(); err == nil {
			t.Error("go build does not find it ambiguous")
		}
	})
	t.Run("project below a directory called vendor", func(t *testing.T) {
		root := module(t, map[string]string{
			"vendor/app/go.mod":        small["go.mod"],
			"vendor/app/main.go":       "package main\n\nimport \"example.com/e/a/b\"\n\nfunc main() { println(b.S) }\n",
			"vendor/app/a/b/b.go":      "package b\n\nvar S = \"s\"\n",
			"vendor/app/a/b/b_test.go": "package b\n",
		})
		w := newWorld(t, filepath.Join(root, "vendor", "app"), ".", defaults)
		w.refresh()
		w.replace("a/b/b.go", `"s"`, `"t"`)
		if b := w.same(); len(b.Compiled) == 0 {
			t.Error("the edit was not compiled")
		}
		w.replace("a/b/b_test.go", "package b", "package other")
		w.left("imports or directives")
		w.replace("a/b/b_test.go", "package other", "package b")
		w.refresh()
		w.write(map[string]string{"a/go.mod": "module x\n"})
		w.left("go.mod")
	})
}

// TestD2Large holds that a file that is too large to be read is not taken for unchanged.
func TestD2Large(t *testing.T) {
	line := "// " + strings.Repeat("x", 100) + "\n"
	files := map[string]string{
		"go.mod": small["go.mod"], "main.go": small["main.go"],
		"large.go": small["never.go"] + strings.Repeat(line, maxContent/len(line)+1),
	}
	w := newWorld(t, module(t, files), ".", defaults)
	w.refresh()
	w.same()
	w.replace("large.go", "//go:build never\n", "")
	w.left("too large")
}

// TestD2LinkNowhere holds that a link with the name of a source is looked at although it leads to none.
func TestD2LinkNowhere(t *testing.T) {
	w := newWorld(t, module(t, small), ".", defaults)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Mkdir(target, 0o777); err != nil {
		t.Fatal(err)
	}
	symlink(t, target, filepath.Join(w.dir, "z.go"))
	w.refresh()
	w.same()
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	writeFile(t, target, "package main\n\nfunc init() { s = \"z\" }\n")
	w.left("files were added")
}

// TestD2Shim holds that no recipe is made with a go command that only chooses one: only it knows by what it chooses.
func TestD2Shim(t *testing.T) {
	w := newWorld(t, module(t, small), ".", defaults)
	shim := filepath.Join(t.TempDir(), "go")
	executable(t, shim, "#!/bin/sh\nexec "+w.gocmd+" \"$@\"\n")
	real := w.gocmd
	w.gocmd = shim
	w.engine()
	if err := w.settled(func() error { return w.e.Refresh(w.ctx) }); !errors.Is(err, ErrFallback) || !strings.Contains(err.Error(), "first on PATH") {
		t.Errorf("a shim: %v", err)
	}
	// A link to a go command is one.
	w.gocmd = filepath.Join(t.TempDir(), "go")
	symlink(t, real, w.gocmd)
	w.engine()
	w.refresh()
	w.same()
}

// TestD2Compiler holds that the C compiler behind the one that is called is looked at.
func TestD2Compiler(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler")
	}
	bin := t.TempDir()
	cc1 := filepath.Join(bin, "cc1")
	writeFile(t, cc1, "one")
	cc := filepath.Join(bin, "cc")
	executable(t, cc, "#!/bin/sh\ncase \"$*\" in *-print-prog-name=cc1) echo "+cc1+";; *) exec "+gcc+" \"$@\";; esac\n")
	w := newWorld(t, module(t, small), ".", defaults, "CGO_ENABLED=1", "CC="+cc)
	w.refresh()
	w.same()
	writeFile(t, cc1, "another")
	w.left("the C compiler")
}

// TestD3MovedBack holds that a file that was another one while it was compiled is noticed although its times are what they
// were, and that the build is then made once more.
func TestD3MovedBack(t *testing.T) {
	w := newWorld(t, module(t, program), ".", defaults)
	w.refresh()
	w.replace("leaf/leaf.go", `"big body"`, `"bag body"`)
	now, dirty, err := w.e.snapshot(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "leaf/leaf.go")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	was, err := stampOf(path)
	if err != nil {
		t.Fatal(err)
	}
	var made map[int]archive
	for after := was; after.Ctime == was.Ctime; { // the clock of the file system may not have moved
		move(t, path, path+".bak")
		writeFile(t, path, strings.Replace(string(text), "bag body", "bug body", 1))
		if made, err = w.e.cascade(w.ctx, t.TempDir(), dirty); err != nil {
			t.Fatal(err)
		}
		move(t, path+".bak", path)
		if after, err = stampOf(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.e.sourcesUnchanged(now, made); !errors.Is(err, ErrFallback) {
		t.Errorf("a file that was moved away and back went unnoticed: %v", err)
	}
	w.same()
}

// TestD3Again holds that one edit while the compiler works is compiled, and does not leave the build to go build.
func TestD3Again(t *testing.T) {
	w := newWorld(t, module(t, small), ".", defaults)
	w.refresh()
	w.replace("main.go", `"hello"`, `"good day"`)
	path := filepath.Join(w.dir, "main.go")
	compiler := w.e.recipe.packages[0].compile.Argv[0]
	script := filepath.Join(t.TempDir(), "compile")
	// It edits the file once, when it has compiled it.
	executable(t, script, "#!/bin/sh\n"+compiler+" \"$@\" || exit 1\n[ -e "+script+".done ] && exit\ntouch "+script+".done\n"+
		"sed 's/good day/good night/' "+path+" >"+path+"~ && mv "+path+"~ "+path+"\n")
	w.e.recipe.packages[0].compile.Argv = []string{script}
	w.same()
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), "good night") {
		t.Error("nothing was edited meanwhile")
	}
}

// TestRecipeWindow holds that no recipe is made of what changes while the go command is asked, in ways that change no stamp of
// what is there in the end.
func TestRecipeWindow(t *testing.T) {
	replaced := map[string]string{
		"go.mod":      "module example.com/app\n\ngo 1.24\n\nrequire example.com/sub v0.0.0\n\nreplace example.com/sub => ./lib\n",
		"cmd/main.go": "package main\n\nimport \"example.com/sub/sub\"\n\nfunc main() { println(sub.S) }\n",
		"lib/go.mod":  "module example.com/sub\n\ngo 1.24\n", "lib/sub/p.go": "package sub\n\nvar S = \"sub\"\n",
	}
	for _, c := range []struct {
		name, pkg string
		files     map[string]string
		after     string // the question after which the shell runs do, in the project's directory
		do        string
	}{
		{"settings removed", ".", small, "list", "rm -f $GOENV"},
		{"settings changed at once", ".", small, "env", "echo GOFLAGS= >$GOENV"},
		{"module of a replacement gone", "./cmd", replaced, "list", "rm -f lib/go.mod"},
		{"vendor directory comes", "./cmd", replaced, "list", "mkdir -p vendor"},
		{"embedded directory exchanged", ".", map[string]string{
			"go.mod":      small["go.mod"],
			"main.go":     "package main\n\nimport _ \"embed\"\n\n//go:embed p/a/b/x.txt\nvar s string\n\nfunc main() { println(s) }\n",
			"p/a/b/x.txt": "one\n", "p/new/b/x.txt": "two\n",
		}, "list", "[ -e p/old ] || { mv p/a p/old; mv p/new p/a; }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, module(t, c.files), c.pkg, defaults)
			goenv := filepath.Join(t.TempDir(), "env")
			writeFile(t, goenv, "GOFLAGS=-tags=never\n")
			w.env = append(withoutVariable(w.env, "GOFLAGS"), "GOENV="+goenv)
			w.script(w.gocmd + " \"$@\"\ncode=$?\nif [ $1 = " + c.after + " ]; then cd " + w.dir + " && { " + c.do + "; }; fi\nexit $code\n")
			// What is there is old enough.
			for _, path := range []string{goenv, w.gocmd, filepath.Join(w.dir, "go.mod")} {
				for s, err := stampOf(path); err == nil && s.Since(time.Now()); s, err = stampOf(path) {
				}
			}
			if err := w.e.Refresh(w.ctx); !errors.Is(err, ErrUnsettled) {
				t.Fatalf("a recipe was made, or refused for good: %v", err)
			}
		})
	}
}

func withoutVariable(env []string, name string) (out []string) {
	for _, kv := range env {
		if !strings.HasPrefix(kv, name+"=") {
			out = append(out, kv)
		}
	}
	return out
}

// TestClosed holds that an engine that was closed makes no recipe, and leaves nothing behind.
func TestClosed(t *testing.T) {
	w := newWorld(t, module(t, small), ".", defaults)
	w.refresh()
	w.e.Close()
	if err := w.settled(func() error { return w.e.Refresh(w.ctx) }); !errors.Is(err, ErrFallback) {
		t.Errorf("Refresh: %v", err)
	}
	w.left("closed")
	if _, err := os.Stat(w.e.home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
}
