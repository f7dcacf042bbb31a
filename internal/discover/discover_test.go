package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found is what the files of one package in /app open: "effect glob, place".
func found(t *testing.T, files ...string) []string {
	t.Helper()
	var sources []*Source
	for i, text := range files {
		s, err := Parse(fmt.Sprintf("/app/f%d.go", i), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, s)
	}
	var out []string
	for _, o := range Combine(sources, Options{Root: "/app", Dir: "/app"}).Opens() {
		effect := "restart "
		if o.Reload {
			effect = "reload "
		}
		out = append(out, effect+strings.TrimPrefix(o.Glob, "/app/"))
	}
	return out
}

// E13: what a literal names is found, however the program opens it.
func TestOpened(t *testing.T) {
	for _, tt := range []struct {
		imports string // words; "alias=path" renames
		body    string
		want    string // comma-separated
	}{
		// Templates.
		{"html/template", `template.ParseGlob("views/*.html")`, "restart views/*.html"},
		{"text/template", `template.Must(template.ParseFiles("a.tmpl", "./b/c.tmpl"))`, "restart a.tmpl,restart b/c.tmpl"},
		{"html/template", `template.New("x").Funcs(nil).ParseGlob("views/*.html")`, "restart views/*.html"},
		{"html/template", `template.Must(template.New("x").ParseFiles("a.html"))`, "restart a.html"},
		{"t=html/template", `t.ParseGlob("views/*")`, "restart views/*"},
		{"html/template", `template := template.New("x"); template.ParseFiles("a.html")`, "restart a.html"},
		{"html/template os", `template.ParseFS(os.DirFS("web"), "*.html", "mail/*.txt")`, "restart web/*.html,restart web/mail/*.txt"},
		{"html/template os", `files := os.DirFS("web"); template.New("").ParseFS(files, "*.html")`, "restart web/*.html"},
		{"html/template", `files := []string{"base.html", "home.html"}; files = append(files, "x"); template.ParseFiles(files...)`, "restart base.html,restart home.html"},
		{"html/template", `name := f(); template.ParseFiles("views/" + name + ".html")`, "restart views/**/*.html"},
		{"html/template fmt", `template.ParseFiles(fmt.Sprintf("views/%s.page.tmpl", f()))`, "restart views/**/*.tmpl"},
		{"html/template path/filepath", `template.ParseFiles(filepath.Join("views", f()))`, "restart views/**"},

		// Data.
		{"os", `os.ReadFile("conf.json")`, "restart conf.json"},
		{"io/ioutil", `ioutil.ReadFile("conf.json")`, "restart conf.json"},
		{"os", `os.Open("i18n/en.json")`, "restart i18n/en.json"},
		{"os", `os.OpenFile("a.txt", os.O_RDONLY, 0); os.OpenFile("b.txt", 0, 0)`, "restart a.txt,restart b.txt"},
		{"os", `os.ReadDir("migrations")`, "restart migrations/*"},
		{"os", `os.DirFS("data")`, "restart data/**"},
		{"io/fs os", `fs.WalkDir(os.DirFS("data"), ".", nil)`, "restart data/**"},
		{"path/filepath", `filepath.Glob("sql/*.sql")`, "restart sql/*.sql"},
		{"path/filepath", `filepath.WalkDir("posts", nil)`, "restart posts/**"},
		{"os path/filepath", `wd, _ := os.Getwd(); os.ReadFile(filepath.Join(wd, "conf", "a.json"))`, "restart conf/a.json"},
		{"os path/filepath", `p, err := filepath.Abs("a.json"); _ = err; os.ReadFile(p)`, "restart a.json"},
		{"os path", `const dir = "x"; os.ReadFile(path.Join(dir, "y"))`, "restart x/y"},
		{"os", `os.ReadFile("sql/" + f() + ".sql")`, "restart sql/**/*.sql"},
		{"os", `os.ReadFile("/app/conf.json")`, "restart conf.json"},
		{"crypto/tls", `tls.LoadX509KeyPair("c.pem", "k.pem")`, "restart c.pem,restart k.pem"},
		{"net/http", `s := &http.Server{}; s.ListenAndServeTLS("c.pem", "k.pem"); http.ListenAndServeTLS(":1", "d.pem", "", nil)`, "restart c.pem,restart d.pem,restart k.pem"},
		{"github.com/joho/godotenv", `godotenv.Load(".env.local", "x.env")`, "restart .env.local,restart x.env"},
		{"github.com/spf13/viper", `viper.SetConfigFile("conf/app.yaml")`, "restart conf/app.yaml"},
		{"github.com/spf13/viper", `v := viper.New(); v.SetConfigName("app"); v.AddConfigPath("./conf"); v.AddConfigPath("/etc/app"); v.AddConfigPath("$HOME/.app")`,
			"restart conf/app.{" + viperExts + "}"},
		{"github.com/spf13/viper", `viper.SetConfigName("app.yaml"); viper.AddConfigPath(".")`, "restart app.yaml{,.{" + viperExts + "}}"},
		{"github.com/knadh/koanf/providers/file", `file.Provider("conf.toml")`, "restart conf.toml"},
		{"github.com/BurntSushi/toml", `toml.DecodeFile("conf.toml", nil)`, "restart conf.toml"},
		{"gopkg.in/ini.v1", `ini.Load("app.ini")`, "restart app.ini"},
		{"github.com/casbin/casbin/v2", `casbin.NewEnforcer("model.conf", "policy.csv")`, "restart model.conf,restart policy.csv"},
		{"github.com/golang-migrate/migrate/v4", `migrate.New("file://migrations", f())`, "restart migrations/**"},

		// What is served as it is.
		{"net/http", `http.FileServer(http.Dir("static"))`, "reload static/**"},
		{"net/http", `http.FileServer(http.Dir("./web/static/"))`, "reload web/static/**"},
		{"net/http os", `http.FileServer(http.FS(os.DirFS("static"))); http.FileServerFS(os.DirFS("pub"))`, "reload pub/**,reload static/**"},
		{"net/http os io/fs", `sub, _ := fs.Sub(os.DirFS("web"), "dist"); http.FileServerFS(sub)`, "reload web/dist/**"},
		{"net/http", `http.ServeFile(w, r, "index.html")`, "reload index.html"},
		{"net/http", `http.ServeFile(w, r, "pages/" + r.URL.Path)`, "reload pages/**"},
		{"net/http", `http.FileServer(http.Dir("."))`, "reload **/*.{" + assets + "}"},
		{"github.com/gin-gonic/gin", `r := gin.Default(); r.LoadHTMLGlob("templates/**/*"); r.Static("/s", "./assets"); r.StaticFile("/i", "i.ico"); r.LoadHTMLFiles("a.html")`,
			"restart a.html,restart templates/**/*,reload assets/**,reload i.ico"},
		{"github.com/gin-gonic/gin net/http", `r := gin.New(); r.StaticFS("/x", http.Dir("files"))`, "reload files/**"},
		{"github.com/labstack/echo/v4", `e := echo.New(); e.Static("/", "public"); e.File("/x", "x.html")`, "reload public/**,reload x.html"},
		{"github.com/labstack/echo/v4/middleware", `middleware.Static("public")`, "reload public/**"},
		{"github.com/gofiber/fiber/v2", `app := fiber.New(); app.Static("/", "./public")`, "reload public/**"},
		{"github.com/gofiber/fiber/v3/middleware/static", `static.New("./public")`, "reload public/**"},
		{"github.com/gofiber/template/html/v2", `html.New("./views", ".html")`, "restart views/**"},

		// Nothing: made at run time, elsewhere, or of another package.
		{"os", `os.ReadFile(os.Args[1]); os.ReadFile(f()); os.ReadFile(f() + ".json"); os.Open("data/" + f())`, ""},
		{"os", `x := "a"; x = f(); os.ReadFile(x)`, ""},
		{"os", `for _, x := range []string{"a"} { os.ReadFile(x) }`, ""},
		{"os", `os.ReadFile("/etc/passwd"); os.ReadFile("../x"); os.ReadFile(""); os.ReadFile("~/x"); os.DirFS("/"); os.DirFS(".."); os.DirFS("."); os.ReadDir(".")`, ""},
		{"os", `os.Args[0] = "x"; var os other; os.ReadFile("conf.json")`, ""},
		{"example.org/os", `os.ReadFile("conf.json")`, ""},
		{"net/http", `r.Static("/s", "assets"); e.File("/x", "y")`, ""},
		{"os", `os.Stat("conf.json")`, ""},
		{"embed html/template", `var files embed.FS; template.ParseFS(files, "*.html")`, ""},

		// What the program writes itself.
		{"os", `os.ReadFile("state.json"); os.WriteFile("state.json", nil, 0)`, ""},
		{"os", `os.Open("a"); os.Create("a"); os.Open("b"); os.OpenFile("b", os.O_CREATE|os.O_WRONLY, 0); os.Open("c"); os.Rename(f(), "./c")`, ""},
		{"os", `os.OpenFile("a", flags, 0)`, ""},
		{"os example.org/atomic", `os.ReadFile("a.json"); atomic.WriteFile("a.json", nil); os.ReadFile("b.json"); saveTo(nil, "b.json")`, ""},
		{"os path/filepath", `os.DirFS("data"); os.WriteFile(filepath.Join("data", f()), nil, 0)`, ""},
		{"os net/http", `http.Dir("uploads"); os.MkdirAll("uploads", 0o755)`, ""},
		{"github.com/spf13/viper", `viper.AddConfigPath("."); viper.WriteConfig()`, ""},
	} {
		var src strings.Builder
		src.WriteString("package main\n\n")
		for i := range strings.FieldsSeq(tt.imports) {
			alias, path, renamed := strings.Cut(i, "=")
			if !renamed {
				alias, path = "", alias
			}
			fmt.Fprintf(&src, "import %s %q\n", alias, path)
		}
		src.WriteString("\nfunc main() { " + tt.body + " }\n")
		if got := strings.Join(found(t, src.String()), ","); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.body, got, tt.want)
		}
	}
}

