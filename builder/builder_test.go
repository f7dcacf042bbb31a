package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/direct"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/testkit"
)

func TestMain(m *testing.M) {
	proc.Helper()
	direct.Helper()
	proc.Setup()
	if dir := os.Getenv("BUILDER_TEST_DISK"); dir != "" {
		os.Exit(diskHelper(dir))
	}
	if fifo := os.Getenv("BUILDER_TEST_INTERRUPT"); fifo != "" {
		os.Exit(interruptHelper(fifo))
	}
	testkit.Main(m)
}

const deadline = testkit.Deadline

const tiny = "package main\n\nfunc main() { println(version) }\n\nconst version = \"one\"\n"

// project writes a module of the given files.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	write(t, dir, "go.mod", "module example.com/app\n\ngo 1.21\n")
	testkit.Plant(t, dir, files)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	testkit.Write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
}

// testEnv is the environment of the tests without what a developer may have set for go.
func testEnv(more ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "GOFLAGS", "GOPROXY", "GOTOOLCHAIN", "GOENV", "CGO_ENABLED", "GOWORK", "GOGC":
		default:
			env = append(env, kv)
		}
	}
	env = append(env, "GOPROXY=off", "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off")
	for _, kv := range more {
		name, value, _ := strings.Cut(kv, "=")
		env = proc.SetEnv(env, name, value)
	}
	return env
}

