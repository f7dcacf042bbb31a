//go:build unix

package e2e

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hotreload/hotreload/internal/testkit"
)

// patient is a program that ends on request after it has said so.
var patient = script(`
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("up", edit)
	sig := <-ch
	fmt.Println("ended by", sig, 1+len(ch))
`, "fmt", "os", "os/signal", "syscall")

// T1: Ctrl-C in a terminal, while the program runs and during a build.
func TestT1CtrlCInTerminal(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil)
	before := x.before
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("\x03")
	// Its own group: the signal comes from hotreload, once.
	x.see("ended by terminated 1")
	if code := s.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	s.settled("while it runs")
	if before.Lflag&unix.ECHO == 0 {
		t.Error("the terminal had no echo to begin with")
	}

	s, x = startTTY(t, newApp(t, patient), nil)
	s.waitFor("build_started")
	x.press("\x03")
	if code := s.exit(); code != 0 {
		t.Errorf("during a build: exit %d", code)
	}
	s.settled("during a build")
}

// T1: the shell gets its terminal back as it was.
func TestT1ModesRestored(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil, below("sh", "-c", "$HR; echo hotreload ended; read line; echo got $line"))
	before := x.before
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("q")
	x.see("hotreload ended")
	if now := x.modes(); now != before {
		t.Errorf("modes %+v, before %+v", now, before)
	}
	x.press("typed\n")
	x.see("typed") // echo
	x.see("got typed")
	s.exit()
}

// T2: Ctrl-C twice kills at once, exit 130.
func TestT2CtrlCTwiceInTerminal(t *testing.T) {
	t.Parallel()
	files := script(`
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("up", edit)
	for { time.Sleep(time.Hour) }
`, "fmt", "os/signal", "syscall", "time")
	files[".hotreload.toml"] = "[run]\nstop_timeout = \"1h\"\n"
	s, x := startTTY(t, newApp(t, files), nil)
	x.see("up 0")
	s.waitFor("live")
	for end := time.Now().Add(deadline); ; {
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
		x.press("\x03")
		// The first one must have been taken before the second is worth anything.
		if _, ok := s.tryWait(100_000_000, func(e ev) bool { return e.Event == "session_ended" }); ok {
			break
		}
	}
	if code := s.exit(); code != 130 {
		t.Errorf("exit %d", code)
	}
	s.settled("after two Ctrl-C")
}

// T3: the terminal is closed: nothing is left, and nothing spins on errors.
func TestT3HangUp(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]option{
		"alone":       nil,
		"below sh":    {below("sh", "-c", "$HR; exit 7")},
		"interactive": {withEnv("HOTRELOAD_CASE=interactive")},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(patient)
			if name == "interactive" {
				files[".hotreload.toml"] = "[run]\nstdin = \"interactive\"\n"
			}
			s, x := startTTY(t, newApp(t, files), nil, opts...)
			app := s.waitFor("started").num("pid")
			s.waitFor("live")
			x.see("up 0")
			x.hangUp()
			s.exit()
			until(t, "the program is gone", func() bool { return ended(app) })
			until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
		})
	}
}

// T3: all streams are redirected, and the terminal is closed all the same.
func TestT3HangUpRedirected(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil, below("sh", "-c", "$HR </dev/null >/dev/null 2>&1"))
	s.waitFor("live")
	x.hangUp()
	s.exit()
	until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
}

// T3, fault 86: nohup means that the session goes on.
func TestT3Nohup(t *testing.T) {
	t.Parallel()
	dir := newApp(t, patient)
	s, x := startTTY(t, dir, nil, below("sh", "-c", "trap '' HUP; exec $HR </dev/null >/dev/null 2>&1"))
	s.waitFor("live")
	x.hangUp()
	s.touch(1)
	s.waitFor("live")
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	s.settled("after nohup")
}

