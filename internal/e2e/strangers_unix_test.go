//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// Bad input: a session of another user. Commands of others are refused, and by
// whom it is held; nothing is taken over.
func TestS0AnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can start hotreload as two users")
	}
	const one, two = 54321, 54322
	dir := shortTempDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	bin := at("hotreload")
	data, err := os.ReadFile(hotreload)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testkit.WriteProgram(t, bin, data)
	for _, d := range []struct {
		name string
		uid  int
	}{{"project", 0}, {"home1", one}, {"home1/.cache", one}, {"home2", two}, {"run1", one}, {"run2", two}, {"run2/hotreload", two}, {"open", 0}, {"counters", 0}} {
		if err := os.Mkdir(at(d.name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at(d.name), d.uid, d.uid); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"open", "counters"} {
		if err := os.Chmod(at(d), 0o777|os.ModeSticky); err != nil { // like /tmp
			t.Fatal(err)
		}
	}
	// By a program that every user may run.
	write(t, at("project/.hotreload.toml"), "[services.a]\nrun.command = [\"sleep\", \"1000\"]\n")

	as := func(uid int, env []string, args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Dir = at("project")
		// Other users cannot write where the counters of `make cover` are gathered.
		cmd.Env = append([]string{"GOCOVERDIR=" + at("counters"), "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", mark(t.Name()), "TMPDIR=" + at("open"), fmt.Sprintf("HOME=%s", at(fmt.Sprintf("home%d", uid-one+1)))}, env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		return cmd
	}
	// run starts a session and waits until it is live and has said the text.
	run := func(uid int, env []string, text string) (stop func()) {
		t.Helper()
		cmd := as(uid, env, "run", "--color", "never")
		var out safeBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		stop = func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := <-ended; err != nil {
				t.Errorf("the session ended with %v\n%s", err, out.String())
			}
		}
		until(t, "the session says "+text, func() bool {
			select {
			case err := <-ended:
				t.Fatalf("the session ended: %v\n%s", err, out.String())
			default:
			}
			return strings.Contains(out.String(), " live ") && strings.Contains(out.String(), text)
		})
		return stop
	}
	refused := func(what string, cmd *exec.Cmd, code int, wants ...string) {
		t.Helper()
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("%s: exit %d, want %d: %s", what, got, code, out)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: no %q in: %s", what, want, out)
			}
		}
	}
	runtime1, runtime2 := "XDG_RUNTIME_DIR="+at("run1"), "XDG_RUNTIME_DIR="+at("run2")
	stop := run(one, []string{runtime1}, "hotreload ")
	if fi, err := os.Stat(at("run1/hotreload")); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v %v", fi, err)
	}
	refused("its own user", as(one, []string{runtime1}, "wait"), 0, "a: live")
	for _, verb := range []string{"status", "wait", "restart", "stop"} {
		refused(verb+" with the other's runtime directory", as(two, []string{runtime1}, verb), 2,
			at("run1/hotreload")+" belongs to another user (uid 54321)", "hint: run hotreload as that user")
		refused(verb+" with a runtime directory of its own", as(two, []string{runtime2}, verb), 2, "no session is running in this project", "the user who started it")
	}
	// A directory that another user prepared is not trusted, whatever its modes are.
	refused("a prepared directory", as(one, []string{runtime2}, "status"), 2, at("run2/hotreload")+" belongs to another user (uid 54322)")
	// The other user's session in the same project goes without a control socket, and says so.
	run(two, []string{runtime1}, "no control socket: "+at("run1/hotreload")+" belongs to another user (uid 54321)")()
	// Its cache is not shared: programs are run from there.
	refused("the other's cache", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("home1/.cache")}, "run"), 1,
		at("home1/.cache/hotreload")+" belongs to another user (uid 54321)", "hint: that user has run hotreload here")
	if err := os.Chmod(at("home1/.cache/hotreload"), 0o755); err != nil {
		t.Fatal(err)
	}
	refused("the other's lock", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("home1/.cache")}, "run"), 1,
		at("home1/.cache/hotreload/project-"), " belongs to another user (uid 54321)", "hint: that user has run hotreload here")
	refused("a cache that cannot be written", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("run1")}, "run"), 1, "no directory for binaries", "XDG_CACHE_HOME")
	if err := os.MkdirAll(at("open/hotreload-54322"), 0o777); err != nil {
		t.Fatal(err)
	}
	refused("a prepared cache, without a home", as(two, []string{"HOME="}, "run"), 1, at("open/hotreload-54322")+" belongs to another user (root)")
	refused("its own user, after all that", as(one, []string{runtime1}, "wait"), 0, "a: live")
	stop()
	until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
}