func newBuilder(t *testing.T, o Options) *Builder {
	t.Helper()
	if o.Cache == "" {
		o.Cache = filepath.Join(t.TempDir(), "cache")
	}
	if o.Env == nil {
		o.Env = testEnv()
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func build(t *testing.T, b *Builder, generation int) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	r := b.Build(ctx, generation)
	if r.Canceled {
		t.Fatal("the build hangs")
	}
	noTemporaries(t, b)
	return r
}

func mustBuild(t *testing.T, b *Builder, generation int) Result {
	t.Helper()
	r := build(t, b, generation)
	if !r.OK {
		t.Fatalf("build failed: %s (hint: %s)\n%s", r.Summary, r.Hint, r.Output)
	}
	return r
}

func noTemporaries(t *testing.T, b *Builder) {
	t.Helper()
	if left := names(t, b.tmp); len(left) > 0 {
		t.Errorf("temporary directories left: %v", left)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// says runs a program and returns what it prints.
func says(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command(path).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	return strings.TrimSpace(string(out))
}

// L1: a plain build makes a program in the cache; each generation its own; Remove
// removes only what the builder has made.
func TestBuild(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	b := newBuilder(t, Options{Dir: dir, Name: "api"})
	one := mustBuild(t, b, 1)
	write(t, dir, "main.go", strings.Replace(tiny, "one", "two", 1))
	two := mustBuild(t, b, 2)
	if got := says(t, one.Binary); got != "one" {
		t.Errorf("generation 1 says %q", got)
	}
	if got := says(t, two.Binary); got != "two" {
		t.Errorf("generation 2 says %q", got)
	}
	if one.Sum == two.Sum || one.Sum == [32]byte{} {
		t.Errorf("sums %x and %x", one.Sum, two.Sum)
	}
	if want := filepath.Join(b.o.Cache, "bin", "api-a"+exeSuffix); one.Binary != want {
		t.Errorf("binary is %s, want %s", one.Binary, want)
	}
	if one.Duration <= 0 || one.Summary != "" || one.Output != "" || len(one.Diagnostics) != 0 {
		t.Errorf("result of a good build: %+v", one)
	}
	if st, err := os.Stat(b.o.Cache); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("cache directory: %v %v", st.Mode(), err)
	}
	b.Remove(one.Binary)
	b.Remove(filepath.Join(dir, "main.go"))
	if got := names(t, b.bin); !slices.Equal(got, []string{filepath.Base(two.Binary)}) {
		t.Errorf("after Remove: %v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "main.go")); err != nil {
		t.Error("Remove has removed a file that is no binary of its own")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"go.mod", "main.go"}) {
		t.Errorf("the project holds %v", got)
	}
}

// L10: equal programs are equal bytes, whatever the comments, in package main too.
func TestEqualPrograms(t *testing.T) {
	testkit.Slow(t)
	lib := "package lib\n\n// A comment.\nfunc Name() string { return \"x\" }\n"
	src := "package main\n\nimport \"example.com/app/lib\"\n\n// Some words.\nfunc main() { println(lib.Name()) }\n"
	for name, o := range map[string]Options{"plain": {}, "DWARF": {GoBuild: GoBuild{DWARF: true}}, "trimpath": {GoBuild: GoBuild{Flags: []string{"-trimpath"}}}, "cgo": {Env: testEnv("CGO_ENABLED=1")}} {
		t.Run(name, func(t *testing.T) {
			src, lib := src, lib
			if name == "cgo" {
				needCC(t)
				src = strings.Replace(src, "import ", "// int f(void) { return 7; }\nimport \"C\"\n\nimport ", 1)
				src = strings.Replace(src, "lib.Name()", "lib.Name(), C.f()", 1)
			}
			dir := project(t, map[string]string{"main.go": src, "lib/lib.go": lib})
			o.Dir = dir
			b := newBuilder(t, o)
			first := mustBuild(t, b, 1)
			same := func(gen int, what string, want bool) {
				t.Helper()
				if r := mustBuild(t, b, gen); (r.Sum == first.Sum) != want {
					t.Errorf("%s: equal sums = %v, want %v", what, r.Sum == first.Sum, want)
				}
			}
			same(2, "nothing changed", true)
			write(t, dir, "main.go", strings.Replace(src, "Some words", "Other", 1))
			if name == "cgo" { // cgo names its symbols by a hash of the file
				write(t, dir, "main.go", src)
			}
			same(3, "comment in main", true)
			write(t, dir, "lib/lib.go", strings.Replace(lib, "A comment", "Another comment, longer", 1))
			same(4, "comment in a library", true)
			write(t, dir, "lib/lib.go", strings.Replace(lib, `"x"`, `"y"`, 1))
			same(5, "string in a library", false)
			write(t, dir, "lib/lib.go", lib)
			write(t, dir, "main.go", src)
			same(6, "all undone", true)
		})
	}
}

// B1, B2: errors are data with places, the code around them, and nothing to run is left.
func TestCompileErrors(t *testing.T) {
	dir := project(t, map[string]string{
		"main.go":     tiny,
		"api/api.go":  "package api\n\nimport \"os\"\n\nfunc F() {\n\tvar s string = 5\n}\n",
		"bad/main.go": "package main\n\nimport _ \"example.com/app/api\"\n\nfunc main() {\n\n\tundefined1()\n\tvar w interface{ M(int) } = T{}\n}\n\ntype T struct{}\n\nfunc (T) M() {}\n",
	})
	b := newBuilder(t, Options{Dir: dir, Package: "./bad"})
	r := build(t, b, 1)
	if r.OK || r.Binary != "" || len(names(t, b.bin)) != 0 {
		t.Fatalf("a broken program was built: %+v", r)
	}
	api := filepath.Join(dir, "api", "api.go")
	type short struct {
		file      string
		line, col int
		pkg       string
	}
	var got []short
	for _, d := range r.Diagnostics {
		got = append(got, short{d.File, d.Line, d.Column, d.Package})
	}
	want := []short{
		{api, 3, 8, "example.com/app/api"},
		{api, 6, 6, "example.com/app/api"},
		{api, 6, 17, "example.com/app/api"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("diagnostics %v\nwant %v", got, want)
	}
	if want := "3 errors in ." + string(filepath.Separator) + filepath.Join("api", "api.go"); r.Summary != want {
		t.Errorf("summary %q, want %q", r.Summary, want)
	}
	if !strings.Contains(r.Output, "# example.com/app/api\n") || strings.Contains(r.Output, "ImportPath") {
		t.Errorf("output is not the tool's text:\n%s", r.Output)
	}
	if m := r.Diagnostics[2].Message; !strings.Contains(m, "cannot use 5") {
		t.Errorf("message %q", m)
	}
	frame := r.Diagnostics[1].Frame
	if len(frame) != 4 || frame[0] != (SourceLine{4, ""}) || frame[2] != (SourceLine{6, "\tvar s string = 5"}) || frame[3].Number != 7 {
		t.Errorf("frame %v", frame)
	}

	write(t, dir, "api/api.go", "package api\n")
	r = build(t, b, 2)
	if n := len(r.Diagnostics); n != 3 || r.Summary != "3 errors in ."+string(filepath.Separator)+filepath.Join("bad", "main.go") {
		t.Fatalf("%d diagnostics, summary %q", n, r.Summary)
	}
	if more := r.Diagnostics[2].More; !strings.Contains(more, "have M()") || !strings.Contains(more, "want M(int)") {
		t.Errorf("continuation lines are missing: %q", more)
	}
	if f := r.Diagnostics[0].Frame; len(f) != 5 || f[2].Text != "\tundefined1()" {
		t.Errorf("frame %v", f)
	}

	// B3: the error is fixed.
	write(t, dir, "bad/main.go", tiny)
	if r := mustBuild(t, b, 3); says(t, r.Binary) != "one" || len(r.Diagnostics) != 0 {
		t.Errorf("fixed: %+v", r)
	}
}

// The diagnostics are the same where go has no -json (before Go 1.24), but for packages
// that only -json names.
func TestCompileErrorsAsText(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n\nfunc main() {\n\tx\n\ty\n}\n"})
	b := newBuilder(t, Options{Dir: dir})
	b.flags.json = false
	r := build(t, b, 1)
	if len(r.Diagnostics) != 2 || r.Diagnostics[1].Line != 5 || r.Diagnostics[1].Package != "example.com/app" || r.Diagnostics[1].File != filepath.Join(dir, "main.go") {
		t.Errorf("diagnostics %+v", r.Diagnostics)
	}
}

// B1, B6: what goes wrong besides compile errors, with real tools.
func TestFailures(t *testing.T) {
	goModule := func(text string) map[string]string { return map[string]string{"go.mod": text, "main.go": tiny} }
	for _, c := range []struct {
		name, pkg     string
		files         map[string]string
		env           []string
		flags         []string
		summary, hint string // substrings
		place         string // "file:line" of the first diagnostic
	}{
		{name: "library", pkg: "./lib", files: map[string]string{"lib/lib.go": "package lib\n"},
			summary: "./lib is package lib, not package main", hint: "main package"},
		{name: "several mains", pkg: "./cmd/...", files: map[string]string{"cmd/a/main.go": tiny, "cmd/b/main.go": tiny},
			summary: "several main packages: ./cmd/a, ./cmd/b", hint: "./cmd/a"},
		{name: "main and library", pkg: "./...", files: map[string]string{"cmd/a/main.go": tiny, "lib/lib.go": "package lib\n"},
			summary: "other packages in addition to the main package ./cmd/a", hint: "use ./cmd/a"},
		{name: "only libraries", pkg: "./...", files: map[string]string{"a/a.go": "package a\n", "b/b.go": "package b\n"},
			summary: "none is a main package", hint: "main package"},
		{name: "pattern without packages", pkg: "./...", files: nil, summary: "matches no packages"},
		{name: "no Go files", pkg: ".", files: map[string]string{"README": ""}, summary: "no Go files in", hint: "directory of the main package"},
		{name: "no such directory", pkg: "./nope", files: nil, summary: "there is no directory", hint: "main package"},
		{name: "all files excluded", files: map[string]string{"main.go": "//go:build foo\n\n" + tiny}, summary: "build constraints exclude all Go files", hint: "build tag"},
		{name: "two packages", files: map[string]string{"a.go": tiny, "b.go": "package b\n"}, summary: "contains two packages: main (a.go) and b (b.go)"},
		{name: "no func main", files: map[string]string{"main.go": "package main\n"}, summary: "no func main"},
		{name: "go too old", files: goModule("module m\n\ngo 1.999\n"), summary: "go.mod requires go 1.999, and this is go", hint: "GOTOOLCHAIN"},
		{name: "broken go.mod", files: goModule("module m\n\ngo 1.21\nnonsense\n"), summary: "1 error in ./go.mod", place: "go.mod:4"},
		{name: "missing go.sum", files: map[string]string{
			"go.mod":  "module m\n\ngo 1.21\n\nrequire github.com/fatih/color v1.19.0\n",
			"main.go": "package main\n\nimport _ \"github.com/fatih/color\"\n\nfunc main() {}\n",
		}, summary: "1 error in ./main.go", hint: "go mod tidy", place: "main.go:3"},
		{name: "unknown module", files: map[string]string{"main.go": "package main\n\nimport _ \"example.net/none\"\n\nfunc main() {}\n"},
			summary: "1 error in ./main.go", hint: "run go get example.net/none", place: "main.go:3"},
		{name: "download not allowed", files: map[string]string{
			"go.mod":  "module m\n\ngo 1.21\n\nrequire example.net/none v1.0.0\n",
			"go.sum":  "example.net/none v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nexample.net/none v1.0.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
			"main.go": "package main\n\nimport _ \"example.net/none\"\n\nfunc main() {}\n",
		}, summary: "1 error in ./main.go", hint: "allow the download", place: "main.go:3"},
		{name: "unknown package of the standard library", files: map[string]string{"main.go": "package main\n\nimport _ \"nope\"\n\nfunc main() {}\n"},
			summary: "1 error in ./main.go", place: "main.go:3"},
		{name: "quoted source", files: map[string]string{"main.go": "package main\n\nfunc main() { var i int = \"dial tcp: connection refused, signal: killed, no space left on device\" }\n"},
			summary: "2 errors in ./main.go", place: "main.go:3"},
		{name: "import cycle", files: map[string]string{
			"main.go": "package main\n\nimport _ \"example.com/app/a\"\n\nfunc main() {}\n",
			"a/a.go":  "package a\n\nimport _ \"example.com/app/b\"\n", "b/b.go": "package b\n\nimport _ \"example.com/app/a\"\n",
		}, summary: "import cycle not allowed"},
		{name: "embed", files: map[string]string{"main.go": "package main\n\nimport _ \"embed\"\n\n//go:embed static/*\nvar s string\n\nfunc main() {}\n"},
			summary: "1 error in ./main.go", place: "main.go:5"},
		{name: "assembly", files: map[string]string{"main.go": "package main\n\nfunc f()\n\nfunc main() { f() }\n", "f.s": "TEXT ·f(SB),0,$0\n\tNONSENSE\n"},
			summary: "1 error in ./f.s", place: "f.s:2"},
		{name: "VCS stamp", files: map[string]string{"main.go": tiny, ".git/HEAD": "nonsense"}, flags: []string{"-buildvcs=true"},
			summary: "go could not query the version control system", hint: "-buildvcs=false"},
		{name: "relocation", files: map[string]string{"main.go": "package main\n\nfunc f()\n\nfunc main() { f() }\n", "f.s": ""},
			summary: "relocation target main.f not defined"},
		{name: "cgo header", files: map[string]string{"main.go": "package main\n\n// #include <nope.h>\nimport \"C\"\n\nfunc main() {}\n"}, env: []string{"CGO_ENABLED=1"},
			summary: "1 error in ./main.go", place: "main.go:3"},
		{name: "cgo link", files: map[string]string{"main.go": "package main\n\n// void f(void);\nimport \"C\"\n\nfunc main() { C.f() }\n"}, env: []string{"CGO_ENABLED=1"},
			summary: "undefined reference to"},
		{name: "race without cgo", files: map[string]string{"main.go": tiny}, flags: []string{"-race"}, env: []string{"CGO_ENABLED=0"},
			summary: "-race requires cgo", hint: "CGO_ENABLED=1"},
		{name: "unknown flag", files: map[string]string{"main.go": tiny}, flags: []string{"-nonsense"}, summary: "flag provided but not defined: -nonsense", hint: "build flags"},
		{name: "bad GOFLAGS", files: map[string]string{"main.go": tiny}, env: []string{"GOFLAGS=nonsense"}, summary: "GOFLAGS", hint: "GOFLAGS"},
		{name: "bad ldflags", files: map[string]string{"main.go": tiny}, flags: []string{"-ldflags=nonsense"}, summary: `invalid value "nonsense" for flag -ldflags`, hint: "build flags"},
		{name: "vendor directory out of date", files: map[string]string{
			"go.mod":             "module m\n\ngo 1.21\n\nrequire example.net/none v1.0.0\n",
			"vendor/modules.txt": "# example.net/other v1.0.0\n", "main.go": tiny,
		}, summary: "inconsistent vendoring", hint: "go mod vendor"},
		{name: "HOME and GOCACHE unset", files: map[string]string{"main.go": tiny}, env: []string{"HOME=", "GOCACHE=", "XDG_CACHE_HOME="},
			summary: "build cache is required", hint: "set HOME or GOCACHE"},
		{name: "GOCACHE that cannot be made", files: map[string]string{"main.go": tiny}, env: []string{"GOCACHE=/dev/null/cache"},
			summary: "/dev/null/cache cannot be used", hint: "GOCACHE"},
		{name: "C compiler missing", files: map[string]string{"main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n"}, env: []string{"CGO_ENABLED=1", "CC=no-such-cc"},
			summary: "no-such-cc is not on PATH", hint: "CGO_ENABLED=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if slices.Contains(c.env, "CGO_ENABLED=1") && !strings.Contains(c.name, "missing") {
				needCC(t)
			}
			if _, err := exec.LookPath("git"); err != nil && c.name == "VCS stamp" {
				t.Skip("needs git")
			}
			dir := project(t, c.files)
			b := newBuilder(t, Options{Dir: dir, Package: c.pkg, GoBuild: GoBuild{Flags: c.flags}, Env: testEnv(c.env...)})
			r := build(t, b, 1)
			if r.OK || r.Binary != "" || r.Sum != [32]byte{} || len(names(t, b.bin)) > 0 {
				t.Errorf("something is offered to run: %+v, %v", r, names(t, b.bin))
			}
			if !strings.Contains(r.Summary, c.summary) || strings.Contains(r.Summary, "\n") {
				t.Errorf("summary %q, want %q", r.Summary, c.summary)
			}
			if !strings.Contains(r.Hint, c.hint) || (c.hint == "" && strings.Contains(r.Hint, "$")) {
				t.Errorf("hint %q, want %q", r.Hint, c.hint)
			}
			if c.name == "quoted source" && r.Hint != "" {
				t.Errorf("hint %q", r.Hint)
			}
			if c.place != "" {
				if len(r.Diagnostics) == 0 {
					t.Fatalf("no diagnostics in\n%s", r.Output)
				}
				d := r.Diagnostics[0]
				if got := fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line); got != c.place || len(d.Frame) == 0 {
					t.Errorf("the first diagnostic is at %s with %d lines of code, want %s", got, len(d.Frame), c.place)
				}
			}
			for _, d := range r.Diagnostics {
				if d.Message == "" {
					t.Errorf("a diagnostic without message: %+v", d)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s\ndiagnostics: %+v", r.Output, r.Diagnostics)
			}
		})
	}
}

func needCC(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		if _, err := exec.LookPath("cc"); err != nil {
			t.Skip("needs a C compiler")
		}
	}
}

