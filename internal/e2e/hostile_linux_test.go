package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// inNamespaces runs the session below unshare, as root of a user namespace, after a script
// in which "$HR" stands for hotreload. Where such namespaces are forbidden the test says so.
func inNamespaces(t *testing.T, flags, script string) option {
	t.Helper()
	if out, err := exec.Command("unshare", flags, "true").CombinedOutput(); err != nil {
		t.Skipf("this machine forbids what `unshare %s` does: %v %s", flags, err, out)
	}
	return below("unshare", flags, "sh", "-c", script)
}

// W5 (hostile): with very few watches the session works, by looking where it cannot watch,
// and says once which limit it is and what raises it.
func TestW5FewWatches(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[watch]\npoll_interval = \"20ms\"\n"
	w := startWeb(t, newApp(t, files), nil, inNamespaces(t, "-Ur", "echo 3 > /proc/sys/user/max_inotify_watches && exec $HR"))
	for i, file := range []string{"version.go", "lib/lib.go", "static/page.html"} {
		text := read(t, filepath.Join(w.dir, file))
		write(t, filepath.Join(w.dir, file), strings.NewReplacer("one", "two", "lib1", "lib2", "page1", "page2").Replace(text))
		w.waitFor("live")
		if a := w.answer(); a.version != "two" || i > 0 && a.lib != "lib2" {
			t.Errorf("after %s: %+v", file, a)
		}
	}
	if got := w.get(w.addr, "/static/page.html"); !strings.Contains(got, "page2") {
		t.Errorf("embedded page: %q", got)
	}
	w.stop(syscall.SIGTERM)
	text := w.err.String()
	if strings.Count(text, "max_inotify_watches (3)") != 1 || !strings.Contains(text, "sudo sysctl user.max_inotify_watches=") {
		t.Errorf("the limit is not said once, with what raises it:\n%s", text)
	}
}

// W4 (hostile): more happens while hotreload is stopped than the kernel keeps for it.
func TestW4Overflow(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	limit := 0
	if data, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events"); err != nil {
		t.Skip(err)
	} else if _, err := fmt.Sscan(string(data), &limit); err != nil || limit > 100000 {
		t.Skipf("max_queued_events is %d here: too many to make more", limit)
	}
	w := startWeb(t, newApp(t, webApp), nil)
	pid := w.pid()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	until(t, "it is stopped", func() bool { return stopped(pid) })
	for i := range limit + 1000 {
		// Two files in turns: the kernel makes one event of two that are alike.
		write(t, filepath.Join(w.dir, "other", fmt.Sprintf("noise%d.txt", i%2)), fmt.Sprint(i))
	}
	// Of these nothing is heard.
	w.setVersion("two")
	write(t, filepath.Join(w.dir, "deep", "er", "new.go"), "package er\n\nconst Name = \"new\"\n")
	w.edit("lib/lib.go", `func Name() string { return "lib1" }`, "import \"example.test/web/deep/er\"\n\nfunc Name() string { return er.Name }")
	w.edit("lib/lib.go", "// Name is a name.", "")
	_ = syscall.Kill(pid, syscall.SIGCONT)
	w.becomes("what was saved meanwhile", func(a answer) bool { return a.version == "two" && a.lib == "new" })
	// What is new is watched.
	write(t, filepath.Join(w.dir, "deep", "er", "new.go"), "package er\n\nconst Name = \"newer\"\n")
	w.becomes("what was saved in the new directory", func(a answer) bool { return a.lib == "newer" })
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); strings.Count(text, "queue overflow") != 1 {
		t.Errorf("the overflow is not said once:\n%s", text)
	}
}

// W6 (hostile): the project lies on a file system that does not report what changes on its
// other side, as far as /proc/self/mountinfo tells: it polls, and reports that once.
func TestW6PollsByFileSystem(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, typ := range []string{"9p", "fuse.sshfs", "ext4"} {
		t.Run(typ, func(t *testing.T) {
			files := maps.Clone(webApp)
			files[".hotreload.toml"] = "[watch]\npoll_interval = \"20ms\"\n"
			dir := newApp(t, files)
			info := filepath.Join(t.TempDir(), "mountinfo")
			write(t, info, read(t, "/proc/self/mountinfo")+fmt.Sprintf("9999 1 0:99 / %s rw,relatime - %s host rw\n", dir, typ))
			w := startWeb(t, dir, nil, inNamespaces(t, "-Urm", "mount --bind "+info+" /proc/$$/mountinfo && exec $HR"))
			w.setVersion("two")
			w.waitFor("live")
			if a := w.answer(); a.version != "two" {
				t.Errorf("answer %+v", a)
			}
			w.stop(syscall.SIGTERM)
			want, times := "notify", 0
			if typ != "ext4" {
				want, times = "poll", 1
			}
			w.mu.Lock()
			first := w.events[0]
			w.mu.Unlock()
			if got := first.str("backend"); got != want {
				t.Errorf("backend %s, want %s", got, want)
			}
			if text := w.err.String(); strings.Count(text, "does not report changes ("+typ+")") != times {
				t.Errorf("not said %d times:\n%s", times, text)
			}
		})
	}
}

