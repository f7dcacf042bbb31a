package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
)

func makeProject(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fresh makes the file and holds what every file must be: it loads, asks for nothing that
// this version cannot do, and explains each thing that it sets.
func fresh(t *testing.T, o Options) (Result, *config.Config) {
	t.Helper()
	res, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(res.Data, res.Path)
	if err != nil {
		t.Fatalf("does not load: %v\n%s", err, res.Data)
	}
	explained(t, res.Data)
	if first, _, _ := strings.Cut(string(res.Data), "\n"); !strings.Contains(first, "`hotreload schema") {
		t.Errorf("the first line does not say where editors get the schema: %s", first)
	}
	return res, c
}

var setting = regexp.MustCompile(`^[a-z_]+ = `)

// explained checks that each paragraph has a comment above its first setting.
func explained(t *testing.T, data []byte) {
	t.Helper()
	for _, paragraph := range strings.Split(string(data), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		comment := false
		for i, line := range lines {
			switch {
			case strings.HasPrefix(line, "#"):
				comment = true
			case setting.MatchString(line) && !comment && !strings.HasPrefix(line, "poll_interval") && !strings.HasPrefix(line, "time =") && !strings.HasPrefix(lines[0], "[services"):
				t.Errorf("line %d is not explained:\n%s", i+1, paragraph)
			}
		}
	}
}

const gomod = "module example.org/shop\n\ngo 1.25\n"
const mainGo = "package main\n\nfunc main() {}\n"

// C5: one main package in the root needs no key.
func TestOneMainInTheRoot(t *testing.T) {
	dir := makeProject(t, map[string]string{"go.mod": gomod, "main.go": mainGo})
	res, c := fresh(t, Options{Dir: dir})
	if c.IsSet("build.package") || !slices.Equal(res.Found, []string{"main package ."}) || len(res.Notes) != 0 {
		t.Errorf("found %q, notes %q\n%s", res.Found, res.Notes, res.Data)
	}
	if res.Path != filepath.Join(dir, ".hotreload.toml") {
		t.Error(res.Path)
	}
}

// C5: the only main package elsewhere is named.
func TestOneMainElsewhere(t *testing.T) {
	dir := makeProject(t, map[string]string{"go.mod": gomod, "cmd/api/main.go": mainGo, "lib.go": "package shop\n"})
	res, c := fresh(t, Options{Dir: dir})
	if c.Build.Package != "./cmd/api" || !slices.Equal(res.Found, []string{"main package ./cmd/api"}) {
		t.Errorf("found %q\n%s", res.Found, res.Data)
	}
}

// C5: of several main packages one is set and the others are there to choose, or each
// becomes a service.
func TestSeveralMains(t *testing.T) {
	dir := makeProject(t, map[string]string{"go.mod": gomod, "cmd/admin/main.go": mainGo, "cmd/api/main.go": mainGo, "tools/api/main.go": mainGo})
	res, c := fresh(t, Options{Dir: dir})
	if c.Build.Package != "./cmd/api" || len(res.Notes) != 1 || len(res.Found) != 3 {
		t.Errorf("found %q, notes %q\n%s", res.Found, res.Notes, res.Data)
	}
	for _, other := range []string{"\n#package = \"./cmd/admin\"\n", "\n#package = \"./tools/api\"\n"} {
		if !strings.Contains(string(res.Data), other) {
			t.Errorf("no %q in\n%s", other, res.Data)
		}
	}
	_, c = fresh(t, Options{Dir: dir, Services: true})
	got := map[string]string{}
	for _, s := range c.Services {
		got[s.Name] = s.Build.Package
	}
	if diff := cmp.Diff(map[string]string{"api": "./cmd/api", "admin": "./cmd/admin", "api-2": "./tools/api"}, got); diff != "" {
		t.Error(diff)
	}
}

// C5: without a program there is nothing to write.
func TestNoMain(t *testing.T) {
	for _, files := range []map[string]string{{"go.mod": gomod, "lib.go": "package shop\n"}, {"go.mod": gomod, "templates/a.html": ""}, {"README": ""}, {}} {
		res, err := New(t.Context(), Options{Dir: makeProject(t, files)})
		if err == nil || advice.Hint(err) == "" {
			t.Errorf("%v: %v, %s", files, err, res.Data)
		}
	}
}

func TestModuleBelow(t *testing.T) {
	dir := makeProject(t, map[string]string{"backend/go.mod": gomod, "backend/main.go": mainGo, "package.json": "{}"})
	_, err := New(t.Context(), Options{Dir: dir})
	if !strings.Contains(advice.Hint(err), "hotreload init -C ./backend") {
		t.Errorf("%v", err)
	}
}

func TestServiceNames(t *testing.T) {
	taken := map[string]bool{}
	var got []string
	for _, m := range []gograph.Main{{Rel: ".", ImportPath: "example.org/my.shop"}, {Rel: "./cmd/a b"}, {Rel: "./x/a-b"}, {Rel: "./цех"}, {Rel: "./_x"}} {
		name := serviceName(m, taken)
		got = append(got, name)
		if _, err := config.Parse([]byte("[services."+name+"]\n"), "f"); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"my-shop", "a-b", "a-b-2", "app", "x"}, got); diff != "" {
		t.Error(diff)
	}
}

