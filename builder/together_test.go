//go:build unix

package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shop is a module of three programs that share a package.
func shop(t *testing.T) string {
	files := map[string]string{"shared/shared.go": "package shared\n\nconst Name = \"one\"\n"}
	for _, name := range []string{"api", "web", "worker"} {
		files["cmd/"+name+"/main.go"] = fmt.Sprintf("package main\n\nimport \"example.com/app/shared\"\n\nfunc main() { println(%q, shared.Name) }\n", name)
	}
	return project(t, files)
}

// counted is a go command that notes every build in a file, and waits for the FIFO
// "hold" beside it, if there is one.
func counted(t *testing.T) (goCommand string, builds func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	write(t, dir, "go", "#!/bin/sh\nif [ \"$1\" = build ]; then\n  echo \"$*\" >> "+log+"\n"+
		"  if [ -p "+dir+"/hold ]; then read x < "+dir+"/hold; fi\nfi\nexec "+filepath.Join(goDir(t), "go")+" \"$@\"\n")
	return filepath.Join(dir, "go"), func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			return nil
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// builders makes one builder for each program, with caches as several services have them.
func builders(t *testing.T, dir string, o Options, names ...string) []*Builder {
	t.Helper()
	cache := t.TempDir()
	var out []*Builder
	for _, n := range names {
		o := o
		o.Dir, o.Name, o.Cache = dir, n, filepath.Join(cache, n)
		if o.Package = "./cmd/" + n; strings.Contains(n, ".") {
			o.Package = n
		}
		out = append(out, newBuilder(t, o))
	}
	return out
}

// buildTogether builds one generation of all and returns the results by name.
func buildTogether(t *testing.T, generation int, list ...*Builder) map[string]Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var mu sync.Mutex
	results := map[string]Result{}
	var jobs []Job
	for _, b := range list {
		jobs = append(jobs, Job{Builder: b, Context: ctx, Generation: generation, Done: func(r Result) {
			mu.Lock()
			defer mu.Unlock()
			if _, twice := results[b.o.Name]; twice {
				t.Errorf("%s: done twice", b.o.Name)
			}
			results[b.o.Name] = r
		}})
	}
	Together(jobs)
	if len(results) != len(list) {
		t.Fatalf("%d results for %d jobs", len(results), len(list))
	}
	for _, b := range list {
		noTemporaries(t, b)
	}
	return results
}

// S1: one go build for programs that share a package; each is byte for byte what it would
// be if it were built alone, so that equal programs stay equal (L10).
func TestTogether(t *testing.T) {
	dir := shop(t)
	goCommand, builds := counted(t)
	list := builders(t, dir, Options{GoBuild: GoBuild{Go: goCommand}}, "api", "web", "worker")
	if list[0].Group() == "" || list[0].Group() != list[2].Group() {
		t.Errorf("groups %q and %q", list[0].Group(), list[2].Group())
	}
	results := buildTogether(t, 1, list...)
	if n := len(builds()); n != 1 {
		t.Errorf("%d builds: %q", n, builds())
	}
	for _, b := range list {
		r := results[b.o.Name]
		if !r.OK || filepath.Dir(r.Binary) != b.bin || says(t, r.Binary) != b.o.Name+" one" {
			t.Errorf("%s: %+v", b.o.Name, r)
			continue
		}
		if alone := mustBuild(t, b, 2); alone.Sum != r.Sum {
			t.Errorf("%s: built together it is another program than built alone", b.o.Name)
		}
	}
}

