package gograph

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// Names that the rules of //go:embed tell apart: plain, hidden, such as no module may hold, and a nested module's go.mod.
// The first are the most likely: a single bad name makes go refuse a whole pattern.
var embedNames = []string{"a", "b.txt", "c.html", "dir", "sub", "d.css", ".hidden", "_under", "x y.txt", "é.txt", "t_test.go", "z~1",
	"{b}", "[a].txt", "with#hash", "go.mod", ".git", ".svn", "q'uote", "aux.txt", "a."}

func embedName(r *rand.Rand) string {
	return embedNames[min(r.IntN(len(embedNames)), r.IntN(len(embedNames)), r.IntN(len(embedNames)))]
}

type treeFile struct{ name, link string } // slash-separated

// randomTree invents files.
func randomTree(r *rand.Rand) (files []treeFile) {
	var fill func(dir string, depth int)
	fill = func(dir string, depth int) {
		seen := make(map[string]bool)
		for range 1 + r.IntN(5) {
			base := embedName(r)
			name := path.Join(dir, base)
			if seen[base] || name == "go.mod" {
				continue
			}
			seen[base] = true
			switch n := r.IntN(20); {
			case n < 9 && depth < 3 && base != "go.mod":
				fill(name, depth+1)
			case n == 19 && depth > 0:
				files = append(files, treeFile{name, []string{"a", "dir", "nowhere"}[r.IntN(3)]})
			default:
				files = append(files, treeFile{name, ""})
			}
		}
	}
	for len(files) == 0 {
		fill("", 0)
	}
	return files
}

// randomPattern invents a pattern that is likely to match one of the files.
func randomPattern(r *rand.Rand, files []treeFile) string {
	elems := strings.Split(files[r.IntN(len(files))].name, "/")
	elems = elems[:1+r.IntN(len(elems))]
	for i, e := range elems {
		first := []rune(e)[:1]
		switch r.IntN(9) {
		case 0:
			elems[i] = "*"
		case 1:
			elems[i] = string(first) + "*"
		case 2:
			elems[i] = "[a-" + string(max(first[0], 'a')) + "]*"
		case 3:
			elems[i] = "*" + path.Ext(e)
		case 4:
			elems[i] = "[^.]*"
		default:
			elems[i] = strings.NewReplacer("[", `\[`, "*", `\*`).Replace(e)
		}
	}
	p := strings.Join(elems, "/")
	if r.IntN(3) == 0 {
		p = "all:" + p
	}
	return p
}

