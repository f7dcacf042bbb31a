//go:build unix

package builder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/proc"

	"github.com/hotreload/hotreload/internal/testkit"
)

// B9: an argument vector reaches the command byte for byte, and a shell string the shell.
func TestCommand(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	args := []string{"James Bond", "$(x)", "*.go", `"'`, "a\nb", "", "$HOME", "世界", `\`}
	b := newBuilder(t, Options{Dir: dir, Command: Step{Argv: append([]string{"printf", "[%s]"}, args...)}})
	want := "[" + strings.Join(args, "][") + "]"
	r := mustBuild(t, b, 1)
	if r.Output != want {
		t.Errorf("argv arrived as %q, want %q", r.Output, want)
	}
	if r.Binary != "" || r.Sum != [32]byte{} {
		t.Errorf("a binary without output: %+v", r)
	}
	b = newBuilder(t, Options{Dir: dir, Command: Step{Shell: `for f in *.go; do echo "$f $GREETING"; done; echo err >&2; exit 0 | true`}, Env: testEnv("GREETING=hi")})
	if r := mustBuild(t, b, 1); r.Output != "main.go hi\nerr\n" {
		t.Errorf("shell: %q", r.Output)
	}
	// A go build inside of the command makes its temporary files where they are removed.
	b = newBuilder(t, Options{Dir: dir, Command: Step{Shell: `test -d "$GOTMPDIR" && echo "$GOTMPDIR"`}})
	if r := mustBuild(t, b, 1); filepath.Dir(strings.TrimSpace(r.Output)) != b.tmp {
		t.Errorf("GOTMPDIR is %q", r.Output)
	}
	// A command is found on the PATH of its own environment, or relative to Dir.
	write(t, dir, "tools/mk", "#!/bin/sh\necho made in $PWD\n")
	for _, o := range []Options{
		{Command: Step{Argv: []string{"mk"}}, Env: testEnv("PATH=" + filepath.Join(dir, "tools") + ":/usr/bin:/bin")},
		{Command: Step{Argv: []string{"./tools/mk"}}}, {Command: Step{Argv: []string{"tools/mk"}}},
	} {
		o.Dir = dir
		if r := mustBuild(t, newBuilder(t, o), 1); r.Output != "made in "+dir+"\n" {
			t.Errorf("%q: %q", o.Command.Argv, r.Output)
		}
	}
}

// B9: the binary is taken from where the command leaves it, as a copy: the next run may
// overwrite it in place while the old program runs.
func TestCommandOutput(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n\nimport \"os\"\n\nfunc main() { println(version); os.Stdin.Read(make([]byte, 1)) }\n", "v.go": "package main\n\nconst version = \"one\"\n"})
	// The second step writes into the existing inode, as "cp" and "cat >" do.
	b := newBuilder(t, Options{Dir: dir, Output: "out/app", Name: "svc", Command: Step{Shell: "mkdir -p out && go build -ldflags=-buildid= -o app.tmp && cat app.tmp > out/app && chmod +x out/app"}})
	one := mustBuild(t, b, 1)
	cmd := exec.Command(one.Binary)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "v.go", "package main\n\nconst version = \"two\"\n")
	two := mustBuild(t, b, 2)
	stdin.Close()
	if err := cmd.Wait(); err != nil || out.String() != "one\n" {
		t.Errorf("the running program: %v %q", err, out.String())
	}
	if got := says(t, two.Binary); got != "two" || two.Sum == one.Sum {
		t.Errorf("generation 2 says %q", got)
	}
	write(t, dir, "v.go", "package main\n\nconst version = \"one\"\n")
	if r := mustBuild(t, b, 3); r.Sum != one.Sum {
		t.Error("the same program has another sum")
	}
	// Made while a file of the session is copied: never "text file busy".
	if got := says(t, one.Binary); got != "one" {
		t.Errorf("generation 1 says %q", got)
	}
}

// B6, B9: what a command leaves is checked before anybody runs it.
func TestCommandFailures(t *testing.T) {
	dir := project(t, map[string]string{
		"main.go": tiny, "noexec.sh": "echo hi\n", "bad.sh": "#!/no/such/interpreter\n", "fail.sh": "#!/bin/sh\necho before; echo main.go:3:4: bad thing >&2; echo 12:30:05: no place >&2; exit 7\n",
	})
	write(t, dir, "plain", "text")
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		o             Options
		summary, hint string
		place         string
	}{
		{name: "fails", o: Options{Command: Step{Shell: "echo no; exit 3"}}, summary: "echo no; exit 3 failed with exit code 3"},
		{name: "fails with places", o: Options{Command: Step{Argv: []string{"./fail.sh"}}}, summary: "1 error in ./main.go", place: "main.go:3"},
		{name: "fails by go build", o: Options{Command: Step{Shell: "echo building >&2; mkdir -p sub; printf 'package main\\nfunc main() { x }\\n' > sub/main2.go; go build -o /dev/null sub/main2.go"}}, summary: "1 error in ./sub/main2.go", place: "main2.go:2"},
		{name: "missing", o: Options{Command: Step{Argv: []string{"no-such-command"}}}, summary: "no-such-command is not on PATH", hint: "install"},
		{name: "missing path", o: Options{Command: Step{Argv: []string{"./none"}}}, summary: "./none does not exist"},
		{name: "not executable", o: Options{Command: Step{Argv: []string{"./noexec.sh"}}}, summary: "./noexec.sh may not be executed", hint: "chmod +x"},
		{name: "bad interpreter", o: Options{Command: Step{Argv: []string{"./bad.sh"}}}, summary: "./bad.sh does not exist, or its interpreter", hint: "interpreter"},
		{name: "exec format", o: Options{Command: Step{Argv: []string{"./plain"}}}, summary: "./plain is not a program that this system can run", hint: "#!"},
		{name: "killed", o: Options{Command: Step{Shell: "kill -9 $$"}}, summary: "kill -9 $$ was killed (out of memory?)", hint: "memory"},
		{name: "child killed", o: Options{Command: Step{Shell: "sh -c 'kill -9 $$'; exit $?"}}, summary: "was killed (out of memory?)", hint: "memory"},
		{name: "no output", o: Options{Command: Step{Shell: "true"}, Output: "out/app"}, summary: "true succeeded but did not write ./out/app", hint: "output"},
		{name: "archive", o: Options{Command: Step{Shell: "mkdir -p lib; echo package lib > lib/lib.go; go build -o out-lib ./lib"}, Output: "out-lib"}, summary: "is a compiled package", hint: "package main"},
		{name: "directory", o: Options{Command: Step{Shell: "mkdir -p outdir"}, Output: "outdir"}, summary: "is a directory"},
		{name: "fifo", o: Options{Command: Step{Shell: "rm -f fifo; mkfifo fifo"}, Output: "fifo"}, summary: "is not a regular file"},
		{name: "empty", o: Options{Command: Step{Shell: "rm -f e; touch e; chmod +x e"}, Output: "e"}, summary: "is empty"},
		{name: "mode", o: Options{Command: Step{Shell: "go build -o out-x && chmod -x out-x"}, Output: "out-x"}, summary: "is not executable"},
		{name: "text", o: Options{Command: Step{Shell: "true"}, Output: "plain"}, summary: filepath.Join(dir, "plain") + " is not a program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = dir
			b := newBuilder(t, c.o)
			r := build(t, b, 1)
			if r.OK || r.Binary != "" || len(names(t, b.bin)) > 0 {
				t.Errorf("something is offered to run: %+v", r)
			}
			if !strings.Contains(r.Summary, c.summary) || !strings.Contains(r.Hint, c.hint) {
				t.Errorf("summary %q, hint %q; want %q, %q\n%s", r.Summary, r.Hint, c.summary, c.hint, r.Output)
			}
			if c.place != "" {
				if len(r.Diagnostics) != 1 {
					t.Fatalf("diagnostics %+v", r.Diagnostics)
				}
				d := r.Diagnostics[0]
				if got := fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line); got != c.place || len(d.Frame) == 0 {
					t.Errorf("the diagnostic is at %s, want %s", got, c.place)
				}
			}
		})
	}
	// A script is a program, where the user's command makes it.
	write(t, dir, "run.sh", "#!/bin/sh\necho script\n")
	r := mustBuild(t, newBuilder(t, Options{Dir: dir, Command: Step{Shell: "true"}, Output: "run.sh"}), 1)
	if got := says(t, r.Binary); got != "script" {
		t.Errorf("the script says %q", got)
	}
}

// Steps before the build run in order; their files are part of the build; a failing one
// fails it by name.
func TestBefore(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n\nfunc main() { println(generated) }\n"})
	b := newBuilder(t, Options{Dir: dir, Before: []Step{
		{Argv: []string{"printf", "%s\n", "first $HOME"}},
		{Shell: "echo second >&2; n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; printf 'package main\\n\\nconst generated = %s\\n' $n > gen.go"},
	}})
	// Compiling comes between the steps and the build.
	steps := ""
	b.o.Compiling = func(generation int) {
		text, err := os.ReadFile(filepath.Join(dir, "gen.go"))
		steps += fmt.Sprintf("%d %v %v %d; ", generation, err == nil, strings.Contains(string(text), "generated"), len(names(t, b.bin)))
	}
	for gen, want := range []string{"0", "1"} {
		r := mustBuild(t, b, gen+1)
		if got := says(t, r.Binary); got != want {
			t.Errorf("build %d says %q, want %q", gen+1, got, want)
		}
		if r.Output != "first $HOME\nsecond\n" {
			t.Errorf("output %q", r.Output)
		}
	}
	if want := "1 true true 0; 2 true true 1; "; steps != want {
		t.Errorf("Compiling saw %q, want %q", steps, want)
	}
	b = newBuilder(t, Options{Dir: dir, Hooks: Hooks{Compiling: func(int) { t.Error("Compiling after a failed step") }}, Before: []Step{
		{Shell: "echo main.go:1:1: oops; echo details; exit 4"}, {Shell: "touch second-was-run"},
	}})
	r := build(t, b, 1)
	if r.OK || !strings.Contains(r.Summary, `the step "echo main.go:1:1: oops; echo details; exit 4" before the build failed: 1 error in ./main.go`) ||
		!strings.Contains(r.Output, "details") || len(r.Diagnostics) != 1 || len(names(t, b.bin)) > 0 {
		t.Errorf("failing step: %+v", r)
	}
	b = newBuilder(t, Options{Dir: dir, Before: []Step{{Argv: []string{"false"}}}})
	if r := build(t, b, 1); r.Summary != `the step "false" before the build failed: exit code 1` {
		t.Errorf("summary %q", r.Summary)
	}
	// What is no part of a build does not say that it is.
	for _, c := range []struct{ shell, want string }{
		{"exit 3", `the command "exit 3" failed: exit code 3`},
		{"kill -9 $$", `the command "kill -9 $$" failed: it was killed (out of memory?)`},
	} {
		if r := b.Steps(context.Background(), 2, []Step{{Shell: c.shell}}); r.OK || r.Summary != c.want {
			t.Errorf("summary %q, want %q", r.Summary, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "second-was-run")); err == nil {
		t.Error("a step was run after a failing one")
	}
}

// B10: 10 MB of errors: shown in part, complete in a file, which the next build removes.
func TestHugeOutput(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	line := "main.go:1:1: this line is repeated until there is a lot of it, number "
	b := newBuilder(t, Options{Dir: dir, Name: "x", Command: Step{Shell: `test -e ok && exit 0; awk 'BEGIN { for (i = 1; i <= 140000; i++) print "` + line + `" i; print "the end" }'; exit 1`}})
	r := build(t, b, 1)
	if r.OK || len(r.Output) > outputCap+512 || len(r.Output) < outputCap/2 {
		t.Errorf("output of %d bytes", len(r.Output))
	}
	for _, want := range []string{line + "1\n", line + "140000\nthe end\n", "left out here; the full output is in " + r.OutputFile} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("the output shown lacks %q", want)
		}
	}
	if len(r.Diagnostics) != maxDiagnostics || r.Summary != "more than 100 errors in ./main.go" {
		t.Errorf("%d diagnostics, summary %q", len(r.Diagnostics), r.Summary)
	}
	all, err := os.ReadFile(r.OutputFile)
	if err != nil || len(all) < 10_000_000 || strings.Count(string(all), "\n") != 140001 || filepath.Dir(r.OutputFile) != b.log {
		t.Errorf("%s has %d bytes (%v)", r.OutputFile, len(all), err)
	}
	write(t, b.log, "build-x-api-3.log", "of another service")
	write(t, dir, "ok", "")
	if r := mustBuild(t, b, 2); r.OutputFile != "" || r.Output != "" {
		t.Errorf("short output: %+v", r)
	}
	if got := names(t, b.log); !slices.Equal(got, []string{"build-x-api-3.log"}) {
		t.Errorf("logs left: %v", got)
	}
}

// toolexec is a program for -toolexec that treats one tool of package main's build
// specially. It passes the same arguments on for the tool's version, so that the cached
// standard library is used.
func toolexec(t *testing.T, tool, action string) string {
	t.Helper()
	dir := t.TempDir()
	// The go command names the program that it ran, so it is called as the tool.
	write(t, dir, tool, `#!/bin/sh
case "$2" in -V=full) exec "$@";; esac
case "$1" in */`+tool+`) `+action+`;; esac
exec "$@"
`)
	return "-toolexec=" + filepath.Join(dir, tool)
}

// B5: the compiler or the linker is killed.
func TestToolKilled(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	cache := t.TempDir()
	good := mustBuild(t, newBuilder(t, Options{Dir: dir, Cache: cache, Name: "good"}), 1)
	for _, c := range []struct{ tool, action, want string }{
		{"compile", "kill -9 $$", "the compiler was killed (out of memory?)"},
		{"link", "kill -9 $$", "the linker was killed (out of memory?)"},
		{"link", "kill -SEGV $$", "the toolchain crashed (link: signal: segmentation fault"},
		{"link", "kill -9 $PPID; sleep 1000", "go build was killed (out of memory?)"},
	} {
		write(t, dir, "main.go", tiny+fmt.Sprintf("\nconst unique = \"%s %s %d\"\n", c.tool, c.action, time.Now().UnixNano()))
		b := newBuilder(t, Options{Dir: dir, Cache: cache, Name: "bad", GoBuild: GoBuild{Flags: []string{toolexec(t, c.tool, c.action)}}})
		r := build(t, b, 1)
		if r.OK || !strings.Contains(r.Summary, c.want) || r.Hint == "" {
			t.Errorf("%s %s: summary %q, hint %q\n%s", c.tool, c.action, r.Summary, r.Hint, r.Output)
		}
		if got := says(t, good.Binary); got != "one" {
			t.Errorf("the last good binary says %q", got)
		}
	}
}

// marked returns an environment by which the processes of a build are found again.
func marked(t *testing.T) (env []string, alive func() []string) {
	mark := fmt.Sprintf("BUILDER_TEST_MARK=%s-%d-%d", t.Name(), os.Getpid(), rand.Int64())
	return testEnv(mark), func() []string {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			t.Skip("needs /proc")
		}
		var out []string
		for _, e := range entries {
			env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
			if err == nil && strings.Contains(string(env), mark) {
				cmd, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
				out = append(out, e.Name()+" "+strings.ReplaceAll(string(cmd), "\x00", " "))
			}
		}
		return out
	}
}

// rendezvous is a FIFO: the command opens it for writing when it has come so far, and the
// test waits for that by opening it for reading.
func rendezvous(t *testing.T) (path string, wait func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() {
		// To the end: a writer that finds no reader any more is killed by SIGPIPE.
		if _, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
}

// B5, L11: a build that hangs ends when it is canceled, with everything it started, and
// the next one works.
func TestCancelHanging(t *testing.T) {
	for _, c := range []struct {
		name    string
		options func(fifo string) Options
	}{
		{"compiler", func(fifo string) Options {
			return Options{GoBuild: GoBuild{Flags: []string{toolexec(t, "compile", "sleep 1000 & echo > "+fifo+"; wait")}}}
		}},
		{"linker", func(fifo string) Options {
			return Options{GoBuild: GoBuild{Flags: []string{toolexec(t, "link", "echo > "+fifo+"; sleep 1000")}}}
		}},
		{"step before", func(fifo string) Options {
			return Options{Before: []Step{{Shell: "sleep 1000 & echo > " + fifo + "; wait"}}}
		}},
		{"command that ignores the interrupt", func(fifo string) Options {
			return Options{Command: Step{Shell: "trap '' INT TERM; echo > " + fifo + "; sleep 1000; sleep 1000"}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, map[string]string{"main.go": tiny + fmt.Sprintf("\nconst unique = %d\n", rand.Int64())})
			fifo, wait := rendezvous(t)
			o := c.options(fifo)
			env, alive := marked(t)
			o.Dir, o.Env = dir, env
			b := newBuilder(t, o)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan Result)
			go func() { done <- b.Build(ctx, 1) }()
			wait()
			cancel()
			select {
			case r := <-done:
				if !r.Canceled || r.OK || r.Binary != "" || r.Summary != "" {
					t.Errorf("result %+v", r)
				}
			case <-time.After(deadline):
				t.Fatal("the canceled build does not end")
			}
			if left := alive(); len(left) > 0 {
				t.Errorf("processes left: %v", left)
			}
			noTemporaries(t, b)
			if left := names(t, b.bin); len(left) > 0 {
				t.Errorf("left in bin: %v", left)
			}
		})
	}
}

// A canceled make removes its half-written target: it gets SIGINT, not SIGKILL.
func TestCancelInterrupts(t *testing.T) {
	dir := t.TempDir()
	fifo, wait := rendezvous(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := newBuilder(t, Options{Dir: dir, Command: Step{Argv: []string{self}}, Env: testEnv("BUILDER_TEST_INTERRUPT=" + fifo)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan Result)
	go func() { done <- b.Build(ctx, 1) }()
	wait()
	cancel()
	if r := <-done; !r.Canceled {
		t.Errorf("result %+v", r)
	}
	if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
		t.Error("the command was not let clean up")
	}
}

// interruptHelper acts like make: it has a half-written target, and removes it when
// interrupted. (A shell will not do: its traps have races.)
func interruptHelper(fifo string) int {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	if os.WriteFile("half", nil, 0o600) != nil || os.WriteFile(fifo, []byte("\n"), 0o600) != nil {
		return 1
	}
	<-interrupts
	os.Remove("half")
	return 130
}

// B5: a build that takes longer than its timeout is stopped, and that is said.
func TestTimeout(t *testing.T) {
	env, alive := marked(t)
	b := newBuilder(t, Options{Dir: t.TempDir(), Env: env, Command: Step{Shell: "echo begun; sleep 1000"}, Timeout: 300 * time.Millisecond})
	r := build(t, b, 1)
	if r.OK || r.Canceled || r.Summary != "echo begun; sleep 1000 took longer than 300ms and was stopped" || r.Hint == "" || r.Output != "begun\n" {
		t.Errorf("result %+v", r)
	}
	if left := alive(); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
}

// B7: builds canceled at random times leave nothing.
func TestCancelOften(t *testing.T) {
	testkit.Slow(t)
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	dir := project(t, map[string]string{"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(version) }\n"})
	env, alive := marked(t)
	temp := t.TempDir()
	env = proc.SetEnv(env, "TMPDIR", temp)
	b := newBuilder(t, Options{Dir: dir, Env: env})
	version := func(n int) {
		write(t, dir, "version.go", fmt.Sprintf("package main\n\nconst version = \"%d %d\"\n", n, rand.Int64()))
	}
	version(0)
	good := mustBuild(t, b, 1)
	whole := good.Duration
	canceled := 0
	for i := range rounds {
		version(i)
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(whole))), cancel)
		r := b.Build(ctx, i+2)
		if r.Canceled {
			canceled++
		} else if !r.OK {
			t.Fatalf("round %d: %s\n%s", i, r.Summary, r.Output)
		} else {
			b.Remove(r.Binary)
		}
		timer.Stop()
		cancel()
		if left := alive(); len(left) > 0 {
			t.Fatalf("round %d: processes left: %v", i, left)
		}
		noTemporaries(t, b)
		if left := names(t, temp); len(left) > 0 {
			t.Fatalf("round %d: left in TMPDIR: %v", i, left)
		}
		if left := names(t, b.bin); !slices.Equal(left, []string{filepath.Base(good.Binary)}) {
			t.Fatalf("round %d: bin holds %v", i, left)
		}
	}
	if canceled < rounds/4 {
		t.Errorf("only %d of %d builds were canceled", canceled, rounds)
	}
	version(-1)
	if r := mustBuild(t, b, rounds+2); !strings.HasPrefix(says(t, r.Binary), "-1 ") {
		t.Error("the build after all that is wrong")
	}
}

// A build leaves no processes, even if its command succeeds.
func TestLeftovers(t *testing.T) {
	env, alive := marked(t)
	b := newBuilder(t, Options{Dir: t.TempDir(), Env: env, Command: Step{Shell: "sleep 1000 & (trap '' TERM; sleep 1000; sleep 1000) & echo ok"}})
	if r := mustBuild(t, b, 1); r.Output != "ok\n" {
		t.Errorf("output %q", r.Output)
	}
	if left := alive(); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
}

// Builds of one builder do not overlap, whoever calls.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	b := newBuilder(t, Options{Dir: dir, Command: Step{Shell: "mkdir turn && rmdir turn"}})
	done := make(chan Result)
	for i := range 8 {
		go func() { done <- b.Build(context.Background(), i+1) }()
	}
	for range 8 {
		if r := <-done; !r.OK {
			t.Errorf("two builds at a time: %s\n%s", r.Summary, r.Output)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r := b.Build(ctx, 9); !r.Canceled {
		t.Errorf("canceled before: %+v", r)
	}
}
