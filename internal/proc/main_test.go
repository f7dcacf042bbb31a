package proc

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// modeVar makes the test binary one of the programs that the tests run.
const modeVar = "PROC_TEST_MODE"

func TestMain(m *testing.M) {
	Helper()
	if mode := os.Getenv(modeVar); mode != "" {
		os.Exit(modes[mode]())
	}
	if w := Setup(); len(w) > 0 {
		fmt.Fprintln(os.Stderr, "Setup:", w)
	}
	testkit.Main(m)
}

// modes are the programs. It is filled by functions beside the tests that use them.
var modes = map[string]func() int{"says": modeSays}

// modeSays writes a line to each stream, and ends with CODE.
func modeSays() int {
	fmt.Println("out")
	fmt.Fprintln(os.Stderr, "err")
	code, _ := strconv.Atoi(os.Getenv("CODE"))
	return code
}

const patience = testkit.Deadline

// program is a running command whose output lines can be waited for.
type program struct {
	*Group
	t     *testing.T
	lines chan string
}

func (p *program) line() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatal("the output ended")
		}
		return l
	case <-time.After(patience):
		p.t.Fatal("no line of output")
	}
	return ""
}

func run(t *testing.T, c Cmd) *program {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	g, err := Start(c)
	w.Close()
	if err != nil {
		r.Close()
		t.Fatal(err)
	}
	p := &program{Group: g, t: t, lines: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.lines)
		for sc := bufio.NewScanner(r); sc.Scan(); {
			p.lines <- sc.Text()
		}
	}()
	t.Cleanup(func() {
		g.Stop(syscall.SIGKILL, 0)
		gone(t, g)
		r.Close()
		<-done
	})
	return p
}

// selfEnv makes the test binary run in a mode.
func selfEnv(mode string, env ...string) []string {
	return append(append(CleanEnv(os.Environ()), modeVar+"="+mode), env...)
}

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	testkit.Receive(t, what, c)
}

func gone(t *testing.T, g *Group) {
	t.Helper()
	wait(t, "gone", g.Gone())
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