// B4 (hostile): the disk on which hotreload builds is full. The place is named, the program
// that runs goes on, and the next save tries again.
func TestB4DiskFull(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	disk := t.TempDir()
	w := startWeb(t, newApp(t, webApp), nil, withEnv("XDG_CACHE_HOME="+disk, "XDG_RUNTIME_DIR="+shortTempDir(t), "GOCACHE="+goenv(t, "GOCACHE")),
		inNamespaces(t, "-Urm", "mount -t tmpfs -o size=64m none "+disk+" && exec $HR"))
	before := w.answer()
	// The mount is its own; through its eyes we can write there.
	filler := fmt.Sprintf("/proc/%d/root%s/filler", w.pid(), disk)
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, chunk))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	f.Close()
	mark := w.mark()
	w.setVersion("two")
	if e := w.waitFor("build_finished"); e.flag("ok") {
		t.Fatalf("built on a full disk: %s", e.line)
	}
	w.settle()
	if n := count(w.since(mark), "exited"); n != 0 {
		t.Error("the program was stopped")
	}
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	// The last good binary is whole: it can be started again.
	w.command("restart")
	w.waitFor("started")
	w.waitFor("ready") // it is not live: the files say something else
	if a := w.answer(); a.version != "one" || a.pid == before.pid {
		t.Errorf("after a restart: %+v", a)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.setVersion("three")
	w.waitFor("live")
	if a := w.answer(); a.version != "three" {
		t.Errorf("answer %+v", a)
	}
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); !strings.Contains(text, "no space left on device: "+disk) || !strings.Contains(text, "fixed") {
		t.Errorf("the terminal does not name the place, or that it is fixed:\n%s", text)
	}
}