// newSeed is what a failure names; GOGRAPH_SEED=N does that round again.
func newSeed(t *testing.T) uint64 {
	if s := os.Getenv("GOGRAPH_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return rand.Uint64()
}

// L8: for random trees and patterns, a graph that was loaded before the files existed calls exactly those inputs that go list
// then embeds; and a graph loaded afterwards agrees.
func TestEmbedAgainstGo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the file names are not possible on Windows")
	}
	const packages = 120
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	compared, matched, refused := 0, 0, 0
	for round := range rounds {
		seed := newSeed(t)
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		dir := project(t, "-- go.mod --\nmodule example.com/e\n\ngo 1.25\n")
		var imports strings.Builder
		files := make([][]treeFile, packages)
		for i := range packages {
			files[i] = randomTree(r)
			var lines strings.Builder
			for range 1 + r.IntN(3)/2 {
				fmt.Fprintf(&lines, "//go:embed %q\n", randomPattern(r, files[i]))
			}
			write(t, dir, fmt.Sprintf("-- p%d/p.go --\npackage p\n\nimport \"embed\"\n\n%svar F embed.FS\n", i, lines.String()))
			fmt.Fprintf(&imports, "import _ \"example.com/e/p%d\"\n", i)
		}
		write(t, dir, "-- main.go --\npackage main\n\n"+imports.String()+"\nfunc main() {}\n")
		before := load(t, Options{Dir: dir})
		for i := range packages {
			for _, f := range files[i] {
				full := filepath.Join(dir, fmt.Sprintf("p%d", i), filepath.FromSlash(f.name))
				err := os.MkdirAll(filepath.Dir(full), 0o755)
				if err == nil && f.link != "" {
					err = os.Symlink(f.link, full)
				} else if err == nil {
					err = os.WriteFile(full, nil, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		after := load(t, Options{Dir: dir})
		for i := range packages {
			pdir := filepath.Join(dir, fmt.Sprintf("p%d", i))
			p := after.packages[pdir]
			if slices.ContainsFunc(after.problems, func(s string) bool { return strings.Contains(s, fmt.Sprintf("p%d/p.go:", i)) }) {
				refused++ // go embeds nothing at all then, so there is nothing to compare with
				continue
			}
			for _, f := range files[i] {
				f := f.name
				want := has(p.embeds, f)
				compared++
				if want {
					matched++
				}
				// The broken graphs (a pattern without match is an error) call much an input; ask for the rule alone.
				for name, g := range map[string]*Graph{"before": before, "after": after} {
					_, got := g.embedded(filepath.Join(pdir, filepath.FromSlash(f)))
					if path.Base(f) == "go.mod" && got && !want {
						continue // it ends the embedded tree, which is a change too
					}
					if got != want {
						t.Errorf("seed %d: %s: %q in a package that embeds %q: %v, go list says %v", seed, name, f, p.patterns, got, want)
					}
				}
				if want && !has(after.dirs, filepath.Dir(filepath.Join(pdir, filepath.FromSlash(f)))) {
					t.Errorf("seed %d: the directory of %q is not among Dirs", seed, f)
				}
			}
		}
	}
	t.Logf("%d files compared, %d embedded; %d packages refused by go", compared, matched, refused)
	if compared < 100*rounds || matched < 20*rounds {
		t.Errorf("too little was compared: the test proves nothing")
	}
}

// Where a new file may come to match, the directory is to be watched: after adding one file to each of Dirs, go list's files
// lie in directories that the graph named before.
func TestEmbedDirsKnownBefore(t *testing.T) {
	dir := project(t, `
-- go.mod --
module example.com/e

go 1.25
-- main.go --
package main

import "embed"

//go:embed static views/*.html */deep/x.txt all:dot
var F embed.FS

func main() {}
-- static/a/b/c/keep.txt --
-- static/empty/.gitkeep --
-- static/.hidden/x --
-- static/nested/go.mod --
-- static/nested/x --
-- views/a.html --
-- one/deep/x.txt --
-- two/deep/other.txt --
-- dot/.hidden/x --
-- far/away/y --
`)
	g := load(t, Options{Dir: dir})
	if g.Broken() {
		t.Fatal(g.problems)
	}
	same(t, "dirs", rel(t, dir, g.Dirs()), []string{".", "dot", "dot/.hidden", "far", "one", "one/deep", "static", "static/a",
		"static/a/b", "static/a/b/c", "static/empty", "two", "two/deep", "views"})
	checkVerdicts(t, g, dir, []verdict{
		{"static/new.css", "+", "embedded by example.com/e (//go:embed static)"},
		{"static/brand/new/dir/x", "+", "embedded"},
		{"static/a/b/c/keep.txt", "+", "embedded"},
		{"static/empty/.gitkeep", "-", ""},
		{"static/x_test.go", "+", "embedded"}, // a file of data like any other
		{"static/nested/x", "-", ""},
		{"static/nested/go.mod", "+", "embedded"}, // its removal lets the directory in
		{"static/a/go.mod", "+", "embedded"},      // its coming keeps the directory out
		{"views/b.html", "+", "(//go:embed views/*.html)"},
		{"views/b.txt", "-", "not part of the build"},
		{"views/sub/b.html", "-", "not part of the build"},
		{"three/deep/x.txt", "+", "embedded"},
		{"two/deep/x.txt", "+", "embedded"},
		{"dot/_under/x", "+", "(//go:embed all:dot)"},
		{"dot/.git/x", "-", ""},
	})
}

// L7, L8: for random file names and headers, Verdict agrees with the lists of go list about every file of a package, asked
// with a graph that was loaded before the files existed.
func TestSourcesAgainstGo(t *testing.T) {
	stems := []string{"a", "b_linux", "c_windows", "d_amd64", "e_arm64", "f_linux_amd64", "g_windows_amd64", "h_test", "i_linux_test", "_j", ".k",
		"linux", "windows", "l_unix", "m_bar_windows", "n_android", "o.p", "q_windows.r", "s_js_wasm", "t_wasip1"}
	exts := []string{".go", ".go", ".go", ".go", ".c", ".h", ".s", ".S", ".syso", ".cc", ".txt", ".m", ".swig", ".f90", ""}
	headers := []string{"", "", "//go:build linux\n\n", "//go:build !linux\n\n", "//go:build ignore\n\n", "//go:build foo\n\n", "//go:build foo && !bar\n\n",
		"// +build windows\n\n", "//go:build cgo\n\n", "//go:build go1.21\n\n", "//go:build go1.99\n\n", "//go:build unix || windows\n\n", "//go:build race\n\n",
		"// words\n\n//go:build windows\n\n", "/* words\n*/\n//go:build arm64\n\n", "//go:build gc\n\n", "//go:build amd64.v1\n\n", "//go:build (\n\n"}
	bodies := []string{"package p\n", "package p\n", "package p\n", "package documentation\n", "package p\n\nimport \"C\"\n", "package p\n\nimport _ \"fmt\"\n\nfunc {"}
	const packages = 60
	compared, inputs := 0, 0
	for _, env := range [][]string{{"CGO_ENABLED=1"}, {"CGO_ENABLED=0"}, {"CGO_ENABLED=1", "GOOS=windows", "GOARCH=arm64"}} {
		seed := newSeed(t)
		r := rand.New(rand.NewPCG(seed, 7))
		dir := project(t, "-- go.mod --\nmodule example.com/s\n\ngo 1.25\n")
		var imports strings.Builder
		for i := range packages {
			body := "package p\n"
			if i%3 == 0 {
				body += "\nimport \"C\"\n"
			}
			write(t, dir, fmt.Sprintf("-- p%d/base.go --\n%s-- p%d/pure.go --\npackage p\n", i, body, i))
			fmt.Fprintf(&imports, "import _ \"example.com/s/p%d\"\n", i)
		}
		write(t, dir, "-- main.go --\npackage main\n\n"+imports.String()+"\nfunc main() {}\n")
		o := Options{Dir: dir, Tags: []string{"foo"}, Flags: []string{"-race=false"}, Env: testEnv(env...)}
		before := load(t, o)
		if before.Broken() {
			t.Fatal(before.problems)
		}
		names := make([]map[string]Verdict, packages)
		for i := range packages {
			names[i] = make(map[string]Verdict)
			for range 6 {
				name := stems[r.IntN(len(stems))] + exts[r.IntN(len(exts))]
				content := headers[r.IntN(len(headers))] + bodies[r.IntN(len(bodies))]
				file := filepath.Join(dir, fmt.Sprintf("p%d", i), name)
				if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				names[i][name] = before.Verdict(file)
			}
			// Written twice, a file was judged by the content that it had then.
			for name := range names[i] {
				names[i][name] = before.Verdict(filepath.Join(dir, fmt.Sprintf("p%d", i), name))
			}
		}
		after := load(t, o)
		for i := range packages {
			p := after.packages[filepath.Join(dir, fmt.Sprintf("p%d", i))]
			base := before.packages[p.dir]
			if p.cgo != base.cgo {
				continue // a new file has made it a cgo package, by which .S files come in: found out by the refresh
			}
			for name, v := range names[i] {
				want := has(p.files, name)
				if want && !v.Input && gocmd.NeedsCgo(name) && env[0] == "CGO_ENABLED=0" {
					continue // go list has stopped at another error of the package before it drops these
				}
				data, _ := os.ReadFile(filepath.Join(p.dir, name))
				if !want && strings.HasPrefix(string(data), "//go:build (\n") {
					// The build stops at such a file, but once go has made an index of the directory (which it does for
					// files older than two seconds), it leaves the file out of its lists.
					want = filepath.Ext(name) == ".go" && v.Input
				}
				compared++
				if want {
					inputs++
				}
				if v.Input != want {
					t.Errorf("seed %d %v: %s: %+v, go list says %v; content:\n%s", seed, env, name, v, want, data)
				}
				if v.Reason == "" {
					t.Errorf("seed %d: %s: no reason", seed, name)
				}
			}
		}
	}
	t.Logf("%d files compared, %d of them inputs", compared, inputs)
	if compared < 300 || inputs < 100 {
		t.Error("too little was compared: the test proves nothing")
	}
}

// L8: the output of a bundler that is not there yet.
func TestEmbedMissingDir(t *testing.T) {
	dir := project(t, "-- go.mod --\nmodule example.com/e\n\ngo 1.25\n-- main.go --\npackage main\n\nimport \"embed\"\n\n//go:embed web/dist lib/*/x.txt\nvar F embed.FS\n\nfunc main() {}\n")
	g := load(t, Options{Dir: dir})
	if !g.Broken() {
		t.Error("a pattern without match is an error")
	}
	same(t, "dirs", rel(t, dir, g.Dirs()), []string{".", "lib", "web", "web/dist"})
	checkVerdicts(t, g, dir, []verdict{{"web/dist/assets/app.js", "+", "embedded by example.com/e (//go:embed web/dist)"}})
	write(t, dir, "-- web/dist/index.html --\n-- lib/a/x.txt --\n")
	if g := load(t, Options{Dir: dir}); g.Broken() {
		t.Error(g.problems)
	}
}
