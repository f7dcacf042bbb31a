//go:build unix

package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

var (
	eventually = testkit.Until
	alive      = testkit.Alive
)

// R8: how the leader ended.
func TestState(t *testing.T) {
	for _, tt := range []struct {
		script string
		code   int
		sig    syscall.Signal
	}{
		{"exit 0", 0, 0},
		{"exit 3", 3, 0},
		{"exit 255", 255, 0},
		{"kill -9 $$", -1, syscall.SIGKILL},
		{"kill -11 $$", -1, syscall.SIGSEGV},
	} {
		p := sh(t, tt.script)
		gone(t, p.Group)
		if s := p.State(); s.Code != tt.code || s.Signal != tt.sig {
			t.Errorf("%s: %+v", tt.script, s)
		}
		if k := p.Killed(); k != nil {
			t.Errorf("%s: killed %v", tt.script, k)
		}
		if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: Signal after the end: %v", tt.script, err)
		}
	}
}

// R1: the handler completes, and each process gets the signal exactly once.
func TestSignalOnce(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := run(t, Cmd{
		Path: "/bin/sh",
		Args: []string{"sh", "-c", `trap : TERM; "$0" & "$0" & "$0" & wait; wait; wait; wait; echo end`, exe},
		Env:  selfEnv("count-term"),
	})
	for range 3 {
		if l := p.line(); l != "ready" {
			t.Fatal(l)
		}
	}
	p.Stop(syscall.SIGTERM, patience)
	p.Stop(syscall.SIGTERM, patience) // idempotent
	for range 3 {
		if l := p.line(); l != "seen 1" {
			t.Errorf("%q, want seen 1", l)
		}
	}
	gone(t, p.Group)
	if k := p.Killed(); k != nil {
		t.Error(k)
	}
}

// P2, R4, fault 53: the leader dies at once, the server below it needs its time.
func TestLeaderDiesFirst(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "handled")
	p := sh(t, `sh -c 'trap "sleep 0.3; echo done >`+mark+`; exit" TERM; echo ready; while :; do sleep 0.01; done'; true`)
	p.line()
	p.Stop(syscall.SIGTERM, patience)
	wait(t, "exited", p.Exited())
	if closed(p.Gone()) {
		t.Error("gone although the server still works")
	}
	gone(t, p.Group)
	if _, err := os.Stat(mark); err != nil {
		t.Error("gone before the handler completed:", err)
	}

	// The signal of the group is the only one that the server sees.
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p = run(t, Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", `"$0"; true`, exe}, Env: selfEnv("count-term")})
	p.line()
	p.Stop(syscall.SIGTERM, patience)
	if l := p.line(); l != "seen 1" {
		t.Error(l)
	}
	gone(t, p.Group)
}

// T2: a second request kills at once.
func TestStopAgain(t *testing.T) {
	p := sh(t, `trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done`)
	p.line()
	p.Stop(syscall.SIGTERM, time.Hour)
	if l := p.line(); l != "term" {
		t.Fatal(l)
	}
	p.Stop(syscall.SIGTERM, 0)
	gone(t, p.Group)
	if p.State().Signal != syscall.SIGKILL || p.Killed() != nil {
		t.Error(p.State(), p.Killed())
	}

	p = sh(t, `trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done`)
	p.line()
	p.Stop(syscall.SIGTERM, time.Hour)
	p.Stop(syscall.SIGTERM, 10*time.Millisecond)
	p.Stop(syscall.SIGTERM, time.Hour) // cannot lengthen
	gone(t, p.Group)
	if len(p.Killed()) == 0 {
		t.Error(p.Killed())
	}

	// S6: when its time is all but over, it is named as one that did not stop in time.
	p = sh(t, `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	p.line()
	p.Stop(syscall.SIGTERM, nearly-time.Millisecond)
	p.Stop(syscall.SIGTERM, 0)
	gone(t, p.Group)
	if len(p.Killed()) == 0 {
		t.Error("not named")
	}
}

// With grace 0 the signal is not sent at all.
func TestKillAtOnce(t *testing.T) {
	p := sh(t, `trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done`)
	p.line()
	p.Stop(syscall.SIGTERM, 0)
	gone(t, p.Group)
	if l, ok := <-p.lines; ok {
		t.Error(l)
	}
	p = sh(t, "exec sleep 1000")
	p.Stop(syscall.SIGTERM, 0)
	gone(t, p.Group)
	if s := p.State().Signal; s != syscall.SIGKILL {
		t.Error(s)
	}
}

func TestStartFails(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		if _, err := Start(Cmd{Path: "/does/not/exist"}); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if _, err := Start(Cmd{Path: "/bin/true", Dir: "/does/not/exist"}); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if n := runtime.NumGoroutine(); n > before+1 {
		t.Errorf("%d goroutines, were %d", n, before)
	}
}

// sh runs a shell script.
func sh(t *testing.T, script string) *program {
	t.Helper()
	return run(t, Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}})
}

func init() { modes["count-term"] = modeCountTerm }

// modeCountTerm takes 300 ms after SIGTERM and says how many it has seen (R1).
func modeCountTerm() int {
	c := make(chan os.Signal, 10)
	signal.Notify(c, syscall.SIGTERM)
	fmt.Println("ready")
	<-c
	n := 1
	for end := time.After(300 * time.Millisecond); ; {
		select {
		case <-c:
			n++
			continue
		case <-end:
		}
		break
	}
	fmt.Println("seen", n)
	return 7
}

// P5b, fault 60: a stopped process would not see SIGTERM.
func TestStopStopped(t *testing.T) {
	for _, how := range []string{"stop", "signal"} {
		p := sh(t, `trap 'echo term; exit 5' TERM; sh -c 'kill -STOP $$; true' & echo $!; while :; do sleep 0.01; done`)
		child := p.pids()[0]
		syscall.Kill(p.Pid(), syscall.SIGSTOP)
		eventually(t, "stopped", func() bool { return testkit.State(child) == "T" && testkit.State(p.Pid()) == "T" })
		if how == "stop" {
			p.Stop(syscall.SIGTERM, patience)
		} else if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		gone(t, p.Group)
		if p.State().Code != 5 || p.Killed() != nil {
			t.Error(how, p.State(), p.Killed())
		}
	}
}

// A leader that ends without being asked to leaves the rest running; Gone reports when that ended too.
func TestLeaderEnds(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := run(t, Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", `exec 3<&0; cat <&3 >/dev/null & echo $!; exit 4`}, Stdin: r})
	cat := p.pids()[0]
	wait(t, "exited", p.Exited())
	if p.State().Code != 4 {
		t.Error(p.State())
	}
	if err := p.Signal(syscall.SIGWINCH); err != nil || closed(p.Gone()) || !alive(cat) {
		t.Error("the rest of the group is not running", err)
	}
	w.Close() // cat ends at the end of its input
	gone(t, p.Group)
	if testkit.State(cat) != "" {
		t.Error("a zombie is left")
	}
}

func TestChildEnv(t *testing.T) {
	got := childEnv([]string{"A=1", "B=2", "nonsense", "A=3", marker + "=other"}, "n")
	if want := []string{marker + "=n", "B=2", "A=3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// pids reads a line of numbers.
func (p *program) pids() []int {
	p.t.Helper()
	var pids []int
	for _, f := range strings.Fields(p.line()) {
		n, err := strconv.Atoi(f)
		if err != nil {
			p.t.Fatal(err)
		}
		pids = append(pids, n)
	}
	return pids
}
