package gograph

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMains(t *testing.T) {
	module := func(dir, path string) string {
		return fmt.Sprintf("-- %sgo.mod --\nmodule %s\n\ngo 1.25\n", dir, path)
	}
	main := func(file string) string { return "-- " + file + " --\npackage main\n\nfunc main() {}\n" }
	for _, c := range []struct {
		name, tree string
		tags       []string
		want       []string // Rel, or Nested and Rel
	}{
		{"root", module("", "m") + main("main.go"), nil, []string{"."}},
		{"several", shop, nil, []string{"./cmd/api", "./cmd/worker"}},
		{"none", module("", "m") + "-- lib.go --\npackage m\n", nil, nil},
		{"ignored single files", module("", "m") + "-- gen.go --\n//go:build ignore\n\npackage main\n\nfunc main() {}\n-- lib.go --\npackage m\n", nil, nil},
		{"only for another system", module("", "m") + main("x_plan9.go"), nil, nil},
		{"by tag", module("", "m") + "-- cmd/x/x.go --\n//go:build x\n\npackage main\n\nfunc main() {}\n", []string{"x"}, []string{"./cmd/x"}},
		{"without func main", module("", "m") + "-- mockgen.go --\npackage main\n\nimport _ \"fmt\"\n" + main("cmd/m/main.go"), nil, []string{"./cmd/m"}},
		{"func main is excluded", module("", "m") + "-- lib.go --\npackage main\n\ntype t struct{}\n\nfunc (t) main() {}\n-- gen.go --\n//go:build tools\n\npackage main\n\nfunc main() {}\n" +
			main("cmd/m/main.go"), nil, []string{"./cmd/m"}},
		{"only tests", module("", "m") + "-- x_test.go --\npackage main\n", nil, nil},
		{"places that go skips", module("", "m") + main("testdata/a/main.go") + main("_x/main.go") + main(".x/main.go") + main("vendor/x/main.go"), nil, nil},
		{"broken", module("", "m") + "-- a/main.go --\npackage main\n\nimport \"fmt\n\nfunc main() {}\n-- b/main.go --\npackage main\n\nfunc {\n-- c/main.go --\npackage main\n\nimport \"nowhere.invalid/x\"\n\nfunc main() {}\n-- d/x.go --\npackage d\n\nimport \"\n",
			nil, []string{"./a", "./b", "./c"}},
		{"workspace", "-- go.work --\ngo 1.25\n\nuse (\n\t./one\n\t./two\n)\n" + module("one/", "one") + main("one/main.go") + module("two/", "two") + main("two/cmd/x/main.go") +
			module("three/", "three") + main("three/main.go"), nil, []string{"./one", "./two/cmd/x"}},
		{"workspace with a module at its root", "-- go.work --\ngo 1.25\n\nuse (\n\t.\n\t./one\n)\n" + module("", "m") + main("cmd/m/main.go") + module("one/", "one") +
			main("one/main.go"), nil, []string{"./cmd/m", "./one"}},
		{"nested besides", module("", "m") + main("cmd/app/main.go") + module("tools/", "tools") + main("tools/main.go"), nil, []string{"./cmd/app"}},
		{"nested only", module("", "m") + "-- lib.go --\npackage m\n" + module("tools/", "tools") + main("tools/gen/main.go") + main("tools/main.go"), nil,
			[]string{"./tools .", "./tools ./gen"}},
		{"below a directory without module", module("backend/", "b") + main("backend/cmd/x/main.go") + module("node_modules/y/", "y") + main("node_modules/y/main.go"), nil,
			[]string{"./backend ./cmd/x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := project(t, c.tree)
			mains, err := Mains(context.Background(), Options{Dir: dir, Tags: c.tags, Env: testEnv()})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range mains {
				got = append(got, strings.TrimSpace(m.Nested+" "+m.Rel))
				if want := filepath.Join(dir, m.Nested, m.Rel); m.Dir != want {
					t.Errorf("Dir %s, want %s", m.Dir, want)
				}
				if m.ImportPath == "" {
					t.Errorf("%s has no import path", m.Rel)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	// A broken go.mod is said, not taken for "none".
	dir := project(t, "-- go.mod --\nmodul x\n"+main("main.go"))
	if _, err := Mains(context.Background(), Options{Dir: dir, Env: testEnv()}); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("broken go.mod: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Mains(ctx, Options{Dir: dir, Env: testEnv()}); err != context.Canceled {
		t.Errorf("canceled: %v", err)
	}
}

func TestParseFlags(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want buildFlags
	}{
		{nil, buildFlags{}},
		{[]string{"-race", "--trimpath", "-buildvcs=false", "-v", "-x", "-n", "-a", "-work", "-json", "-i"},
			buildFlags{list: []string{"-race", "-trimpath", "-buildvcs=false"}}},
		{[]string{"-o", "bin/x", "-p", "4", "-toolexec", "time", "-o=y"}, buildFlags{}},
		{[]string{"-ldflags", `-X 'a.b=c d'`, `--gcflags=all=-N -l`}, buildFlags{list: []string{`-ldflags=-X 'a.b=c d'`, "-gcflags=all=-N -l"}}},
		{[]string{"-tags", "a,b", "-tags=c"}, buildFlags{tags: []string{"c"}}}, // the last one counts
		{[]string{"-tags", "a b"}, buildFlags{tags: []string{"a", "b"}}},
		{[]string{"-mod=mod", "-modfile", "x.mod", "-overlay=o", "-pgo=off", "-C", "sub"},
			buildFlags{list: []string{"-mod=mod", "-modfile=x.mod", "-overlay=o", "-pgo=off"}, mod: "mod", modfile: "x.mod", overlay: "o", pgo: "off", chdir: "sub"}},
		{[]string{"-unknown", "value", "-unknown=1", "-race"}, buildFlags{list: []string{"-race"}}},
		{[]string{"-o"}, buildFlags{}},
	} {
		got := parseFlags(c.in)
		if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%q:\n got %#v\nwant %#v", c.in, got, c.want)
		}
	}
}

// -C as a flag of the build.
func TestChdir(t *testing.T) {
	dir := project(t, linkedModules)
	g := load(t, Options{Dir: dir, Flags: []string{"-C", "app"}})
	if _, mdir := g.Module(); mdir != filepath.Join(dir, "app") {
		t.Errorf("module %s", mdir)
	}
}

func TestIsModuleFile(t *testing.T) {
	for name, want := range map[string]bool{
		"/x/go.mod": true, "/x/go.sum": true, "/x/go.work": true, "/x/go.work.sum": true, "/x/vendor/modules.txt": true,
		"/x/modules.txt": false, "/x/go.mod.bak": false, "/x/vendor": false, "/x/main.go": false,
	} {
		if got := IsModuleFile(filepath.FromSlash(name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
