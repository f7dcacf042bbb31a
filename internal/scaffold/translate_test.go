package scaffold

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"

	"github.com/hotreload/hotreload/internal/config"
)

// What `air init` writes, with every key that Air 1.67 knows.
const airFile = `
root = "."
tmp_dir = "tmp"
testdata_dir = "testdata"
env_files = [".env", "dev.env"]
[build]
pre_cmd = ["templ generate"]
cmd = "go build -o ./tmp/main ."
post_cmd = ["echo bye"]
bin = "tmp/main"
entrypoint = ["./tmp/main"]
full_bin = ""
args_bin = ["--port", "8080"]
log = "build-errors.log"
include_ext = ["go", "tpl", "html"]
exclude_dir = ["assets", "tmp", "vendor", "node_modules"]
include_dir = []
exclude_file = ["*.gen"]
include_file = ["main.go", "conf/app.yaml"]
exclude_regex = ["_test.go", ".*_templ.go", "^x|y"]
exclude_unchanged = false
ignore_dangerous_root_dir = false
follow_symlink = false
poll = true
poll_interval = 700
delay = 1000
stop_on_error = true
send_interrupt = true
kill_delay = "500ms"
rerun = true
rerun_delay = 500
[build.windows]
bin = "tmp\\main.exe"
[build.darwin]
cmd = "x"
[build.linux]
cmd = "x"
[[build.rules]]
name = "assets"
cmd = "npm run build"
include_dir = ["web"]
include_ext = ["js", "ts"]
exclude_regex = ["x"]
delay = 10
[log]
time = false
main_only = false
silent = false
[color]
main = "magenta"
watcher = "cyan"
build = "yellow"
runner = "green"
app = ""
mode = "auto"
[misc]
clean_on_exit = false
startup_banner = ""
[screen]
clear_on_rebuild = true
keep_scroll = true
[proxy]
enabled = true
proxy_port = 8090
app_port = 8080
app_start_timeout = 5000
`

func fromAir(t *testing.T, text string, files map[string]string) (Result, *config.Config) {
	t.Helper()
	all := map[string]string{".air.toml": text}
	maps.Copy(all, files)
	res, _ := fresh(t, Options{Dir: makeProject(t, all), From: ".air.toml"})
	c, err := config.Parse(res.Data, res.Path)
	if err != nil {
		t.Fatalf("%v\n%s", err, res.Data)
	}
	return res, c
}

// C6: every key of a full file is carried over, or listed with the reason.
func TestEveryKeyOfAir(t *testing.T) {
	res, c := fromAir(t, airFile, map[string]string{".env": ""})
	want := config.Default()
	want.Build.Before = []config.Command{{Shell: "templ generate"}}
	want.Run.Args = []string{"--port", "8080"}
	want.Run.OnBuildError, want.Run.StopSignal, want.Run.StopTimeout, want.Run.Restart = "stop", "SIGINT", 500*time.Millisecond, "always"
	want.Run.EnvFiles, want.Run.ReadyTimeout = []string{".env", "dev.env"}, 5*time.Second
	want.Watch.Exclude = []string{"assets/**", "tmp/**", "vendor/**", "*.gen", "*_templ.go*"}
	want.Watch.Backend, want.Watch.PollInterval = "poll", 700*time.Millisecond
	want.Proxy.Listen, want.Proxy.App = "127.0.0.1:8090", "127.0.0.1:8080"
	want.Log.Time, want.Log.Clear = false, true
	want.Rules = []config.Rule{
		{Paths: []string{"web/**/*.{js,ts}"}, Effect: "none", Command: config.Command{Shell: "npm run build"}, Signal: "SIGHUP"},
		{Paths: []string{"**/*.{tpl,html}", "conf/app.yaml"}, Effect: "restart", Command: config.Command{Shell: "templ generate"}, Signal: "SIGHUP"},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.IgnoreFields(config.Config{}, "Path", "Root")); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, res.Data)
	}
	_, tail, _ := strings.Cut(string(res.Data), "Not translated from .air.toml")
	tail = strings.ReplaceAll(tail, "\n#     ", " ")
	for key, reason := range reasons {
		if reason != "" && !strings.Contains(tail, "#   "+key+" = ") {
			t.Errorf("%s is not listed", key)
		}
		if reason != "" && !strings.Contains(tail, reason) {
			t.Errorf("%s: no reason %q", key, reason)
		}
		if reason == "" && strings.Contains(tail, "#   "+key+" = ") && key != "build.include_file" {
			t.Errorf("%s is listed, though it is carried over", key)
		}
	}
	for _, part := range []string{`exclude_regex: "_test.go": a program is not built from tests`, `exclude_regex: "^x|y": no glob`, `include_file = ["main.go"]`, "assets: delay = 10", "assets: exclude_regex"} {
		if !strings.Contains(tail, part) {
			t.Errorf("no %q in%s", part, tail)
		}
	}
}

