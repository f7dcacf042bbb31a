package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// bare is a program that leaves a process without environment, parent, group and session at each start, and says its pid.
var bare = script(`
	out, err := exec.Command("sh", "-c", "nohup env -i setsid sleep 54321 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		panic(err)
	}
	if os.Getenv("SHORT") != "" {
		println("bare", strings.TrimSpace(string(out)))
		return
	}
	println("bare", strings.TrimSpace(string(out)), edit)
	time.Sleep(time.Hour)
`, "os", "os/exec", "strings", "time")

// bareOrphan waits until a generation has left its process, and the process has nothing that tells where it is from.
func (s *session) bareOrphan() (pid int) {
	s.t.Helper()
	e := s.wait("the pid", func(e ev) bool { return e.Event == "output" && strings.HasPrefix(e.str("text"), "bare ") })
	pid, err := strconv.Atoi(strings.Fields(e.str("text"))[1])
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if comm(pid) == "sleep" {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	until(s.t, "sleep", func() bool { return comm(pid) == "sleep" })
	return pid
}

func comm(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(b))
}

// R4, fault 62: it is gone before the next start and at the end, also with two services; that is said once.
func TestR4BareOrphans(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	s := start(t, newApp(t, bare), nil)
	var pids []int
	generation := 1
	for i := range 3 {
		pids = append(pids, s.bareOrphan())
		s.touch(i + 1)
		// Its output may come before the event of its own start. One save may be two generations.
		generation = s.wait("the next start", func(e ev) bool { return e.Event == "started" && e.Generation > generation }).Generation
		if !ended(pids[i]) {
			t.Errorf("round %d: %d lives when the next program starts", i, pids[i])
		}
	}
	last := s.bareOrphan()
	s.stop(syscall.SIGINT)
	if !ended(last) {
		t.Error("it outlives hotreload")
	}
	text := s.err.String()
	if n := strings.Count(text, " left behind: "); n != 1 || !strings.Contains(text, fmt.Sprint(pids[0])) {
		t.Errorf("said %d times:\n%s", n, text)
	}
}

// Fault 62: a program that has ended leaves something running: that is said, and it is ended before the next start.
func TestR4LeftRunning(t *testing.T) {
	t.Parallel()
	s := start(t, newApp(t, bare), nil, withEnv("SHORT=1"))
	pid := s.bareOrphan()
	e := s.wait("what is left", func(e ev) bool { return e.Event == "problem" })
	if !strings.Contains(e.str("message"), fmt.Sprintf("still running: %d sleep", pid)) {
		t.Error(e.line)
	}
	if ended(pid) {
		t.Error("it was ended: it may be the server")
	}
	s.touch(1)
	last := s.bareOrphan() // its output may come before the event of its start
	if !ended(pid) {
		t.Error("it lives when the next program has started")
	}
	s.stop(syscall.SIGINT)
	if !ended(last) {
		t.Error("it outlives hotreload")
	}
}

// Fault 54: hotreload and its guard are killed at once: the next session ends what is left, before it starts anything.
func TestT3KilledWithGuard(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--once"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			dir := newApp(t, bare)
			s := start(t, dir, args)
			pid, orphan := s.cmd.Process.Pid, s.bareOrphan()
			guard := guardOf(t, pid)
			_ = syscall.Kill(guard, syscall.SIGSTOP)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_ = syscall.Kill(guard, syscall.SIGKILL)
			<-s.done
			if ended(orphan) {
				t.Fatal("nothing was left")
			}
			s = start(t, dir, nil)
			s.waitFor("session_started")
			if !ended(orphan) {
				t.Error("it lives")
			}
			s.stop(syscall.SIGINT)
			if text := s.err.String(); !strings.Contains(text, fmt.Sprintf("left running: %d sleep", orphan)) {
				t.Error(text)
			}
		})
	}
}

// guardOf is the guard process of a hotreload.
func guardOf(t *testing.T, parent int) int {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, _ := os.ReadFile(f)
		dir := filepath.Dir(f)
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.Contains(string(line), "\x00__guard") &&
			len(strings.Fields(rest)) > 1 && strings.Fields(rest)[1] == fmt.Sprint(parent) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid
		}
	}
	t.Fatal("no guard")
	return 0
}

// Fault 64: a program that reads its standard input finds none and ends well: once in a session, that is explained.
func TestT8EmptyInput(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := script(`
	sc := bufio.NewScanner(os.Stdin)
	for sc.Scan() {
	}
	println("up", edit)
`, "bufio", "os")
	s := start(t, newApp(t, files), nil)
	s.waitFor("exited")
	e := s.waitFor("problem")
	if !strings.Contains(e.str("message"), "main.go") || !strings.Contains(e.str("hint"), "run.stdin") {
		t.Error(e.line)
	}
	s.touch(1)
	s.waitFor("exited")
	s.stop(syscall.SIGINT)
	if n := strings.Count(s.err.String(), "run.stdin"); n != 1 {
		t.Errorf("said %d times", n)
	}

	// Not for one that reads nothing, fails, or has an input.
	for name, c := range map[string]struct{ body, args string }{
		"reads nothing": {`println("up", edit, len(os.Args) > 5)`, ""},
		"fails":         {`os.Stdin.Read(nil); println("up", edit); os.Exit(3)`, ""},
		"none":          {`os.Stdin.Read(nil); println("up", edit)`, "run.stdin=none"},
		"has arguments": {`os.Stdin.Read(nil); println("up", edit)`, `run.args=["install"]`},
	} {
		t.Run(name, func(t *testing.T) {
			var args []string
			if c.args != "" {
				args = []string{"--set", c.args}
			}
			s := start(t, newApp(t, script(c.body, "os")), args)
			s.waitFor("exited")
			s.explained()
			s.stop(syscall.SIGINT)
			if text := s.err.String(); strings.Contains(text, "run.stdin") {
				t.Errorf("a hint:\n%s", text)
			}
		})
	}
}

