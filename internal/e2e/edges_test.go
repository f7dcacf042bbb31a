package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// scribble writes into a file again and again until the test is over: the pace is the subject.
func scribble(t *testing.T, path string, pace time.Duration) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
				if err != nil {
					continue
				}
				fmt.Fprintf(f, "line %d\n", n)
				f.Close()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// E1: while the import graph is incomplete, a log beside the sources counts for nothing: it
// starts no build and keeps no repair from being live.
func TestE1LogBesideBrokenGraph(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, broken := range map[string]string{
		"missing package": "import _ \"example.test/web/nowhere\"",
		"missing module":  "import _ \"example.org/nowhere\"",
		"embed":           "import _ \"embed\"\n\n//go:embed nothing.txt\nvar nothing string",
		"cycle":           "import _ \"example.test/web/loop\"",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newApp(t, webApp)
			write(t, filepath.Join(dir, "loop", "loop.go"), "package loop\n\nimport _ \"example.test/web/loop/b\"\n")
			write(t, filepath.Join(dir, "loop", "b", "b.go"), "package b\n\nimport _ \"example.test/web/loop\"\n")
			w := startWeb(t, dir, nil, withEnv("GOFLAGS=-mod=mod", "GOPROXY=off"))
			extra := filepath.Join(dir, "extra.go")
			replaceFile(t, extra, "package main\n\n"+broken+"\n")
			w.wait("failed", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
			w.succeed(1, "wait") // the incomplete graph is known
			scribble(t, filepath.Join(dir, "app.log"), 50*time.Millisecond)
			mark := w.mark()
			replaceFile(t, extra, "package main\n\n"+broken+"\n\n// again\n")
			w.succeed(1, "wait")
			if n := count(w.since(mark), "build_started"); n > 2 {
				t.Errorf("%d builds for one save beside a log\n%s", n, w.dump())
			}
			replaceFile(t, extra, "package main\n")
			w.setVersion("repaired")
			w.succeed(0, "wait")
			if got := w.answer().version; got != "repaired" {
				t.Errorf("after wait it answers %q", got)
			}
		})
	}
}

// E4: a rule's command, and a program, that write what triggers them are stopped after a few
// rounds, with the name of the file; the rest goes on, and `wait` returns.
func TestE4Loops(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, tt := range []struct{ name, config, start, file string }{
		{"command", "[[rules]]\npaths = [\"t/*\"]\neffect = \"restart\"\ncommand = " + does("write t/out|$PID") + "\n", "", "t/out"},
		{"command without effect", "[[rules]]\npaths = [\"t/*\"]\neffect = \"none\"\ncommand = " + does("write t/out|$PID") + "\n", "", "t/out"},
		{"program", "[[rules]]\npaths = [\"t/*\"]\neffect = \"restart\"\n", "os.WriteFile(\"t/state\", fmt.Append(nil, time.Now().UnixNano()), 0o644)", "t/state"},
		{"env file", "", "os.WriteFile(\".env\", fmt.Appendf(nil, \"N=%d\\n\", time.Now().UnixNano()), 0o644)", ".env"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"go.mod": "module example.test/loops\n\ngo 1.25\n",
				"t/in":   "one\n",
				".env":   "N=0\n",
				"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

const version = "one"

func main() {
	start()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, version) })
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}