// The file of this test has every key of the table, so the test above proves something.
func TestAirFileIsComplete(t *testing.T) {
	tr := &translation{values: map[string]any{}}
	flatten(readTOML(t, airFile), "", tr.values)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(reasons)), slices.Sorted(maps.Keys(tr.values))); diff != "" {
		t.Errorf("(-table +file):\n%s", diff)
	}
}

// C1: each key of Air gets a hint when it is in a .hotreload.toml, unless it is a key
// here too.
func TestForeignKeysHaveHints(t *testing.T) {
	valid := map[string]bool{}
	for _, k := range config.Keys() {
		valid[k.Name] = true
	}
	for key := range reasons {
		table, _, _ := strings.Cut(key, ".")
		if valid[key] || config.Foreign[key] != "" || config.Foreign[table] != "" {
			continue
		}
		t.Errorf("config.Foreign has nothing for %s", key)
	}
	for key := range config.Foreign {
		if valid[key] {
			t.Errorf("%s is a key here", key)
		}
	}
}

// C6: build commands and what is run. A go build becomes settings only where that is the
// same; everything else stays with the shell.
func TestAirPrograms(t *testing.T) {
	type build = config.Build
	type run = config.Run
	for _, tt := range []struct {
		name, text string
		build      func(*build)
		run        func(*run)
	}{
		{"nothing", "", nil, nil},
		{"package", `cmd = "go build -o ./tmp/main ./cmd/api"`, func(b *build) { b.Package = "./cmd/api" }, nil},
		{"flags", `cmd = "CGO_ENABLED=0 go build -v -race -tags 'dev sqlite' -ldflags=\"-s -w\" -trimpath -mod vendor -o tmp/main ./cmd/api"`, func(b *build) {
			b.Package, b.Race, b.Tags = "./cmd/api", true, []string{"dev", "sqlite"}
			b.Flags = []string{"-ldflags=-s -w", "-trimpath", "-mod=vendor"}
			b.Env = map[string]string{"CGO_ENABLED": "0"}
		}, nil},
		{"debugger flags", `cmd = "go build -gcflags='all=-N -l' -o ./tmp/main ."`, func(b *build) { b.Flags, b.DWARF = []string{"-gcflags=all=-N -l"}, true }, nil},
		{"file", `cmd = "go build -o ./tmp/main cmd/api/main.go"`, func(b *build) { b.Package = "./cmd/api" }, nil},
		{"steps", `cmd = "templ generate && sqlc generate && go build -o ./tmp/main ."`, func(b *build) {
			b.Before = []config.Command{{Shell: "templ generate"}, {Shell: "sqlc generate"}}
		}, nil},
		{"steps that share a shell", `cmd = "cd api && go build -o ../tmp/main ."`, func(b *build) {
			b.Command.Shell, b.Output = "cd api && go build -o ../tmp/main .", "./tmp/main"
		}, nil},
		{"step after", `cmd = "go build -o tmp/main . && chmod +x tmp/main"`, func(b *build) {
			b.Command.Shell, b.Output = "go build -o tmp/main . && chmod +x tmp/main", "./tmp/main"
		}, nil},
		{"expansion", `cmd = "go build -ldflags \"-X main.v=$(git describe)\" -o ./tmp/main ."`, func(b *build) {
			b.Command.Shell, b.Output = `go build -ldflags "-X main.v=$(git describe)" -o ./tmp/main .`, "./tmp/main"
		}, nil},
		{"unknown flag", `cmd = "go build -C api -o ./tmp/main ."`, func(b *build) {
			b.Command.Shell, b.Output = "go build -C api -o ./tmp/main .", "./tmp/main"
		}, nil},
		{"several packages", `cmd = "go build -o ./tmp/ ./cmd/a ./cmd/b"` + "\n" + `bin = "tmp/a"`, func(b *build) {
			b.Command.Shell, b.Output = "go build -o ./tmp/ ./cmd/a ./cmd/b", "tmp/a"
		}, nil},
		{"into a directory", `cmd = "go build -o ./tmp/ ./cmd/api"` + "\n" + `bin = "tmp/api"`, func(b *build) { b.Package = "./cmd/api" }, nil},
		{"another binary than built", `cmd = "go build -o ./bin/x ."` + "\n" + `bin = "bin/wrapper"`, func(b *build) {
			b.Command.Shell, b.Output = "go build -o ./bin/x .", "bin/wrapper"
		}, nil},
		{"make", `cmd = "make build"` + "\n" + `bin = "bin/api serve -v"`, func(b *build) {
			b.Command.Shell, b.Output = "make build", "bin/api"
		}, func(r *run) { r.Args = []string{"serve", "-v"} }},
		{"entrypoint", `entrypoint = ["./tmp/main", "serve"]` + "\n" + `args_bin = ["-a", "b c"]`, nil, func(r *run) { r.Args = []string{"serve", "-a", "b", "c"} }},
		{"entrypoint as text", `entrypoint = "./tmp/main"`, nil, nil},
		{"variables", `full_bin = "APP_ENV=dev APP_USER='a b' ./tmp/main serve"`, nil, func(r *run) {
			r.Env, r.Args = map[string]string{"APP_ENV": "dev", "APP_USER": "a b"}, []string{"serve"}
		}},
		{"full_bin wins over entrypoint", `full_bin = "./tmp/main x"` + "\n" + `entrypoint = ["./tmp/main", "y"]`, nil, func(r *run) { r.Args = []string{"x"} }},
		{"debugger", `full_bin = "dlv exec ./tmp/main --headless --"` + "\n" + `args_bin = ["serve"]`, func(b *build) { b.DWARF = true }, func(r *run) {
			r.Command, r.Args = []string{"dlv", "exec", "{binary}", "--headless", "--"}, []string{"serve"}
		}},
		{"shell", `full_bin = "source .envrc; ./tmp/main | tee log"` + "\n" + `args_bin = ["x"]`, nil, func(r *run) {
			r.Command = []string{"sh", "-c", `source .envrc; "{binary}" | tee log x`}
		}},
		{"something else", `full_bin = "make run"`, func(b *build) { b.Command.Shell = "go build -o ./tmp/main ." }, func(r *run) {
			r.Command = []string{"make", "run"}
		}},
		{"something else in a shell", `full_bin = "cd web; ./start"` + "\n" + `cmd = "make"`, func(b *build) { b.Command.Shell = "make" }, func(r *run) {
			r.Command = []string{"sh", "-c", "cd web; ./start"}
		}},
		{"expanded argument", `args_bin = ["$HOME"]`, nil, func(r *run) { r.Args = []string{"$HOME"} }},
		{"windows path", `cmd = "go build -o ./tmp/main.exe ."` + "\n" + `bin = "tmp\\main.exe"`, nil, nil},
		{"interrupt", "send_interrupt = true\nkill_delay = 2000", nil, func(r *run) { r.StopSignal, r.StopTimeout = "SIGINT", 2*time.Second }},
		{"interrupt in ns", "send_interrupt = true\nkill_delay = 2000000000", nil, func(r *run) { r.StopSignal, r.StopTimeout = "SIGINT", 2*time.Second }},
		{"kill", "send_interrupt = false\nkill_delay = 500", nil, nil},
		{"wrong types", "cmd = 3\nargs_bin = [1]\nkill_delay = \"x\"\npoll = \"yes\"", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, c := fromAir(t, "[build]\ninclude_ext = [\"go\"]\n"+tt.text+"\n", nil)
			want := config.Default()
			if tt.build != nil {
				tt.build(&want.Build)
			}
			if tt.run != nil {
				tt.run(&want.Run)
			}
			if diff := cmp.Diff(want.Build, c.Build) + cmp.Diff(want.Run, c.Run); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, res.Data)
			}
			if !c.ForServices()[0].Builds() {
				t.Error("nothing would be built")
			}
		})
	}
}

