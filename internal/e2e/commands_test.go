package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asked is what a command answered.
type asked struct {
	out, err string
	code     int
}

// ask runs a hotreload command with the streams apart.
func ask(t *testing.T, dir string, args ...string) asked {
	t.Helper()
	return askWith(t, nil, dir, args...)
}

// askWith is ask with more in the environment.
func askWith(t *testing.T, env []string, dir string, args ...string) asked {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, hotreload, args...)
	cmd.Dir, cmd.Env = dir, append(cleanEnv(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%v: %v %v\n%s%s", args, err, ctx.Err(), out.String(), errs.String())
	}
	return asked{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// decode reads JSON that has to be all of it.
func decode[T any](t *testing.T, a asked) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.out), &v); err != nil || a.err != "" {
		t.Fatalf("%v\n%s\n%s", err, a.out, a.err)
	}
	return v
}

// C8: check prints what is in force, in a form that is a config again; flags count.
func TestC8Check(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = `
[run]
args = ["a b", '$(x)', "*.go"]
env = { ONE = "1" }
[[rules]]
paths = ["templates/**/*.html"]
[services.web]
run.env = { TWO = "2" }
run.stop_timeout = "0s"
[services.side]
run.command = ["sleep", "1"]
rules = []
`
	dir := newApp(t, files)
	flags := []string{"check", "--all", "--set", "watch.debounce=7ms", "--race", "--tags", "x,y"}
	first := ask(t, dir, flags...)
	if first.code != 0 || first.err != "" || !strings.HasPrefix(first.out, "# ok: "+filepath.Join(dir, ".hotreload.toml")+"\n") {
		t.Fatalf("%+v", first)
	}
	for _, want := range []string{"debounce = \"7ms\"", "race = true", `tags = ["x", "y"]`, `args = ["a b", "$(x)", "*.go"]`, `stop_timeout = "0s"`} {
		if !strings.Contains(first.out, want) {
			t.Errorf("no %s in\n%s", want, first.out)
		}
	}
	again := newApp(t, webApp)
	write(t, filepath.Join(again, ".hotreload.toml"), first.out)
	body := func(a asked) string { _, s, _ := strings.Cut(a.out, "\n"); return s }
	if second := ask(t, again, "check", "--all"); second.code != 0 || body(second) != body(first) {
		t.Errorf("what check prints is another config:\n%s%s", second.err, cmp.Diff(body(first), body(second)))
	}
	// Without --all the differences only, which are the same config.
	short := ask(t, dir, append([]string{"check"}, flags[2:]...)...)
	if short.code != 0 || !strings.HasPrefix(short.out, "# ok: ") || !strings.Contains(short.out, "hotreload check --all") ||
		!strings.Contains(short.out, "stop_timeout = \"0s\"\n") || strings.Contains(short.out, "backend") {
		t.Errorf("%+v", short)
	}
	write(t, filepath.Join(again, ".hotreload.toml"), short.out)
	if third := ask(t, again, "check", "--all"); third.code != 0 || body(third) != body(first) {
		t.Errorf("the differences are another config:\n%s%s", third.err, cmp.Diff(body(first), body(third)))
	}

	type table = map[string]any
	c := decode[struct {
		Watch, Build, Run, Proxy, Log, Control table
		Rules                                  []table
		Services                               map[string]struct {
			Build, Run, Proxy table
			Rules             []table
			Needs             []string
		}
	}](t, ask(t, dir, append(flags, "--json")...))
	web := c.Services["web"]
	for what, pair := range map[string][2]any{
		"a flag":             {c.Watch["debounce"], "7ms"},
		"inherited by --set": {web.Build["race"], true},
		"merged":             {web.Run["env"], table{"ONE": "1", "TWO": "2"}},
		"an explicit zero":   {web.Run["stop_timeout"], "0s"},
		"of the other":       {c.Services["side"].Run["stop_timeout"], "5s"},
		"rules":              {web.Rules[0]["paths"], []any{"templates/**/*.html"}},
		"rules replaced":     {len(c.Services["side"].Rules), 0},
		"no needs":           {web.Needs, []string{}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	bare := newApp(t, webApp)
	none := ask(t, bare, "check")
	if none.code != 0 || none.out != "# ok: "+bare+" has no config file\n# every key has its default: `hotreload check --all` prints them\n" {
		t.Errorf("without a file: %+v", none)
	}
}

// C8: why answers for every kind of file what run would do, before it exists too, and
// whether the code builds or not.
func TestC8Why(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[watch]\nexclude = [\"ignored\"]\n[[rules]]\npaths = [\"templates/**\"]\n[[rules]]\npaths = [\"conf/*\"]\neffect = \"signal\"\n"
	files[".gitignore"] = "*.log\n"
	dir := newApp(t, files)
	type answer struct {
		Service, Effect, Why string
		Chain                []string
	}
	var env []string
	why := func(args ...string) answer {
		t.Helper()
		a := askWith(t, env, dir, append([]string{"why", "--json"}, args...)...)
		list := decode[[]answer](t, a)
		if a.code != 0 || len(list) != 1 || list[0].Service != "web" || list[0].Why == "" || list[0].Chain == nil {
			t.Fatalf("%v: %+v", args, a)
		}
		return list[0]
	}
	module := strings.TrimSpace(strings.TrimPrefix(strings.SplitN(files["go.mod"], "\n", 2)[0], "module "))
	for _, c := range []struct {
		path, effect, reason string
		chain                []string
	}{
		{"main.go", "rebuild", "", []string{module}},
		{"lib/lib.go", "rebuild", "", []string{module, module + "/lib"}},
		{"lib/not-yet-there.go", "rebuild", "", []string{module, module + "/lib"}},
		{"static/page.html", "rebuild", "embed", []string{module}},
		{"go.mod", "rebuild", "", nil},
		{"lib/lib_test.go", "none", "test", nil},
		{"lib/lib_plan9.go", "none", "plan9", nil},
		{"other/other.go", "none", "not imported", nil},
		{"templates/t.html", "restart", "templates/**", nil},
		{"conf/a.yaml", "signal", "conf/*", nil},
		{".env", "restart", "", nil},
		{".hotreload.toml", "reconfigure", "config", nil},
		{"ignored/x.txt", "none", "exclude", nil},
		{"debug.log", "none", "gitignore", nil},
		{"node_modules/x.js", "none", "", nil},
		{"main.go~", "none", "", nil},
		{"../elsewhere.go", "none", "", nil},
	} {
		got := why(c.path)
		if got.Effect != c.effect || !strings.Contains(got.Why, c.reason) || c.chain != nil && !slices.Equal(got.Chain, c.chain) || c.chain == nil && c.effect == "none" && len(got.Chain) != 0 {
			t.Errorf("%s: %+v, want %s with %q and %v", c.path, got, c.effect, c.reason, c.chain)
		}
	}
	// From below, by an absolute path, and while it does not compile.
	write(t, filepath.Join(dir, "version.go"), "package main\n\nconst Version =\n")
	if got := why("-C", filepath.Join(dir, "lib"), "lib.go"); got.Effect != "rebuild" {
		t.Errorf("from below: %+v", got)
	}
	if got := why(filepath.Join(dir, "lib", "lib_test.go")); got.Effect != "none" {
		t.Errorf("absolute: %+v", got)
	}
	// The tags of GOFLAGS and those of the config are merged for the build, so here too.
	if got := why("lib/tagged.go"); got.Effect != "none" {
		t.Errorf("a file for a tag: %+v", got)
	}
	env = []string{"GOFLAGS=-tags=integration"}
	if got := why("--tags", "other", "lib/tagged.go"); got.Effect != "rebuild" {
		t.Errorf("a file for a tag of GOFLAGS: %+v", got)
	}
	if a := ask(t, dir, "why"); a.code != 2 || a.err != "error: expected `hotreload why PATH`, got no argument\nhint: see `hotreload why --help`\n" {
		t.Errorf("without a path: %+v", a)
	}
	// Nothing was built or left in the project.
	if a := ask(t, dir, "status"); a.code != 2 {
		t.Errorf("a session was started: %+v", a)
	}
}

// C8: completion scripts are valid for their shells, and what they ask of hotreload is
// answered: commands, values, keys, and the services of the config.
func TestC8Completion(t *testing.T) {
	t.Parallel()
	dir := shell(t, "[services.api]\nrun.command = [\"true\"]\n[services.worker]\nrun.command = [\"true\"]\n")
	for _, sh := range []string{"bash", "zsh", "fish", "powershell"} {
		a := ask(t, dir, "completion", sh)
		if a.code != 0 || !strings.Contains(a.out, "hotreload") || a.err != "" {
			t.Errorf("%s: %+v", sh, a)
		}
		if path, err := exec.LookPath(sh); err == nil && sh != "powershell" {
			cmd := exec.Command(path, "-n")
			cmd.Stdin = strings.NewReader(a.out)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", sh, err, out)
			}
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}, {"completion", "bash", "x"}, {"completion", "zsh", "--foo"}} {
		if a := ask(t, dir, args...); a.code != 2 || a.out != "" || !strings.Contains(a.err, "error: ") || !strings.Contains(a.err, "hint: ") {
			t.Errorf("%q: %+v", args, a)
		}
	}
	for _, c := range []struct {
		typed []string
		want  []string
	}{
		{[]string{"wa"}, []string{"wait"}},
		{[]string{"restart", ""}, []string{"api", "worker"}},
		{[]string{"wait", "w"}, []string{"worker"}},
		{[]string{"wait", "api", ""}, nil},
		{[]string{"run", "--log", ""}, []string{"json", "text"}},
		{[]string{"run", "--color", "a"}, []string{"always", "auto"}},
		{[]string{"check", "--set", "run.stop_"}, []string{"run.stop_signal=", "run.stop_timeout="}},
	} {
		a := ask(t, dir, append([]string{"__complete"}, c.typed...)...)
		var got []string
		for line := range strings.Lines(a.out) {
			if word, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t"); !strings.HasPrefix(word, ":") {
				got = append(got, word)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.typed, got, c.want)
		}
	}
}