// SIGHUP of a person is a wish to rebuild, not a hang-up.
func TestT3HangUpSignalIsNoHangUp(t *testing.T) {
	t.Parallel()
	s, _ := startTTY(t, newApp(t, patient), nil)
	s.waitFor("live")
	_ = s.cmd.Process.Signal(syscall.SIGHUP)
	s.wait("rebuild", func(e ev) bool { return e.Event == "changed" && e.str("why") == "SIGHUP" })
	s.waitFor("build_finished")
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// T3: kill -9, or a crash of hotreload's own, leaves a terminal that can be used.
func TestT3TerminalUsable(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "crashed": syscall.SIGSEGV} {
		t.Run(name, func(t *testing.T) {
			s, x := startTTY(t, newApp(t, patient), nil, below("sh", "-c", "$HR; read line; echo got $line"))
			before := x.before
			app := s.waitFor("started").num("pid")
			s.waitFor("live")
			until(t, "keys are read", x.keyMode)
			_ = syscall.Kill(s.pid(), sig)
			until(t, "the terminal is as before", func() bool { return x.modes() == before })
			x.press("typed\n")
			x.see("got typed")
			s.exit()
			until(t, "the program is gone", func() bool { return ended(app) })
			until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
		})
	}
}

// T3: an interactive shell that has its terminal again keeps its own modes: what the guard
// would put back would break the editing of its line.
func TestT3KilledJobOfShell(t *testing.T) {
	t.Parallel()
	s, x := startShell(t, newApp(t, patient), nil)
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	if len(x.guards()) != 1 {
		t.Fatalf("guards: %v", x.guards())
	}
	_ = syscall.Kill(s.pid(), syscall.SIGKILL)
	x.see("PROMPT$ ")
	until(t, "the guard has done its work", func() bool {
		for _, p := range processesOf(t.Name()) {
			if !strings.HasPrefix(p.Args, "bash") {
				return false
			}
		}
		return len(x.guards()) == 0
	})
	// Readline reads keys singly and shows them itself.
	x.press("echo $((6*8))x\bz\n")
	x.see("48z")
	x.press("exit\n")
	s.exit()
}

// sizer prints what its streams are, now and at each change of size.
var sizer = script(`
	say := func() {
		var size [2]string
		for i, f := range []*os.File{os.Stdout, os.Stderr} {
			ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
			if err != nil {
				size[i] = "none"
				continue
			}
			size[i] = fmt.Sprintf("%dx%d", ws.Col, ws.Row)
		}
		fmt.Printf("\x1b[31msize\x1b[0m %s %s\n", size[0], size[1])
		fmt.Fprintf(os.Stderr, "\x1b[32merr\x1b[0m\n")
	}
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGWINCH)
	say()
	for range ch {
		say()
	}
`, "fmt", "os", "os/signal", "syscall")

func init() {
	// Without modules from elsewhere.
	sizer["main.go"] = strings.NewReplacer(
		"ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)", "ws, err := winsize(f)",
	).Replace(sizer["main.go"]) + `
type size struct{ Row, Col, X, Y uint16 }

func winsize(f *os.File) (s size, err error) {
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&s)))
	if e != 0 {
		err = e
	}
	return s, err
}
`
	sizer["main.go"] = strings.Replace(sizer["main.go"], "import \"syscall\"\n", "import \"syscall\"\nimport \"unsafe\"\n", 1)
}

// T5: the program sees a terminal on both streams, of the right size, also after a change;
// its colours arrive as they were written.
func TestT5AppSeesTerminal(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, sizer), nil)
	s.waitFor("live")
	x.see("\x1b[31msize\x1b[0m 80x24 80x24\r\n")
	until(t, "stderr as it was written", func() bool { return strings.Contains(x.text(), "\x1b[32merr\x1b[0m\r\n") })
	x.resize(100, 30)
	x.see("\x1b[31msize\x1b[0m 100x30 100x30\r\n")
	x.press("q")
	s.exit()
}