// S2: a program that does not build does not hold up the others, and the error is its own.
func TestTogetherOneFails(t *testing.T) {
	for _, c := range []struct{ name, broken, want string }{
		{"type error", "package main\n\nfunc main() { missing() }\n", "undefined: missing"},
		{"syntax error", "package main\n\nfunc main( {}\n", "syntax error"},
		// These are found before anything is compiled: there is no common build.
		{"import", "package main\n\nimport _ \"example.com/app/none\"\n\nfunc main() {}\n", "example.com/app/none"},
		{"no package", "", "no Go files"},
		{"not main", "package lib\n", "not package main"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := shop(t)
			if c.broken == "" {
				if err := os.Remove(filepath.Join(dir, "cmd/web/main.go")); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, dir, "cmd/web/main.go", c.broken)
			}
			list := builders(t, dir, Options{}, "api", "web", "worker")
			results := buildTogether(t, 1, list...)
			for _, n := range []string{"api", "worker"} {
				if r := results[n]; !r.OK || says(t, r.Binary) != n+" one" || len(r.Diagnostics) > 0 || r.Output != "" {
					t.Errorf("%s: %+v", n, r)
				}
			}
			r := results["web"]
			text := r.Summary + r.Output
			for _, d := range r.Diagnostics {
				text += d.Message
			}
			if r.OK || r.Canceled || !strings.Contains(text, c.want) {
				t.Errorf("web: %+v", r)
			}
		})
	}
}

// S2, B1: an error in the shared package is reported for each.
func TestTogetherAllFail(t *testing.T) {
	dir := shop(t)
	write(t, dir, "shared/shared.go", "package shared\n\nconst Name = missing\n")
	for n, r := range buildTogether(t, 1, builders(t, dir, Options{}, "api", "web")...) {
		if r.OK || len(r.Diagnostics) != 1 || r.Diagnostics[0].Line != 3 {
			t.Errorf("%s: %+v", n, r)
		}
	}
}

// hold makes the next build of counted wait. begun returns once it does, with the file
// that lets it go on when something is written to it.
func hold(t *testing.T, goCommand string) (begun func() *os.File) {
	t.Helper()
	fifo := filepath.Join(filepath.Dir(goCommand), "hold")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() *os.File {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(fifo)
		return f
	}
}

// L11, S1: a job that is canceled ends at once and alone; its builder is free for the next
// build while the others go on.
func TestTogetherCancelOne(t *testing.T) {
	dir := shop(t)
	goCommand, builds := counted(t)
	list := builders(t, dir, Options{GoBuild: GoBuild{Go: goCommand}}, "api", "web", "worker")
	begun := hold(t, goCommand)
	ctxs, cancels := make([]context.Context, 3), make([]context.CancelFunc, 3)
	results := make([]chan Result, 3)
	var jobs []Job
	for i, b := range list {
		ctxs[i], cancels[i] = context.WithTimeout(context.Background(), deadline)
		defer cancels[i]()
		results[i] = make(chan Result, 1)
		jobs = append(jobs, Job{Builder: b, Context: ctxs[i], Generation: 1, Done: func(r Result) { results[i] <- r }})
	}
	ended := make(chan struct{})
	go func() { defer close(ended); Together(jobs) }()
	held := begun()
	defer held.Close()
	cancels[1]()
	if r := <-results[1]; !r.Canceled {
		t.Errorf("%+v", r)
	}
	select {
	case <-ended:
		t.Fatal("the build of the others ended too")
	default:
	}
	// The next build of the canceled one does not wait for the others' to end.
	r := list[1].Build(ctxs[0], 2)
	if !r.OK || says(t, r.Binary) != "web one" {
		t.Errorf("%+v", r)
	}
	if _, err := held.WriteString("go on\n"); err != nil {
		t.Error(err)
	}
	for _, i := range []int{0, 2} {
		if r := <-results[i]; !r.OK || says(t, r.Binary) != list[i].o.Name+" one" {
			t.Errorf("%s: %+v", list[i].o.Name, r)
		}
	}
	<-ended
	if n := len(builds()); n != 2 {
		t.Errorf("%d builds: %q", n, builds())
	}
	for _, b := range list {
		noTemporaries(t, b)
		if got := names(t, b.bin); len(got) != 1 {
			t.Errorf("%s: binaries %q", b.o.Name, got)
		}
	}
}