// B4: TMPDIR is missing or cannot be written: nothing of it is needed.
func TestB4NoTMPDIR(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, dir := range map[string]string{"missing": filepath.Join(t.TempDir(), "gone"), "read-only": "/proc/1"} {
		t.Run(name, func(t *testing.T) {
			w := startWeb(t, newApp(t, webApp), nil, withEnv("TMPDIR="+dir))
			w.setVersion("two")
			w.waitFor("live")
			if a := w.answer(); a.version != "two" {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

// B4: GOCACHE cannot be written: said by its name, the program goes on, the next save
// tries again.
func TestB4GOCACHE(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	cache := filepath.Join(t.TempDir(), "gocache")
	// In one step: a go list of the session would make the directory again in between.
	replace := func(make func(path string) error) {
		t.Helper()
		if err := make(cache + ".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(cache+".new", cache); err != nil {
			t.Fatal(err)
		}
	}
	good := func(path string) error { return os.Symlink(goenv(t, "GOCACHE"), path) }
	replace(good)
	w := startWeb(t, dir, nil, withEnv("GOCACHE="+cache))
	before := w.answer()
	// Not even root can make a directory where a file is.
	replace(func(path string) error { return os.WriteFile(path, nil, 0o600) })
	w.setVersion("two")
	if e := w.waitFor("build_finished"); e.flag("ok") {
		t.Fatal(e.line)
	}
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	replace(good)
	w.setVersion("three")
	w.waitFor("live")
	if a := w.answer(); a.version != "three" {
		t.Errorf("answer %+v", a)
	}
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); !strings.Contains(text, cache) {
		t.Errorf("the place is not named:\n%s", text)
	}
}

// toolexec is a program for -toolexec that does what the file "do" in its directory says,
// before each compilation.
func toolexec(t *testing.T) (flag string, do func(script string)) {
	t.Helper()
	dir := t.TempDir()
	// The go command names the program that it ran, so it is called as the tool.
	path := filepath.Join(dir, "compile")
	write(t, path, "#!/bin/sh\ncase \"$2\" in -V=full) exec \"$@\";; esac\ncase \"$1\" in */compile) . "+dir+"/do;; esac\nexec \"$@\"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	do = func(script string) { write(t, filepath.Join(dir, "do"), script+"\n") }
	do(":")
	return fmt.Sprintf("build.flags=[%q]", "-toolexec="+path), do
}

// B5 (hostile): the compiler is killed: said in words, and the program goes on.
func TestB5CompilerKilled(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	flag, do := toolexec(t)
	w := startWeb(t, newApp(t, webApp), []string{"--set", flag})
	before := w.answer()
	do("kill -9 $$")
	w.setVersion("two")
	if e := w.waitFor("build_finished"); e.flag("ok") {
		t.Fatal(e.line)
	}
	w.settle()
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	do(":")
	w.setVersion("three")
	w.waitFor("live")
	if a := w.answer(); a.version != "three" {
		t.Errorf("answer %+v", a)
	}
	w.stop(syscall.SIGTERM)
	if text := w.err.String(); !strings.Contains(text, "the compiler was killed (out of memory?)") {
		t.Errorf("not said:\n%s", text)
	}
}

// B5 (hostile): the compiler hangs: the time is shown, a save or Ctrl-C ends it with all
// that it has started.
func TestB5CompilerHangs(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	flag, do := toolexec(t)
	w := startWeb(t, newApp(t, webApp), []string{"--set", flag})
	before := w.answer()
	hang := func(version string) {
		t.Helper()
		do("sleep 4321 & wait")
		w.setVersion(version)
		until(t, "the compiler hangs", func() bool { return len(w.hanging()) > 0 })
	}
	hang("two")
	e := w.waitFor("held")
	if !strings.HasPrefix(e.str("reason"), "still building after 3s") {
		t.Error(e.line)
	}
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	do(":")
	w.setVersion("three")
	w.waitFor("build_canceled")
	w.waitFor("live")
	if a := w.answer(); a.version != "three" {
		t.Errorf("answer %+v", a)
	}
	if left := w.hanging(); len(left) > 0 {
		t.Errorf("left of the canceled build: %v", left)
	}
	hang("four")
	if code := w.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d", code)
	}
	w.settled("after Ctrl-C in a build that hangs")
	if text := w.err.String(); !strings.Contains(text, "still building after 3s") {
		t.Errorf("the terminal does not show the time:\n%s", text)
	}
}

// hanging are the processes that TestB5CompilerHangs makes.
func (s *session) hanging() (found []testkit.Process) {
	for _, p := range processesOf(s.t.Name()) {
		if strings.HasPrefix(p.Args, "sleep 4321") {
			found = append(found, p)
		}
	}
	return found
}

// B10: 10 MB of errors: the terminal shows a part, a file that it names has all.
func TestB10ManyErrors(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = `[build]
command = "if test -e bad; then awk 'BEGIN { for (i = 1; i <= 140000; i++) print \"main.go:1:1: this is said again and again, until there is a lot of it, number\", i }'; exit 1; fi; go build -o web.bin ."
output = "web.bin"
`
	w := startWeb(t, newApp(t, files), nil)
	before := w.answer()
	write(t, filepath.Join(w.dir, "bad"), "")
	w.setVersion("two")
	if e := w.waitFor("build_finished"); e.flag("ok") || len(e.line) > 1<<20 {
		t.Errorf("an event of %d bytes: %.200s", len(e.line), e.line)
	}
	w.settle()
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	text := w.err.String()
	if len(text) > 64<<10 {
		t.Errorf("%d bytes in the terminal", len(text))
	}
	_, rest, _ := strings.Cut(text, "the full output is in ")
	path, _, _ := strings.Cut(rest, "\n")
	all, err := os.ReadFile(path)
	if err != nil || len(all) < 10_000_000 || !strings.Contains(string(all), "number 140000\n") {
		t.Errorf("%q has %d bytes: %v\n%.2000s", path, len(all), err, text)
	}
	if err := os.Remove(filepath.Join(w.dir, "bad")); err != nil {
		t.Fatal(err)
	}
	w.setVersion("three")
	w.waitFor("live")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}

// straying is a program with every kind of descendant. What it starts knows the
// generation from its environment, and says nothing more of itself.
var straying = script(`
	for _, line := range []string{
		"sleep 1000",
		"sh -c 'sleep 1000 & wait'",
		"setsid sleep 1000",
		"(setsid sh -c '(sleep 1000 &) ; sleep 1000' &)",
		"trap '' TERM INT HUP; (sleep 1000; sleep 1000) & wait",
	} {
		if err := exec.Command("sh", "-c", line).Start(); err != nil {
			panic(err)
		}
	}
	println("up", edit)
	time.Sleep(time.Hour)
`, "os/exec", "time")

// generation are the living processes that were started by that generation, the program's
// wrapper included.
func generation(test string, n int) (found []testkit.Process) {
	for _, p := range processesOf(test) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		if err == nil && strings.Contains("\x00"+string(env), fmt.Sprintf("\x00HOTRELOAD_GENERATION=%d\x00", n)) {
			found = append(found, p)
		}
	}
	return found
}

// R4: descendants of every kind are gone before the next program starts, and at the end.
func TestR4Descendants(t *testing.T) {
	t.Parallel()
	files := maps.Clone(straying)
	// The wrapper is no exec: the shell dies of the signal before the program does.
	files[".hotreload.toml"] = "[run]\ncommand = [\"sh\", \"-c\", \"\\\"$0\\\"; true\", \"{binary}\"]\nstop_timeout = \"200ms\"\n"
	s := start(t, newApp(t, files), nil)
	now := s.waitFor("started").Generation
	for i := range 3 {
		old := now
		until(t, "all have started", func() bool {
			sleeping := 0
			for _, p := range generation(t.Name(), old) {
				if strings.HasPrefix(p.Args, "sleep") {
					sleeping++
				}
			}
			return sleeping == 6
		})
		s.waitFor("live")
		s.touch(i + 1)
		s.waitFor("exited")
		now = s.wait("the next start", func(e ev) bool {
			if e.Event != "started" {
				return false
			}
			if left := generation(t.Name(), old); len(left) > 0 {
				t.Errorf("alive when the next one starts: %v", left)
			}
			return true
		}).Generation
	}
	s.waitFor("live")
	s.stop(syscall.SIGTERM)
	s.settled("at the end")
}

// zombies are the dead children of a process that were not reaped.
func zombies(parent int) (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[0] == "Z" && f[1] == fmt.Sprint(parent) {
			n++
		}
	}
	return n
}

// orphaning is a program that leaves dead orphans behind, for whoever adopts them.
var orphaning = script(`
	for range 5 {
		exec.Command("sh", "-c", "(true &); (setsid true &)").Run()
	}
	println("up", edit)
	time.Sleep(time.Hour)
`, "os/exec", "time")

// R11 (hostile): hotreload is PID 1 of a container, or below one that reaps nothing. No
// zombies gather, and SIGTERM stops all.
func TestR11Container(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, script := range map[string]string{
		"as PID 1":           "exec $HR",
		"PID 1 reaps none":   "$HR & exec sleep 54321",
		"PID 1 is the shell": "$HR; exit $?",
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := exec.Command("unshare", "-Urpf", "--mount-proc", "--kill-child", "true").CombinedOutput(); err != nil {
				t.Skipf("this machine forbids a pid namespace: %v %s", err, out)
			}
			s := start(t, newApp(t, orphaning), nil,
				below("unshare", "-Urpf", "--mount-proc", "--kill-child", "sh", "-c", script))
			s.waitFor("live")
			for i := range 3 {
				s.touch(i + 1)
				s.waitFor("live")
			}
			pid := s.pid()
			until(t, "no zombies below hotreload", func() bool { return zombies(pid) == 0 })
			_ = syscall.Kill(pid, syscall.SIGTERM)
			s.waitFor("session_ended")
			until(t, "hotreload ends", func() bool { return ended(pid) })
			if name == "PID 1 reaps none" {
				until(t, "only PID 1 is left", func() bool {
					left := processesOf(t.Name())
					for _, p := range left {
						if !strings.HasPrefix(p.Args, "unshare") && !strings.HasPrefix(p.Args, "sleep 54321") {
							return false
						}
					}
					return true
				})
				_ = s.cmd.Process.Kill() // and with it, by --kill-child, the container
				s.exit()
				return
			}
			if code := s.exit(); code != 0 {
				t.Errorf("exit %d", code)
			}
			s.settled("at the end")
		})
	}
}

