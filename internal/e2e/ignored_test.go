package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// L8: what a program is built from counts, whatever .gitignore and watch.exclude say of the file
// or of its directory: as it is, new, and in a directory that is new.
func TestL8IgnoredInputs(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, c := range map[string]struct {
		gitignore, config, embed string
	}{
		"a file pattern":       {"/static/*\n!/static/.gitkeep\n", "", "static/*"},
		"a file pattern, all:": {"/static/*\n!/static/.gitkeep\n", "", "all:static"},
		"an extension":         {"*.html\n", "", "static"},
		"the directory":        {"static/\n", "", "all:static"},
		"watch.exclude":        {"", "[watch]\nexclude = [\"static/*.html\", \"static/new\"]\n", "static"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(webApp)
			files[".gitignore"] = c.gitignore
			if c.config != "" {
				files[".hotreload.toml"] = c.config
			}
			files["static/.gitkeep"] = ""
			files["main.go"] = strings.Replace(files["main.go"], "//go:embed static\n", "//go:embed "+c.embed+"\n", 1)
			w := startWeb(t, newApp(t, files), nil)
			for _, file := range []string{"static/page.html", "static/fresh.html", "static/new/deep/page.html"} {
				if strings.Contains(file, "deep") && strings.HasSuffix(c.embed, "*") {
					write(t, filepath.Join(w.dir, "static", "new", "x.html"), "not before\n") // the pattern matches static/new now
					w.waitFor("live")
				}
				write(t, filepath.Join(w.dir, file), "second\n")
				w.waitFor("live")
				if got := w.get(w.addr, "/"+file); got != "second\n" {
					t.Fatalf("%s is %q\n%s", file, got, w.dump())
				}
			}
			for _, args := range [][]string{{"why", "static/page.html"}, {"why", "static/new/other.html"}} {
				if out := w.command(args...); !strings.Contains(out, "rebuild: embedded by") {
					t.Errorf("%v: %s", args, out)
				}
			}
		})
	}
}

// L8: a cgo header that .gitignore names.
func TestL8IgnoredHeader(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no C compiler: ", err)
	}
	files := maps.Clone(webApp)
	files[".gitignore"] = "*.h\n"
	files["lib/lib.go"] = "package lib\n\n// #include \"lib.h\"\nimport \"C\"\n\nfunc Name() string { return C.NAME }\n"
	files["lib/lib.h"] = "#define NAME \"lib1\"\n"
	w := startWeb(t, newApp(t, files), nil)
	for _, name := range []string{"lib2", "lib3"} {
		write(t, filepath.Join(w.dir, "lib", "lib.h"), "#define NAME \""+name+"\"\n")
		w.waitFor("live")
		if a := w.answer(); a.lib != name {
			t.Errorf("answer %+v, want %s", a, name)
		}
	}
}

// E3, W11: a rule wins over .gitignore, in a directory that it names also where that is ignored
// with all that is in it. One that names none does not reach into ignored directories, and no
// rule wins over watch.exclude; `why` says so.
func TestE3IgnoredByGit(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".gitignore"] = "*.local.yaml\nbuild/\nnode_modules/\n/gen/*\n!/gen/.keep\n/styles/out.css\n"
	files["gen/.keep"] = ""
	files[".hotreload.toml"] = `
[watch]
exclude = ["build/secret.json"]

[[rules]]
paths = ["**/*.local.yaml", "build/*.json", "node_modules/x/y.json", "gen/**/*.css", "styles/out.css", "**/*.tmpl"]
effect = "restart"
`
	dir := newApp(t, files)
	for i := range 300 { // which no rule names
		for _, up := range []string{"node_modules", "build"} {
			write(t, filepath.Join(dir, up, "many", string(rune('a'+i%26)), "d"+strings.Repeat("x", i/26), "f.tmpl"), "")
		}
	}
	w := startWeb(t, dir, nil)
	if n := w.status().Watches; n > 40 {
		t.Errorf("%d watches: ignored directories are watched that no rule names", n)
	}
	yes := []string{"a.local.yaml", "lib/b.local.yaml", "build/a.json", "node_modules/x/y.json", "gen/a.css", "gen/deep/er/b.css", "styles/out.css", "x.tmpl"}
	for _, file := range yes {
		for _, text := range []string{"one", "two"} { // a new file, and one that is there
			write(t, filepath.Join(w.dir, file), text)
			e := w.waitFor("changed")
			if got := e.strs("paths"); len(got) != 1 || !strings.HasSuffix(filepath.ToSlash(got[0]), file) || e.str("effect") != "restart" {
				t.Fatalf("%s: %s", file, e.line)
			}
			w.waitFor("live")
		}
		if out := w.command("why", file); !strings.Contains(out, "restart") {
			t.Errorf("why %s: %s", file, out)
		}
	}
	// A directory that comes back, as with a build that begins by removing it.
	if err := os.RemoveAll(filepath.Join(w.dir, "build")); err != nil {
		t.Fatal(err)
	}
	w.waitFor("live")
	write(t, filepath.Join(w.dir, "build", "a.json"), "again")
	w.waitFor("live")

	before, mark := w.answer(), w.mark()
	for file, why := range map[string]string{
		"build/secret.json":      "exclude pattern build/secret.json",
		"build/many/a/d/f.tmpl":  ".gitignore:2: build/",
		"node_modules/x/z.json":  "npm package directory",
		"node_modules/q/x.tmpl":  "npm package directory",
		"build/other/b.json":     ".gitignore:2: build/",
		"gen/deep/x.txt":         ".gitignore:4: /gen/*",
		"node_modules/x/y/y.css": "npm package directory",
	} {
		write(t, filepath.Join(w.dir, file), "no")
		if out := w.command("why", file); !strings.Contains(out, "none") || !strings.Contains(out, why) {
			t.Errorf("why %s: %swant %q", file, out, why)
		}
	}
	w.untouched(mark, before)
}

