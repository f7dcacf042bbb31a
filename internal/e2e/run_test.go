package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/control"

	"github.com/hotreload/hotreload/internal/testkit"
)

// script is a program whose behaviour a test writes down.
func script(body string, imports ...string) map[string]string {
	var imp strings.Builder
	for _, i := range imports {
		fmt.Fprintf(&imp, "import %q\n", i)
	}
	return map[string]string{
		"go.mod":  "module example.test/script\n\ngo 1.25\n",
		"main.go": "package main\n\n" + imp.String() + "\nconst edit = 0\n\nfunc main() {\n" + body + "\n}\n",
		// The builtin writes each operand separately, and what hotreload says can come between.
		"println.go": "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc println(a ...any) { fmt.Fprintln(os.Stderr, a...) }\n",
	}
}

func (s *session) touch(n int) {
	s.t.Helper()
	s.edit("main.go", fmt.Sprintf("const edit = %d", n-1), fmt.Sprintf("const edit = %d", n))
}

const waitForTerm = `
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	println("up", edit)
`

// R1: the program gets the signal exactly once and ends in its own time.
func TestR1GracefulStop(t *testing.T) {
	t.Parallel()
	files := script(waitForTerm+`
	sig := <-ch
	time.Sleep(300 * time.Millisecond)
	n := 1 + len(ch)
	fmt.Println("ended by", sig, n)
`, "fmt", "os", "os/signal", "syscall", "time")
	s := start(t, newApp(t, files), nil)
	s.waitFor("live")
	s.touch(1)
	s.wait("the handler", func(e ev) bool {
		return e.Event == "output" && strings.Contains(e.str("text"), "ended by "+stopName+" 1")
	})
	e := s.waitFor("exited")
	if e.num("code") != 0 || !e.flag("expected") {
		t.Error(e.line)
	}
	// It is no server, so it is live when it was started; the handler comes later.
	s.wait("the new program", func(e ev) bool { return e.Event == "output" && strings.Contains(e.str("text"), "up 1") })
	s.stop(syscall.SIGINT)
	if n := strings.Count(s.out.String(), "ended by "+stopName+" 1"); n != 2 {
		t.Errorf("%d handlers ran to their end\n%s", n, s.out.String())
	}
}

// R2: the new program starts only when the old group is gone.
func TestR2SlowStop(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := script(waitForTerm+`
	<-ch
	time.Sleep(6 * time.Second)
	fmt.Println("gone")
`, "fmt", "os", "os/signal", "syscall", "time")
	files[".hotreload.toml"] = "[run]\nstop_timeout = \"30s\"\n"
	s := start(t, newApp(t, files), nil)
	s.waitFor("live")
	s.touch(1)
	s.wait("gone", func(e ev) bool {
		if e.Event == "started" {
			t.Errorf("started before the old one was gone")
		}
		return e.Event == "exited"
	})
	s.waitFor("started")
	if !strings.Contains(s.out.String(), "gone") {
		t.Error("the old program was not let to end")
	}
	s.waitFor("live")
	s.stop(syscall.SIGINT)
}

// R6: a fixed port, many quick restarts: never "address already in use".
func TestR6FixedPort(t *testing.T) {
	t.Parallel()
	n := 100
	if testing.Short() {
		n = 10
	}
	w := startWeb(t, newApp(t, webApp), nil)
	mark := w.mark()
	for i := range n {
		// The restart itself is the subject, so what is built is not: the env
		// file restarts without a build.
		write(t, filepath.Join(w.dir, ".env"), fmt.Sprintf("ROUND=%d\n", i))
		w.waitFor("live")
		if got := w.get(w.addr, "/env?ROUND"); got != fmt.Sprintf("%d true", i) {
			t.Fatalf("round %d: %q", i, got)
		}
	}
	for _, e := range w.since(mark) {
		if e.Event == "exited" && !e.flag("expected") {
			t.Errorf("%s", e.line)
		}
	}
}

// programEnd is how the end of a program is reported: in the event, and to people.
type programEnd struct {
	code         int
	signal, text string
}

// R8: the cause of an end is shown, and the next save starts the program again.
func TestR8Ends(t *testing.T) {
	t.Parallel()
	files := script(`
	switch os.Getenv("MODE") {
	case "zero":
	case "one":
		os.Exit(1)
	case "panic":
		var m map[string]int
		m["x"] = edit
	case "signal":
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
`, "os")
	for mode, c := range map[string]programEnd{
		"zero":   {0, "", "exit code 0"},
		"one":    {1, "", "exit code 1"},
		"panic":  {2, "", "main.go:"},
		"signal": killed,
	} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, newApp(t, files), nil, withEnv("MODE="+mode))
			for i := 1; i <= 2; i++ {
				e := s.waitFor("exited")
				if e.num("code") != c.code || e.str("signal") != c.signal || e.flag("expected") {
					t.Error(e.line)
				}
				s.touch(i)
				s.waitFor("started")
			}
			s.waitFor("exited")
			s.stop(syscall.SIGINT)
			if text := s.err.String(); !strings.Contains(text, c.text) || !strings.Contains(text, "waiting for a change") {
				t.Errorf("terminal does not say %q:\n%s", c.text, text)
			}
		})
	}
}