// T4: the guard is killed: a new one takes its place, which is said, and it does the same.
func TestT4GuardKilled(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	// The program itself ends with its parent, by the kernel; a daemon of it does not.
	files[".hotreload.toml"] = "[run]\ncommand = [\"sh\", \"-c\", \"setsid sleep 1000 & exec \\\"$0\\\"\", \"{binary}\"]\n"
	w := startWeb(t, newApp(t, files), nil)
	app := w.answer().pid
	for range 2 {
		old := w.guard()
		_ = syscall.Kill(old, syscall.SIGKILL)
		e := w.waitFor("problem")
		if !strings.Contains(e.str("message"), "guard") || e.str("hint") == "" {
			t.Error(e.line)
		}
		if now := w.guard(); now == old {
			t.Error("the old guard lives")
		}
	}
	if text := w.err.String(); strings.Count(text, "the guard process was killed") != 2 {
		t.Errorf("said:\n%s", text)
	}
	guard := w.guard()
	_ = w.cmd.Process.Kill()
	w.exit()
	until(t, "the program is gone", func() bool { return ended(app) })
	until(t, "the guard is gone", func() bool { return ended(guard) })
	until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
}

// guard is the living guard process of a session. It has no environment to be known by.
func (s *session) guard() (pid int) {
	s.t.Helper()
	until(s.t, "there is a guard", func() bool {
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, f := range stats {
			data, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			_, rest, _ := strings.Cut(string(data), ") ")
			if f := strings.Fields(rest); len(f) < 2 || f[0] == "Z" || f[1] != fmt.Sprint(s.cmd.Process.Pid) {
				continue
			}
			args, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			if strings.HasPrefix(string(args), "hotreload\x00__guard\x00") {
				fmt.Sscan(filepath.Base(filepath.Dir(f)), &pid)
				return true
			}
		}
		return false
	})
	return pid
}