// T5: a stream that is no terminal for hotreload is none for the program.
func TestT5HalfATerminal(t *testing.T) {
	t.Parallel()
	x, slave := newTTY(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := start(t, newApp(t, sizer), nil, onTTY(slave), func(c *exec.Cmd) { c.Stdout = w })
	slave.Close()
	w.Close()
	buf := make([]byte, 64)
	n, err := io.ReadAtLeast(r, buf, 20)
	if err != nil || !strings.Contains(string(buf[:n]), "none 80x24") {
		t.Errorf("%v: %q", err, buf[:n])
	}
	s.waitFor("live")
	x.press("q")
	s.exit()
}

// T6: a terminal only by name: no colour, no cursor control, no keys.
func TestT6PlainTerminal(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, c := range map[string]struct {
		env  string
		keys bool
	}{
		"dumb":     {"TERM=dumb", false},
		"CI":       {"CI=true", false},
		"NO_COLOR": {"NO_COLOR=1", true},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(patient)
			files[".hotreload.toml"] = "[log]\nclear = true\n"
			if c.keys {
				delete(files, ".hotreload.toml")
			}
			s, x := startTTY(t, newApp(t, files), nil, withEnv(c.env))
			before := x.before
			s.waitFor("live")
			s.touch(1)
			s.waitFor("live")
			x.see("up 1")
			if c.keys {
				until(t, "keys are read", x.keyMode)
				x.press("?")
				x.see("c clear")
			} else if x.modes() != before {
				t.Error("the terminal's modes were changed")
			}
			x.press("\x03")
			s.exit()
			if text := x.text(); strings.Contains(text, "\x1b") {
				t.Errorf("escape sequences: %q", text)
			}
		})
	}
}

// ticker is a program by whose lines time passes for a test.
var ticker = script(`
	for range time.Tick(100 * time.Millisecond) {
		fmt.Println("tick", edit)
	}
`, "fmt", "time")

// idle fails if hotreload is busy while its program does nothing but tick.
func (s *session) idle() {
	s.t.Helper()
	const ticks = 15
	pid := s.pid()
	before := cpu(s.t, pid)
	for range ticks {
		s.wait("tick", func(e ev) bool { return e.Event == "output" && strings.HasPrefix(e.str("text"), "tick") })
	}
	// In hundredths of a second, of which at least 150 have passed.
	if used := cpu(s.t, pid) - before; used > 40 {
		s.t.Errorf("%d ticks of CPU in %d tenths of a second", used, ticks)
	}
}

// T6: stdin closed, or the null device, or no terminal: no spin, no error.
func TestT6StdinClosed(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, c := range map[string]struct{ redirect, stdin string }{
		"closed":         {"<&-", "keys"},
		"closed, app":    {"<&-", "app"},
		"null":           {"</dev/null", "keys"},
		"null, app":      {"</dev/null", "app"},
		"keys of a pipe": {"<$FIFO", "keys"},
	} {
		t.Run(name, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(fifo, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, _ = f.WriteString("q") // no key: it is no terminal
			files := maps.Clone(ticker)
			files[".hotreload.toml"] = "[run]\nstdin = \"" + c.stdin + "\"\n"
			s := start(t, newApp(t, files), nil, below("sh", "-c", "exec $HR "+c.redirect), withEnv("FIFO="+fifo))
			s.waitFor("live")
			s.touch(1)
			s.waitFor("live")
			s.idle()
			if code := s.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("exit %d", code)
			}
			if text := s.err.String(); strings.Contains(text, "error") || strings.Contains(text, "problem") {
				t.Errorf("said:\n%s", text)
			}
		})
	}
}

