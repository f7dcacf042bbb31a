package watcher

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func helper() bool { return false }

// again runs the calling test once more in a child with these attributes, and
// reports false in that child.
func again(t *testing.T, attr *syscall.SysProcAttr, what string) bool {
	t.Helper()
	const mark = "WATCHER_TEST_CHILD"
	if os.Getenv(mark) == t.Name() {
		return false
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), mark+"="+t.Name(), "TMPDIR=/tmp")
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Fatalf("in the child:\n%s", out)
	case err != nil:
		t.Skipf("this machine forbids %s: %v", what, err)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in the child:\n%s", out)
	}
	return true
}

func namespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

func setLimit(t *testing.T, name string, n int) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/user/"+name, []byte(fmt.Sprint(n)), 0o644); err != nil {
		t.Skipf("this kernel does not let a user namespace set %s: %v", name, err)
	}
}

// W5 (hostile): watches are used up. What cannot be watched is polled, with one
// line that has the limit, its value, and the command; and what becomes free is used.
func TestWatchLimit(t *testing.T) {
	t.Parallel()
	if again(t, namespace(), "user namespaces") {
		return
	}
	setLimit(t, "max_inotify_watches", 20)
	root := tempDir(t)
	for i := range 40 {
		plant(t, root, map[string]string{fmt.Sprintf("d%02d/f.go", i): "1"})
	}
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, PollInterval: 5 * time.Millisecond})
	n := s.notice("limit")
	for _, part := range []string{"max_inotify_watches", "(20)", "21 of 41"} {
		if !strings.Contains(n.Message, part) {
			t.Errorf("message lacks %q: %s", part, n.Message)
		}
	}
	if !strings.Contains(n.Hint, "sudo sysctl user.max_inotify_watches=") {
		t.Errorf("hint: %s", n.Hint)
	}
	if st := s.w.Stats(); st.Backend != "notify+poll" || st.Watches != 20 {
		t.Errorf("%+v", st)
	}
	s.hashed()
	var want []string
	for i := range 40 {
		write(t, filepath.Join(root, fmt.Sprintf("d%02d/f.go", i)), "2")
		want = append(want, fmt.Sprintf("d%02d/f.go", i))
	}
	s.expect(want...)
	plant(t, root, map[string]string{"new/deep/f.go": "1"})
	s.expect("+new/deep/f.go")
	for i := range 30 {
		must(t, os.RemoveAll(filepath.Join(root, fmt.Sprintf("d%02d", i))))
	}
	s.settled()
	end := time.Now().Add(patience)
	for s.w.Stats().Backend != "notify" && time.Now().Before(end) {
		s.do(func(*tree) {})
	}
	if st := s.w.Stats(); st.Backend != "notify" || st.Watches != 13 {
		t.Errorf("watches that became free are not used: %+v", st)
	}
	write(t, filepath.Join(root, "new/deep/f.go"), "2")
	s.expect("new/deep/f.go")
	if all := s.noticesOf("limit"); len(all) != 1 {
		t.Errorf("said %d times: %v", len(all), all)
	}
}

// W5 (hostile): instances are used up. Everything is polled.
func TestInstanceLimit(t *testing.T) {
	t.Parallel()
	if again(t, namespace(), "user namespaces") {
		return
	}
	setLimit(t, "max_inotify_instances", 0)
	root := tempDir(t)
	s := watch(t, Options{Scope: Scope{Trees: []string{root}}, PollInterval: 5 * time.Millisecond})
	n := s.notice("limit")
	if !strings.Contains(n.Message, "max_inotify_instances (0)") || !strings.Contains(n.Hint, "sudo sysctl user.max_inotify_instances=") {
		t.Errorf("%+v", n)
	}
	write(t, filepath.Join(root, "a.go"), "1")
	s.expect("+a.go")
}

