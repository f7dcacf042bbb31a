//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// R3: a program that ignores signals is killed at the timeout, and that is said.
func TestR3IgnoresSignals(t *testing.T) {
	t.Parallel()
	files := script(`
	signal.Ignore(syscall.SIGTERM)
	println("up", edit)
	select {}
`, "os/signal", "syscall")
	files["main.go"] = strings.Replace(files["main.go"], "select {}", "for { time.Sleep(time.Hour) }", 1)
	files["main.go"] = strings.Replace(files["main.go"], "import \"syscall\"\n", "import \"syscall\"\nimport \"time\"\n", 1)
	files[".hotreload.toml"] = "[run]\nstop_timeout = \"300ms\"\n"
	s := start(t, newApp(t, files), nil)
	pid := s.waitFor("started").num("pid")
	s.waitFor("live")
	s.touch(1)
	e := s.waitFor("exited")
	if e.str("signal") != "SIGKILL" || !e.flag("expected") {
		t.Error(e.line)
	}
	s.waitFor("started")
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the old program is still there: %v", err)
	}
	s.waitFor("live")
	s.stop(syscall.SIGINT)
	if text := s.err.String(); !strings.Contains(text, "did not stop in time") {
		t.Errorf("not said:\n%s", text)
	}
}

// T2: Ctrl-C twice kills at once, exit 130.
func TestT2CtrlCTwice(t *testing.T) {
	t.Parallel()
	files := script(`
	signal.Ignore(syscall.SIGTERM)
	println("up", edit)
	for { time.Sleep(time.Hour) }
`, "os/signal", "syscall", "time")
	files[".hotreload.toml"] = "[run]\nstop_timeout = \"1h\"\n"
	s := start(t, newApp(t, files), nil)
	s.waitFor("live")
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	// Two signals that arrive at the same moment are one for the kernel.
	for end := time.Now().Add(deadline); ; {
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
		select {
		case <-s.done:
		default:
			_ = s.cmd.Process.Signal(syscall.SIGINT)
			if _, ok := s.tryWait(50_000_000, func(e ev) bool { return e.Event == "session_ended" }); !ok {
				continue
			}
		}
		break
	}
	if code := s.exit(); code != 130 {
		t.Errorf("exit %d", code)
	}
	s.settled("after two Ctrl-C")
}

// W12: a path with blanks, quotes, a dollar, unicode, and a part that looks like noise.
func TestW12HardPath(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp, "a b $HOME 'q' \"d\" ü", "node_modules", "*.go", "[x]"), nil)
	w.setVersion("hard")
	w.waitFor("live")
	if a := w.answer(); a.version != "hard" {
		t.Errorf("answer %+v", a)
	}
}

// W10: a symlinked root.
func TestW10SymlinkedRoot(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	w := startWeb(t, link, []string{"-C", link})
	w.setVersion("linked")
	w.waitFor("live")
	if a := w.answer(); a.version != "linked" {
		t.Errorf("answer %+v", a)
	}
}
