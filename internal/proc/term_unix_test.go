//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func init() {
	modes["tty-lend"] = modeLend
	modes["tty-background"] = modeBackground
	modes["tty-stopped"] = modeStopped
}

// inTerminal runs the test binary in a mode as the leader of a session with a terminal of
// its own, and returns the terminal's master and what the mode says.
func inTerminal(t *testing.T, mode string) (master *os.File, said func() string) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := ourselves(t.Fatal)
	c.Env = selfEnv(mode)
	c.Stdin, c.Stdout, c.Stderr = tty, w, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	err = c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		r.Close()
		master.Close()
	})
	sc := bufio.NewScanner(r)
	return master, func() string {
		t.Helper()
		line := make(chan string)
		go func() {
			sc.Scan()
			line <- sc.Text()
		}()
		var l string
		got := make(chan struct{})
		go func() {
			l = <-line
			close(got)
		}()
		wait(t, "the mode says something", got)
		return l
	}
}

// ourselves is a command that runs this test binary.
func ourselves(fail func(...any)) *exec.Cmd {
	self, err := selfPath()
	if err != nil {
		fail(err)
	}
	return exec.Command(self)
}

func mustStart(c Cmd) (*Group, *bufio.Scanner) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	c.Stdout = w
	g, err := Start(c)
	w.Close()
	if err != nil {
		panic(err)
	}
	return g, bufio.NewScanner(r)
}

func terminalState() string {
	m, err := ReadModes(os.Stdin)
	if err != nil {
		return err.Error()
	}
	fg, _ := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return fmt.Sprintf("lflag %x oflag %x own %v", m.Lflag, m.Oflag, fg == ownGroup())
}

// modeLend lends its terminal to an app that makes it raw and is killed (T8, fault 71),
// twice, and then one to two at once.
func modeLend() int {
	Setup()
	before := terminalState()
	raw := Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", "stty raw -echo && echo raw; exec sleep 1000"},
		Stdin: os.Stdin, Foreground: os.Stdin, Stderr: os.Stderr,
	}
	for range 2 {
		g, out := mustStart(raw)
		out.Scan() // SIGTTOU would have stopped it, were it not in the foreground
		during := terminalState()
		g.Stop(syscall.SIGTERM, 0)
		<-g.Gone()
		fmt.Println(out.Text() == "raw", during != before, terminalState() == before)
	}

	// start-first: the next app takes over before the first one ends.
	a, aout := mustStart(raw)
	aout.Scan()
	b, bout := mustStart(raw)
	bout.Scan()
	a.Stop(syscall.SIGTERM, 0)
	<-a.Gone()
	fg, _ := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	kept := fg == b.Pid()
	b.Stop(syscall.SIGTERM, 0)
	<-b.Gone()
	fmt.Println(kept, terminalState() == before)
	return 0
}

func TestForeground(t *testing.T) {
	_, said := inTerminal(t, "tty-lend")
	for range 2 {
		if l := said(); l != "true true true" {
			t.Error("started in raw mode, seen, restored:", l)
		}
	}
	if l := said(); l != "true true" {
		t.Error("kept by the second, restored:", l)
	}
}

// modeBackground is a shell with job control that runs tty-lend's first step in the
// background: its terminal is not to be lent.
func modeBackground() int {
	Setup()
	if os.Getenv("BACKGROUND") == "" {
		c := ourselves(func(args ...any) { panic(args) })
		c.Env = append(os.Environ(), "BACKGROUND=1")
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Run(); err != nil {
			fmt.Println(err)
		}
		fmt.Println(terminalState())
		return 0
	}
	g, _ := mustStart(Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", "stty raw"}, Stdin: os.Stdin, Foreground: os.Stdin})
	fmt.Println(int(<-g.Stopped()))
	g.Stop(syscall.SIGTERM, 0)
	<-g.Gone()
	return 0
}

func TestForegroundInBackground(t *testing.T) {
	_, said := inTerminal(t, "tty-background")
	if l := said(); l != fmt.Sprint(int(syscall.SIGTTOU)) {
		t.Errorf("stopped by %s", l)
	}
	if l := said(); l == "" || l[len(l)-8:] != "own true" {
		t.Errorf("%s: the terminal was given away", l)
	}
}

// modeStopped starts apps that touch the terminal from the background (T9, fault 60).
func modeStopped() int {
	Setup()
	for _, script := range []string{"exec cat", "cat", "stty -echo", "kill -TSTP $$; exit 3"} {
		g, _ := mustStart(Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Stdin: os.Stdin})
		fmt.Println(int(<-g.Stopped()))
		if script == "kill -TSTP $$; exit 3" {
			g.Signal(syscall.SIGCONT)
			<-g.Gone()
			fmt.Println(g.State().Code)
			continue
		}
		g.Stop(syscall.SIGTERM, patience) // stopping works
		<-g.Gone()
		fmt.Println(int(g.State().Signal), len(g.Killed()))
	}
	return 0
}

func TestStoppedByTerminal(t *testing.T) {
	_, said := inTerminal(t, "tty-stopped")
	stopped := func(sig syscall.Signal) string { return fmt.Sprint(int(sig)) }
	for _, want := range []string{
		stopped(syscall.SIGTTIN), "15 0", stopped(syscall.SIGTTIN), "15 0", stopped(syscall.SIGTTOU), "15 0", stopped(syscall.SIGTSTP), "3",
	} {
		if l := said(); l != want {
			t.Errorf("%q, want %q", l, want)
		}
	}
}