// T3, T6: the terminal is gone and the session goes on (nohup): no spin on its errors.
func TestT3NoSpinAfterHangUp(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, stdin := range []string{"keys", "app"} {
		t.Run(stdin, func(t *testing.T) {
			files := maps.Clone(ticker)
			files[".hotreload.toml"] = "[run]\nstdin = \"" + stdin + "\"\n"
			s, x := startTTY(t, newApp(t, files), nil, below("sh", "-c", "trap '' HUP; exec $HR >/dev/null 2>&1"))
			s.waitFor("live")
			if stdin == "keys" {
				until(t, "keys are read", x.keyMode)
			}
			x.hangUp()
			s.idle()
			if code := s.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// T6: everything piped into something that ends after the first line.
func TestT6Head(t *testing.T) {
	t.Parallel()
	s := start(t, newApp(t, patient), nil, below("bash", "-c", "$HR 2>&1 | head -1; echo ${PIPESTATUS[0]} >&2"))
	s.wait("the end", func(e ev) bool { return e.Event == "session_ended" })
	s.exit()
	if got := strings.Count(s.out.String(), "\n"); got != 1 {
		t.Errorf("stdout %q", s.out.String())
	}
	if got := strings.TrimSpace(s.err.String()); got != "0" {
		t.Errorf("exit code and stderr: %q", got)
	}
	s.settled("after head -1")
}

// T7: single keys, without Enter.
func TestT7Keys(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil)
	first := s.waitFor("live").Generation
	until(t, "keys are read", x.keyMode)

	x.press("r")
	s.wait("restart", func(e ev) bool {
		return e.Event == "changed" && e.str("effect") == "restart" && e.str("why") == "key r"
	})
	if e := s.waitFor("live"); e.Generation <= first {
		t.Error(e.line)
	}
	x.press("b")
	s.wait("rebuild", func(e ev) bool {
		return e.Event == "changed" && e.str("effect") == "rebuild" && e.str("why") == "key b"
	})
	s.waitFor("build_finished")
	s.waitFor("live")

	x.press("p")
	s.wait("paused", func(e ev) bool { return e.Event == "held" && strings.HasPrefix(e.str("reason"), "paused") })
	mark := s.mark()
	s.touch(1)
	s.settle()
	if n := count(s.since(mark), "build_started"); n != 0 {
		t.Errorf("%d builds while paused", n)
	}
	x.press("p")
	s.waitFor("live")
	x.see("up 1")

	x.press("?")
	x.see("r restart   b rebuild   p pause/resume   c clear   o open in browser   q quit")
	x.press("c")
	x.see("\x1b[H\x1b[2J\x1b[3J")
	x.press("o")
	x.see("there is no page to open: no proxy is set up")
	// An arrow key is no command, whatever its bytes are.
	mark = s.mark()
	x.press("\x1b[B")
	x.press("?")
	x.see("c clear")
	if n := count(s.since(mark), "changed"); n != 0 {
		t.Errorf("%d changes by an arrow key", n)
	}
	x.press("q")
	if code := s.exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// repl reads lines and answers them.
var repl = script(`
	fmt.Println("ready", edit)
	sc := bufio.NewScanner(os.Stdin)
	for sc.Scan() {
		fmt.Printf("%d got <%s>\n", edit, sc.Text())
	}
	fmt.Println("end of input", edit)
	select {}
`, "bufio", "fmt", "os")

func replWith(policy string) map[string]string {
	files := maps.Clone(repl)
	files["main.go"] = strings.Replace(files["main.go"], "select {}", "ch := make(chan os.Signal, 1); signal.Notify(ch, syscall.SIGTERM); <-ch", 1)
	files["main.go"] = strings.Replace(files["main.go"], "import \"os\"\n", "import \"os\"\nimport \"os/signal\"\nimport \"syscall\"\n", 1)
	files[".hotreload.toml"] = "[run]\nstdin = \"" + policy + "\"\n"
	return files
}

// T8: stdin = "app": a line REPL in a terminal. Each process has its own input; the end of
// one (Ctrl-D) is not that of the next.
func TestT8Repl(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, replWith("app")), nil)
	before := x.before
	x.see("ready 0")
	s.waitFor("live")
	x.press("helloX\b\x7fO\n") // the terminal edits the line
	x.see("0 got <hello")
	x.press("second\n")
	x.see("0 got <second>")
	x.press("\x04")
	x.see("end of input 0")
	if x.modes() != before {
		t.Error("the terminal's modes were changed")
	}
	s.touch(1)
	x.see("ready 1")
	x.press("third\n")
	x.see("1 got <third>")
	s.quit(x)
}

// T8: what is typed while nothing runs that could read it waits for the next program, and
// so does what a program leaves unread.
func TestT8TypeAhead(t *testing.T) {
	t.Parallel()
	files := replWith("app")
	// The first generation reads nothing.
	files["main.go"] = strings.Replace(files["main.go"], "\tsc := ", `	if edit == 0 {
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		<-ch
		fmt.Println("left")
		return
	}
	sc := `, 1)
	s, x := startTTY(t, newApp(t, files), nil)
	x.press("during the build\n")
	x.see("ready 0")
	s.waitFor("live")
	x.press("unread\n")
	s.edit("main.go", "const edit = 0", "const edit = = 0")
	s.wait("a broken build", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
	x.press("also unread\n")
	s.edit("main.go", "const edit = = 0", "const edit = 1")
	x.see("left")
	x.see("ready 1")
	for _, want := range []string{"during the build", "unread", "also unread"} {
		x.see("1 got <" + want + ">")
	}
	x.press("\x03")
	s.exit()
}

// T8: a standard input that is no terminal is passed on whole, and so is its end.
func TestT8Pipe(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"app", "interactive"} {
		t.Run(policy, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			s := start(t, newApp(t, replWith(policy)), nil, func(c *exec.Cmd) { c.Stdin = r })
			r.Close()
			s.waitFor("live")
			// Far more than a pipe holds.
			line := strings.Repeat("x", 999)
			go func() {
				for range 1000 {
					fmt.Fprintln(w, line)
				}
				w.Close()
			}()
			s.wait("the end", func(e ev) bool { return e.Event == "output" && strings.Contains(e.str("text"), "end of input 0") })
			// The event may come before the lines have come through the pipe to this test.
			until(t, "all lines", func() bool { return strings.Count(s.out.String(), "0 got <"+line+">") == 1000 })
			s.touch(1)
			s.wait("the end again", func(e ev) bool { return e.Event == "output" && strings.Contains(e.str("text"), "end of input 1") })
			s.stop(syscall.SIGTERM)
		})
	}
}

// stdin = "none" and "keys" give the program the null device, and only "keys" reads keys.
func TestT8NoInput(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, replWith("none")), nil)
	before := x.before
	x.see("end of input 0")
	s.waitFor("live")
	if x.modes() != before {
		t.Error("the terminal's modes were changed")
	}
	x.press("\x03")
	s.exit()
}