// R12: what cannot be executed is explained, and the session goes on.
func TestR12NotExecutable(t *testing.T) {
	t.Parallel()
	files := script("")
	files["run.txt"] = "no program\n"
	files[".hotreload.toml"] = "[run]\ncommand = [\"./run.txt\", \"{binary}\"]\n"
	s := start(t, newApp(t, files), nil)
	e := s.waitFor("problem")
	if !strings.Contains(e.str("message"), "cannot start") || e.str("hint") == "" {
		t.Error(e.line)
	}
	if code := s.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// C7: arguments after -- reach the program byte for byte.
func TestC7Arguments(t *testing.T) {
	t.Parallel()
	files := script(`
	json.NewEncoder(os.Stdout).Encode(os.Args[1:])
`, "encoding/json", "os")
	want := []string{"--name", "James Bond", "$(x)", "*.go", "", "--", "a'b\"c\\", "ünï\ncode"}
	cmd := exec.Command(hotreload, append([]string{"run", "--once", "--"}, want...)...)
	cmd.Dir = newApp(t, files)
	cmd.Env = cleanEnv()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v), want %q\n%s", got, err, want, out)
	}
}

// T13: --once builds, runs, and passes on the exit code; 1 if the build fails.
func TestT13Once(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"zero":    {"", 0},
		"seven":   {"os.Exit(7)", 7},
		"signal":  {"p, _ := os.FindProcess(os.Getpid()); p.Kill(); select {}", killedOnce},
		"no code": {"nonsense", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var imports []string
			for _, i := range []string{"os", "syscall"} {
				if strings.Contains(c.body, i+".") {
					imports = append(imports, i)
				}
			}
			cmd := exec.Command(hotreload, "run", "--once")
			cmd.Dir = newApp(t, script(c.body, imports...))
			cmd.Env = cleanEnv()
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("exit %d, want %d\n%s", got, c.want, out)
			}
		})
	}
}

// T1: Ctrl-C during a build and while the program runs: all ends, exit 0.
func TestT1CtrlC(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	w.setVersion("two")
	w.waitFor("build_started")
	if code := w.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d", code)
	}
	w.settled("during a build")

	w = startWeb(t, newApp(t, webApp), nil)
	if code := w.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d", code)
	}
	w.settled("while it runs")
}

// settled checks that every process that was started was seen to its end.
func (s *session) settled(when string) {
	s.t.Helper()
	if left := s.left(); len(left) > 0 {
		s.t.Errorf("%s: left behind: %v", when, left)
	}
}

// T3: kill -9 of hotreload leaves no program behind.
func TestT3KillNine(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	pid := w.answer().pid
	_ = w.cmd.Process.Kill()
	w.exit()
	until(t, "the program is gone", func() bool { return !testkit.Alive(pid) })
	until(t, "nothing is left, the guard included", func() bool { return len(w.left()) == 0 })
	// T12: the lock does not outlive its owner.
	again := startWeb(t, w.dir, nil)
	again.stop(syscall.SIGTERM)
}

// T6: without a terminal: plain lines, no cursor control; stdin closed; output
// piped into something that ends.
func TestT6NoTerminal(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	w := startWeb(t, dir, []string{"--color", "auto"}, withStdin(nil))
	w.stop(syscall.SIGTERM)
	if text := w.err.String() + w.out.String(); strings.Contains(text, "\x1b") {
		t.Errorf("escape sequences without a terminal: %q", text)
	}

	files := script(`
	for { fmt.Println("line") }
`, "fmt")
	r, p, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, newApp(t, files), nil, withOutput(p, io.Discard))
	p.Close()
	buf := make([]byte, 5)
	if _, err := io.ReadFull(r, buf); err != nil {
		t.Fatal(err)
	}
	r.Close() // as head -1 does
	s.exit()
	s.settled("after head -1")
}

// refused is CombinedOutput of a hotreload that should end, and is ended if it does not.
func refused(t *testing.T, cmd *exec.Cmd) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(deadline, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("it did not end\n%s", out.String())
	}
	return out.Bytes(), err
}

// T12: a second session in the same project is refused with the first one's pid.
func TestT12SecondSession(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	cmd := exec.Command(hotreload, "run")
	cmd.Dir = filepath.Join(w.dir, "lib")
	cmd.Env = cleanEnv()
	out, err := refused(t, cmd)
	if err == nil || !strings.Contains(string(out), fmt.Sprintf("pid %d", w.cmd.Process.Pid)) {
		t.Errorf("%v: %s", err, out)
	}
	if a := w.answer(); a.version != "one" {
		t.Errorf("the first session was disturbed: %+v", a)
	}
}

// C4: run from a subdirectory finds the root and its config.
func TestC4Subdirectory(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[run.env]\nFROM = \"config\"\n"
	dir := newApp(t, files)
	w := startWeb(t, filepath.Join(dir, "lib"), nil)
	if got := w.get(w.addr, "/env?FROM"); got != "config true" {
		t.Errorf("%q", got)
	}
	if got := w.get(w.addr, "/t"); got != "template1\n" {
		t.Errorf("the program does not run in the root: %q", got)
	}
}

// W13: the home directory is refused, with the way to insist.
func TestW13Home(t *testing.T) {
	t.Parallel()
	home := newApp(t, webApp)
	cmd := exec.Command(hotreload, "run")
	cmd.Dir = home
	cmd.Env = append(cleanEnv(), homeEnv(home), "GOCACHE="+goenv(t, "GOCACHE"), "GOMODCACHE="+goenv(t, "GOMODCACHE"))
	out, err := refused(t, cmd)
	if err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "home directory") || !strings.Contains(string(out), ".hotreload.toml") {
		t.Errorf("%v: %s", err, out)
	}
}

func goenv(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("go", "env", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// T12: `hotreload stop` returns when another session can begin.
func TestT12StopThenRun(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{"go.mod": "module example.test/m\n\ngo 1.25\n", "main.go": "package main\n\nfunc main() { select {} }\n"})
	for range 5 {
		s := start(t, dir, nil)
		s.waitFor("session_started")
		if out, code := hr(t, dir, "stop"); code != 0 || out != "stopped\n" {
			t.Fatalf("stop: exit %d: %s", code, out)
		}
		cache, err := control.CacheDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		l, err := control.Acquire(cache, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
	}
}