// C6: what is watched, and what follows.
func TestAirWatching(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		rules      []config.Rule
		exclude    []string
		include    []string
	}{
		{"defaults", "", []config.Rule{{Paths: []string{"**/*.{tpl,tmpl,html}"}, Effect: "restart"}}, nil, nil},
		{"only inputs", `include_ext = ["go", "mod", "env"]`, nil, nil, nil},
		{"one", `include_ext = ["go", ".yaml"]`, []config.Rule{{Paths: []string{"**/*.yaml"}, Effect: "restart"}}, nil, nil},
		{"all", `include_ext = ["*"]`, []config.Rule{{Paths: []string{"**"}, Effect: "restart"}}, nil, nil},
		{"generator", "cmd = \"make\"\ninclude_ext = [\"sql\", \"html\"]", []config.Rule{
			{Paths: []string{"**/*.sql"}, Effect: "rebuild"}, {Paths: []string{"**/*.html"}, Effect: "restart"},
		}, nil, nil},
		{"directories", "include_ext = [\"html\"]\ninclude_dir = [\"web\", \"../shared\"]", []config.Rule{
			{Paths: []string{"web/**/*.html", "../shared/**/*.html"}, Effect: "restart"},
		}, nil, []string{"../shared"}},
		{"exclude", "include_ext = []\nexclude_dir = [\"./assets/\", \"a/b\", \".git\", \"x/node_modules\"]\nexclude_regex = [\"\\\\.gen\\\\.go$\", \"_mock\"]\nexclude_file = [\"a[\"]",
			nil, []string{"assets/**", "a/b/**", "*.gen.go", "*_mock*"}, nil},
		{"bad rule", "include_ext = []\n[[build.rules]]\ncmd = \"x\"\n", nil, nil, nil},
		{"the first rule decides", "include_ext = [\"css\"]\n[[build.rules]]\ncmd = \"x\"\ninclude_ext = [\"css\"]\n", []config.Rule{{Paths: []string{"**/*.css"}, Effect: "none", Command: config.Command{Shell: "x"}}}, nil, nil},
		{"rule of files", "include_ext = []\n[[build.rules]]\ncmd = \"x\"\ninclude_file = [\"./a.txt\"]\n", []config.Rule{{Paths: []string{"a.txt"}, Effect: "none", Command: config.Command{Shell: "x"}}}, nil, nil},
		{"rule of directories", "include_ext = []\n[[build.rules]]\ncmd = \"x\"\ninclude_dir = [\"a\"]\n", []config.Rule{{Paths: []string{"a/**"}, Effect: "none", Command: config.Command{Shell: "x"}}}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, c := fromAir(t, "[build]\n"+tt.text+"\n", nil)
			if diff := cmp.Diff(tt.rules, c.Rules, cmpopts.IgnoreFields(config.Rule{}, "Signal")); diff != "" {
				t.Errorf("rules (-want +got):\n%s\n%s", diff, res.Data)
			}
			if diff := cmp.Diff(tt.exclude, c.Watch.Exclude) + cmp.Diff(tt.include, c.Watch.Include); diff != "" {
				t.Errorf("watch (-want +got):\n%s\n%s", diff, res.Data)
			}
		})
	}
}