// Constants and lists may be in another file of the package; a variable that is assigned anywhere is not one.
func TestConstants(t *testing.T) {
	got := found(t, `package main

import "html/template"

var pages = template.Must(template.ParseGlob(dir + "/*.html"))

var mails = template.Must(template.ParseFiles(files...))

var other = template.Must(template.ParseFiles(changing, base))
`, `package main

const (
	root = "web"
	dir  = root + "/views"
)

var (
	files    = []string{dir + "/mail.txt"}
	base     = "base.html"
	changing = "x.html"
)

func set() { changing = "y.html" }
`)
	want := []string{"restart base.html", "restart web/views/*.html", "restart web/views/mail.txt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// E13: of a file, the place that opens it and what follows; a README, a test's data and the like in an opened directory mean nothing.
func TestMatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [b] {c}")
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	main := write("main.go", `package main

import (
	"html/template"
	"net/http"
	"os"
)

func main() {
	template.ParseGlob("views/*.html")
	http.Dir("static")
	http.Dir("mixed")
	http.Dir("views")
	os.ReadFile("conf.json")
	os.ReadFile("README.md")
	os.DirFS("data")
	os.WriteFile("data/out.json", nil, 0o644)
}
`)
	write("mixed/a.html", `{{ define "a" }}{{ end }}`)
	write("static/vue.html", `<p>{{ define }}</p>`)
	var c Cache
	o := Options{Root: dir, Dir: dir}
	set := c.Look([]string{main}, o)
	for name, want := range map[string]string{
		"views/a.html": "restart main.go:10", "views/a.css": "reload main.go:13",
		"static/x/a.css": "reload main.go:11", "static/vue.html": "reload main.go:11", "static/new.html": "reload main.go:11",
		"mixed/a.html": "restart main.go:12", "mixed/new.tmpl": "restart main.go:12", "mixed/a.css": "reload main.go:12",
		"conf.json": "restart main.go:14", "README.md": "restart main.go:15", "data/x/y.sql": "restart main.go:16",
		"data/out.json": "", "data/README.md": "", "data/testdata/a.sql": "", "data/app.db": "", "data/.hidden": "", "data/x.go": "",
		"docs/a.html": "", "testdata/a.json": "", "other.json": "",
	} {
		got := ""
		if o, ok := set.Match(filepath.Join(dir, name)); ok {
			got = map[bool]string{false: "restart ", true: "reload "}[o.Reload] + o.Place
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	// A file that cannot be parsed says what it said; one that changed is read again.
	write("main.go", "package main\n\nfunc main() {")
	if _, ok := c.Look([]string{main}, o).Match(filepath.Join(dir, "conf.json")); !ok {
		t.Error("forgotten while the file is broken")
	}
	write("main.go", "package main\n\nfunc main() {}\n")
	if opens := c.Look([]string{main}, o).Opens(); len(opens) > 0 {
		t.Errorf("kept: %v", opens)
	}
}
