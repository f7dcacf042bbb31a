//go:build unix

package builder

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// steadyProject has a build command whose input is input.go: it counts its runs in runs, and
// does what run.sh says.
func steadyProject(t *testing.T, script string, o Options) (dir, input string, b *Builder, runs func() int) {
	t.Helper()
	dir = project(t, map[string]string{"input.go": "good\n", "run.sh": "echo >> runs\n" + script})
	input = filepath.Join(dir, "input.go")
	o.Dir, o.Command = dir, Step{Shell: "sh run.sh"}
	o.Inputs = func() []string { return []string{input} }
	runs = func() int { b, _ := os.ReadFile(filepath.Join(dir, "runs")); return len(b) }
	return dir, input, newBuilder(t, o), runs
}

// L12: an input that held something else while the command read it, and is what it was again:
// the command reads it once more, and what the first one said is forgotten.
func TestWrittenMeanwhile(t *testing.T) {
	_, input, b, runs := steadyProject(t, `
test $(wc -l < runs) -gt 1 || { : > input.go; echo "input.go:1:1: nothing in it"; echo good > input.go; exit 1; }
echo fine
`, Options{})
	r := mustBuild(t, b, 1)
	if r.Output != "fine\n" || !slices.Equal(r.Again, []string{input}) || r.Unsteady || len(r.Diagnostics) > 0 || runs() != 2 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
	// And one that fails for another reason fails at once.
	write(t, b.o.Dir, "run.sh", "echo >> runs\necho no; exit 1\n")
	if r := build(t, b, 2); r.OK || r.Again != nil || runs() != 3 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
}

// L12: the same of an input that no list had before the compiler ran.
func TestWrittenNotKnownBefore(t *testing.T) {
	_, input, b, runs := steadyProject(t, "test $(wc -l < runs) -gt 1 || echo new > input.go\n", Options{})
	known := false
	b.o.Inputs = func() []string {
		if !known {
			known = true
			return nil
		}
		return []string{input}
	}
	if r := mustBuild(t, b, 1); !slices.Equal(r.Again, []string{input}) || runs() != 2 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
}

// L14: a command that writes an input itself, as it is, every time, is asked once whether it does.
func TestWritesItself(t *testing.T) {
	_, input, b, runs := steadyProject(t, "cp input.go input.tmp; mv input.tmp input.go\n", Options{})
	for i, want := range []int{2, 3, 4} {
		if r := mustBuild(t, b, i+1); r.Unsteady || runs() != want {
			t.Errorf("build %d: %d runs, want %d; %+v", i+1, runs(), want, r)
		}
	}
	// Once it does not, it is believed no longer.
	script := filepath.Join(b.o.Dir, "run.sh")
	old, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.o.Dir, "run.sh", "echo >> runs\n")
	mustBuild(t, b, 4)
	write(t, b.o.Dir, "run.sh", string(old))
	if r := mustBuild(t, b, 5); !slices.Equal(r.Again, []string{input}) || runs() != 7 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
}

