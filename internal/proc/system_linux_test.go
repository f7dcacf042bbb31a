package proc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func init() {
	modes["make-child"] = modeMakeChild
	modes["pid1"] = modePid1
	modes["contained"] = modeContained
}

// T11, fault 98: run by make -j, whose job server must not reach the app.
func TestMake(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The plus makes make hand over its job server, as it does to what it takes for a make.
	mk := "all: a b\na:\n\t+@" + exe + "\nb:\n\t@true\n"
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(mk), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("make", "-j4", "--jobserver-style=pipe", "-C", dir, "--no-print-directory", "VAR=-j8")
	c.Env = selfEnv("make-child")
	if bytes.Contains(output(t, "make", "--version"), []byte("GNU Make 4.3")) || !bytes.Contains(output(t, "make", "--help"), []byte("jobserver-style")) {
		c.Args = slices.DeleteFunc(c.Args, func(a string) bool { return a == "--jobserver-style=pipe" })
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	parent, child, _ := strings.Cut(string(out), "\n")
	if !strings.Contains(parent, "jobserver") {
		t.Fatalf("this make hands nothing over: %q", out)
	}
	if strings.Contains(child, "jobserver") || strings.Contains(child, "-j4") || !strings.Contains(child, "VAR=-j8") || !strings.HasSuffix(child, "fds 0 1 2 3 \n") {
		t.Errorf("the app got %q", child)
	}
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func modeMakeChild() int {
	Setup()
	fmt.Println(os.Getenv("MAKEFLAGS"))
	g, err := Start(Cmd{
		Path:   "/bin/sh",
		Args:   []string{"sh", "-c", `echo "$MAKEFLAGS"; echo fds $(ls /proc/self/fd)" "`},
		Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-g.Gone()
	return 0
}

// R11, fault 57, 100: in a container without an init, below one that does not reap, and
// as PID 1 itself.
func TestContainer(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	args := []string{"-Urpf", "--mount-proc", "--kill-child"}
	if out, err := exec.Command(unshare, append(args, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no user and pid name space may be made here: %s", out)
	}
	for _, mode := range []string{"pid1", "contained"} {
		for _, subreaper := range []string{"on", "off"} {
			t.Run(mode+" subreaper "+subreaper, func(t *testing.T) {
				exe, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				c := exec.Command(unshare, append(args, exe)...)
				c.Env = selfEnv(mode, "SUBREAPER="+subreaper)
				out, err := c.CombinedOutput()
				if err != nil || !strings.HasSuffix(string(out), "ok\n") {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

// modePid1 is a PID 1 that waits for its one child and reaps nothing else.
func modePid1() int {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), modeVar+"=contained")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// modeContained starts and stops, and looks for what is left.
func modeContained() int {
	if os.Getenv("SUBREAPER") == "on" {
		Setup()
	}
	for i, script := range []string{
		`sh -c 'sleep 1000 & echo x; sleep 1000'; true`,
		`trap '' TERM; sleep 1000 & sleep 1000 & echo x; wait`,
		`(setsid sleep 1000 &); (sleep 1000 &); echo x; exec sleep 1000`,
		`(sh -c 'true' &); (setsid true &); echo x; exec sleep 1000`,
	} {
		g, out := mustStart(Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}})
		out.Scan()
		g.Stop(syscall.SIGTERM, 50e6)
		<-g.Gone()
		for _, k := range g.Killed() {
			pid, _, _ := strings.Cut(k, " ")
			if n, _ := strconv.Atoi(pid); alive(n) {
				fmt.Println("given up:", i, k)
				return 1
			}
		}
	}
	if subreaper.Load() { // without, zombies belong to PID 1, which is not our business
		for range 1000 {
			reap()
		}
		for _, p := range procDir.all() {
			if p.pid != os.Getpid() && p.pid != 1 {
				fmt.Println("left:", p, p.zombie)
				return 1
			}
		}
	}
	for _, p := range procDir.all() {
		if !p.zombie && p.pid != os.Getpid() && p.pid != 1 {
			fmt.Println("alive:", p)
			return 1
		}
	}
	fmt.Println("ok")
	return 0
}