// W9: an unreadable directory is said once and skipped, and read when it can be.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		if again(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, "another user id") {
			return
		}
		t.Skip("nothing is unreadable to root")
	}
	backends(t, func(t *testing.T, o Options) {
		root := o.Scope.Trees[0]
		plant(t, root, map[string]string{"bad/x.go": "1", "bad2/x.go": "1", "good/y.go": "1", "secret.go": "1"})
		must(t, os.Chmod(filepath.Join(root, "bad"), 0))
		must(t, os.Chmod(filepath.Join(root, "bad2"), 0))
		must(t, os.Chmod(filepath.Join(root, "secret.go"), 0))
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "bad2"), 0o755) })
		s := watch(t, o)
		if n := s.notice("unreadable"); !strings.Contains(n.Message, "bad") || !strings.Contains(n.Message, "1 more") {
			t.Errorf("message: %s", n.Message)
		}
		write(t, filepath.Join(root, "good/y.go"), "2")
		s.expect("good/y.go")
		must(t, os.Chmod(filepath.Join(root, "bad"), 0o755))
		s.expect("+bad/x.go")
		write(t, filepath.Join(root, "bad/x.go"), "2")
		s.expect("bad/x.go")
		if all := s.noticesOf("unreadable"); len(all) != 1 {
			t.Errorf("said %d times: %v", len(all), all)
		}
	})
}

// A write through a mapping sends no event: the slow look finds it also in a file that cannot
// matter (others are looked at every second).
func TestMappedWrite(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "one")
	s := watch(t, Options{Backend: "notify", Scope: Scope{Trees: []string{root}, Minor: func(string) bool { return true }}})
	s.hashed()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	mem, err := syscall.Mmap(int(f.Fd()), 0, 3, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(t, err)
	copy(mem, "two")
	must(t, syscall.Munmap(mem))
	s.expect() // nothing was heard
	s.do(func(t *tree) { t.nextSafety = time.Now() })
	for s.known[path] == (Sum{}) {
		s.next()
	}
}

// W6: the file system decides, by /proc/self/mountinfo.
func TestPollingByFileSystem(t *testing.T) {
	t.Parallel()
	info := filepath.Join(tempDir(t), "mountinfo")
	line := func(point, typ string) string {
		return fmt.Sprintf("36 35 98:0 / %s rw,noatime shared:1 - %s src rw\n", strings.ReplaceAll(point, " ", `\040`), typ)
	}
	for typ, polls := range map[string]bool{
		"9p": true, "nfs": true, "nfs4": true, "cifs": true, "smb3": true, "fuse.sshfs": true, "fuse": true, "virtiofs": true,
		"drvfs": true, "vboxsf": true, "prl_fs": true, "fuse.vmhgfs-fuse": true, "fuse.grpcfuse": true, "fakeowner": true,
		"ext4": false, "btrfs": false, "overlay": false, "tmpfs": false, "xfs": false, "zfs": false, "fuseblk": false,
	} {
		t.Run(typ, func(t *testing.T) {
			root := filepath.Join(tempDir(t), "with space")
			mkdir(t, filepath.Join(root, "in"))
			write(t, info, line("/", "ext4")+line(root, "tmpfs")+line(root, typ)+line(root+"-other", "9p")+"nonsense\n")
			o := Options{Scope: Scope{Trees: []string{root}}, PollInterval: 5 * time.Millisecond}
			s := watch(t, o, func(w *Watcher) { w.test.mountinfo = info })
			want := "notify"
			if polls {
				want = "poll"
				if n := s.notice("poll"); !strings.Contains(n.Message, "("+typ+")") {
					t.Errorf("message: %s", n.Message)
				}
			}
			if got := s.w.Stats().Backend; got != want {
				t.Errorf("backend %s, want %s", got, want)
			}
			path := filepath.Join(root, "in", typ)
			write(t, path, "1")
			s.expect("+in/" + typ)
			if n := s.noticesOf("poll"); len(n) > 1 || len(n) == 1 != polls {
				t.Errorf("notices: %v", n)
			}
		})
	}
}

// W7: with 10,000 files the poll backend stays below 5 % of a core. The bound
// here is double that, since the figure includes the receiver and the test.
func TestPollShare(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 10,000 files")
	}
	root := memDir(t)
	for i := range 10000 {
		if i%50 == 0 {
			mkdir(t, filepath.Join(root, fmt.Sprint(i/50)))
		}
		write(t, filepath.Join(root, fmt.Sprint(i/50), fmt.Sprint(i, ".go")), "package x")
	}
	s := watch(t, Options{Backend: "poll", PollInterval: time.Millisecond, Scope: Scope{Trees: []string{root}}})
	s.hashed()
	cpu := func() time.Duration {
		var u syscall.Rusage
		must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	s.expect() // a first look, so that what it takes is known
	start, used := time.Now(), cpu()
	for range 3 {
		s.expect()
	}
	wall, used := time.Since(start), cpu()-used
	t.Logf("%v of %v: %.1f %%", used, wall, 100*float64(used)/float64(wall))
	if used > wall/10 {
		t.Errorf("polling used %v in %v", used, wall)
	}
}
