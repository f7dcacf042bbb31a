package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hotreload/hotreload/internal/control"

	"github.com/hotreload/hotreload/internal/testkit"
)

// The cache directory is removed under a session: a second one is refused all the same, and
// the first goes on.
func TestT12RemovedCache(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	cache := t.TempDir()
	env := withEnv("XDG_CACHE_HOME="+cache, "GOCACHE="+goenv(t, "GOCACHE"))
	w := startWeb(t, newApp(t, webApp), nil, env)
	if err := os.RemoveAll(filepath.Join(cache, "hotreload")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	second := exec.CommandContext(ctx, hotreload, "run")
	second.Dir, second.Env = w.dir, cleanEnv()
	env(second)
	out, err := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), fmt.Sprintf("hotreload is already running in %s (pid %d)", w.dir, w.pid())) {
		t.Errorf("%v: %s", err, out)
	}
	w.setVersion("after")
	w.waitFor("live")
	if a := w.answer(); a.version != "after" {
		t.Errorf("%+v", a)
	}
	if st := w.status(); st.PID != w.pid() {
		t.Errorf("%+v", st)
	}
}

// A socket in the place of the session's own is not removed with it.
func TestT12SocketOfAnother(t *testing.T) {
	t.Parallel()
	runtimeDir := shortTempDir(t)
	s := start(t, shell(t, sleeper("a", "")), nil, withEnv("XDG_RUNTIME_DIR="+runtimeDir))
	s.each("live", "a")
	list, err := filepath.Glob(filepath.Join(runtimeDir, "hotreload", "*.sock"))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := os.Remove(list[0]); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", list[0])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.stop(syscall.SIGTERM)
	if _, err := os.Lstat(list[0]); err != nil {
		t.Error(err)
	}
}

// impostor answers every question with what a session would be glad to hear. The system
// notes uid as who listens there.
func impostor(t *testing.T, socket string, uid int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: socket})
	}
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // the raw calls concern one thread
	become := func(uid int) {
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
			t.Fatal(e)
		}
	}
	become(uid)
	err = unix.Listen(fd, 16)
	become(0)
	runtime.UnlockOSThread()
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), socket)
	l, err := net.FileListener(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(control.Outcome{OK: true, Services: []control.ServiceStatus{{Service: "\x1b]0;evil\a", State: "live"}}})
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
}

// Bad input: a session that another user plays where root's would be. Nothing that it says
// is believed or printed.
func TestS0Impostor(t *testing.T) {
	testkit.Slow(t)
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const them = 65534
	for what, c := range map[string]struct {
		dirUID, listener int
		mode             os.FileMode
		text             string
	}{
		"their directory":               {them, them, 0o755, " belongs to another user ("},
		"their socket, our directory":   {0, them, 0o700, ".sock belongs to another user ("},
		"a directory for all":           {0, 0, 0o777, " can be changed by others"},
		"nothing is the matter with it": {0, 0, 0o700, ""},
	} {
		tmp := shortTempDir(t)
		dir := shell(t, sleeper("a", ""))
		cache := t.TempDir()
		ask := func(verb string) (string, int) {
			t.Setenv("TMPDIR", tmp)
			t.Setenv("XDG_RUNTIME_DIR", "")
			t.Setenv("XDG_CACHE_HOME", cache)
			return hr(t, dir, verb)
		}
		if out, code := ask("wait"); code != 2 || !strings.Contains(out, "no session") {
			t.Fatalf("%s: exit %d: %s", what, code, out)
		}
		list, err := filepath.Glob(filepath.Join(cache, "hotreload", "*-*"))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		socket := control.SocketPath(list[0])
		if !strings.HasPrefix(socket, tmp) {
			t.Fatal(socket)
		}
		place := filepath.Dir(socket)
		if err := errors.Join(os.Mkdir(place, 0o700), os.Chmod(place, c.mode), os.Chown(place, c.dirUID, c.dirUID)); err != nil {
			t.Fatal(err)
		}
		impostor(t, socket, c.listener)
		for _, verb := range []string{"wait", "status", "restart", "stop"} {
			out, code := ask(verb)
			if c.text == "" {
				if verb == "wait" && code != 0 {
					t.Errorf("%s: exit %d: %s", what, code, out) // else the others prove nothing
				}
				break
			}
			if code != 2 || !strings.Contains(out, c.text) || strings.ContainsAny(out, "\x1b\a") {
				t.Errorf("%s: %s: exit %d: %q", what, verb, code, out)
			}
		}
	}
}

// Bad input: a cache directory that others have prepared, or may write. Programs are run
// from there, and the lock is written.
func TestS0SharedCache(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const them = 65534
	dir := newApp(t, webApp)
	for what, c := range map[string]struct {
		spoil func(cache, project string) error
		text  string
	}{
		"another user's":             {func(cache, _ string) error { return os.Chown(cache, them, them) }, "/hotreload belongs to another user ("},
		"another user's, below ours": {func(_, project string) error { return os.Chown(project, them, them) }, "belongs to another user ("},
		"open to all":                {func(_, project string) error { return os.Chmod(project, 0o777) }, "can be changed by others"},
		"a link to elsewhere": {func(cache, _ string) error {
			return errors.Join(os.Rename(cache, cache+"2"), os.Symlink(cache+"2", cache), os.Lchown(cache, them, them))
		}, "/hotreload belongs to another user ("},
		"a link for the lock": {func(_, project string) error {
			lock := filepath.Join(project, "session.lock")
			return errors.Join(os.Remove(lock), os.Symlink(filepath.Join(dir, "main.go"), lock))
		}, "session.lock is a link"},
		"a pipe for the lock": {func(_, project string) error {
			lock := filepath.Join(project, "session.lock")
			return errors.Join(os.Remove(lock), syscall.Mkfifo(lock, 0o600))
		}, "session.lock is not a regular file"},
	} {
		base := t.TempDir()
		if err := os.Chmod(base, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
		env := withEnv("XDG_CACHE_HOME="+base, "GOCACHE="+goenv(t, "GOCACHE"))
		first := start(t, shell(t, sleeper("a", "")), nil, env)
		first.each("live", "a")
		first.stop(syscall.SIGTERM)
		list, err := filepath.Glob(filepath.Join(base, "hotreload", "*-*"))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if err := c.spoil(filepath.Join(base, "hotreload"), list[0]); err != nil {
			t.Fatal(err)
		}
		source := read(t, filepath.Join(dir, "main.go"))
		s := start(t, first.dir, nil, env)
		if code := s.exit(); code != 1 || !strings.Contains(s.err.String(), c.text) {
			t.Errorf("%s: exit %d: %s", what, code, s.err.String())
		}
		if read(t, filepath.Join(dir, "main.go")) != source {
			t.Fatalf("%s: the link's target was written", what)
		}
	}
}