// B6: no go.mod at all.
func TestNoModule(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main.go", tiny)
	r := build(t, newBuilder(t, Options{Dir: dir}), 1)
	if !strings.Contains(r.Summary, "no go.mod in "+dir) || !strings.Contains(r.Hint, "go mod init") {
		t.Errorf("summary %q, hint %q", r.Summary, r.Hint)
	}
}

// B6: without go at the start New says so; if it goes away later the build does.
func TestGoMissing(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	_, err := New(Options{Dir: dir, Cache: t.TempDir(), Env: testEnv("PATH=" + dir)})
	if err == nil || !strings.Contains(err.Error(), "go is not on PATH") || advice.Hint(err) == "" {
		t.Errorf("New without go: %v", err)
	}

	// Where nothing is built, it is not needed.
	none := newBuilder(t, Options{Dir: dir, Cache: t.TempDir(), Env: testEnv("PATH=" + dir), StepsOnly: true})
	if r := build(t, none, 1); r.OK || r.Summary == "" || none.Group() != "" || none.Flags() != nil {
		t.Errorf("a builder without a program: %+v", r)
	}

	bin := t.TempDir()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, bin, "go", "#!/bin/sh\nexec '"+real+"' \"$@\"\n")
	b := newBuilder(t, Options{Dir: dir, Env: testEnv("PATH=" + bin)})
	one := mustBuild(t, b, 1)
	if err := os.Remove(filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	r := build(t, b, 2)
	if r.OK || r.Summary != "go is not on PATH" || r.Hint == "" {
		t.Errorf("go went away: %+v", r)
	}
	if got := says(t, one.Binary); got != "one" {
		t.Errorf("the last good binary says %q", got)
	}
}