// fullScreen is a program that takes the whole terminal: raw mode, single keys.
var fullScreen = map[string]string{
	"go.mod": "module example.test/full\n\ngo 1.25\n",
	"main.go": strings.NewReplacer("TCGETS", getTermiosName, "TCSETS", setTermiosName).Replace(`package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

const edit = 0

func main() {
	var m syscall.Termios
	if e := ioctl(syscall.TCGETS, unsafe.Pointer(&m)); e != 0 {
		fmt.Println("no terminal:", e)
		os.Exit(1)
	}
	m.Lflag &^= syscall.ICANON | syscall.ECHO
	if os.Getenv("SIGNALS") == "" {
		m.Lflag &^= syscall.ISIG
	}
	m.Oflag &^= syscall.OPOST
	ioctl(syscall.TCSETS, unsafe.Pointer(&m))
	fmt.Printf("full %d\r\n", edit)
	fmt.Fprintf(os.Stderr, "err %t\r\n", isTTY(2))
	b := make([]byte, 1)
	for {
		n, err := os.Stdin.Read(b)
		if err != nil {
			fmt.Println("read:", err)
			os.Exit(1)
		}
		fmt.Printf("key %d %q\r\n", edit, b[:n])
	}
}

func isTTY(fd int) bool {
	var m syscall.Termios
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TCGETS, uintptr(unsafe.Pointer(&m)))
	return e == 0
}

func ioctl(what uintptr, m unsafe.Pointer) syscall.Errno {
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, 0, what, uintptr(m))
	return e
}
`),
	".hotreload.toml": "[run]\nstdin = \"interactive\"\n",
}

// T8: stdin = "interactive": a full-screen program has the terminal itself. Its successor
// gets it in the state of before, and so does the shell, though the program was killed.
func TestT8Interactive(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, fullScreen), nil, below("sh", "-c", "$HR; read line; echo got $line"))
	before := x.before
	group := x.foreground()
	x.see("full 0")
	x.see("err true")
	s.waitFor("live")
	x.press("a\x03") // Ctrl-C is a key for it
	x.see(`key 0 "a"`)
	x.see(`key 0 "\x03"`)
	raw := x.modes()
	if raw == before || x.foreground() == group {
		t.Error("it has not got the terminal")
	}
	// Fault 30: what hotreload prints meanwhile begins in the first column.
	s.edit("main.go", "const edit = 0", "const edit = = 0")
	s.wait("a broken build", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
	x.see("failed")
	until(t, "the error", func() bool { return strings.Contains(x.text(), "edit = = 0\r\n") })
	for line := range strings.Lines(x.text()) {
		if strings.HasSuffix(line, "\n") && !strings.HasSuffix(line, "\r\n") {
			t.Errorf("%q leaves the cursor where it is", line)
		}
	}
	s.edit("main.go", "const edit = = 0", "const edit = 1")
	x.see("full 1")
	s.waitFor("live")
	x.press("b")
	x.see(`key 1 "b"`)
	_ = syscall.Kill(s.pid(), syscall.SIGTERM)
	s.waitFor("session_ended")
	until(t, "the terminal is as before", func() bool { return x.modes() == before && x.foreground() == group })
	x.press("typed\n")
	x.see("got typed")
	s.exit()
	if n := strings.Count(x.text(), "\x1b[?1047l\x1b[?25h"); n != 2 {
		t.Errorf("the screen was tidied up %d times, not after each program that was killed", n)
	}
}