// E3: a path of a rule that matches no file is said at the start, by `check` and by `why` alike,
// with what to write instead; and again when the rules are edited. A file in watch.include is watched.
func TestE3RuleMatchesNothing(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files["excluded.txt"] = "1"
	const config = `
[watch]
exclude = ["excluded.txt"]
include = ["../beside/one.txt"]

[[rules]]
paths = ["*.html", "templates", 'templates\*.html', "nowhere/*.x", "excluded.txt", "../beside/*.md", "templates/**/*.html", "../beside/one.txt"]
effect = "restart"
`
	files[".hotreload.toml"] = config
	dir := newApp(t, files, "project")
	write(t, filepath.Join(filepath.Dir(dir), "beside", "one.txt"), "1")
	write(t, filepath.Join(filepath.Dir(dir), "other", "one.md"), "1")
	hints := map[string]string{
		`"*.html"`:                `"**/*.html"`,
		`"templates"`:             `"templates/**"`,
		`"templates\\*.html"`:     `"templates/*.html"`,
		`"nowhere/*.x"`:           `"nowhere"`,
		`"excluded.txt"`:          `exclude pattern excluded.txt`,
		`"../beside/*.md"`:        `matches no file yet`,
		`"templates/**/*.html"`:   "",
		`"../beside/one.txt"`:     "",
		`"../other/*.md" matches`: "",
	}
	compare := func(from, text string) {
		t.Helper()
		for glob, hint := range hints {
			want := 1
			if hint == "" {
				want = 0
			}
			if n := strings.Count(text, "the rule path "+glob); n != want || !strings.Contains(text, hint) {
				t.Errorf("%s: %s is said %d times, want %d, with %q:\n%s", from, glob, n, want, hint, text)
			}
		}
	}
	w := startWeb(t, dir, nil)
	compare("check", w.command("check"))
	compare("why", w.command("why", "templates/t.html"))
	write(t, filepath.Join(filepath.Dir(dir), "beside", "one.txt"), "2")
	w.waitFor("live")
	if text := w.err.String(); strings.Contains(text, "is gone") {
		t.Errorf("a file in watch.include is taken for a directory:\n%s", text)
	}
	write(t, filepath.Join(dir, ".hotreload.toml"), strings.Replace(config, "../beside/*.md", "../other/*.md", 1))
	w.wait("the path that is new", func(e ev) bool {
		return e.Event == "problem" && strings.Contains(e.str("message"), `"../other/*.md"`) && strings.Contains(e.str("hint"), "watch.include")
	})
	var said strings.Builder
	for _, e := range w.since(0) {
		if e.Event == "changed" && strings.Contains(e.line, ".hotreload.toml") {
			break
		}
		if e.Event == "problem" {
			said.WriteString(e.line)
		}
	}
	compare("the start", strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(said.String()))
}