func TestOptions(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{GoBuild: GoBuild{Flags: []string{"-o", "x"}}}, "-o cannot be used"},
		{Options{GoBuild: GoBuild{Flags: []string{"--o=x"}}}, "-o cannot be used"},
		{Options{Env: testEnv("GOFLAGS=-o=x")}, "-o in GOFLAGS cannot be used"},
		{Options{GoBuild: GoBuild{Flags: []string{"-n"}}}, "-n cannot be used"},
		{Options{GoBuild: GoBuild{Flags: []string{"-C", "x"}}}, "-C cannot be used"},
		{Options{GoBuild: GoBuild{Flags: []string{"-buildmode=c-shared"}}}, "-buildmode=c-shared does not produce a program"},
		{Options{GoBuild: GoBuild{Flags: []string{"./x"}}}, `"./x" is not a build flag`},
		{Options{GoBuild: GoBuild{Flags: []string{"-v", "./x"}}}, `"./x" is not a build flag`},
		{Options{Package: "-race"}, "is a flag, not a package"},
		{Options{Command: Step{Argv: []string{"make"}, Shell: "make"}}, "both"},
		{Options{Before: []Step{{}}}, "step 1"},
		{Options{Before: []Step{{Shell: "a", Argv: []string{"b"}}}}, "step 1"},
		{Options{GoBuild: GoBuild{Linker: "gold"}}, "unknown linker"},
		{Options{GoBuild: GoBuild{Linker: "mold"}, Env: testEnv("PATH=" + goDir(t))}, "mold is not on PATH"},
	} {
		c.o.Dir, c.o.Cache = dir, filepath.Join(t.TempDir(), "cache")
		if c.o.Env == nil {
			c.o.Env = testEnv()
		}
		_, err := New(c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.o.Flags, err, c.want)
		}
	}
	// -a and the rest of the flags are the user's business.
	b := newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Flags: []string{"-v", "-n=false", "-p", "1", "-x"}}})
	if r := mustBuild(t, b, 1); !strings.Contains(r.Output, "example.com/app\n") || !strings.Contains(r.Output, "WORK=") {
		t.Errorf("the output of -x is missing: %q", r.Output)
	}
	// What -x prints is not taken for complaints.
	write(t, dir, "main.go", "package main\n\nfunc main() { x }\n")
	if r := build(t, b, 2); len(r.Diagnostics) != 1 || r.Diagnostics[0].Line != 3 {
		t.Errorf("with -x: %+v", r.Diagnostics)
	}
}