// T3, T8: hotreload is killed while a full-screen program has the terminal. Below a shell
// without job control only the guard can restore its modes.
func TestT8InteractiveKilled(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, fullScreen), nil, below("sh", "-c", "$HR; sleep 1000"))
	before := x.before
	x.see("full 0")
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	until(t, "it is raw", func() bool { return x.modes() != before })
	_ = syscall.Kill(s.pid(), syscall.SIGKILL)
	until(t, "the program is gone", func() bool { return ended(app) })
	until(t, "the terminal is as before", func() bool { return x.modes() == before })
	x.hangUp()
	_ = s.cmd.Process.Kill()
	s.exit()
	until(t, "nothing is left", func() bool {
		for _, p := range processesOf(t.Name()) {
			_ = syscall.Kill(p.PID, syscall.SIGKILL) // the sleep
		}
		return len(processesOf(t.Name())) == 0
	})
}

// T3, T8: the same as a job of an interactive shell, which has its own idea of the modes.
func TestT8InteractiveKilledJob(t *testing.T) {
	t.Parallel()
	s, x := startShell(t, newApp(t, fullScreen), nil)
	x.see("full 0")
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	until(t, "it has the terminal", func() bool { return x.foreground() == app })
	_ = syscall.Kill(s.pid(), syscall.SIGKILL)
	x.see("PROMPT$ ")
	until(t, "the program is gone", func() bool { return ended(app) })
	until(t, "the guard is gone", func() bool { return len(x.guards()) == 0 })
	x.press("echo $((6*8))x\bz\n")
	x.see("48z")
	x.press("exit\n")
	s.exit()
}

// T8: Ctrl-C reaches only a program that has the terminal; its end by it is the wish to quit.
func TestT8InteractiveCtrlC(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, fullScreen), nil, withEnv("SIGNALS=1"))
	before := x.before
	x.see("full 0")
	s.waitFor("live")
	until(t, "it is raw", func() bool { return x.modes() != before })
	s.quit(x)
	if e := s.wait("its reason", func(e ev) bool { return e.Event == "session_ended" }); e.str("reason") != "Ctrl-C" {
		t.Error(e.line)
	}
}

// T8: hotreload itself is in the background: the terminal is not its to give away.
func TestT8InteractiveInBackground(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, fullScreen), nil, below("bash", "-m", "-c", "$HR & read line; kill %1; wait"))
	group := x.foreground()
	s.wait("it is said", func(e ev) bool {
		return e.Event == "problem" && strings.Contains(e.str("message"), "running in the background")
	})
	if x.foreground() != group {
		t.Error("the terminal was taken")
	}
	x.press("\n")
	s.exit()
}

// keys are not read, and nothing is stopped, while hotreload is a job in the background;
// after fg they are.
func TestT7KeysAfterForeground(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil, below("bash", "--norc", "--noprofile", "-i"))
	x.see("PROMPT$ ")
	x.press("$HR &\n")
	x.see("PROMPT$ ")
	s.waitFor("live")
	if stopped(s.pid()) {
		t.Error("stopped in the background")
	}
	x.press("fg\n")
	until(t, "keys are read", func() bool { return x.foreground() == s.pid() && x.keyMode() })
	x.press("q")
	s.leaveShell(x)
}