// C6: Air reads no .env unless it is named, so the translation does not either.
func TestAirEnvFiles(t *testing.T) {
	if _, c := fromAir(t, "", map[string]string{".env": "A=1"}); len(c.Run.EnvFiles) != 0 {
		t.Errorf("%q", c.Run.EnvFiles)
	}
	if _, c := fromAir(t, "", nil); c.IsSet("run.env_files") {
		t.Error("set without need")
	}
	if _, c := fromAir(t, "env_files = []\n", nil); len(c.Run.EnvFiles) != 0 {
		t.Errorf("%q", c.Run.EnvFiles)
	}
}

// The directory of the config is the root, so the file goes where root points.
func TestAirRoot(t *testing.T) {
	dir := makeProject(t, map[string]string{".air.toml": "root = \"api\"\n", "api/main.go": ""})
	res, _ := fresh(t, Options{Dir: dir, From: filepath.Join(dir, ".air.toml")})
	if res.Path != filepath.Join(dir, "api", config.FileName) {
		t.Error(res.Path)
	}
}

func TestFromMistakes(t *testing.T) {
	dir := makeProject(t, map[string]string{"bad.toml": "[build]\ncmd = go build\n", "root.toml": "root = \"missing\"\n"})
	for from, want := range map[string]string{
		"none.toml": "there is no file " + filepath.Join(dir, "none.toml"),
		"bad.toml":  filepath.Join(dir, "bad.toml") + ":2:7: not valid TOML",
		"root.toml": "is not a directory",
		".":         "is a directory",
	} {
		_, err := New(t.Context(), Options{Dir: dir, From: from})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", from, err)
		}
	}
}