// explained returns when the end of a first program has been explained, or is not going to be:
// wait judges a file that may be embedded only when the import graph is there.
func (s *session) explained() {
	s.t.Helper()
	write(s.t, filepath.Join(s.dir, "note.txt"), "new")
	s.command("wait")
}

// A program with subcommands that gets none prints its help and ends well: how to give it
// arguments is said once, and nothing is claimed about an input that it never asked for.
func TestT8NoArguments(t *testing.T) {
	t.Parallel()
	files := script(`
	cobra.Execute()
	println("up", edit)
`, "github.com/spf13/cobra")
	files["go.mod"] += "\nrequire github.com/spf13/cobra v1.0.0\n\nreplace github.com/spf13/cobra => ./cobra\n"
	files["cobra/go.mod"] = "module github.com/spf13/cobra\n\ngo 1.25\n"
	files["cobra/cobra.go"] = "package cobra\n\nfunc Execute() {}\n"
	files["main.go"] = strings.Replace(files["main.go"], "cobra.Execute()", "cmd.Execute()", 1)
	files["main.go"] = strings.Replace(files["main.go"], "github.com/spf13/cobra", "example.test/script/cmd", 1)
	files["cmd/cmd.go"] = "package cmd\n\nimport \"github.com/spf13/cobra\"\n\nfunc Execute() { cobra.Execute() }\n"
	s := start(t, newApp(t, files), nil)
	s.waitFor("exited")
	e := s.waitFor("problem")
	if hint := e.str("hint"); !strings.Contains(e.str("message"), "without arguments") || !strings.Contains(hint, "run -- ARGS") || strings.Contains(hint, "run.stdin") {
		t.Error(e.line)
	}
	s.touch(1)
	s.waitFor("exited")
	s.stop(syscall.SIGINT)
	if n := strings.Count(s.err.String(), "-- ARGS"); n != 1 {
		t.Errorf("said %d times", n)
	}

	// One that may read something as well gets both hints; one with arguments has what it needs.
	files["ask.go"] = "package main\n\nimport \"os\"\n\nfunc ask() { _, _ = os.Stdin.Read(nil) }\n"
	s = start(t, newApp(t, files), nil)
	s.waitFor("exited")
	if e := s.waitFor("problem"); !strings.Contains(e.str("hint"), "run -- ARGS") || !strings.Contains(e.str("hint"), "(ask.go), set run.stdin") {
		t.Error(e.line)
	}
	s.stop(syscall.SIGINT)
	delete(files, "ask.go")
	s = start(t, newApp(t, files), []string{"--set", `run.args=["serve"]`})
	s.waitFor("exited")
	s.explained()
	s.stop(syscall.SIGINT)
	if text := s.err.String(); strings.Contains(text, "exited immediately") {
		t.Errorf("a hint:\n%s", text)
	}
}

// R2, T1: a program that takes its time to end is waited for; that is said.
func TestT1SlowStop(t *testing.T) {
	t.Parallel()
	files := script(waitForTerm+`
	<-ch
	println("asked")
	for {
		if _, err := os.Stat("over"); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
`, "os", "os/signal", "syscall", "time")
	dir := newApp(t, files)
	s := start(t, dir, nil)
	s.waitFor("live")
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	if e := s.waitFor("held"); !strings.Contains(e.str("reason"), "script to stop, at most 5s; Ctrl-C again") {
		t.Error(e.line)
	}
	write(t, filepath.Join(dir, "over"), "")
	if e := s.waitFor("exited"); e.num("code") != 0 {
		t.Error(e.line)
	}
	if code := s.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// T1, T2, fault 64: a build step that ignores Ctrl-C is waited for; that is said, with what it is, and a second Ctrl-C ends it.
func TestT1StubbornStep(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprint("twice ", twice), func(t *testing.T) {
			files := script(`println("up", edit)`)
			files[".hotreload.toml"] = "[build]\nbefore = ['sh ./gen.sh']\n"
			files["gen.sh"] = "trap '' INT TERM\ntouch begun\nwhile :; do sleep 0.02; done\n"
			dir := newApp(t, files)
			s := start(t, dir, nil)
			until(t, "the step runs", func() bool { _, err := os.Stat(filepath.Join(dir, "begun")); return err == nil })
			_ = s.cmd.Process.Signal(syscall.SIGINT)
			e := s.waitFor("held")
			if reason := e.str("reason"); !strings.Contains(reason, "`sh ./gen.sh`") || !strings.Contains(reason, "Ctrl-C again") {
				t.Error(e.line)
			}
			want := 0
			if twice {
				_ = s.cmd.Process.Signal(syscall.SIGINT)
				want = 130
			}
			if code := s.exit(); code != want {
				t.Errorf("exit %d", code)
			}
		})
	}
}
