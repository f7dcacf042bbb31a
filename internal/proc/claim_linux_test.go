package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func init() { modes["claim"] = modeClaim }

// modeClaim is a session with one program that leaves processes of many kinds. It prints their pids and lives until it is
// killed.
func modeClaim() int {
	Setup()
	release, err := Claim(os.Getenv("CLAIM"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	gd, err := StartGuard()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	g, err := Start(Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", `
			sleep 1000 & echo $!
			(setsid sh -c 'echo $$; exec sleep 1000' &)
			sh -c 'nohup env -i setsid /bin/sleep 1000 >/dev/null 2>&1 & echo $!'
			(setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.1; done' &)
			sleep 0.1; echo guard ` + fmt.Sprint(gd.pid) + `; wait`},
		Stdout: os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	apart := exec.Command("sleep", "1000")
	if err := Apart(apart.Start); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("apart", apart.Process.Pid)
	bufio.NewScanner(os.Stdin).Scan()
	g.Stop(syscall.SIGTERM, 0)
	<-g.Gone()
	gd.Close()
	release()
	return 0
}

// Fault 54: hotreload and its guard were killed at once. The next session ends what they have left, by its first look, and
// nothing that belongs to a session that lives, or to anybody else.
func TestEndUnclaimed(t *testing.T) {
	if _, ok := sessionMark(); !ok {
		t.Skip("this system has no limit that could be a mark")
	}
	type session struct {
		*exec.Cmd
		file         string
		pids         []int
		guard, apart int
	}
	start := func() session {
		var pids []int
		file := filepath.Join(t.TempDir(), "processes")
		c := exec.Command("/proc/self/exe")
		c.Env = selfEnv("claim", "CLAIM="+file)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.Close()
			c.Wait()
		})
		named := map[string]int{}
		for sc := bufio.NewScanner(out); len(named) < 2 && sc.Scan(); {
			if name, pid, ok := strings.Cut(sc.Text(), " "); ok {
				named[name] = atoi(t, pid)
			} else {
				pids = append(pids, atoi(t, sc.Text()))
			}
		}
		if len(pids) != 4 || len(named) != 2 {
			t.Fatalf("pids %v %v", pids, named)
		}
		t.Cleanup(func() { syscall.Kill(named["apart"], syscall.SIGKILL) })
		return session{c, file, pids, named["guard"], named["apart"]}
	}
	dead, live := start(), start()
	left := dead.pids
	syscall.Kill(dead.guard, syscall.SIGSTOP)
	dead.Process.Kill()
	syscall.Kill(dead.guard, syscall.SIGKILL)
	dead.Wait()
	for _, pid := range left {
		if !alive(pid) {
			t.Fatalf("%d was not left: the test shows nothing", pid)
		}
	}

	if got := EndUnclaimed(live.file); got != nil {
		t.Errorf("a session that lives has lost %q", got)
	}
	ended := EndUnclaimed(dead.file)
	for _, pid := range left {
		if alive(pid) {
			t.Errorf("%d is left", pid)
		}
		if !slices.ContainsFunc(ended, func(s string) bool { return strings.HasPrefix(s, fmt.Sprint(pid, " ")) }) {
			t.Errorf("%d is not named in %q", pid, ended)
		}
	}
	for _, pid := range append(live.pids, live.guard, live.apart, dead.apart) {
		if !alive(pid) {
			t.Errorf("%d has been ended, and is none of what was left", pid)
		}
	}
	if got := EndUnclaimed(dead.file); got != nil {
		t.Errorf("again: %q", got)
	}
	for _, text := range []string{"", "\n", "nonsense", "0000000000000000-0", strings.Repeat("0", 1<<10)} {
		if err := os.WriteFile(dead.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := EndUnclaimed(dead.file); got != nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
