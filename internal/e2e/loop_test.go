package e2e

import (
	"fmt"
	"math/rand/v2"
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

// L1: no config; builds, serves, says what it watches and how long it took.
func TestL1FirstStart(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	if a := w.answer(); a.version != "one" {
		t.Errorf("answer %+v", a)
	}
	w.mu.Lock()
	first, live := w.events[0], w.events[slices.IndexFunc(w.events, func(e ev) bool { return e.Event == "live" })]
	w.mu.Unlock()
	if first.Event != "session_started" || first.num("watches") < 5 || !slices.Equal(first.strs("services"), []string{"web"}) {
		t.Errorf("first event: %s", first.line)
	}
	if live.num("latency_ms") < live.num("build_ms") || live.num("build_ms") == 0 {
		t.Errorf("live without its times: %s", live.line)
	}
	if code := w.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text := w.err.String()
	for _, want := range []string{"watches", "built", "live"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal does not say %q:\n%s", want, text)
		}
	}
	if out := w.out.String(); !strings.HasPrefix(out, "listening on ") {
		t.Errorf("the program's output: %q", out)
	}
}

// L2: one save is exactly one build, one restart, one live.
func TestL2OneSave(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	for i := range 5 {
		before := w.answer()
		mark := w.mark()
		v := fmt.Sprintf("save%d", i)
		w.setVersion(v)
		w.waitFor("live")
		w.settle()
		events := w.since(mark)
		for _, name := range []string{"build_started", "build_finished", "exited", "started", "live"} {
			if n := count(events, name); n != 1 {
				t.Errorf("%d events %s for one save", n, name)
			}
		}
		if a := w.answer(); a.version != v || a.pid == before.pid {
			t.Errorf("answer %+v, before %+v", a, before)
		}
	}
}