// goDir is a directory that has the go command and nothing else.
func goDir(t *testing.T) string {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if real, err = filepath.EvalSymlinks(real); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(real, filepath.Join(dir, "go")); err != nil {
		t.Skip("no symbolic links")
	}
	return dir
}

// W12: names that shells, globs and flag parsers stumble over.
func TestOddPaths(t *testing.T) {
	for i, name := range []string{"with space", "$HOME", `quo"te's`, "ünïcödé 世界", "-dash", "a=b", "*", "x:y.go"} {
		t.Run(name, func(t *testing.T) {
			if i%3 != 0 {
				testkit.Slow(t)
			}
			t.Parallel()
			root := filepath.Join(t.TempDir(), name)
			write(t, root, "app/go.mod", "module example.com/app\n\ngo 1.21\n")
			write(t, root, "app/cmd/main.go", tiny)
			dir := filepath.Join(root, "app")
			b := newBuilder(t, Options{Dir: dir, Package: "./cmd", Name: name, Cache: filepath.Join(root, "cache")})
			if r := mustBuild(t, b, 1); says(t, r.Binary) != "one" {
				t.Error("wrong program")
			}
			write(t, dir, "cmd/main.go", "package main\n\nfunc main() { x() }\n")
			r := build(t, b, 2)
			if len(r.Diagnostics) != 1 || r.Diagnostics[0].File != filepath.Join(dir, "cmd", "main.go") || len(r.Diagnostics[0].Frame) != 3 {
				t.Errorf("diagnostics %+v of\n%s", r.Diagnostics, r.Output)
			}
			write(t, dir, "cmd/main.go", tiny)
			c := newBuilder(t, Options{Dir: dir, Name: name + "2", Cache: filepath.Join(root, "cache"), Command: Step{Argv: []string{"go", "build", "-o", "out/my app", "./cmd"}}, Output: "out/my app"})
			if r := mustBuild(t, c, 1); says(t, r.Binary) != "one" {
				t.Error("wrong program of the command")
			}
		})
	}
}