// counting takes whatever comes, and keeps the end of it.
type counting struct {
	n  atomic.Int64
	mu sync.Mutex
	// At most 64 bytes. What comes last may come in one piece with what was before it.
	end []byte
}

func (c *counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = append(c.end, p[max(0, len(p)-64):]...)
	c.end = c.end[max(0, len(c.end)-64):]
	return len(p), nil
}

func (c *counting) endsIn(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.HasSuffix(string(c.end), text)
}

// R10: a program that writes as fast as it can, in lines, in one line without end, and what
// is no text: hotreload's memory stays flat, a save and Ctrl-C are answered meanwhile.
func TestR10Flood(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, chunk := range map[string]string{
		"lines":    `bytes.Repeat([]byte("a line of the flood\n"), 1<<12)`,
		"one line": `bytes.Repeat([]byte("x"), 1<<16)`,
		"no text":  `bytes.Repeat([]byte("\x00\xff\xfe\x1b[31m\r\x80"), 1<<12)`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := newApp(t, script(`
	chunk := `+chunk+`
	println("begins", edit)
	for edit < 2 {
		os.Stdout.Write(chunk)
	}
	os.Stdout.WriteString("the last line has no end")
	println("ends")
`, "bytes", "os"))
			// No events: they would hold all of it once more.
			var out counting
			s := &session{t: t, dir: dir, done: make(chan struct{})}
			s.cmd = exec.Command(hotreload, "run")
			s.cmd.Dir, s.cmd.Env = dir, append(cleanEnv(), mark(t.Name()))
			s.cmd.Stdout, s.cmd.Stderr = &out, &s.err
			if err := s.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go func() {
				_ = s.cmd.Wait()
				close(s.done)
			}()
			t.Cleanup(s.cleanup)
			says := func(text string) {
				t.Helper()
				until(t, "it says "+text, func() bool { return strings.Contains(s.err.String(), text) })
			}
			pass := func(bytes int64) {
				t.Helper()
				until(t, "the flood passes", func() bool { return out.n.Load() > bytes })
			}
			says("begins 0")
			pass(50 << 20)
			before := peak(t, s.cmd.Process.Pid)
			pass(300 << 20)
			if after := peak(t, s.cmd.Process.Pid); after > before+32<<10 {
				t.Errorf("memory grew from %d to %d KiB", before, after)
			}
			s.touch(1)
			says("begins 1")
			pass(out.n.Load() + 10<<20)
			s.touch(2)
			says("ends")
			until(t, "the last bytes", func() bool { return out.endsIn("the last line has no end") })
			s.edit("main.go", "const edit = 2", "const edit = 1 // flood")
			until(t, "it begins again", func() bool { return strings.Count(s.err.String(), "begins 1") == 2 })
			if code := s.stop(syscall.SIGINT); code != 0 {
				t.Errorf("exit %d", code)
			}
			s.settled("after the flood")
		})
	}
}

// peak is the most memory that a process has used, in KiB.
func peak(t *testing.T, pid int) (kib int) {
	t.Helper()
	_, rest, _ := strings.Cut(read(t, fmt.Sprintf("/proc/%d/status", pid)), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// R10: what hotreload says begins on a new line, also after a line without an end.
func TestR10LineWithoutEnd(t *testing.T) {
	t.Parallel()
	_, x := startTTY(t, newApp(t, script(`os.Stdout.WriteString("half a line"); _ = edit`, "os")), nil)
	x.see("half a line\x1b[0m\r\n")
	x.see("exit code 0")
}