// T9: a program that touches the terminal from the background is stopped; that is reported,
// with what to do. A restart works all the same.
func TestT9StoppedByTerminal(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, c := range map[string]struct{ body, did, sig string }{
		"reads": {`
	f, err := os.Open("/dev/tty")
	if err != nil { panic(err) }
	fmt.Println("up", edit)
	f.Read(make([]byte, 1))
`, "tried to read from the terminal", "SIGTTIN"},
		"sets modes": {`
	f, err := os.Open("/dev/tty")
	if err != nil { panic(err) }
	fmt.Println("up", edit)
	var m syscall.Termios
	syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&m)))
	m.Lflag &^= syscall.ECHO
	syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCSETS, uintptr(unsafe.Pointer(&m)))
`, "change the terminal's settings", "SIGTTOU"},
	} {
		t.Run(name, func(t *testing.T) {
			imports := []string{"fmt", "os"}
			if name == "sets modes" {
				imports = append(imports, "syscall", "unsafe")
			}
			s, x := startTTY(t, newApp(t, script(strings.NewReplacer("TCGETS", getTermiosName, "TCSETS", setTermiosName).Replace(c.body), imports...)), nil)
			for n := range 2 {
				x.see(fmt.Sprint("up ", n))
				e := s.wait("it is explained", func(e ev) bool { return e.Event == "problem" })
				if !strings.Contains(e.str("message"), c.did) || !strings.Contains(e.str("message"), c.sig) || !strings.Contains(e.str("hint"), `"interactive"`) {
					t.Error(e.line)
				}
				// Fault 30: it is not live, and nothing says so.
				until(t, "it is known", func() bool { return s.status().Services[0].State == "suspended" })
				if out := s.command("wait"); !strings.Contains(out, "suspended by "+c.sig) {
					t.Errorf("wait: %s", out)
				}
				if n == 0 {
					s.touch(1)
				}
			}
			s.quit(x)
		})
	}
}

// T9, fault 30: a program that was stopped is not live until it goes on.
func TestT9Suspended(t *testing.T) {
	t.Parallel()
	s := start(t, newApp(t, patient), nil)
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	_ = syscall.Kill(app, syscall.SIGSTOP)
	if e := s.waitFor("held"); !strings.Contains(e.str("reason"), "SIGSTOP") {
		t.Error(e.line)
	}
	if st := s.status().Services[0]; st.State != "suspended" || !strings.Contains(st.Error, "SIGSTOP") {
		t.Errorf("%+v", st)
	}
	if out := s.command("wait"); !strings.Contains(out, "suspended") { // exit code 1
		t.Error(out)
	}
	_ = syscall.Kill(app, syscall.SIGCONT)
	s.waitFor("live")
	if st := s.status().Services[0]; st.State != "live" || st.PID != app {
		t.Errorf("%+v", st)
	}
	_ = syscall.Kill(app, syscall.SIGSTOP)
	s.waitFor("held")
	s.touch(1)
	s.waitFor("live")
	if !ended(app) {
		t.Error("the old program is still there")
	}
	s.stop(syscall.SIGINT)
}

// T10: Ctrl-Z stops the program and hotreload and gives the terminal back as it was; fg
// continues both, with keys, and looks at the files.
func TestT10CtrlZ(t *testing.T) {
	t.Parallel()
	s, x := startShell(t, newApp(t, patient), nil)
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	pid := s.pid()
	until(t, "keys are read", x.keyMode)
	for range 2 {
		x.suspend(pid, app)
		x.press("fg\n")
		until(t, "both go on", func() bool { return !stopped(pid) && !stopped(app) })
		until(t, "keys are read", func() bool { return x.foreground() == pid && x.keyMode() })
	}
	// A change made meanwhile is found.
	x.press("\x1a")
	x.see("Stopped")
	x.see("PROMPT$ ")
	s.touch(1)
	x.press("fg\n")
	s.waitFor("live")
	x.see("up 1")
	x.press("q")
	s.leaveShell(x)
}

// T10: after Ctrl-Z and bg hotreload works in the background, without touching the
// terminal, which stops whoever does; fg gives it the keys back.
func TestT10Background(t *testing.T) {
	t.Parallel()
	s, x := startShell(t, newApp(t, patient), nil)
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	pid := s.pid()
	x.press("\x1a")
	x.see("PROMPT$ ")
	x.press("bg\n")
	x.see("PROMPT$ ")
	until(t, "both go on", func() bool { return !stopped(pid) && !stopped(app) })
	s.touch(1)
	s.waitFor("live")
	if stopped(pid) || x.foreground() == pid {
		t.Error("it is not in the background")
	}
	x.press("fg\n")
	until(t, "keys are read", func() bool { return x.foreground() == pid && x.keyMode() })
	x.press("q")
	s.leaveShell(x)
}