// B7: when all are canceled the go build and its group are gone, and no temporary file is left.
func TestTogetherCancelAll(t *testing.T) {
	dir := shop(t)
	goCommand, _ := counted(t)
	list := builders(t, dir, Options{GoBuild: GoBuild{Go: goCommand}}, "api", "web")
	for generation := range 20 {
		begun := hold(t, goCommand)
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		results := make(chan Result, 2)
		var jobs []Job
		for _, b := range list {
			jobs = append(jobs, Job{Builder: b, Context: ctx, Generation: generation + 1, Done: func(r Result) { results <- r }})
		}
		held := make(chan *os.File, 1)
		go func() {
			held <- begun()
			cancel()
		}()
		Together(jobs)
		// Nobody of the group is left to read.
		f := <-held
		if _, err := f.WriteString("x"); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the go build lives: %v", err)
		}
		f.Close()
		for range list {
			if r := <-results; !r.Canceled {
				t.Errorf("%+v", r)
			}
		}
		for _, b := range list {
			noTemporaries(t, b)
			if got := names(t, b.bin); len(got) != 0 {
				t.Errorf("binaries %q", got)
			}
		}
	}
}

// A program that go build calls by another name than its package's is found to be so once,
// and built alone from then on.
func TestTogetherOtherName(t *testing.T) {
	dir := shop(t)
	write(t, dir, "cmd/odd/go.mod", "module example.com/other\n\ngo 1.21\n")
	write(t, dir, "cmd/odd/main.go", "package main\n\nfunc main() { println(\"odd\") }\n")
	write(t, dir, "go.work", "go 1.21\n\nuse (\n\t.\n\t./cmd/odd\n)\n")
	goCommand, builds := counted(t)
	list := builders(t, dir, Options{GoBuild: GoBuild{Go: goCommand}, Env: testEnv("GOWORK=" + filepath.Join(dir, "go.work"))}, "api", "odd", "web")
	for generation, want := range []int{2, 4} {
		for n, r := range buildTogether(t, generation+1, list...) {
			if !r.OK || !strings.HasPrefix(says(t, r.Binary), n) {
				t.Errorf("%s: %+v", n, r)
			}
		}
		if n := len(builds()); n != want {
			t.Errorf("%d builds, want %d: %q", n, want, builds())
		}
	}
	if strings.Contains(builds()[2]+builds()[3], "./cmd/api ./cmd/odd") {
		t.Errorf("tried again: %q", builds()[2:])
	}
}

// Steps before the build run once for all; a failing one fails all.
func TestTogetherBefore(t *testing.T) {
	dir := shop(t)
	o := Options{Before: []Step{{Shell: "echo x >> steps; ! test -e broken"}}}
	list := builders(t, dir, o, "api", "web")
	buildTogether(t, 1, list...)
	if got := strings.Count(read(t, filepath.Join(dir, "steps")), "x"); got != 1 {
		t.Errorf("the step ran %d times", got)
	}
	write(t, dir, "broken", "")
	for n, r := range buildTogether(t, 2, list...) {
		if r.OK || !strings.Contains(r.Summary, "before the build") {
			t.Errorf("%s: %+v", n, r)
		}
	}
}

// Only what one command can build has a group, and equal settings have an equal one.
func TestGroup(t *testing.T) {
	dir := shop(t)
	group := func(o Options) string {
		o.Dir, o.Cache = dir, t.TempDir()
		return newBuilder(t, o).Group()
	}
	base := group(Options{Package: "./cmd/api"})
	if base == "" || base != group(Options{Package: "./cmd/web"}) {
		t.Error("equal settings have no common group")
	}
	for name, o := range map[string]Options{
		"tags":    {Package: "./cmd/api", GoBuild: GoBuild{Tags: []string{"x"}}},
		"flags":   {Package: "./cmd/api", GoBuild: GoBuild{Flags: []string{"-trimpath"}}},
		"env":     {Package: "./cmd/api", Env: testEnv("X=1")},
		"before":  {Package: "./cmd/api", Before: []Step{{Shell: "true"}}},
		"timeout": {Package: "./cmd/api", Timeout: time.Minute},
		"dwarf":   {Package: "./cmd/api", GoBuild: GoBuild{DWARF: true}},
		"command": {Command: Step{Shell: "true"}},
		"root":    {Package: "."},
		"file":    {Package: "./cmd/api/main.go"},
	} {
		if got := group(o); got == base || got == "" != (name == "command" || name == "root" || name == "file") {
			t.Errorf("%s: group %q", name, got)
		}
	}
}