// C5: each thing in a project is found, and becomes a rule or a line.
func TestDetections(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		found []string
		rules []config.Rule
		text  string // a part of the file
	}{
		{"templates", map[string]string{"templates/index.html": "", "templates/mail/x.tmpl": "", "web/views/a.gohtml": "", "docs/a.html": ""},
			[]string{"templates/**/*.{html,tmpl} (templates; no code was found that opens them by name)", "web/views/**/*.gohtml (templates; no code was found that opens them by name)"},
			nil, "#[[rules]]\n#paths = [\"templates/**/*.{html,tmpl}\", \"web/views/**/*.gohtml\"]\n"},
		{"template directory with a difficult name", map[string]string{"te [m]{p}/a.html": ""},
			[]string{`te \[m\]\{p\}/**/*.html (templates; no code was found that opens them by name)`}, nil, ""},
		{"files of a frontend", map[string]string{"ui/package.json": "{}", "ui/index.html": "", "ui/src/a.html": "", "ui/public/a.css": ""}, nil, nil, ""},
		{"not looked into", map[string]string{"node_modules/x/a.html": "", "vendor/x/a.html": "", ".git/a.html": "", "_old/a.html": "", "testdata/a.html": "", "dist/a.css": ""}, nil, nil, ""},
		{"static files", map[string]string{"static/css/app.css": "", "static/index.html": "", "web/public/logo.png": "", "web/src/app.js": ""},
			[]string{"static/ (static files; no code was found that serves them by name)", "web/public/ (static files; no code was found that serves them by name)"},
			nil, "#paths = [\"static/**\", \"web/public/**\"]\n#effect = \"reload\"\n"},
		{".env", map[string]string{".env": "A=1\n", ".env.local": ""},
			[]string{".env (read at each start; a change restarts)", ".env.local"}, nil, "#env_files = [\".env\", \".env.local\"]"},
		{"templ", map[string]string{"views/a.templ": ""}, []string{"templ (*.templ)"},
			[]config.Rule{{Paths: []string{"**/*.templ"}, Effect: "rebuild", Command: config.Command{Argv: []string{"templ", "generate"}}, Signal: "SIGHUP"}}, ""},
		{"templ as a tool", map[string]string{"views/a.templ": "", "go.mod": gomod + "\ntool (\n\tgithub.com/a-h/templ/cmd/templ\n)\n"}, []string{"templ (*.templ)"},
			[]config.Rule{{Paths: []string{"**/*.templ"}, Effect: "rebuild", Command: config.Command{Argv: []string{"go", "tool", "templ", "generate"}}, Signal: "SIGHUP"}}, ""},
		{"sqlc", map[string]string{"sqlc.yaml": "version: \"2\"\nsql:\n  - engine: \"postgresql\"\n    queries: \"db/query.sql\" # x\n    schema: [\"db/schema\", 'db/more']\n"},
			[]string{"sqlc (sqlc.yaml)"},
			[]config.Rule{{Paths: []string{"db/query.sql", "db/schema/**/*.sql", "db/more/**/*.sql", "sqlc.yaml"}, Effect: "rebuild", Command: config.Command{Argv: []string{"sqlc", "generate"}}, Signal: "SIGHUP"}}, ""},
		{"sqlc elsewhere", map[string]string{"db/sqlc.json": `{"version": "2", "sql": [{"schema": "schema.sql", "queries": "q"}]}`},
			[]string{"sqlc (db/sqlc.json)"},
			[]config.Rule{{Paths: []string{"**/*.sql", "db/sqlc.json"}, Effect: "rebuild", Command: config.Command{Argv: []string{"sqlc", "generate", "-f", "db/sqlc.json"}}, Signal: "SIGHUP"}}, ""},
		{"tailwind config", map[string]string{"tailwind.config.js": ""}, []string{"tailwind"}, nil, "#before = [[\"npx\""},
		{"tailwind script", map[string]string{"package.json": `{"devDependencies": {"tailwindcss": "4"}, "scripts": {"css": "tailwindcss -i a -o b", "a": "tailwindcss -i a -o b --watch"}}`, "pnpm-lock.yaml": ""},
			[]string{"tailwind (package.json: pnpm run css)"}, nil, "before = [[\"pnpm\", \"run\", \"css\"]]"},
		{"tailwind script, saved on Windows", map[string]string{"package.json": "\uFEFF" + `{"devDependencies": {"tailwindcss": "4"}, "scripts": {"css": "tailwindcss -i a -o b"}}`},
			[]string{"tailwind (package.json: npm run css)"}, nil, "before = [[\"npm\", \"run\", \"css\"]]"},
		{"tailwind and templates", map[string]string{"package.json": `{"dependencies": {"@tailwindcss/cli": "4"}, "scripts": {"css": "npx @tailwindcss/cli -i a -o b"}}`, "templates/a.html": ""},
			[]string{"tailwind (package.json: npm run css)"},
			[]config.Rule{{Paths: []string{"templates/**/*.html"}, Effect: "restart", Command: config.Command{Argv: []string{"npm", "run", "css"}}, Signal: "SIGHUP"}}, ""},
		{"no tailwind", map[string]string{"package.json": `{"dependencies": {"react": "1"}}`}, nil, nil, ""},
		{"bad package.json", map[string]string{"package.json": `{`}, nil, nil, ""},
		{"make", map[string]string{"Makefile": "all: build\n\nother:\n\tgo build -o x ./other\n\nlint:\n\tgo vet\n\nbuild: x\n\tgo build \\\n\t\t-tags dev -o bin/api ./cmd/api\n"},
			[]string{"Makefile (target build runs go build; hotreload calls go build itself)"}, nil, "#command = [\"make\", \"build\"]\n#output = \"bin/api\""},
		{"make without go build", map[string]string{"Makefile": "X = go build\n\nall:\n\techo\n"}, nil, nil, ""},
		{"make with tags", map[string]string{"Makefile": "TAGS ?= a,b$(if $(X),$(comma)$(X))\n\nbuild:\n\tgo build -tags=$(TAGS) -o $@ .\n"},
			[]string{"Makefile (target build runs go build; hotreload calls go build itself)"}, nil, "# From Makefile, target build.\ntags = [\"a\", \"b\"]\n"},
		{"gqlgen", map[string]string{"api/gqlgen.yml": "", "go.mod": gomod + "\nrequire github.com/99designs/gqlgen v0.17.0\n"}, []string{"gqlgen (api/gqlgen.yml)"},
			[]config.Rule{{Paths: []string{"api/**/*.{graphql,graphqls}", "api/gqlgen.yml"}, Effect: "rebuild", Command: config.Command{Argv: []string{"go", "run", "github.com/99designs/gqlgen", "generate", "--config", "api/gqlgen.yml"}}, Signal: "SIGHUP"}}, ""},
		{"buf", map[string]string{"buf.gen.yaml": ""}, []string{"buf (buf.gen.yaml)"},
			[]config.Rule{{Paths: []string{"**/*.proto", "buf.gen.yaml"}, Effect: "rebuild", Command: config.Command{Argv: []string{"buf", "generate"}}, Signal: "SIGHUP"}}, ""},
		{"wire as a tool", map[string]string{"app/wire.go": "//go:build wireinject\n\npackage app\n", "go.mod": gomod + "\ntool github.com/google/wire/cmd/wire\n"}, []string{"wire (app/wire.go)"},
			[]config.Rule{{Paths: []string{"app/wire.go"}, Effect: "rebuild", Command: config.Command{Argv: []string{"go", "tool", "wire", "gen", "./app"}}, Signal: "SIGHUP"}}, ""},
		{"ent", map[string]string{"ent/generate.go": "package ent\n\n//go:generate go run -mod=mod entgo.io/ent/cmd/ent generate ./schema\n"}, []string{"ent (ent/generate.go)"},
			[]config.Rule{{Paths: []string{"ent/schema/*.go"}, Effect: "rebuild", Command: config.Command{Argv: []string{"go", "generate", "./ent"}}, Signal: "SIGHUP"}}, ""},
		{"vite that is not installed", map[string]string{"ui/vite.config.ts": "", "ui/package.json": `{"scripts": {"dev": "vite"}}`},
			[]string{"vite in ui (its dependencies are not installed)"}, nil, "#[services.ui]\n#run.command = [\"npm\", \"run\", \"dev\", \"--\", \"--clearScreen\", \"false\"]\n#run.dir = \"ui\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, c := fresh(t, Options{Dir: makeProject(t, tt.files), Mains: []gograph.Main{{Rel: "."}}})
			if diff := cmp.Diff(tt.found, res.Found[1:]); diff != "" && len(tt.found)+len(res.Found) > 1 {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rules, c.Rules); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
			if !strings.Contains(string(res.Data), tt.text) {
				t.Errorf("no %q in\n%s", tt.text, res.Data)
			}
		})
	}
}

