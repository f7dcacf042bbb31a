package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// readerApp opens files by literal names: a template, data, static files.
var readerApp = map[string]string{
	"go.mod": "module example.test/reader\n\ngo 1.25\n",
	"main.go": `package main

import (
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"

	"example.test/reader/conf"
)

const views = "views"

func main() {
	pages := template.Must(template.ParseGlob(views + "/*.html"))
	data := conf.Read()
	os.WriteFile("state.json", []byte("{}"), 0o644)
	state, _ := os.ReadFile("state.json")
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		panic(err)
	}
	http.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir("static"))))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d %s %s ", os.Getpid(), data, state)
		pages.ExecuteTemplate(w, "a.html", nil)
	})
	http.Serve(l, nil)
}
`,
	"conf/conf.go": `// Package conf reads a file of the working directory, which is not its own.
package conf

import "os"

// Read reads it.
func Read() []byte {
	data, err := os.ReadFile("conf.json")
	if err != nil {
		panic(err)
	}
	return data
}
`,
	"conf.json":          "conf1",
	"views/a.html":       "view1",
	"static/css/app.css": "a {}\n",
	"state.json":         "{}",
	"README.md":          "# reader\n",
	"views/README.md":    "# views\n",
	"docs/page.html":     "<p>docs</p>\n",
	"testdata/a.json":    "{}",
	".gitignore":         "conf.json\nstate.json\nstatic/css/\n",
}

// startReader starts a session of readerApp.
func startReader(t *testing.T, files map[string]string) *web {
	t.Helper()
	addr := testkit.Address(t)
	w := &web{session: start(t, newApp(t, files), nil, withEnv("ADDR="+addr)), addr: addr}
	w.waitFor("live")
	return w
}

// waited asks hotreload wait, which has to say that the last save is live.
func (s *session) waited() {
	s.t.Helper()
	if a := ask(s.t, s.dir, "wait"); a.code != 0 {
		s.t.Fatalf("wait: %+v\n%s", a, s.dump())
	}
}

// E13, E12: without a config, what the code opens by a literal name counts, also when git ignores it, and wait tells
// when it is live: from the first moment on.
func TestE13Opened(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startReader(t, readerApp)
	write(t, filepath.Join(w.dir, "views/a.html"), "view2")
	w.waited()
	if got := w.get(w.addr, "/"); !strings.Contains(got, "conf1 {} view2") {
		t.Fatalf("the template: %q\n%s", got, w.dump())
	}
	write(t, filepath.Join(w.dir, "conf.json"), "conf2")
	w.waited()
	before := w.get(w.addr, "/")
	if !strings.Contains(before, "conf2 {} view2") {
		t.Fatalf("the data: %q\n%s", before, w.dump())
	}
	if builds := count(w.since(0), "build_started"); builds != 1 {
		t.Errorf("%d builds: nothing had to be built again", builds)
	}

	mark := w.mark()
	write(t, filepath.Join(w.dir, "static/css/app.css"), "a { color: red }\n")
	e := w.wait("reload", func(e ev) bool { return e.Event == "changed" && e.str("effect") == "reload" })
	if why := e.str("why"); why != "opened by main.go:24" {
		t.Errorf("why %q", why)
	}
	for _, name := range []string{"README.md", "views/README.md", "docs/page.html", "testdata/a.json", "state.json"} {
		write(t, filepath.Join(w.dir, name), "new")
	}
	w.settle()
	for _, e := range w.since(mark) {
		if e.Event == "started" || e.Event == "build_started" || e.Event == "reloaded" || e.Event == "problem" {
			t.Errorf("unwanted: %s", e.line)
		}
	}
	if now := w.get(w.addr, "/"); now != before {
		t.Errorf("restarted: %q, was %q", now, before)
	}
	if out := w.err.String(); strings.Contains(out, "app.css") || strings.Contains(out, " tab") {
		t.Errorf("there is no page to reload: %s", out)
	}
}

// E13: what a save adds to the code counts from when that is live; what it takes away does not any more.
func TestE13CodeChanges(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startReader(t, readerApp)
	write(t, filepath.Join(w.dir, "other.json"), "other1")
	w.edit("conf/conf.go", `"conf.json"`, `"other.json"`)
	w.waited()
	write(t, filepath.Join(w.dir, "other.json"), "other2")
	w.waited()
	before := w.get(w.addr, "/")
	if !strings.Contains(before, "other2") {
		t.Fatalf("%q\n%s", before, w.dump())
	}
	write(t, filepath.Join(w.dir, "conf.json"), "conf2")
	w.waited()
	if now := w.get(w.addr, "/"); now != before {
		t.Errorf("restarted for what is not read any more: %q, was %q\n%s", now, before, w.dump())
	}
}