// L3: a slow save is one restart with the final content.
func TestL3SlowSave(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	mark := w.mark()
	f, err := os.OpenFile(filepath.Join(w.dir, "version.go"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The pauses are the subject here: an editor that writes in pieces.
	for _, piece := range []string{"package main\n\nconst Ver", "sion = \"sl", "ow\"\n"} {
		time.Sleep(5 * time.Millisecond)
		if _, err := f.WriteString(piece); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	w.waitFor("live")
	w.settle()
	if n := count(w.since(mark), "started"); n != 1 {
		t.Errorf("%d restarts", n)
	}
	if a := w.answer(); a.version != "slow" {
		t.Errorf("answer %+v", a)
	}
}

// L4: 1,500 files rewritten in one go: the last content wins, at most two builds
// and one restart.
func TestL4ManyFiles(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := map[string]string{}
	for k, v := range webApp {
		files[k] = v
	}
	const n = 1500
	for i := range n {
		files[fmt.Sprintf("lib/gen%d.go", i)] = fmt.Sprintf("package lib\n\nconst c%d = %d\n", i, i)
	}
	// A pause of the writer, which a busy machine imposes, must not look like its end.
	w := startWeb(t, newApp(t, files), []string{"--set", "watch.debounce=3s", "--set", "watch.max_wait=60s"})
	mark := w.mark()
	for i := range n {
		write(t, filepath.Join(w.dir, fmt.Sprintf("lib/gen%d.go", i)), fmt.Sprintf("package lib\n\nvar c%d = %d\n", i, i+1))
	}
	w.setVersion("many")
	for {
		w.waitFor("live")
		if w.answer().version == "many" {
			break
		}
	}
	// The import graph may have been read while files were empty, and is read again now. Until
	// then a file of any kind may be embedded, and the one of settle costs a build, too.
	asked := w.mark()
	w.settle()
	builds := count(w.since(mark), "build_started")
	if slices.ContainsFunc(w.since(asked), func(e ev) bool { return e.Event == "changed" && e.str("effect") == "rebuild" }) {
		builds--
	}
	if builds > 2 {
		t.Errorf("%d builds", builds)
	}
	if n := count(w.since(mark), "started"); n != 1 {
		t.Errorf("%d restarts", n)
	}
}

// L6: saves that change nothing do nothing; undo cancels.
func TestL6NothingChanged(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	w.settle()
	before := w.answer()
	mark := w.mark()
	path := filepath.Join(w.dir, "version.go")
	w.setVersion("one") // the same again
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w.untouched(mark, before)

	mark = w.mark()
	w.setVersion("two")
	w.waitFor("build_started")
	w.setVersion("one")
	w.wait("undone", func(e ev) bool { return e.Event == "changed" && e.str("effect") == "none" && e.Service == "web" })
	w.settle()
	if n := count(w.since(mark), "started"); n != 0 {
		t.Errorf("restarted %d times for an edit that was undone", n)
	}
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
	// And it is not deaf afterwards.
	w.setVersion("three")
	w.waitFor("live")
	if a := w.answer(); a.version != "three" {
		t.Errorf("answer %+v", a)
	}
}

// L7: what the program is not built from does nothing, and why says so.
func TestL7Irrelevant(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	w.knowsGraph()
	before := w.answer()
	for file, reason := range map[string]string{
		"lib/lib_test.go":  "test file",
		"README.md":        "not part of the build",
		"other/other.go":   "not imported",
		"lib/lib_plan9.go": "plan9",
		"lib/tagged.go":    "integration",
	} {
		mark := w.mark()
		path := filepath.Join(w.dir, file)
		write(t, path, read(t, path)+"\n// more\n")
		e := w.wait(file, func(e ev) bool { return e.Event == "changed" && slices.Contains(e.strs("paths"), path) })
		if e.str("effect") != "none" {
			t.Errorf("%s: %s", file, e.line)
		}
		w.untouched(mark, before)
		out, err := exec.Command(hotreload, "why", "-C", w.dir, path).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "none") || !strings.Contains(string(out), reason) {
			t.Errorf("why %s: %v: %s (want %q)", file, err, out, reason)
		}
	}
}

// knowsGraph waits until the import graph has been read: until then every Go
// file counts.
func (w *web) knowsGraph() {
	w.t.Helper()
	end := time.Now().Add(deadline)
	for i := 0; ; i++ {
		path := filepath.Join(w.dir, "other", "probe.go")
		write(w.t, path, fmt.Sprintf("package other\n\nconst Probe = %d\n", i))
		e := w.wait("probe", func(e ev) bool { return e.Event == "changed" && slices.Contains(e.strs("paths"), path) })
		if e.str("effect") == "none" {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("the import graph is never known\n%s", w.dump())
		}
		w.wait("the end of the build", func(e ev) bool { return e.Event == "build_finished" || e.Event == "build_canceled" })
	}
}

// L8: embedded files, new files that an embed pattern matches, and module files rebuild.
func TestL8Inputs(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	w.knowsGraph()
	w.edit("static/page.html", "page1", "page2")
	w.waitFor("live")
	if got := w.get(w.addr, "/static/page.html"); !strings.Contains(got, "page2") {
		t.Errorf("embedded page: %q", got)
	}
	write(t, filepath.Join(w.dir, "static", "new", "style.css"), "new file")
	w.waitFor("live")
	if got := w.get(w.addr, "/static/new/style.css"); got != "new file" {
		t.Errorf("new embedded file: %q", got)
	}
	w.edit("go.mod", "go 1.25", "go 1.25.0")
	e := w.wait("go.mod", func(e ev) bool { return e.Event == "changed" && strings.HasSuffix(e.strs("paths")[0], "go.mod") })
	if e.str("effect") != "rebuild" {
		t.Error(e.line)
	}
	w.waitFor("build_finished")
}

// L9: a local replace target outside the root is watched without configuration.
func TestL9Replace(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"web/go.mod":    "module example.test/web\n\ngo 1.25\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../lib\n",
		"web/main.go":   strings.ReplaceAll(webApp["main.go"], "example.test/web/lib", "example.test/lib"),
		"lib/go.mod":    "module example.test/lib\n\ngo 1.25\n",
		"lib/lib.go":    webApp["lib/lib.go"],
		"web/static/x":  "x",
		"web/dummy.txt": "",
	}
	files["web/version.go"] = webApp["version.go"]
	dir := newApp(t, files)
	w := startWeb(t, filepath.Join(dir, "web"), nil)
	// The scope grows when the graph is known; from then on the change is seen,
	// and one made before shows in the file's time.
	write(t, filepath.Join(dir, "lib", "lib.go"), strings.Replace(webApp["lib/lib.go"], "lib1", "lib2", 1))
	w.waitFor("live")
	if a := w.answer(); a.lib != "lib2" {
		t.Errorf("answer %+v", a)
	}
	write(t, filepath.Join(dir, "lib", "lib.go"), strings.Replace(webApp["lib/lib.go"], "lib1", "lib3", 1))
	w.waitFor("live")
	if a := w.answer(); a.lib != "lib3" {
		t.Errorf("answer %+v", a)
	}
}

// L10: a comment-only edit is built, not restarted, and said.
func TestL10Comment(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	before := w.answer()
	mark := w.mark()
	w.edit("lib/lib.go", "// Name is a name.", "// Name is a nice")
	e := w.waitFor("build_finished")
	if !e.flag("ok") || !e.flag("unchanged") {
		t.Errorf("%s", e.line)
	}
	w.settle()
	if n := count(w.since(mark), "started"); n != 0 {
		t.Errorf("%d restarts", n)
	}
	if a := w.answer(); a != before {
		t.Errorf("answer %+v, before %+v", a, before)
	}
}

// L11 and L12: ten saves at random times during slow builds; never two builds or
// two apps alive, and the final app is the last save.
func TestL12RandomSaves(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	w := startWeb(t, newApp(t, webApp), nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		mark := w.mark()
		last := ""
		for i := range 10 {
			// The random pause is the subject: a save at any moment of a build.
			time.Sleep(time.Duration(rnd.IntN(150)) * time.Millisecond)
			last = fmt.Sprintf("r%ds%d", round, i)
			w.setVersion(last)
		}
		for {
			w.waitFor("live")
			if w.answer().version == last {
				break
			}
		}
		w.settle()
		building, running := 0, 0
		w.mu.Lock()
		all := slices.Clone(w.events)
		w.mu.Unlock()
		for _, e := range all {
			switch e.Event {
			case "build_started":
				building++
			case "build_finished", "build_canceled":
				building--
			case "started":
				running++
			case "exited":
				running--
			}
			if building > 1 || running > 1 {
				t.Fatalf("round %d: %d builds and %d apps at a time", round, building, running)
			}
		}
		_ = mark
		if a := w.answer(); a.version != last {
			t.Fatalf("round %d: %+v, want %s", round, a, last)
		}
	}
}

// L13: an import of a package that does not exist yet, then the package.
func TestL13MissingPackage(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	w.knowsGraph()
	write(t, filepath.Join(w.dir, "extra.go"), "package main\n\nimport _ \"example.test/web/fresh\"\n")
	e := w.waitFor("build_finished")
	if e.flag("ok") {
		t.Fatal("built without the package")
	}
	w.setVersion("two")
	w.waitFor("build_finished")
	write(t, filepath.Join(w.dir, "fresh", "fresh.go"), "package fresh\n")
	w.waitFor("live")
	if a := w.answer(); a.version != "two" {
		t.Errorf("answer %+v", a)
	}
}

// L14: a generator in before that rewrites a watched file does not loop.
func TestL14Generator(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, script := range map[string]string{
		"same":      does("write generated.go|package main; const generated = 1"),
		"different": does("write generated.go|package main; const generated = $PID"),
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{".hotreload.toml": fmt.Sprintf("[build]\nbefore = [%s]\n", script)}
			for k, v := range webApp {
				files[k] = v
			}
			w := startWeb(t, newApp(t, files), nil)
			w.settle()
			w.settle()
			for i := range 3 {
				mark := w.mark()
				w.setVersion(fmt.Sprintf("v%d", i))
				for w.answer().version != fmt.Sprintf("v%d", i) {
					w.waitFor("live")
				}
				w.settle()
				w.settle()
				if n := count(w.since(mark), "build_started"); n > 2 {
					t.Errorf("%d builds for one save", n)
				}
			}
		})
	}
}

// L16: .env restarts without a build; a removed key is unset; the real environment wins.
func TestL16DotEnv(t *testing.T) {
	t.Parallel()
	files := map[string]string{".env": "COLOR=red\nSHAPE=round\nREAL=file\n", ".gitignore": ".env\n"}
	for k, v := range webApp {
		files[k] = v
	}
	w := startWeb(t, newApp(t, files), nil, withEnv("REAL=real"))
	for key, want := range map[string]string{"COLOR": "red true", "SHAPE": "round true", "REAL": "real true"} {
		if got := w.get(w.addr, "/env?"+key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	mark := w.mark()
	write(t, filepath.Join(w.dir, ".env"), "COLOR=blue\nREAL=file\n")
	w.waitFor("live")
	for key, want := range map[string]string{"COLOR": "blue true", "SHAPE": " false", "REAL": "real true"} {
		if got := w.get(w.addr, "/env?"+key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if n := count(w.since(mark), "build_started"); n != 0 {
		t.Errorf("%d builds", n)
	}
}