// C5: a rule whose command cannot run would make each save fail: that it is not there is said with what to do.
func TestGeneratorNotInstalled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	files := map[string]string{"views/a.templ": "", "sqlc.yaml": ""}
	res, _ := fresh(t, Options{Dir: makeProject(t, files), Mains: []gograph.Main{{Rel: "."}}})
	notes := strings.Join(res.Notes, "\n")
	for _, part := range []string{"templ is not on PATH", "`go get -tool github.com/a-h/templ/cmd/templ`", "`go get -tool github.com/sqlc-dev/sqlc/cmd/sqlc`"} {
		if !strings.Contains(notes, part) {
			t.Errorf("no %q in\n%s", part, notes)
		}
	}
	for _, name := range []string{"templ", "sqlc", "templ.exe", "sqlc.exe"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	res, _ = fresh(t, Options{Dir: makeProject(t, files), Mains: []gograph.Main{{Rel: "."}}})
	if notes := strings.Join(res.Notes, "\n"); strings.Contains(notes, "PATH") {
		t.Error(notes)
	}
}

// C5, E13: what the code opens by a literal name needs no rule, and what it names gets one: both with the line of code.
// Templates that are embedded are inputs already.
func TestEvidence(t *testing.T) {
	dir := makeProject(t, map[string]string{
		"go.mod": gomod,
		"main.go": `package main

import (
	"embed"
	"html/template"
	"net/http"
	"os"
)

//go:embed templates
var files embed.FS

var data = []string{"./i18n:i18n", "queries", "pics", "permissions.json", "docs", "README.md", "state.json"}

func main() {
	template.ParseGlob("views/*.html")
	http.Handle("/", http.FileServer(http.Dir("static")))
	os.WriteFile("state.json", nil, 0o644)
	http.ListenAndServe(":1", nil)
}
`,
		"templates/a.html": "", "views/b.html": "", "mail/c.html": "", "static/app.css": "", "i18n/en.json": "", "queries/a.sql": "",
		"pics/a.png": "", "permissions.json": "", "docs/a.html": "", "README.md": "", "test/x.html": "",
	})
	res, c := fresh(t, Options{Dir: dir})
	want := []config.Rule{{Paths: []string{"i18n/**", "permissions.json", "queries/**"}, Effect: "restart", Signal: "SIGHUP"}}
	if diff := cmp.Diff(want, c.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	for _, part := range []string{"#   views/*.html: main.go:16 opens it; a change restarts\n", "#   static/**: main.go:17 opens it; a change reloads the page\n",
		"i18n (main.go:13),\n# permissions.json (main.go:13), queries (main.go:13).", "#paths = [\"mail/**/*.html\"]\n", "[proxy]\n", "\n#listen = "} {
		if !strings.Contains(string(res.Data), part) {
			t.Errorf("no %q in\n%s", part, res.Data)
		}
	}
	for _, part := range []string{"docs/a", "docs/*", "test/", "pics"} {
		if strings.Contains(string(res.Data), part) {
			t.Errorf("%q in\n%s", part, res.Data)
		}
	}
	if !slices.Contains(res.Found, "templates/ (templates, embedded: a change rebuilds without a rule)") {
		t.Errorf("found %q", res.Found)
	}
}

// P20: a server is offered the proxy, as comments that work when they are uncommented: with the address
// that its code names, unless it listens on $PORT. What does not serve is offered none.
func TestProxyOffered(t *testing.T) {
	const program = "package main\n\nimport (\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n\t_ = os.Args\n\t_ = http.NoBody\n\tBODY\n}\n"
	for name, c := range map[string]struct {
		body string
		want []string
		app  string // "": nothing is offered
	}{
		"a port of its own": {`http.ListenAndServe("localhost:3000", nil)`, []string{"does not read PORT"}, "127.0.0.1:3000"},
		"$PORT":             {`http.ListenAndServe(":"+os.Getenv("PORT"), nil)`, nil, "auto"},
		"$PORT or its own":  {`p := os.Getenv("PORT"); if p == "" { http.ListenAndServe(":3000", nil) }`, nil, "auto"},
		"a client":          {`http.Get("http://localhost:3000")`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := makeProject(t, map[string]string{"go.mod": "module example.test/p\n\ngo 1.25\n", "main.go": strings.Replace(program, "BODY", c.body, 1)})
			res, plain := fresh(t, Options{Dir: dir})
			if plain.Proxy.Listen != "" {
				t.Error("the proxy is on")
			}
			text := string(res.Data)
			if offered := strings.Contains(text, "[proxy]"); offered != (c.app != "") || offered != strings.Contains(strings.Join(res.Notes, "\n"), "run --proxy") {
				t.Fatalf("offered: %t\n%s\n%q", offered, text, res.Notes)
			}
			for _, part := range c.want {
				if !strings.Contains(text, part) {
					t.Errorf("no %q in\n%s", part, text)
				}
			}
			conf, err := config.Parse([]byte(regexp.MustCompile(`(?m)^#(\w+ = )`).ReplaceAllString(text, "$1")), "")
			if err != nil {
				t.Fatal(err)
			}
			if c.app != "" && (conf.Proxy.Listen != "127.0.0.1:8090" || conf.Proxy.App != c.app) {
				t.Errorf("%+v", conf.Proxy)
			}
		})
	}
}