func start() { ` + tt.start + `; _ = time.Now }
`,
			}
			if tt.config != "" {
				files[".hotreload.toml"] = tt.config
			}
			dir := newApp(t, files)
			addr := testkit.Address(t)
			s := start(t, dir, nil, withEnv("ADDR="+addr))
			mark := s.mark()
			if tt.start == "" {
				s.waitFor("live")
				write(t, filepath.Join(dir, "t", "in"), "two\n")
			}
			s.wait("named", func(e ev) bool {
				return e.Event == "problem" && strings.Contains(filepath.ToSlash(e.str("message")), tt.file)
			})
			s.succeed(0, "wait")
			s.edit("main.go", `"one"`, `"two"`)
			s.succeed(0, "wait")
			if got := s.get(addr, "/"); got != "two" {
				t.Errorf("after wait it answers %q", got)
			}
			if n := count(s.since(mark), "started"); n > 10 {
				t.Errorf("%d starts\n%s", n, s.dump())
			}
			named := 0
			for _, e := range s.since(mark) {
				if e.Event == "problem" && strings.Contains(filepath.ToSlash(e.str("message")), tt.file) {
					named++
				}
			}
			if named > 2 {
				t.Errorf("named %d times\n%s", named, s.dump())
			}
		})
	}
}

// inPieces writes a file in pieces, and returns the longest pause that the machine made of it.
func inPieces(t *testing.T, path string, pause time.Duration, pieces ...string) (longest time.Duration) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	last := time.Now()
	for n, p := range pieces {
		if n > 0 {
			time.Sleep(pause) // the writer's pace is the subject
		}
		if _, err := f.WriteString(p); err != nil {
			t.Fatal(err)
		}
		longest, last = max(longest, time.Since(last)), time.Now()
	}
	return longest
}

// grow has version.go written in pieces, and returns how many failures were reported meanwhile. Only
// a run counts in which no pause was as long as the next piece of a file is waited for.
func (w *web) grow(pause time.Duration, pieces ...string) (failed int) {
	w.t.Helper()
	for try := range 10 {
		w.setVersion(fmt.Sprintf("before-%v-%d", pause, try))
		w.waitFor("live")
		mark := w.mark()
		longest := inPieces(w.t, filepath.Join(w.dir, "version.go"), pause, pieces...)
		w.succeed(0, "wait")
		if got := w.answer().version; got != "grown" {
			w.t.Fatalf("after wait it answers %q\n%s", got, w.dump())
		}
		w.settle()
		failed, live := w.ends(mark)
		if longest < 245*time.Millisecond {
			if live != 1 {
				w.t.Errorf("pieces %v apart: live %d times\n%s", pause, live, w.dump())
			}
			return failed
		}
	}
	w.t.Skip("the machine is too busy for a writer's pace")
	return 0
}

// ends counts since the mark how often a build, or a command, was reported as failed, and the
// program to be live.
func (s *session) ends(mark int) (failed, live int) {
	for _, e := range s.since(mark) {
		switch {
		case e.Event == "build_finished" && !e.flag("ok"):
			failed++
		case e.Event == "live":
			live++
		}
	}
	return failed, live
}

// L3: a file that is written in pieces, none of which but the last one compiles, is no failure
// before it is whole, and live once, also if the build fails within milliseconds.
func TestL3Growing(t *testing.T) {
	t.Parallel()
	pieces := []string{"package main\n\nfunc init() {\n", "\tprintln(", "\"whole\"", ")\n", "}\n\nconst Version = \"grown\"\n"}
	for _, b := range growingBuilds() {
		t.Run(b.name, func(t *testing.T) {
			if b.name != "go" {
				testkit.Slow(t)
			}
			t.Parallel()
			w := startWeb(t, newApp(t, webApp), b.args)
			for _, pause := range b.pauses {
				if failed := w.grow(pause*time.Millisecond, pieces...); failed != 0 {
					t.Errorf("pieces %d ms apart: %d failures of a file that was not whole yet\n%s", pause, failed, w.dump())
				}
			}
		})
	}
}

// L3: a file of which each piece parses, and none but the last one compiles. The first failure
// may come before the second piece.
func TestL3GrowingWhole(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	pieces := []string{"package main\n\n", "func init() { println(\"a\") }\n", "func init() { println(\"b\") }\n", "func init() { println(\"c\") }\n",
		"func init() { println(\"d\") }\n", "func init() { println(\"e\") }\n", "const Version = \"grown\"\n"}
	for _, b := range growingBuilds() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			w := startWeb(t, newApp(t, webApp), b.args)
			for _, pause := range b.pauses {
				if failed := w.grow(pause*time.Millisecond, pieces...); failed > 1 {
					t.Errorf("pieces %d ms apart: %d failures of a file that was not whole yet\n%s", pause, failed, w.dump())
				}
			}
		})
	}
}

// L3: the same of a file that the command of a rule reads.
func TestL3GrowingRule(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files["page.templ"] = "whole\n"
	files[".hotreload.toml"] = "[[rules]]\npaths = [\"page.templ\"]\neffect = \"restart\"\ncommand = " + inShell("contains page.templ|whole") + "\n"
	w := startWeb(t, newApp(t, files), nil)
	for try := range 10 {
		mark := w.mark()
		longest := inPieces(t, filepath.Join(w.dir, "page.templ"), 80*time.Millisecond, fmt.Sprintln(try), "b\n", "c\n", "d\n", "whole\n")
		w.succeed(0, "wait")
		w.settle()
		failed, live := w.ends(mark)
		if longest < 245*time.Millisecond {
			if failed > 1 || live != 1 {
				t.Errorf("%d failures, live %d times\n%s", failed, live, w.dump())
			}
			return
		}
	}
	t.Skip("the machine is too busy for a writer's pace")
}

// growingBuilds are a build that knows within milliseconds that version.go is not whole, so that
// its failure is there long before the next piece, and both engines.
func growingBuilds() []growingBuild {
	return []growingBuild{
		{"command", []time.Duration{30, 80, 150, 220}, []string{"--set", "build.command=" + does("contains version.go|const Version", "run go|build|-o|app|."), "--set", "build.output=app"}},
		{"go", []time.Duration{80}, []string{"--set", "build.engine=go"}},
		{"direct", []time.Duration{80}, []string{"--set", "build.engine=direct"}},
	}
}

type growingBuild struct {
	name   string
	pauses []time.Duration // in milliseconds
	args   []string
}

// E13: a save of a file that programs read while they run, and that nothing watches for, is
// explained once per directory; what is for people or for other tools is not.
func TestE13Unread(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	for _, f := range []string{"views/a.html", "views/b.html", "sql/q.sql", "docs/x.html", "testdata/y.json", "package.json", "notes.txt", "quiet/z.html", ".github/w.yml"} {
		files[f] = "one\n"
	}
	files[".hotreload.toml"] = "[[rules]]\npaths = [\"quiet/*\"]\neffect = \"none\"\n"
	w := startWeb(t, newApp(t, files), nil)
	w.succeed(0, "wait") // it is known what the code opens
	mark := w.mark()
	for _, f := range []string{"docs/x.html", "testdata/y.json", "package.json", "notes.txt", "README.md", "quiet/z.html", ".github/w.yml", "views/a.html", "views/b.html", "sql/q.sql", "views/a.html"} {
		write(t, filepath.Join(w.dir, f), fmt.Sprint("two ", time.Now().UnixNano()))
		w.settle()
	}
	var said []string
	for _, e := range w.since(mark) {
		if e.Event == "problem" {
			name, _, _ := strings.Cut(filepath.ToSlash(e.str("message")), " ")
			said = append(said, name)
		}
	}
	if want := []string{"views/a.html", "sql/q.sql"}; !slices.Equal(said, want) {
		t.Errorf("said of %q, want %q\n%s", said, want, w.dump())
	}
	if n := count(w.since(mark), "started"); n != 0 {
		t.Errorf("%d starts", n)
	}
}

// E13: a file of which a tool makes Go code is no input. Without a rule, and without a tool that
// runs beside and follows it, a save does nothing, and that is said with what to do.
func TestE13GeneratorSource(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	for _, dir := range []string{"alone", "followed", "last"} {
		files[dir+"/page.templ"] = "package " + dir + "\n"
		files[dir+"/page_templ.go"] = "package " + dir + "\n"
	}
	w := startWeb(t, newApp(t, files), nil)
	w.succeed(0, "wait") // it is known what the program is built from
	mark := w.mark()
	edit := func(name string) {
		write(t, filepath.Join(w.dir, name), "package "+filepath.Dir(name)+"\n\n// edited\n")
		w.settle()
	}
	edit("followed/page.templ")
	edit("followed/page_templ.go")
	edit("alone/page.templ")
	var said []string
	for len(said) < 2 {
		e := w.waitFor("problem")
		name, _, _ := strings.Cut(filepath.ToSlash(e.str("message")), " ")
		said = append(said, name)
		if hint := e.str("hint"); !strings.Contains(hint, "`hotreload init`") || !strings.Contains(hint, `effect = "rebuild"`) {
			t.Error(e.line)
		}
		if len(said) == 1 {
			edit("last/page.templ") // by the time that this is said, all before it is
		}
	}
	if want := []string{"alone/page.templ", "last/page.templ"}; !slices.Equal(said, want) {
		t.Errorf("said of %q, want %q\n%s", said, want, w.dump())
	}
	if n := count(w.since(mark), "started"); n != 0 {
		t.Errorf("%d starts", n)
	}
}
