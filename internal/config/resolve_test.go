package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/testkit"
)

// C2 and the inheritance of services: tables merge key by key, env by name, lists are
// replaced, and an explicit zero of a service wins over what it inherits.
func TestInheritance(t *testing.T) {
	const top = `
[build]
race = true
tags = ["dev", "sqlite"]
env = { A = "1", B = "2" }
timeout = "1m"
[run]
args = ["x"]
stop_timeout = "9s"
env_files = ["a.env"]
restart = "always"
[proxy]
inject = false
[[rules]]
paths = ["top"]
`
	for _, tt := range []struct {
		name, text string
		change     func(*Service)
	}{
		{"nothing", "[services.api]\n", func(*Service) {}},
		{"dotted key", "[services.api]\nbuild.package = \"./cmd/api\"\n", func(s *Service) { s.Build.Package = "./cmd/api" }},
		{"table", "[services.api.build]\npackage = \"./cmd/api\"\n", func(s *Service) { s.Build.Package = "./cmd/api" }},
		{"fully dotted", "services.api.build.package = \"./cmd/api\"\n", func(s *Service) { s.Build.Package = "./cmd/api" }},
		{"inline", "services.api = { build = { package = \"./cmd/api\" } }\n", func(s *Service) { s.Build.Package = "./cmd/api" }},
		{"explicit false", "[services.api]\nbuild.race = false\n", func(s *Service) { s.Build.Race = false }},
		{"explicit zero", "[services.api]\nrun.stop_timeout = \"0s\"\nbuild.timeout = \"0s\"\n", func(s *Service) { s.Run.StopTimeout, s.Build.Timeout = 0, 0 }},
		{"explicit default", "[services.api]\nrun.restart = \"never\"\n", func(s *Service) { s.Run.Restart = "never" }},
		{"list replaced", "[services.api]\nbuild.tags = [\"prod\"]\n", func(s *Service) { s.Build.Tags = []string{"prod"} }},
		{"list emptied", "[services.api]\nbuild.tags = []\nrun.args = []\nrun.env_files = []\n", func(s *Service) { s.Build.Tags, s.Run.Args, s.Run.EnvFiles = nil, nil, nil }},
		{"env merged", "[services.api]\nbuild.env = { B = \"3\", C = \"4\" }\n", func(s *Service) { s.Build.Env = map[string]string{"A": "1", "B": "3", "C": "4"} }},
		{"env merged, dotted", "[services.api]\nbuild.env.C = \"4\"\n", func(s *Service) { s.Build.Env = map[string]string{"A": "1", "B": "2", "C": "4"} }},
		{"env added", "[services.api]\nrun.env.C = \"4\"\n", func(s *Service) { s.Run.Env = map[string]string{"C": "4"} }},
		{"rules replaced", "[[services.api.rules]]\npaths = [\"own\"]\n", func(s *Service) {
			s.Rules = []Rule{{Paths: []string{"own"}, Effect: "restart", Signal: "SIGHUP"}}
		}},
		{"rules emptied", "[services.api]\nrules = []\n", func(s *Service) { s.Rules = nil }},
		{"rules of one that is not built", "[services.api]\nrun.command = [\"sleep\", \"1\"]\n", func(s *Service) { s.Run.Command = []string{"sleep", "1"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := top + tt.text
			if strings.HasPrefix(tt.text, "services") {
				text = tt.text + top
			}
			c := mustParse(t, text)
			want := Service{Name: "api", Build: c.Build, Run: c.Run, Proxy: c.Proxy, Rules: c.Rules}
			tt.change(&want)
			if diff := cmp.Diff([]Service{want}, c.Services, sameConfig); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := c.Build.Env["B"]; got != "2" {
				t.Errorf("the service changed the tables at the top: B = %q", got)
			}
		})
	}
}

func TestServicesKeepTheOrderOfTheFile(t *testing.T) {
	c := mustParse(t, "services.z.run.dir = \"x\"\n[services.m]\n[services.a]\nneeds = [\"z\"]\n")
	var names []string
	for _, s := range c.ForServices() {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"z", "m", "a"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestForServicesWithoutServices(t *testing.T) {
	c := mustParse(t, "[build]\npackage = \"./x\"\n")
	s := c.ForServices()
	build := c.Build
	build.Engine = autoEngine
	if len(s) != 1 || s[0].Name != "" || !cmp.Equal(s[0].Build, build) || !s[0].IsSet("build.package") || s[0].IsSet("run.dir") {
		t.Errorf("%+v", s)
	}
	if c.Services != nil {
		t.Error("a service came into being")
	}
}

func TestServiceIsSet(t *testing.T) {
	c := mustParse(t, "[run]\ndir = \"x\"\n[services.a]\nbuild.package = \"./a\"\n[services.b]\n")
	a, b := c.Services[0], c.Services[1]
	if !a.IsSet("build.package") || b.IsSet("build.package") || !a.IsSet("run.dir") || !b.IsSet("run.dir") || c.IsSet("build.package") {
		t.Error("own and inherited settings are not distinguished from defaults")
	}
}

// Nobody shares memory: a caller may change what it got.
func TestServicesDoNotShareMemory(t *testing.T) {
	c := mustParse(t, "[build]\ntags = [\"a\"]\nenv = { A = \"1\" }\n[[rules]]\npaths = [\"p\"]\ncommand = [\"c\"]\n[services.x]\n[services.y]\n")
	x := &c.Services[0]
	x.Build.Tags[0], x.Build.Env["A"], x.Rules[0].Paths[0], x.Rules[0].Command.Argv[0] = "!", "!", "!", "!"
	for _, b := range []Service{c.Services[1], c.base("")} {
		if b.Build.Tags[0] != "a" || b.Build.Env["A"] != "1" || b.Rules[0].Paths[0] != "p" || b.Rules[0].Command.Argv[0] != "c" {
			t.Errorf("%+v", b)
		}
	}
}

func TestBuilds(t *testing.T) {
	for text, want := range map[string]bool{
		"": true,
		`run.command = ["dlv", "exec", "{binary}"]`:              true,
		`run.command = ["sh", "-c", "exec {binary} x"]`:          true,
		`run.command = ["npm", "run", "dev"]`:                    false,
		"run.command = [\"./x\"]\nbuild.command = \"make\"":      true,
		"run.command = [\"npm\"]\nbuild.package = \"./cmd/api\"": false,
	} {
		if got := mustParse(t, text).ForServices()[0].Builds(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// --set: any key, TOML or bare text, errors that name the flag and the nearest key.
func TestSet(t *testing.T) {
	const file = "[run]\nenv = { A = \"1\" }\n[services.api]\nrun.env.B = \"2\"\n[services.db]\n"
	for _, tt := range []struct {
		set   string
		check func(c *Config) any
		want  any
	}{
		{"build.race=true", func(c *Config) any { return c.Build.Race }, true},
		{"watch.gitignore=false", func(c *Config) any { return c.Watch.Gitignore }, false},
		{"watch.discover=false", func(c *Config) any { return c.Watch.Discover }, false},
		{"watch.debounce=0s", func(c *Config) any { return c.Watch.Debounce }, time.Duration(0)},
		{`watch.debounce="5ms"`, func(c *Config) any { return c.Watch.Debounce }, 5 * time.Millisecond},
		{" run.stop_timeout = 2m ", func(c *Config) any { return c.Run.StopTimeout }, 2 * time.Minute},
		{"run.order=stop-first", func(c *Config) any { return c.Run.Order }, StopFirst},
		{"run.dir=true", func(c *Config) any { return c.Run.Dir }, "true"},
		{`run.dir=a "b" #c`, func(c *Config) any { return c.Run.Dir }, `a "b" #c`},
		{"run.ready=log:^a=b", func(c *Config) any { return c.Run.Ready.String() }, "log:^a=b"},
		{"run.ready='log:^\\d'", func(c *Config) any { return c.Run.Ready.String() }, `log:^\d`},
		{"services.db.proxy.listen=:8090", func(c *Config) any { return c.Services[1].Proxy.Listen }, ":8090"},
		{"proxy.listen=", func(c *Config) any { return c.Proxy.Listen }, ""},
		{`build.tags=["a","b"]`, func(c *Config) any { return c.Build.Tags }, []string{"a", "b"}},
		{"build.tags=a", func(c *Config) any { return c.Build.Tags }, []string{"a"}},
		{"build.flags=-trimpath", func(c *Config) any { return c.Build.Flags }, []string{"-trimpath"}},
		{`build.tags='["a", "b"]'`, func(c *Config) any { return c.Build.Tags }, []string{"a", "b"}}, // as cmd.exe passes it
		{"services.db.needs=api", func(c *Config) any { return c.Services[1].Needs }, []string{"api"}},
		{"build.tags=[]", func(c *Config) any { return c.Build.Tags }, []string(nil)},
		{"build.command=make all", func(c *Config) any { return c.Build.Command }, Command{Shell: "make all"}},
		{`build.command=["make", "all"]`, func(c *Config) any { return c.Build.Command }, Command{Argv: []string{"make", "all"}}},
		{`build.before=["a", ["b"]]`, func(c *Config) any { return c.Build.Before }, []Command{{Shell: "a"}, {Argv: []string{"b"}}}},
		{"run.env.C=3", func(c *Config) any { return c.Run.Env }, map[string]string{"A": "1", "C": "3"}},
		{`run.env."C.D"=3`, func(c *Config) any { return c.Run.Env }, map[string]string{"A": "1", "C.D": "3"}},
		{`run.env={ C = "3" }`, func(c *Config) any { return c.Run.Env }, map[string]string{"C": "3"}},
		{`log={ time = false, format = "json" }`, func(c *Config) any { return c.Log }, Log{Format: "json"}},
		{`rules=[{ paths = ["x"] }]`, func(c *Config) any { return c.Rules }, []Rule{{Paths: []string{"x"}, Effect: "restart", Signal: "SIGHUP"}}},
		{"services.api.build.race=true", func(c *Config) any { return []bool{c.Services[0].Build.Race, c.Services[1].Build.Race} }, []bool{true, false}},
		{"services.api.run.env.C=3", func(c *Config) any { return c.Services[0].Run.Env }, map[string]string{"A": "1", "B": "2", "C": "3"}},
		{"services.db.run.env.C=3", func(c *Config) any { return c.Services[1].Run.Env }, map[string]string{"A": "1", "C": "3"}},
		{`services.api.needs=["db"]`, func(c *Config) any { return c.Services[0].Needs }, []string{"db"}},
		{"run.stdin=none", func(c *Config) any { return c.Services[1].Run.Stdin }, StdinNone}, // inherited after Finish
	} {
		c := mustParse(t, file)
		if err := c.Set(tt.set); err != nil {
			t.Errorf("%s: %v", tt.set, err)
			continue
		}
		if err := c.Finish(); err != nil {
			t.Errorf("%s: %v", tt.set, err)
		}
		if got := tt.check(c); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %#v, want %#v", tt.set, got, tt.want)
		}
	}
}

func TestSetMistakes(t *testing.T) {
	for _, tt := range []struct{ set, want, hint string }{
		{"build.tgas=[]", `unknown key "build.tgas"`, `"tags"`},
		{"tags=[]", `unknown key "tags"`, `"build.tags"`},
		{"build.cmd=x", `unknown key "build.cmd"`, "build.command"},
		{"build.race", "expected KEY=VALUE", "build.race=true"},
		{"=x", "expected KEY=VALUE", ""},
		{"build race=x", `"build race" is not a key`, ""},
		{"build.tags=a,b", "not valid TOML", `--set 'build.tags=["a", "b"]'`},
		{"build.tags=[a]", "not valid TOML", "--set 'build.tags="}, // as PowerShell 5 passes ["a"]
		{"build.race=yes", "not valid TOML", "build.race=true"},
		{"build.race=1", "build.race: expected true or false", ""},
		{"watch.debounce=20", "watch.debounce: a duration needs a unit", `"20ms"`},
		{"run.order=start", `run.order: "start" is not one of`, ""},
		{"run.stop_signal=TERM", `"TERM" is not a signal`, `"SIGTERM"`},
		{"proxi.listen=:1", `unknown key "proxi.listen"`, `"proxy.listen"`},
		{"run=x", "not valid TOML", "run.KEY"},
		{"rules=x", "not valid TOML", "paths"},
		{"run.env.A.B=x", "unknown key", ""},
		{"services.aip.build.race=true", `there is no service "aip"`, `"api"`},
		{"services.api.watch.debounce=1s", `unknown table "services.api.watch"`, "whole session"},
		{"services={}", "set key by key", "KEY"},
		{"services.api={}", "set key by key", "KEY"},
		{"build.race=true\nrun.rollback=true", "more than one key", "once"},
		{"run.dir=\xff", "not valid UTF-8", ""},
		{"[run]\ndir=x", `is not a key`, ""},
		{"run.env={ A = 1 }", "run.env.A: expected a string", ""},
	} {
		c := mustParse(t, "[services.api]\n")
		before := c.TOML()
		err := c.Set(tt.set)
		var errs Errors
		if !errors.As(err, &errs) {
			t.Errorf("%s: %v", tt.set, err)
			continue
		}
		if got := errs.Error(); !strings.HasPrefix(got, "--set "+tt.set+": ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", tt.set, got)
		}
		if !strings.Contains(errs.Hint(), tt.hint) {
			t.Errorf("%s: hint %q does not contain %q", tt.set, errs.Hint(), tt.hint)
		}
		if err := c.Finish(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(before), string(c.TOML())); diff != "" {
			t.Errorf("%s changed something: %s", tt.set, diff)
		}
	}
}

// What contradicts only together with a flag names the flag.
func TestFinishNamesTheFlag(t *testing.T) {
	c := mustParse(t, "[services.a]\nproxy.listen = \":1\"\n[services.b]\n")
	if err := c.Set("services.b.proxy.listen=:1"); err != nil {
		t.Fatal(err)
	}
	err := c.Finish()
	if err == nil || !strings.HasPrefix(err.Error(), "--set services.b.proxy.listen=:1: services.b.proxy.listen: :1 is taken") {
		t.Errorf("%v", err)
	}
}

func TestNotes(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"[build]\noutput = \"x\"\n": "2:10: build.output: has no effect without build.command",
		"[build]\ncommand = \"make\"\noutput=\"x\"\nrace=false\n": "4:6: build.race: is for go build",
		"[services.a]\nrun.order = \"start-first\"\n":             "2:13: services.a.run.order: start-first runs two",
		"[run]\ncommand=[\"x\"]\n[build]\ncommand = \"make\"\n":   "4:11: build.command: without build.output there is nothing to compare",
	} {
		notes := mustParse(t, text).Notes()
		if want == "" && len(notes) == 0 {
			continue
		}
		if len(notes) != 1 || !strings.HasPrefix(notes[0].Error(), "/p/.hotreload.toml:"+want) {
			t.Errorf("%q: %v", text, notes)
		}
	}
}

// setHome sets what os.UserHomeDir reads, on Unix and on Windows.
func setHome(t *testing.T, dir string) {
	t.Helper()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
}

// C4: from a subdirectory, root and config are found; a config wins over go.work, which
// wins over go.mod. What lies above the repository, or above the module outside of one, is
// not asked: it may be anybody's.
func TestFindRoot(t *testing.T) {
	t.Setenv("GOWORK", "")
	base := t.TempDir()
	setHome(t, filepath.Join(base, "home"))
	write := func(path string) {
		t.Helper()
		path = filepath.Join(base, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{
		"conf/.git/HEAD", "conf/.hotreload.toml", "conf/m/go.mod", "conf/m/a/b/x.go", "conf/n/.hotreload.toml", "conf/n/a/x.go",
		"work/go.work", "work/m/go.mod", "work/m/a/x.go",
		"mod/go.mod", "mod/a/b/x.go", "mod/in/go.mod", "mod/in/a/x.go",
		"none/a/x.go",
		"above/.hotreload.toml", "above/m/go.mod", "above/m/a/x.go", "above/w/go.work", "above/w/m/go.mod", "above/r/.git", "above/r/a/x.go", "above/n/a/x.go",
		"space/.hotreload.toml", "space/go.work", "space/m/go.mod",
		"home/.hotreload.toml", "home/go.work", "home/p/a/x.go", "home/q/go.mod", "home/q/a/x.go",
	} {
		write(f)
	}
	for _, tt := range []struct{ dir, root, config string }{
		{"conf", "conf", "conf/.hotreload.toml"},
		{"conf/m/a/b", "conf", "conf/.hotreload.toml"},
		{"conf/n/a", "conf/n", "conf/n/.hotreload.toml"},
		{"work/m/a", "work", ""},
		{"mod/a/b", "mod", ""},
		{"mod/in/a", "mod/in", ""},
		{"none/a", "none/a", ""},
		{"above/m/a", "above/m", ""},
		{"above/w/m", "above/w", ""},
		{"above/r/a", "above/r/a", ""},
		{"above/n/a", "above", "above/.hotreload.toml"}, // nothing says where the project ends
		{"space/m", "space", "space/.hotreload.toml"},
		// A config in the home directory captures nothing below it, unless one is there.
		{"home/p/a", "home/p/a", ""},
		{"home/q/a", "home/q", ""},
		{"home", "home", "home/.hotreload.toml"},
	} {
		root, config, err := FindRoot(filepath.Join(base, tt.dir))
		if err != nil {
			t.Errorf("%s: %v", tt.dir, err)
			continue
		}
		wantConfig := tt.config
		if wantConfig != "" {
			wantConfig = filepath.Join(base, tt.config)
		}
		if root != filepath.Join(base, tt.root) || config != wantConfig {
			t.Errorf("%s: root %s, config %q", tt.dir, root, config)
		}
	}
	t.Setenv("GOWORK", "off")
	if root, _, _ := FindRoot(filepath.Join(base, "work/m/a")); root != filepath.Join(base, "work/m") {
		t.Errorf("GOWORK=off: %s", root)
	}
	t.Chdir(filepath.Join(base, "mod/a"))
	if root, _, err := FindRoot("."); err != nil || root != filepath.Join(base, "mod") {
		t.Errorf("relative: %s, %v", root, err)
	}
	if _, _, err := FindRoot(filepath.Join(base, "missing")); err == nil {
		t.Error("a missing directory has a root")
	}
	if _, _, err := FindRoot(filepath.Join(base, "mod/go.mod")); err == nil {
		t.Error("a file has a root")
	}
}

// W13: the home directory and / are refused, with the way to insist.
func TestRefuse(t *testing.T) {
	home := t.TempDir()
	setHome(t, home)
	roots := []string{home, home + "/", "/"}
	if link := filepath.Join(t.TempDir(), "link"); testkit.Symlink(t, home, link) {
		roots = append(roots, link)
	}
	for _, root := range roots {
		err := Refuse(root)
		if err == nil || !strings.Contains(advice.Hint(err), FileName) || !strings.Contains(advice.Hint(err), "--dir") {
			t.Errorf("%s: %v", root, err)
		}
	}
	project := filepath.Join(home, "project")
	if err := os.Mkdir(project, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Refuse(project); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(home, FileName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Refuse(home); err != nil {
		t.Errorf("insisting does not help: %v", err)
	}
	setHome(t, "")
	if err := Refuse(project); err != nil {
		t.Errorf("without HOME: %v", err)
	}
}

// Who builds: auto is direct for one service (go on Windows), and go for several, of which one go build makes all; what is
// written counts.
func TestEngine(t *testing.T) {
	for text, want := range map[string]string{
		"":                               string(autoEngine),
		"[build]\nengine = \"go\"\n":     "go",
		"[build]\nengine = \"direct\"\n": "direct",
		"[services.a]\n":                 string(autoEngine),
		"[services.a]\n[services.b]\n":   "go go",
		"[services.a]\n[services.a.build]\nengine = \"direct\"\n[services.b]\n":               "direct go",
		"[build]\nengine = \"direct\"\n[services.a]\n[services.b.build]\nengine = \"auto\"\n": "direct go",
	} {
		var got []string
		for _, s := range mustParse(t, text).ForServices() {
			got = append(got, string(s.Build.Engine))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}