// A relative name of a linked directory stays as the user wrote it.
func TestLinkedDirectory(t *testing.T) {
	real := project(t, map[string]string{"main.go": "package main\n\nfunc main() { x() }\n"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no symbolic links")
	}
	r := build(t, newBuilder(t, Options{Dir: link}), 1)
	if len(r.Diagnostics) != 1 || r.Diagnostics[0].File != filepath.Join(link, "main.go") {
		t.Errorf("diagnostics %+v", r.Diagnostics)
	}
	if err := os.Remove(filepath.Join(real, "main.go")); err != nil {
		t.Fatal(err)
	}
	r = build(t, newBuilder(t, Options{Dir: link}), 2)
	if r.Summary != "no Go files in "+link {
		t.Errorf("summary %q", r.Summary)
	}
}

// B8: -ldflags of GOFLAGS and of the settings, tags of both, CGO_ENABLED, -mod=vendor.
func TestUsersFlags(t *testing.T) {
	dir := project(t, map[string]string{
		"main.go": "package main\n\nvar a, b = \"-\", \"-\"\n\nfunc main() { println(a, b, one, two, cgo) }\n",
		"one.go":  "//go:build one\n\npackage main\n\nconst one = 1\n", "not1.go": "//go:build !one\n\npackage main\n\nconst one = 0\n",
		"two.go": "//go:build two\n\npackage main\n\nconst two = 1\n", "not2.go": "//go:build !two\n\npackage main\n\nconst two = 0\n",
		"cgo.go": "//go:build cgo\n\npackage main\n\nconst cgo = 1\n", "not3.go": "//go:build !cgo\n\npackage main\n\nconst cgo = 0\n",
	})
	for i, c := range []struct {
		name string
		o    Options
		env  []string
		want string
	}{
		{"none", Options{}, []string{"CGO_ENABLED=0"}, "- - 0 0 0"},
		{"GOFLAGS", Options{}, []string{"CGO_ENABLED=0", "GOFLAGS='-ldflags=-X main.a=A -X=main.b=B' -tags=one"}, "A B 1 0 0"},
		{"flags", Options{GoBuild: GoBuild{Flags: []string{"-ldflags", "-X main.a=A", "-tags=two"}}}, []string{"CGO_ENABLED=0"}, "A - 0 1 0"},
		{"both", Options{GoBuild: GoBuild{Flags: []string{"-ldflags=-X 'main.a=A A'", "-tags", "two"}}}, []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-X=main.b=B -tags=one"}, "A A B 1 1 0"},
		{"both, the later wins", Options{GoBuild: GoBuild{Flags: []string{"-ldflags=-X main.a=later"}}}, []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-X=main.a=earlier"}, "later - 0 0 0"},
		{"pattern", Options{GoBuild: GoBuild{Flags: []string{"-ldflags=example.com/...=-X main.a=A"}}}, []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-X=main.b=B"}, "A B 0 0 0"},
		{"pattern that does not match", Options{GoBuild: GoBuild{Flags: []string{"-ldflags=example.net/...=-X main.a=A"}}}, []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-X=main.b=B"}, "- B 0 0 0"},
		{"emptied", Options{GoBuild: GoBuild{Flags: []string{"-ldflags="}}}, []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-X=main.b=B"}, "- - 0 0 0"},
		{"tags", Options{GoBuild: GoBuild{Tags: []string{"two"}, Flags: []string{"-tags=one,three"}}}, []string{"CGO_ENABLED=0"}, "- - 1 1 0"},
		{"cgo", Options{}, []string{"CGO_ENABLED=1"}, "- - 0 0 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if i%3 != 0 {
				testkit.Slow(t)
			}
			t.Parallel()
			if slices.Contains(c.env, "CGO_ENABLED=1") {
				needCC(t)
			}
			c.o.Dir, c.o.Env = dir, testEnv(c.env...)
			b := newBuilder(t, c.o)
			r := mustBuild(t, b, 1)
			if got := says(t, r.Binary); got != c.want {
				t.Errorf("the program says %q, want %q\n%q", got, c.want, b.Flags())
			}
			// Ours are there too: no DWARF, and our build ID.
			if data, err := os.ReadFile(r.Binary); err != nil || bytes.Contains(data, []byte(".debug_info")) || bytes.Contains(data, []byte(".zdebug_info")) || buildIDOf(t, r.Binary) != "hotreload/app" {
				t.Errorf("DWARF or another build ID is in the binary (%v)\n%q", err, b.Flags())
			}
		})
	}
}

// buildIDOf asks the go command for the build ID of a program.
func buildIDOf(t *testing.T, path string) string {
	t.Helper()
	id, err := exec.Command("go", "tool", "buildid", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(id))
}

// B8: the user's own build ID, DWARF and VCS stamp win over the defaults.
func TestUsersFlagsWin(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	b := newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Flags: []string{"-ldflags=-buildid=mine -w=0"}}})
	r := mustBuild(t, b, 1)
	data, err := os.ReadFile(r.Binary)
	if err != nil || buildIDOf(t, r.Binary) != "mine" || !bytes.Contains(data, []byte(".debug_info")) && !bytes.Contains(data, []byte(".zdebug_info")) {
		t.Errorf("the user's -ldflags do not win: %v %q", err, b.Flags())
	}
	b = newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Flags: []string{"-pgo=auto"}}, Env: testEnv("GOFLAGS=-buildvcs=auto")})
	for _, a := range b.Flags() {
		if a == "-pgo=off" || a == "-buildvcs=false" {
			t.Errorf("the user's flag does not win: %q", b.Flags())
		}
	}
	mustBuild(t, b, 1)
	b = newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{DWARF: true}})
	if data, err := os.ReadFile(mustBuild(t, b, 1).Binary); err != nil || !bytes.Contains(data, []byte(".debug_info")) {
		t.Errorf("DWARF is missing or compressed: %v %q", err, b.Flags())
	}
}