// L4: while something writes inputs without end, a program is there at once, a failure after
// one more run, and Quiet returns when that is over.
func TestWrittenWithoutEnd(t *testing.T) {
	dir, _, b, runs := steadyProject(t, "rm -f written; until test -e written; do :; done; test -e good\n", Options{})
	b.calmed = func(context.Context, func() []string) bool { return false } // however long the writer is kept from writing
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default: // each time longer: the clock of the file system may not have moved
				_ = os.WriteFile(filepath.Join(dir, "input.go"), make([]byte, i), 0o644)
				_ = os.WriteFile(filepath.Join(dir, "written"), nil, 0o644)
			}
		}
	}()
	write(t, dir, "good", "")
	if r := mustBuild(t, b, 1); !r.Unsteady || len(r.Again) != 1 || runs() != 1 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
	if err := os.Remove(filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
	if r := build(t, b, 2); r.OK || !r.Unsteady || runs() != 3 {
		t.Errorf("%d runs, %+v", runs(), r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	quiet := make(chan error, 1)
	go func() { quiet <- b.Quiet(ctx) }()
	cancel()
	if err := <-quiet; err == nil {
		t.Error("quiet while it is written")
	}
	close(stop)
	<-stopped
	if err := b.Quiet(context.Background()); err != nil {
		t.Error(err)
	}
}

// L14: the inputs that a step before the build writes are named, also if they are as they were, and
// are no reason to compile twice.
func TestWroteBefore(t *testing.T) {
	_, input, b, runs := steadyProject(t, "cat input.go\n", Options{Before: []Step{{Shell: "cp input.go input.tmp; mv input.tmp input.go"}}})
	r := mustBuild(t, b, 1)
	if !slices.Equal(r.Wrote, []string{input}) || r.Again != nil || runs() != 1 || !strings.Contains(r.Output, "good") {
		t.Errorf("%d runs, %+v", runs(), r)
	}
}

// L12, S1: programs that are built together are compiled once more together.
func TestTogetherWrittenMeanwhile(t *testing.T) {
	dir := project(t, map[string]string{
		"shared/s.go": "package shared\n\nconst Word = \"good\"\n",
		"a/main.go":   "package main\n\nimport \"example.com/app/shared\"\n\nfunc main() { print(shared.Word) }\n",
		"b/main.go":   "package main\n\nimport \"example.com/app/shared\"\n\nfunc main() { print(shared.Word) }\n",
	})
	input := filepath.Join(dir, "shared", "s.go")
	text, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "toolexec", `#!/bin/sh
case "$*" in
*-V=full*) ;;
*/compile\ *'-p example.com/app/shared'*)
	if mkdir "`+dir+`/once" 2>/dev/null; then
		: > "`+input+`"
		"$@"; code=$?
		cp "`+dir+`/saved" "`+input+`"
		exit $code
	fi ;;
esac
exec "$@"
`)
	write(t, dir, "saved", string(text))
	if err := os.Chmod(filepath.Join(dir, "toolexec"), 0o755); err != nil {
		t.Fatal(err)
	}
	var jobs []Job
	results := make(chan Result, 2)
	for _, pkg := range []string{"./a", "./b"} {
		b := newBuilder(t, Options{
			Dir: dir, Package: pkg, Name: pkg[2:], GoBuild: GoBuild{Flags: []string{"-toolexec=" + filepath.Join(dir, "toolexec")}},
			Hooks: Hooks{Inputs: func() []string { return []string{input, filepath.Join(dir, pkg, "main.go")} }},
		})
		jobs = append(jobs, Job{Builder: b, Context: context.Background(), Generation: 1, Done: func(r Result) { results <- r }})
	}
	Together(jobs)
	for range jobs {
		r := <-results
		if !r.OK || !slices.Equal(r.Again, []string{input}) {
			t.Errorf("%+v", r)
			continue
		}
		if got := says(t, r.Binary); got != "good" {
			t.Errorf("it says %q", got)
		}
	}
}

// L14, S2: what the steps before a common build wrote is known of each program, also of those that
// are built again separately because one does not compile.
func TestTogetherWroteBefore(t *testing.T) {
	dir := project(t, map[string]string{
		"input.go":  "package app\n",
		"a/main.go": "package main\n\nfunc main() { undefined() }\n",
		"b/main.go": "package main\n\nfunc main() { alsoUndefined() }\n",
	})
	input := filepath.Join(dir, "input.go")
	var jobs []Job
	results := make(chan Result, 2)
	for _, pkg := range []string{"./a", "./b"} {
		b := newBuilder(t, Options{
			Dir: dir, Package: pkg, Name: pkg[2:], Before: []Step{{Shell: "cp input.go input.tmp; mv input.tmp input.go"}},
			Hooks: Hooks{Inputs: func() []string { return []string{input} }},
		})
		jobs = append(jobs, Job{Builder: b, Context: context.Background(), Generation: 1, Done: func(r Result) { results <- r }})
	}
	Together(jobs)
	for range jobs {
		if r := <-results; r.OK || !slices.Equal(r.Wrote, []string{input}) {
			t.Errorf("%+v", r)
		}
	}
}
