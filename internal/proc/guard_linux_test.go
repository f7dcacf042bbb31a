package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

func init() {
	modes["session"] = modeSession
	modes["uninstalled"] = modeUninstalled
}

// modeSession is a hotreload in small: a guard, a temporary directory, and two groups, one
// of which ignores signals, has children and a daemon. It prints the pids of all that must
// not outlive it, and lives until it is killed.
func modeSession() int {
	Setup()
	if file := os.Getenv("CLAIM"); file != "" {
		if _, err := Claim(file); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	gd, err := StartGuard(os.Getenv("REMOVE"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	dir, _, err := MkdirTemp("", "proc-test-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if os.Getenv("KILL_GUARD") != "" {
		syscall.Kill(gd.pid, syscall.SIGKILL)
		<-gd.Replaced()
	}
	fmt.Println(dir)
	fmt.Println(gd.pid)
	for _, script := range []string{
		`trap '' TERM; sleep 1000 & echo $$ $!; (setsid sh -c 'echo $$; exec sleep 1000' &); wait`,
		`sh -c 'trap "echo x > $MARK; exit" TERM; echo $$; while :; do sleep 0.01; done'; true`,
	} {
		r, w, _ := os.Pipe()
		g, err := Start(Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Stdout: w})
		w.Close()
		if err != nil {
			fmt.Println(err)
			return 1
		}
		sc := bufio.NewScanner(r)
		sc.Scan()
		fmt.Println(g.Pid(), sc.Text())
		if strings.Contains(script, "setsid") {
			sc.Scan()
			fmt.Println(sc.Text())
		}
	}
	if os.Getenv("KILL_GUARD") == "late" { // with groups registered
		syscall.Kill(gd.pid, syscall.SIGKILL)
		<-gd.Replaced()
	}
	fmt.Println("ready")
	select {}
}

// T3, fault 83: kill -9 of hotreload leaves no process and no temporary directory. T4,
// fault 84: also after the guard itself was killed and replaced.
func TestKilledHard(t *testing.T) {
	for _, killGuard := range []string{"", "early", "late"} {
		t.Run("kill guard "+killGuard, func(t *testing.T) {
			remove := filepath.Join(t.TempDir(), "remove")
			mark := filepath.Join(t.TempDir(), "mark")
			if err := os.MkdirAll(filepath.Join(remove, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			// Outside of a group of ours, whose end would end all below it.
			c := exec.Command("/proc/self/exe")
			c.Env = selfEnv("session", "REMOVE="+remove, "MARK="+mark, "KILL_GUARD="+killGuard)
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			sc := bufio.NewScanner(out)
			sc.Scan()
			dir := sc.Text()
			if _, err := os.Stat(dir); err != nil {
				t.Fatal(err)
			}
			sc.Scan()
			guard := sc.Text()
			var pids []int
			for sc.Scan() && sc.Text() != "ready" {
				for _, f := range strings.Fields(sc.Text()) {
					var n int
					if _, err := fmt.Sscan(f, &n); err != nil {
						t.Fatal(err)
					}
					pids = append(pids, n)
				}
			}
			if len(pids) != 6 {
				t.Fatalf("pids %v", pids)
			}
			if !alive(atoi(t, guard)) && killGuard == "" {
				t.Fatal("no guard")
			}
			c.Process.Kill()
			c.Wait()
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("end of %d", pid), func() bool { return !alive(pid) })
			}
			for _, d := range []string{dir, remove} {
				eventually(t, "removal of "+d, func() bool {
					_, err := os.Stat(d)
					return errors.Is(err, fs.ErrNotExist)
				})
			}
			if killGuard == "" {
				if _, err := os.Stat(mark); err != nil {
					t.Error("the guard did not let the app handle SIGTERM:", err)
				}
				eventually(t, "end of the guard", func() bool { return !alive(atoi(t, guard)) })
			}
		})
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// F4: the guard keeps no pages of the file that this process has in memory anyway.
func TestGuardPages(t *testing.T) {
	gd, err := StartGuard()
	if err != nil {
		t.Fatal(err)
	}
	defer gd.Close()
	kib := func(key string) (n int) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", gd.pid))
		_, rest, _ := bytes.Cut(b, []byte(key+":"))
		fmt.Sscan(string(rest), &n)
		return n
	}
	if kib("RssFile") == 0 {
		t.Skip("this kernel does not tell RssFile")
	}
	eventually(t, "pages of files less than half of what it has had in memory", func() bool {
		n := kib("RssFile")
		return n > 0 && 2*n < kib("VmHWM")
	})
}

func TestGuard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	gd, err := StartGuard(dir)
	if err != nil {
		t.Fatal(err)
	}
	pid := gd.pid
	// Catchable signals mean nothing to it, and it has no terminal.
	eventually(t, "signals ignored", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, _ := bytes.Cut(b, []byte("SigIgn:\t"))
		return len(rest) >= 16 && ignored(rest, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	})
	if p, _ := procDir.stat(pid); p.pgrp != pid {
		t.Error("no session of its own:", p)
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		syscall.Kill(pid, sig)
	}

	// A group that is gone is forgotten, or the guard would end a stranger.
	p := sh(t, "exit 0")
	gone(t, p.Group)
	kept, removeKept, err := MkdirTemp("", "proc-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(kept)
	tmp, remove, err := MkdirTemp("", "proc-test-")
	if err != nil {
		t.Fatal(err)
	}
	remove()
	if err := os.Mkdir(tmp, 0o700); err != nil { // another user's now
		t.Fatal(err)
	}
	defer os.Remove(tmp)
	_ = removeKept

	// T4: replaced, and the new one knows what the old one knew.
	q := sh(t, "exec sleep 1000")
	syscall.Kill(pid, syscall.SIGKILL)
	select {
	case <-gd.Replaced():
	case <-time.After(patience):
		t.Fatal("not replaced")
	}
	if gd.pid == pid || !alive(gd.pid) {
		t.Error("no new guard")
	}

	if err := gd.Close(); err != nil {
		t.Error(err)
	}
	gd.Close() // idempotent
	gone(t, q.Group)
	for _, d := range []string{dir, kept} {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", d)
		}
	}
	if _, err := os.Stat(tmp); err != nil {
		t.Error("removed although it was not ours any more:", err)
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if len(registry.guards) != 0 {
		t.Error("still registered")
	}
	delete(registry.temps, kept)
}

// ignored looks into a SigIgn mask.
func ignored(mask []byte, sigs ...syscall.Signal) bool {
	var m uint64
	fmt.Sscanf(string(mask[:16]), "%x", &m)
	return !slices.ContainsFunc(sigs, func(s syscall.Signal) bool { return m&(1<<(s-1)) == 0 })
}

// What a guard gets. A group that is gone must be taken back, or the guard could end a
// stranger with the same id.
func TestGuardIsTold(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	gd := &Guard{pipe: w}
	registry.mu.Lock()
	if registry.guards == nil {
		registry.guards = make(map[*Guard]struct{})
	}
	registry.guards[gd] = struct{}{}
	registry.mu.Unlock()
	p := sh(t, "exit 0")
	gone(t, p.Group)
	dir, remove, err := MkdirTemp("", "proc-test-")
	if err != nil {
		t.Fatal(err)
	}
	remove()
	registry.mu.Lock()
	delete(registry.guards, gd)
	registry.mu.Unlock()
	w.Close()
	got, _ := io.ReadAll(r)
	r.Close()
	want := fmt.Sprintf("+%d %s\n-%d\nd%q\nx%q\n", p.Pid(), p.os.nonce, p.Pid(), dir, dir)
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A guard that does not read must not block a start; it is replaced.
func TestGuardHangs(t *testing.T) {
	gd, err := StartGuard()
	if err != nil {
		t.Fatal(err)
	}
	defer gd.Close()
	syscall.Kill(gd.pid, syscall.SIGSTOP)
	registry.mu.Lock()
	for range 64 << 10 / len("-12345\n") * 2 {
		gd.tell(record{op: '-', pid: 12345})
	}
	registry.mu.Unlock()
	select {
	case <-gd.Replaced():
	case <-time.After(patience):
		t.Fatal("not replaced")
	}
}

// Fault 103: `go install` replaced or removed the program file while it runs.
func TestSelfReplaced(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "copy")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteProgram(t, exe, b)
	p := run(t, Cmd{Path: exe, Env: selfEnv("uninstalled")})
	if l := p.line(); l != "ok" {
		t.Error(l)
	}
	gone(t, p.Group)
}

func modeUninstalled() int {
	exe, _ := os.Executable()
	os.Remove(exe)
	gd, err := StartGuard()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer gd.Close()
	g, err := StartListening(Cmd{Path: "/bin/true", Env: []string{}}, nil)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-g.Gone()
	if g.State().Code != 0 {
		fmt.Println(g.State())
		return 1
	}
	fmt.Println("ok")
	return 0
}