// B8: GOFLAGS=-mod=vendor builds from the vendor directory.
func TestVendor(t *testing.T) {
	dir := project(t, map[string]string{
		"go.mod":                        "module example.com/app\n\ngo 1.21\n\nrequire example.net/dep v1.0.0\n",
		"vendor/modules.txt":            "# example.net/dep v1.0.0\n## explicit; go 1.21\nexample.net/dep\n",
		"vendor/example.net/dep/dep.go": "package dep\n\nconst Name = \"vendored\"\n",
		"main.go":                       "package main\n\nimport \"example.net/dep\"\n\nfunc main() { println(dep.Name) }\n",
	})
	b := newBuilder(t, Options{Dir: dir, Env: testEnv("GOFLAGS=-mod=vendor")})
	if r := mustBuild(t, b, 1); says(t, r.Binary) != "vendored" {
		t.Error("wrong program")
	}
}

// B8: -race.
func TestRace(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library with the race detector")
	}
	needCC(t)
	dir := project(t, map[string]string{
		"main.go": tiny, "race.go": "//go:build race\n\npackage main\n\nfunc init() { println(\"race\") }\n",
	})
	b := newBuilder(t, Options{Dir: dir, GoBuild: GoBuild{Race: true}, Env: testEnv("CGO_ENABLED=1")})
	if got := says(t, mustBuild(t, b, 1).Binary); got != "race\none" {
		t.Errorf("the program says %q", got)
	}
}