// C5: of several programs the server is meant, by its code and not by its name; an example is not.
func TestPicksTheServer(t *testing.T) {
	const server = "package main\n\nimport \"net/http\"\n\nfunc main() { http.ListenAndServe(\":1\", nil) }\n"
	for _, tt := range []struct {
		want  string
		files map[string]string
	}{
		{"./cmd/shopd", map[string]string{"cmd/shop/main.go": mainGo, "cmd/shopd/main.go": server}},
		{"./cmd/shopd", map[string]string{"main.go": mainGo, "cmd/shopd/main.go": server}},
		{"./cmd/shop", map[string]string{"cmd/shop/main.go": "package main\n\nimport \"example.org/shop/http\"\n\nfunc main() { http.Open() }\n", "cmd/cli/main.go": mainGo,
			"http/http.go": "package http\n\nimport \"net/http\"\n\nfunc Open() { http.ListenAndServe(\":1\", nil) }\n"}},
		{"./cmd/shop", map[string]string{"cmd/shop/main.go": mainGo, "examples/web/main.go": server, "cmd/testprogram/main.go": mainGo}},
	} {
		tt.files["go.mod"] = gomod
		res, c := fresh(t, Options{Dir: makeProject(t, tt.files)})
		if c.Build.Package != tt.want {
			t.Errorf("%s\n%s", c.Build.Package, res.Data)
		}
	}
}

