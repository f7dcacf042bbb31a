//go:build unix

package builder

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// chain is a module of n packages, each of which imports the next one, and of programs that import the first.
func chain(t *testing.T, n int, programs ...string) string {
	t.Helper()
	files := map[string]string{}
	for i := range n {
		imports := ""
		if i+1 < n {
			imports = fmt.Sprintf("import _ \"example.com/app/p%02d\"\n", i+1)
		}
		files[fmt.Sprintf("p%02d/p.go", i)] = fmt.Sprintf("package p%02d\n\n%s", i, imports)
	}
	for _, p := range programs {
		files["cmd/"+p+"/main.go"] = fmt.Sprintf("package main\n\nimport _ \"example.com/app/p00\"\n\nfunc main() { println(%q) }\n", p)
	}
	return project(t, files)
}

// heldCompiler is a flag with which the compiler of each main package says that it has come, in the first FIFO, and waits
// for the second one.
func heldCompiler(t *testing.T) (flag string, come, pass func()) {
	t.Helper()
	here, wait := rendezvous(t)
	gate, open := rendezvous(t)
	return toolexec(t, "compile", `case "$*" in *" -p main "*) echo > `+here+`; echo > `+gate+`;; esac`), wait, open
}

// all is the number of packages that there are to compile, as go list says.
func all(t *testing.T, dir string, packages ...string) (n int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(goDir(t), "go"), append([]string{"list", "-deps"}, packages...)...)
	cmd.Dir, cmd.Env = dir, testEnv()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if p != "unsafe" {
			n++
		}
	}
	return n
}

// twice calls Progress twice, and lets it count the packages in between.
func twice(t *testing.T, b *Builder) (first, second Progress) {
	t.Helper()
	c := b.compilation.Load()
	if c == nil {
		t.Error("no go build is known to run")
		return first, second
	}
	first = b.Progress()
	c.work.Wait()
	return first, b.Progress()
}

// B5: how many packages a long build has compiled. To look at it changes nothing of what it says, whatever flags it has.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		name     string
		packages int
		flags    []string
	}{
		{"plain", countFrom, nil},
		{"few", countFrom - 1, nil},
		{"verbose", countFrom, []string{"-v"}},
		{"commands shown", countFrom, []string{"-x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := chain(t, c.packages, "api")
			flag, come, pass := heldCompiler(t)
			b := newBuilder(t, Options{Dir: dir, Package: "./cmd/api", GoBuild: GoBuild{Flags: append(c.flags, flag)}})
			if p := b.Progress(); p != (Progress{}) {
				t.Errorf("before the build: %+v", p)
			}
			done := make(chan Result, 1)
			go func() { done <- build(t, b, 1) }()
			come()
			total := 0
			if c.packages >= countFrom {
				total = all(t, dir, "./cmd/api")
			}
			first, second := twice(t, b)
			if first != (Progress{Compiled: c.packages}) || second != (Progress{c.packages, total}) {
				t.Errorf("%+v, then %+v, want %d of %d", first, second, c.packages, total)
			}
			pass()
			r := <-done
			if !r.OK || says(t, r.Binary) != "api" || len(r.Diagnostics) > 0 || r.Warnings != "" {
				t.Errorf("%+v", r)
			}
			if c.flags == nil && r.Output != "" || c.flags != nil && !strings.Contains(r.Output, "example.com/app/p00") {
				t.Errorf("output %q", r.Output)
			}
			if p := b.Progress(); p != (Progress{}) {
				t.Errorf("after the build: %+v", p)
			}
		})
	}
}

// B5, S1: programs that are built together have one progress.
func TestProgressTogether(t *testing.T) {
	dir := chain(t, countFrom, "api", "web")
	flag, come, pass := heldCompiler(t)
	// One at a time, or the compilers of both would wait.
	list := builders(t, dir, Options{GoBuild: GoBuild{Flags: []string{flag, "-p=1"}}}, "api", "web")
	done := make(chan map[string]Result, 1)
	go func() { done <- buildTogether(t, 1, list...) }()
	come()
	total := all(t, dir, "./cmd/api", "./cmd/web")
	for i, b := range list {
		first, second := twice(t, b)
		if i == 0 && first != (Progress{Compiled: countFrom}) || second != (Progress{countFrom, total}) {
			t.Errorf("%+v, then %+v, want %d of %d", first, second, countFrom, total)
		}
	}
	pass()
	come()
	pass()
	results := <-done
	for name, r := range maps.All(results) {
		if !r.OK || r.Output != "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// B5: a build that ends, or is canceled, while packages are counted waits for nothing and leaves nothing.
func TestProgressEnds(t *testing.T) {
	for _, canceled := range []bool{true, false} {
		dir := chain(t, countFrom, "api")
		env, alive := marked(t)
		listing, listed := rendezvous(t)
		tools := t.TempDir()
		write(t, tools, "go", "#!/bin/sh\nif [ \"$1\" = list ]; then echo > "+listing+"; sleep 1000; fi\nexec "+filepath.Join(goDir(t), "go")+" \"$@\"\n")
		flag, come, pass := heldCompiler(t)
		b := newBuilder(t, Options{Dir: dir, Package: "./cmd/api", GoBuild: GoBuild{Go: filepath.Join(tools, "go"), Flags: []string{flag}}, Env: env})
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		done := make(chan Result, 1)
		go func() { done <- b.Build(ctx, 1) }()
		come()
		if p := b.Progress(); p.Compiled != countFrom {
			t.Errorf("%+v", p)
		}
		listed()
		if canceled {
			cancel()
		} else {
			pass()
		}
		if r := <-done; r.Canceled != canceled || r.OK == canceled {
			t.Errorf("%+v", r)
		}
		if left := alive(); len(left) > 0 {
			t.Errorf("processes left: %v", left)
		}
		noTemporaries(t, b)
	}
}

// B5: a command of the user's has no progress.
func TestProgressOfCommand(t *testing.T) {
	here, wait := rendezvous(t)
	gate, open := rendezvous(t)
	b := newBuilder(t, Options{Dir: t.TempDir(), Command: Step{Shell: "echo > " + here + "; echo > " + gate}})
	done := make(chan Result, 1)
	go func() { done <- build(t, b, 1) }()
	wait()
	if p := b.Progress(); p != (Progress{}) {
		t.Errorf("%+v", p)
	}
	open()
	if r := <-done; !r.OK {
		t.Errorf("%+v", r)
	}
}