// B4: a missing or unwritable TMPDIR does no harm, not even to an external link.
func TestBrokenTmpdir(t *testing.T) {
	needCC(t)
	dir := project(t, map[string]string{"main.go": "package main\n\n// int f(void) { return 7; }\nimport \"C\"\n\nfunc main() { println(C.f()) }\n"})
	b := newBuilder(t, Options{Dir: dir, Env: testEnv("TMPDIR=/dev/null/none", "CGO_ENABLED=1")})
	if r := mustBuild(t, b, 1); says(t, r.Binary) != "7" {
		t.Error("wrong program")
	}
}

// B4: a cache that goes away is made again; one that cannot be made is named.
func TestCacheDirectory(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	cache := filepath.Join(t.TempDir(), "cache")
	b := newBuilder(t, Options{Dir: dir, Cache: cache})
	mustBuild(t, b, 1)
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, b, 2)
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(cache), "cache", "in the way")
	r := build(t, b, 3)
	if r.OK || !strings.Contains(r.Summary, cache) {
		t.Errorf("summary %q does not name %s", r.Summary, cache)
	}
	_, err := New(Options{Dir: dir, Cache: cache, Env: testEnv()})
	if err == nil || !strings.Contains(err.Error(), cache) {
		t.Errorf("New: %v", err)
	}
}

// What dead sessions left is removed once per process: a builder made later, for another
// service or after an edit of the configuration, leaves alone what runs.
func TestStaleFiles(t *testing.T) {
	dir := project(t, map[string]string{"main.go": tiny})
	cache := filepath.Join(t.TempDir(), "cache")
	write(t, cache, "bin/old-17", "x")
	write(t, cache, "tmp/old-18/go-build123/b001/x.o", "x")
	write(t, cache, "log/build-old-18.log", "x")
	write(t, cache, "state/keep", "not ours")
	b := newBuilder(t, Options{Dir: dir, Cache: cache, Name: "a"})
	for _, d := range []string{"bin", "tmp", "log"} {
		if left := names(t, filepath.Join(cache, d)); len(left) > 0 {
			t.Errorf("%s: %v", d, left)
		}
	}
	if _, err := os.Stat(filepath.Join(cache, "state", "keep")); err != nil {
		t.Error("a directory of another user was touched")
	}
	one := mustBuild(t, b, 1)
	for _, name := range []string{"a", "b"} {
		other := newBuilder(t, Options{Dir: dir, Cache: cache, Name: name})
		if got := says(t, one.Binary); got != "one" {
			t.Errorf("after New(%s): %q", name, got)
		}
		mustBuild(t, other, 2)
	}
}

// The probe of the toolchain is repeated when `go env -w` has changed its file.
func TestGoEnvFile(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n\nvar v = \"-\"\n\nfunc main() { println(v) }\n"})
	file := filepath.Join(t.TempDir(), "goenv")
	b := newBuilder(t, Options{Dir: dir, Env: testEnv("GOENV=" + file)})
	if got := says(t, mustBuild(t, b, 1).Binary); got != "-" {
		t.Errorf("before: %q", got)
	}
	if err := os.WriteFile(file, []byte("GOFLAGS=-ldflags=-X=main.v=set\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := says(t, mustBuild(t, b, 2).Binary); got != "set" {
		t.Errorf("after go env -w: %q", got)
	}
}