// C5: the server of Vite is a service beside the program, where it can be started.
func TestVite(t *testing.T) {
	dir := makeProject(t, map[string]string{"go.mod": gomod, "main.go": mainGo, "ui/vite.config.ts": "", "ui/package.json": `{"scripts": {"dev": "vite"}}`, "ui/node_modules/vite/x": "", ".env": "A=1\n"})
	_, c := fresh(t, Options{Dir: dir})
	got := map[string][]string{}
	for _, s := range c.Services {
		if reads := len(s.Run.EnvFiles) > 0; reads != (s.Name == "shop") {
			t.Errorf("%s reads %q", s.Name, s.Run.EnvFiles)
		}
		got[s.Name] = append([]string{s.Build.Package, s.Run.Dir}, s.Run.Command...)
	}
	want := map[string][]string{"shop": {".", "."}, "ui": {".", "ui", "npm", "run", "dev", "--", "--clearScreen", "false"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// C5: the config of another tool is translated at once; if it cannot be read, the project is looked at.
func TestOtherTools(t *testing.T) {
	for name, text := range map[string]string{".air.toml": "[build]\ncmd = \"go build -o ./tmp/main ./cmd/api\"\n", "runner.conf": "build_path: ./tmp\n"} {
		dir := makeProject(t, map[string]string{"go.mod": gomod, "cmd/api/main.go": mainGo, name: text})
		res, _ := fresh(t, Options{Dir: dir})
		if !strings.Contains(string(res.Data), "Translated from "+name) || len(res.Notes) == 0 || strings.Contains(strings.Join(res.Found, "\n"), "--from") {
			t.Errorf("%s: found %q, notes %q\n%s", name, res.Found, res.Notes, res.Data)
		}
	}
	dir := makeProject(t, map[string]string{"go.mod": gomod, "cmd/api/main.go": mainGo, ".air.toml": "no [toml"})
	res, c := fresh(t, Options{Dir: dir})
	if c.Build.Package != "./cmd/api" || len(res.Notes) != 1 || !strings.HasPrefix(res.Notes[0], ".air.toml is not translated: ") {
		t.Errorf("notes %q\n%s", res.Notes, res.Data)
	}
}

// C5: an existing file is never touched without force, which the error names.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	res := Result{Path: filepath.Join(dir, ".hotreload.toml"), Data: []byte("[log]\n")}
	read := func() string {
		t.Helper()
		data, err := os.ReadFile(res.Path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err := Write(res, false); err != nil || read() != "[log]\n" {
		t.Fatalf("%v", err)
	}
	if err := os.Chmod(res.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	res.Data = []byte("[run]\n")
	err := Write(res, false)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(advice.Hint(err), "--force") || read() != "[log]\n" {
		t.Fatalf("%v, %q", err, read())
	}
	if err := Write(res, true); err != nil || read() != "[run]\n" {
		t.Fatalf("%v, %q", err, read())
	}
	if info, _ := os.Stat(res.Path); info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v", info.Mode())
	}
	// A link that leads nowhere is something there, too; with force a link stays a link.
	elsewhere := filepath.Join(t.TempDir(), "real.toml")
	link := Result{Path: filepath.Join(t.TempDir(), ".hotreload.toml"), Data: []byte("[log]\n")}
	if err := os.Symlink(elsewhere, link.Path); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(elsewhere, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, true); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(elsewhere); string(data) != "[log]\n" {
		t.Errorf("%q", data)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".hotreload-init-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if err := Write(Result{Path: filepath.Join(dir, "missing", "x")}, false); err == nil {
		t.Error("written into a directory that does not exist")
	}
}

// A draft that does not load is never handed out.
func TestChecked(t *testing.T) {
	if _, err := checked(Result{Data: []byte("[run]\ndir = \"x\"\n")}); err != nil {
		t.Error(err)
	}
	if _, err := checked(Result{Data: []byte("x = 1\n")}); err == nil {
		t.Error("a bad file was handed out")
	}
}

// Vite must not clear the screen with what others have printed. A script that is not only Vite gets no flags.
func TestViteCommand(t *testing.T) {
	for _, c := range []struct{ manager, script, want string }{
		{"npm", "vite", "npm run dev -- --clearScreen false"},
		{"pnpm", "vite dev --port 3000", "pnpm run dev --clearScreen false"},
		{"yarn", "vite --clearScreen=false", "yarn run dev"},
		{"npm", "vite & tsc -w", "npm run dev"},
		{"bun", "concurrently vite", "bun run dev"},
		{"npm", "vite-node x", "npm run dev"},
		{"npm", " ", "npm run dev"},
	} {
		if got := strings.Join(viteCommand(c.manager, c.script), " "); got != c.want {
			t.Errorf("%s, %s: %s", c.manager, c.script, got)
		}
	}
}
