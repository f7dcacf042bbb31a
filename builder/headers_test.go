//go:build unix

package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// headerShop has a package with cgo that includes headers from outside of its directory.
func headerShop(t *testing.T) (dir string, headers []Headers) {
	needCC(t)
	dir = project(t, map[string]string{
		"c/c.go":  "package c\n\n// #include \"../shared/x.h\"\n// #include \"own.h\"\nimport \"C\"\n\nimport _ \"embed\"\n\n//go:embed c.txt\nvar Text string\n\n// X is in a header.\nfunc X() int { return C.X + int(C.native()) }\n",
		"c/own.h": "int native(void);\n", "c/native.c": "#include \"own.h\"\n#include \"../shared/x.h\"\nint native(void) { return 100 * X; }\n",
		"c/c.txt": "text", "shared/x.h": "#define X 1\n",
		"cmd/api/main.go": "package main\n\nimport \"example.com/app/c\"\n\nfunc main() { println(c.X(), c.Text) }\n",
		"cmd/web/main.go": "package main\n\nimport \"example.com/app/c\"\n\nfunc main() { println(c.X(), c.Text) }\n",
	})
	return dir, []Headers{{Dir: filepath.Join(dir, "c"), Name: "c", Files: []string{filepath.Join(dir, "shared", "x.h")}}}
}

// E11: a header outside of the package's directory, which go build does not look at (golang/go#24355), is built when it changes,
// whoever builds; the program is the one that go build makes of a clean cache.
func TestE11Headers(t *testing.T) {
	testkit.Slow(t)
	dir, headers := headerShop(t)
	env := testEnv("CGO_ENABLED=1")
	o := Options{Dir: dir, Package: "./cmd/api", Env: env}
	plain, b := newBuilder(t, o), newBuilder(t, o)
	o.Engine = EngineDirect
	d := newBuilder(t, o)
	both := builders(t, dir, Options{Env: env}, "api", "web")
	users := filepath.Join(t.TempDir(), "overlay.json")
	write(t, filepath.Dir(users), "other.txt", "laid over")
	write(t, filepath.Dir(users), "overlay.json", `{"Replace":{"`+filepath.Join(dir, "c", "c.txt")+`":"`+filepath.Join(filepath.Dir(users), "other.txt")+`"}}`)
	over := newBuilder(t, Options{Dir: dir, Package: "./cmd/api", Env: env, GoBuild: GoBuild{Flags: []string{"-overlay", users}}})

	first := mustBuild(t, plain, 1)
	for _, b := range append(both, b, d, over) {
		if !b.SetHeaders(headers) || b.SetHeaders(headers) {
			t.Error("SetHeaders does not say whether something changed")
		}
	}
	if r := mustBuild(t, b, 1); r.Sum != first.Sum {
		t.Error("with headers it is another program")
	}
	write(t, dir, "shared/x.h", "#define X 2\n")
	if r := mustBuild(t, plain, 2); says(t, r.Binary) != "101 text" {
		t.Logf("go build sees headers outside of a package's directory: %s", says(t, r.Binary))
	}
	second := mustBuild(t, b, 2)
	if got := says(t, second.Binary); got != "202 text" {
		t.Errorf("the program says %q", got)
	}
	r := mustBuild(t, d, 1)
	if says(t, r.Binary) != "202 text" || r.Engine != EngineGo || r.Fallback == "" {
		t.Errorf("with the direct engine: %s, %+v", says(t, r.Binary), r)
	}
	if d.Idle(t.Context()); d.EngineStatus().Ready || d.EngineStatus().Reason != r.Fallback {
		t.Errorf("%+v", d.EngineStatus())
	}
	for name, r := range buildTogether(t, 1, both...) {
		if says(t, r.Binary) != "202 text" {
			t.Errorf("%s, built together: %s", name, says(t, r.Binary))
		}
	}
	if r := mustBuild(t, over, 1); says(t, r.Binary) != "202 laid over" {
		t.Errorf("with an overlay of the user's: %s", says(t, r.Binary))
	}

	write(t, dir, "shared/x.h", "#define X 2\n// a comment\n")
	if r := mustBuild(t, b, 3); r.Sum != second.Sum {
		t.Error("a comment in a header makes another program")
	}
	if err := os.Remove(filepath.Join(dir, "shared", "x.h")); err != nil {
		t.Fatal(err)
	}
	if r := build(t, b, 4); r.OK || !strings.Contains(r.Output, "x.h") {
		t.Errorf("without the header: %+v", r)
	}
	write(t, dir, "shared/x.h", "#define X 1\n")
	if r := mustBuild(t, b, 5); r.Sum != first.Sum {
		t.Error("the first header makes another program than at first")
	}
}
