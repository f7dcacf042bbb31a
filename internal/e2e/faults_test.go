package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// becomes waits for an answer of the program while it may be restarted.
func (w *web) becomes(what string, right func(answer) bool) {
	w.t.Helper()
	until(w.t, what, func() bool {
		resp, err := http.Get("http://" + w.addr + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		var a answer
		_, err = fmt.Sscanf(string(body), "pid=%d version=%s lib=%s", &a.pid, &a.version, &a.lib)
		return err == nil && right(a)
	})
}

// at is the time of an event.
func (e ev) at(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, e.str("time"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// L5: git rewrites hundreds of files, with new and removed directories. Each time it is one
// restart, and what runs is the tree: every file adds to what the program says.
func TestL5Git(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	files := maps.Clone(webApp)
	files["lib/lib.go"] = "package lib\n\nimport \"strconv\"\n\nvar sum int\n\n// Name is the sum of all files.\nfunc Name() string { return strconv.Itoa(sum) }\n"
	dir := newApp(t, files)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	tree := func(version string, from, to, add int) {
		t.Helper()
		write(t, filepath.Join(dir, "version.go"), fmt.Sprintf("package main\n\nconst Version = %q\n", version))
		for i := from; i < to; i++ {
			write(t, filepath.Join(dir, fmt.Sprintf("lib/f%d.go", i)), fmt.Sprintf("package lib\n\nfunc init() { sum += %d }\n", i*add))
			write(t, filepath.Join(dir, fmt.Sprintf("data/%s/%d/x.txt", version, i)), version)
		}
	}
	git("init", "-q", "-b", "main")
	// With the most files, a checkout takes longer than one burst.
	n := testkit.Size(50, 5)
	tree("main", 0, 6*n, 1)
	git("add", ".")
	git("commit", "-qm", "main")
	git("checkout", "-qb", "two")
	for _, gone := range []string{"data/main", "lib/f7.go", "static/page.html"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "static", "new", "page.html"), "new")
	tree("two", 2*n, 7*n, 1000)
	git("add", "-A")
	git("commit", "-qm", "two")

	w := startWeb(t, dir, nil)
	// truth is what the files say.
	truth := func() (version, lib string) {
		t.Helper()
		if _, err := fmt.Sscanf(read(t, filepath.Join(dir, "version.go")), "package main\n\nconst Version = %q\n", &version); err != nil {
			t.Fatal(err)
		}
		sum := 0
		names, _ := filepath.Glob(filepath.Join(dir, "lib", "f*.go"))
		for _, name := range names {
			n := 0
			if _, err := fmt.Sscanf(read(t, name), "package lib\n\nfunc init() { sum += %d }\n", &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return version, fmt.Sprint(sum)
	}
	check := func(what string, ops ...[]string) {
		t.Helper()
		w.settle()
		mark := w.mark()
		for _, op := range ops {
			git(op...)
		}
		version, lib := truth()
		w.becomes(what, func(a answer) bool { return a.version == version && a.lib == lib })
		w.settle()
		if n := count(w.since(mark), "started"); n != 1 {
			t.Errorf("%s: %d restarts", what, n)
		}
		if a := w.answer(); a.version != version || a.lib != lib {
			t.Errorf("%s: %+v, want %s %s", what, a, version, lib)
		}
	}
	check("checkout", []string{"checkout", "-q", "main"})
	check("checkout back", []string{"checkout", "-q", "two"})
	tree("edited", 4*n, 5*n, 7)
	w.becomes("the edit", func(a answer) bool { v, lib := truth(); return a.version == v && a.lib == lib })
	git("add", "-A")
	check("stash", []string{"stash", "-q"})
	check("stash pop", []string{"stash", "pop", "-q"})
	git("commit", "-qam", "edited")
	check("reset", []string{"reset", "-q", "--hard", "main"})
	// A commit of its own, so that the rebase has something to move.
	git("checkout", "-qb", "three")
	tree("three", 0, 5, 5)
	w.becomes("the edit", func(a answer) bool { v, lib := truth(); return a.version == v && a.lib == lib })
	git("add", "-A")
	git("commit", "-qm", "three")
	git("rebase", "-q", "-X", "theirs", "two")
	version, lib := truth()
	w.becomes("rebase", func(a answer) bool { return a.version == version && a.lib == lib })
}

// R9: a program that fails is started again after 0.5 s, 1 s, 2 s; a change starts it at
// once and starts again, and so does a life of 10 s; an end without failure is the end.
func TestR9OnFailure(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	count := filepath.Join(t.TempDir(), "count")
	files := script(`
	_ = edit
	f, err := os.OpenFile(os.Getenv("COUNT"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	f.WriteString("x")
	if st, _ := f.Stat(); os.Getenv("LIFE") != "" && st.Size() == 2 {
		life, _ := time.ParseDuration(os.Getenv("LIFE"))
		time.Sleep(life)
	}
	if edit < 2 {
		os.Exit(1)
	}
`, "os", "time")
	files[".hotreload.toml"] = "[run]\nrestart = \"on-failure\"\n"
	starts := func() int { return len(read(t, count)) }

	fails := func(s *session, pause time.Duration) {
		t.Helper()
		end := s.waitFor("exited")
		if end.num("code") != 1 || end.flag("expected") {
			t.Error(end.line)
		}
		held := s.waitFor("held")
		if want := fmt.Sprintf("starts again in %s (restart = \"on-failure\")", pause); held.str("reason") != want {
			t.Errorf("%s\nwant %s", held.line, want)
		}
	}
	s := start(t, newApp(t, files), nil, withEnv("COUNT="+count))
	for _, pause := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		s.mu.Lock()
		before := s.at
		s.mu.Unlock()
		fails(s, pause)
		if pause == 2*time.Second {
			break // the change comes in this pause
		}
		again := s.waitFor("started")
		for _, e := range s.since(before) {
			if e.Event == "exited" {
				if took := again.at(t).Sub(e.at(t)); took < pause {
					t.Errorf("started again after %s, not %s", took, pause)
				}
				break
			}
		}
	}
	if n := starts(); n != 3 {
		t.Errorf("%d starts", n)
	}
	s.touch(1)
	s.waitFor("build_finished")
	s.wait("start after the change", func(e ev) bool { return e.Event == "started" })
	fails(s, 500*time.Millisecond)
	s.touch(2) // ends well from here on
	s.wait("its end", func(e ev) bool { return e.Event == "exited" && e.num("code") == 0 })
	ended := starts()
	s.mu.Lock()
	end := s.at // right behind its end
	s.mu.Unlock()
	s.settle()
	for _, e := range s.since(end) {
		if e.Event == "held" || e.Event == "started" {
			t.Errorf("after an end without failure: %s", e.line)
		}
	}
	s.stop(syscall.SIGTERM)
	if n := starts(); n != ended {
		t.Errorf("%d starts after the last one", n-ended)
	}

	if testing.Short() {
		return
	}
	if err := os.Remove(count); err != nil {
		t.Fatal(err)
	}
	s = start(t, newApp(t, files), nil, withEnv("COUNT="+count, "LIFE=10s"))
	fails(s, 500*time.Millisecond)
	fails(s, 500*time.Millisecond) // it had lived
	fails(s, time.Second)
	s.stop(syscall.SIGTERM)
}

// W7: with polling the loop is the same: one restart for a save however it is written, none
// where nothing has changed, new files and directories found.
func TestW7Polling(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[watch]\nbackend = \"poll\"\npoll_interval = \"20ms\"\n"
	w := startWeb(t, newApp(t, files), nil)
	w.mu.Lock()
	first := w.events[0]
	w.mu.Unlock()
	if first.str("backend") != "poll" {
		t.Fatal(first.line)
	}
	path := filepath.Join(w.dir, "version.go")
	text := func(v string) string { return fmt.Sprintf("package main\n\nconst Version = %q\n", v) }
	for how, save := range map[string]func(v string){
		"in place": func(v string) { write(t, path, text(v)) },
		"by rename": func(v string) {
			write(t, path+".tmp", text(v))
			if err := os.Rename(path+".tmp", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w.settle()
		mark := w.mark()
		v := strings.ReplaceAll(how, " ", "")
		save(v)
		w.waitFor("live")
		w.settle()
		events := w.since(mark)
		for _, name := range []string{"build_finished", "exited", "started", "live"} {
			if n := count(events, name); n != 1 {
				t.Errorf("%s: %d events %s for one save", how, n, name)
			}
		}
		if a := w.answer(); a.version != v {
			t.Errorf("%s: %+v", how, a)
		}
		// The same again, and touched.
		before, mark := w.answer(), w.mark()
		save(v)
		now := time.Now().Add(time.Second)
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
		w.untouched(mark, before)
	}
	w.knowsGraph()
	before, mark := w.answer(), w.mark()
	write(t, filepath.Join(w.dir, "lib", "lib_test.go"), "package lib\n")
	w.untouched(mark, before)

	write(t, filepath.Join(w.dir, "new", "er", "er.go"), "package er\n\nconst Name = \"er1\"\n")
	w.edit("lib/lib.go", `func Name() string { return "lib1" }`, "import \"example.test/web/new/er\"\n\nfunc Name() string { return er.Name }")
	w.becomes("the new package", func(a answer) bool { return a.lib == "er1" })
	if err := os.Rename(filepath.Join(w.dir, "new"), filepath.Join(w.dir, "newer")); err != nil {
		t.Fatal(err)
	}
	w.edit("lib/lib.go", "web/new/er", "web/newer/er")
	w.edit("newer/er/er.go", "er1", "er2")
	w.becomes("an edit under the new name", func(a answer) bool { return a.lib == "er2" })
}