// C6: Fresh's runner.conf.
func TestFresh(t *testing.T) {
	dir := makeProject(t, map[string]string{"runner.conf": `# comment
root:              .
tmp_path:          ./tmp
build_name:        runner-build
build_log:         runner-build-errors.log
valid_ext:         .go, .tpl, .html
no_rebuild_ext:    .tpl, .css
ignored:           assets, tmp
build_delay:       600
colors:            1
log_color_main:    cyan
log_color_build:   yellow
log_color_runner:  green
log_color_watcher: magenta
log_color_app:
whatever:          1
`})
	res, c := fresh(t, Options{Dir: dir, From: "runner.conf"})
	want := []config.Rule{{Paths: []string{"**/*.{tpl,html,css}"}, Effect: "restart", Signal: "SIGHUP"}}
	if diff := cmp.Diff(want, c.Rules) + cmp.Diff([]string{"assets/**"}, c.Watch.Exclude); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, res.Data)
	}
	for _, key := range []string{"tmp_path", "build_name", "build_log", "build_delay", "colors", "log_color_main", "log_color_app", "whatever"} {
		if !strings.Contains(string(res.Data), "#   "+key+" = ") {
			t.Errorf("%s is not listed in\n%s", key, res.Data)
		}
	}
	if strings.Contains(string(res.Data), "#   root") {
		t.Error("root is listed")
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"a b":            {"a", "b"},
		`a 'b c' "d e"f`: {"a", "b c", "d ef"},
		`a=""`:           {"a="},
		`'' ""`:          {"", ""},
		" a ":            {"a"},
		"":               nil,
		"a#b x~":         {"a#b", "x~"},
	} {
		if got, ok := words(line); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, ok)
		}
	}
	for _, line := range []string{"a $B", "a `b`", `a "b $c"`, "a;b", "a|b", "a>b", "a *", "~/x", "#a", "a 'b", "a\nb", `a\ b`, "a & b", "{a,b}", "(a)", "a?"} {
		if got, ok := words(line); ok {
			t.Errorf("%q was taken as %q", line, got)
		}
	}
}

func TestSteps(t *testing.T) {
	for line, want := range map[string][]string{
		"a && b&&c":            {"a", "b", "c"},
		`a '&&' && "x && \""`:  {"a '&&'", `"x && \""`},
		"(a && b) && c":        {"(a && b)", "c"},
		`a \&& b`:              {`a \&& b`},
		"a & b":                {"a & b"},
		"":                     {""},
		"a || b && go build .": {"a || b", "go build ."},
	} {
		if got := steps(line); !slices.Equal(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// FuzzAir: whatever is in another tool's file, the result loads.
func FuzzAir(f *testing.F) {
	f.Add(airFile)
	f.Add("[build]\ncmd = \"go build && \"\nfull_bin = \"' \\\" $\"\nexclude_regex = [\"\\\\\"]\n")
	f.Add("root = 3\n[build]\nrules = 4\nentrypoint = [3]\nkill_delay = -1\n[proxy]\nenabled = true\nproxy_port = 8080\napp_port = 8080\n")
	f.Add("build = 3\nproxy = []\nlog = \"x\"\n")
	f.Add("[build]\ninclude_ext = [\"\\u0000\", \"{\", \"a b\"]\nexclude_dir = [\"!x\", \"\\u0000\"]\ninclude_dir = [\"\\\\\"]\nargs_bin = [\"\"]\ncmd = \" \"\n[build.x]\ny = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".air.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		res, err := New(t.Context(), Options{Dir: dir, From: ".air.toml"})
		if err != nil {
			if strings.Contains(err.Error(), "bug") {
				t.Fatal(err)
			}
			return
		}
		if _, err := config.Parse(res.Data, res.Path); err != nil {
			t.Fatal(err)
		}
	})
}

func readTOML(t *testing.T, text string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := toml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}