// T10: Ctrl-Z in a full-screen program: the shell gets the terminal as it was, fg gives it
// back with the program's modes.
func TestT10Interactive(t *testing.T) {
	t.Parallel()
	s, x := startShell(t, newApp(t, fullScreen), nil, withEnv("SIGNALS=1"))
	x.see("full 0")
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	pid := s.pid()
	until(t, "it has the terminal", func() bool { return x.foreground() == app && x.modes().Oflag&unix.OPOST == 0 })
	raw := x.modes()
	x.suspend(pid, app)
	x.press("fg\n")
	until(t, "it has the terminal again", func() bool { return x.foreground() == app && x.modes() == raw })
	x.press("k")
	x.see(`key 0 "k"`)
	x.press("\x03")
	s.leaveShell(x)
}

// T10: Ctrl-Z where no shell could continue us does nothing.
func TestT10NoShell(t *testing.T) {
	t.Parallel()
	s, x := startTTY(t, newApp(t, patient), nil)
	app := s.waitFor("started").num("pid")
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("\x1a?")
	x.see("c clear")
	if stopped(app) || stopped(s.pid()) {
		t.Error("stopped for ever")
	}
	x.press("q")
	s.exit()
}

// T10: a stop and continuation by others than the terminal is followed by a scan of the
// files: their events may have been lost. Here there are none, and the next regular scan
// is an hour away.
func TestT10Continued(t *testing.T) {
	t.Parallel()
	files := maps.Clone(patient)
	files[".hotreload.toml"] = "[watch]\nbackend = \"poll\"\npoll_interval = \"1h\"\n"
	s := start(t, newApp(t, files), nil)
	s.waitFor("live")
	pid := s.pid()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	until(t, "it is stopped", func() bool { return stopped(pid) })
	s.touch(1)
	_ = syscall.Kill(pid, syscall.SIGCONT)
	s.waitFor("live")
	s.stop(syscall.SIGTERM)
}

// T10: Ctrl-\ gives the program's goroutine dump; hotreload goes on.
func TestT10CtrlBackslash(t *testing.T) {
	t.Parallel()
	files := script(`
	fmt.Println("up", edit)
	func() { select {} }()
`, "fmt")
	files["main.go"] = strings.Replace(files["main.go"], "select {}", "for { time.Sleep(time.Hour) }", 1)
	files["main.go"] = strings.Replace(files["main.go"], "import \"fmt\"\n", "import \"fmt\"\nimport \"time\"\n", 1)
	s, x := startTTY(t, newApp(t, files), nil)
	s.waitFor("live")
	x.press("\x1c")
	x.see("SIGQUIT: quit")
	x.see("goroutine 1")
	x.see("main.main")
	s.waitFor("exited")
	s.touch(1)
	s.waitFor("live")
	x.see("up 1")
	s.quit(x)
}

// T11: from make, also with -j4: Ctrl-C once ends all, and the program sees nothing of the
// job server.
func TestT11Make(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make here")
	}
	for _, flags := range []string{"", "-j4"} {
		t.Run("make"+flags, func(t *testing.T) {
			files := script(`
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	fmt.Printf("flags <%s> <%s>\n", os.Getenv("MAKEFLAGS"), os.Getenv("MFLAGS"))
	fds, _ := os.ReadDir("/dev/fd")
	for _, fd := range fds {
		link, _ := os.Readlink("/dev/fd/" + fd.Name())
		fmt.Printf("fd <%s> %s\n", fd.Name(), link)
	}
	fmt.Println("up", edit)
	fmt.Println("ended by", <-ch, 1+len(ch))
`, "fmt", "os", "os/signal", "syscall")
			files["Makefile"] = "dev:\n\t+@$(HR)\n"
			s, x := startTTY(t, newApp(t, files), nil, below(append([]string{"make"}, strings.Fields(flags+" dev")...)...))
			x.see("flags <")
			x.see("up 0")
			s.waitFor("live")
			_, text, _ := strings.Cut(x.text(), "flags <")
			if strings.Contains(text, "jobserver") || strings.Contains(text, "-j") || strings.Contains(text, " pipe:") {
				t.Errorf("the job server is seen: flags <%s", text)
			}
			until(t, "keys are read", x.keyMode)
			x.press("\x03")
			x.see("ended by terminated 1")
			s.exit()
			until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
		})
	}
}