// E13: a rule of the user's wins, watch.exclude does, and watch.discover turns all of it off, also while running.
func TestE13Rules(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(readerApp)
	const rules = "[watch]\nexclude = [\"conf.json\"]\n[[rules]]\npaths = [\"views/**\"]\neffect = \"none\"\n"
	files[".hotreload.toml"] = rules
	w := startReader(t, files)
	before := w.get(w.addr, "/")
	same := func(what string) {
		t.Helper()
		w.waited()
		if now := w.get(w.addr, "/"); now != before {
			t.Errorf("%s: restarted: %q, was %q", what, now, before)
		}
	}
	w.waited()
	write(t, filepath.Join(w.dir, "views/a.html"), "view2")
	write(t, filepath.Join(w.dir, "conf.json"), "conf2")
	same("a rule, and watch.exclude")
	applied := func(config string) {
		t.Helper()
		write(t, filepath.Join(w.dir, ".hotreload.toml"), config)
		w.wait("config", func(e ev) bool {
			return e.Event == "changed" && strings.HasSuffix(strings.Join(e.strs("paths"), ""), ".hotreload.toml")
		})
	}
	applied("[watch]\ndiscover = false\n")
	w.settle()
	write(t, filepath.Join(w.dir, "views/a.html"), "view3")
	write(t, filepath.Join(w.dir, "conf.json"), "conf3")
	same("watch.discover = false")
	applied("")
}

// E13: why names the line of code, without a session, and for a file that does not exist yet.
func TestE13Why(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, readerApp)
	type answer struct{ Effect, Why string }
	why := func(args ...string) answer {
		t.Helper()
		list := decode[[]answer](t, ask(t, dir, append([]string{"why", "--json"}, args...)...))
		if len(list) != 1 {
			t.Fatalf("%v: %v", args, list)
		}
		return list[0]
	}
	for path, want := range map[string]answer{
		"views/a.html":       {"restart", "opened by main.go:16"},
		"views/new.html":     {"restart", "opened by main.go:16"},
		"conf.json":          {"restart", "opened by conf/conf.go:8"},
		"static/css/app.css": {"reload", "opened by main.go:24"},
		"conf/conf.go":       {"rebuild", ""},
		"conf/conf.json":     {"none", ""},
		"state.json":         {"none", ""},
		"README.md":          {"none", ""},
		"docs/page.html":     {"none", ""},
	} {
		if got := why(path); got.Effect != want.Effect || want.Why != "" && got.Why != want.Why {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	for _, set := range []string{"watch.discover=false", `watch.exclude=["views", "conf.json"]`} {
		for _, path := range []string{"views/a.html", "conf.json"} {
			if got := why("--set", set, path); got.Effect != "none" {
				t.Errorf("--set %s: %s: %+v", set, path, got)
			}
		}
	}
	// Where the program runs decides where its paths begin.
	write(t, filepath.Join(dir, "web/conf.json"), "x")
	if got := why("--set", `run.dir="web"`, "web/conf.json"); got.Effect != "restart" {
		t.Errorf("run.dir: %+v", got)
	}
	if got := why("--set", `run.dir="web"`, "conf.json"); got.Effect != "none" {
		t.Errorf("run.dir: %+v", got)
	}
}

// E13, P7: with a proxy, what is served reloads the page.
func TestE13Proxy(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	addr := testkit.Address(t)
	w := start(t, newApp(t, readerApp), []string{"--set", fmt.Sprintf("proxy.listen=%q", testkit.Address(t)), "--set", fmt.Sprintf("proxy.app=%q", addr)}, withEnv("ADDR="+addr))
	w.waitFor("live")
	write(t, filepath.Join(w.dir, "static/css/app.css"), "a { color: red }\n")
	if e := w.waitFor("reloaded"); e.str("kind") != "css" {
		t.Errorf("%s", e.line)
	}
}

// C5: init says at once what it can do: nothing without a program, the rest beside the config of another tool.
func TestC5Init(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "lib/go.mod"), "module example.test/lib\n\ngo 1.25\n")
	write(t, filepath.Join(dir, "lib/lib.go"), "package lib\n")
	write(t, filepath.Join(dir, "empty/README.md"), "")
	for _, in := range []string{"lib", "empty"} {
		a := ask(t, filepath.Join(dir, in), "init")
		if _, err := os.Stat(filepath.Join(dir, in, ".hotreload.toml")); a.code != 1 || err == nil || !strings.Contains(a.err, "\nhint: ") {
			t.Errorf("%s: %+v, %v", in, a, err)
		}
	}
	air := newApp(t, webApp)
	write(t, filepath.Join(air, ".air.toml"), "[build]\ncmd = \"go build -o ./tmp/main .\"\n")
	if a := ask(t, air, "init"); a.code != 0 || !strings.Contains(read(t, filepath.Join(air, ".hotreload.toml")), "Translated from .air.toml") {
		t.Errorf("%+v", a)
	}
	if a := ask(t, air, "check"); a.code != 0 {
		t.Errorf("%+v", a)
	}
}
