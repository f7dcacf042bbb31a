package direct

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	editCount = flag.Int("identity.edits", 0, "edits of the long run of TestD1Identity over real modules; 0: the short run")
	editSeed  = flag.Uint64("identity.seed", 1, "seed of the edits")
)

// TestD1Identity makes random edits, and wants every program that the engine makes to be that of go build, byte for byte.
// Short, it edits two small modules; `make identity` edits real ones from the module proxy, too.
func TestD1Identity(t *testing.T) {
	if *editCount == 0 {
		n := 24
		if testing.Short() {
			n = 4
		}
		t.Run("program", func(t *testing.T) { identity(t, newWorld(t, module(t, program), ".", noDebug), n, *editSeed) })
		t.Run("workspace", func(t *testing.T) {
			dir := module(t, workspace)
			identity(t, newWorld(t, filepath.Join(dir, "app"), "./cmd/run", noDebug), n/2, *editSeed+1)
		})
		return
	}
	// Each round has other flags, and begins with the modules as they were.
	const round = 50
	rounds := (*editCount + round - 1) / round
	kinds := realModules()
	variants := [][]string{
		noDebug,
		defaults,
		{"-buildvcs=false", "-pgo=off", "-ldflags=-buildid=hotreload/app", "-trimpath"},
		{"-buildvcs=false", "-pgo=off", "-ldflags=-w -buildid=hotreload/app", "-gcflags=-N -l"},
		{"-buildvcs=false", "-pgo=off", "-ldflags=-w -buildid=hotreload/app", "-tags=never,zz"},
	}
	for i := range rounds {
		m := kinds[i%len(kinds)]
		flags := variants[(i/len(kinds))%len(variants)]
		t.Run(fmt.Sprintf("%d-%s", i, m.name), func(t *testing.T) {
			dir, pkg := m.make(t)
			identity(t, newWorld(t, dir, pkg, flags, m.env...), round, *editSeed+uint64(i))
		})
	}
}

// workspace is two modules under a go.work, of which one is vendored when it is used alone.
var workspace = map[string]string{
	"go.work":    "go 1.24\n\nuse (\n\t./app\n\t./lib\n)\n",
	"app/go.mod": "module example.com/app\n\ngo 1.24\n\nrequire example.com/lib v0.0.0\n",
	"app/cmd/run/main.go": `package main

import (
	"fmt"
	"sort"

	"example.com/app/inner"
	"example.com/lib"
)

type byName []inner.Item

func (b byName) Len() int           { return len(b) }
func (b byName) Less(i, j int) bool { return b[i].Name < b[j].Name }
func (b byName) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

func main() {
	items := inner.Items(4)
	sort.Sort(byName(items))
	for i, it := range items {
		fmt.Printf("%d %s %v\n", i, it.Name, lib.Sum(it.Values...))
	}
}
`,
	"app/inner/inner.go": `package inner

import "example.com/lib"

// Item is an item.
type Item struct {
	Name   string
	Values []float64
}

// Items makes some.
func Items(n int) (out []Item) {
	for i := range n {
		it := Item{Name: string(rune('z' - i))}
		for j := 0; j <= i; j++ {
			it.Values = append(it.Values, lib.Scale(float64(j), 1.5))
		}
		out = append(out, it)
	}
	return out
}
`,
	"lib/go.mod": "module example.com/lib\n\ngo 1.24\n",
	"lib/lib.go": `package lib

type number interface{ ~int | ~float64 }

// Sum adds.
func Sum[N number](list ...N) (total N) {
	for _, n := range list {
		total += n
	}
	return total
}

// Scale multiplies.
func Scale(f, by float64) float64 { return f * by }

// Stack is one.
type Stack[T any] struct{ list []T }

// Push puts one on it.
func (s *Stack[T]) Push(v T) { s.list = append(s.list, v) }
`,
}

// realModule is one that others have written.
type realModule struct {
	name string
	env  []string
	make func(t *testing.T) (dir, pkg string)
}

func realModules() []realModule {
	command := func(t *testing.T, dir string, args ...string) {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, text)
		}
	}
	fetched := func(name, mod, pkg string, env []string, more func(t *testing.T, dir string)) realModule {
		return realModule{name, env, func(t *testing.T) (string, string) {
			out, err := exec.Command("go", "mod", "download", "-json", mod).Output()
			if err != nil {
				t.Fatalf("go mod download %s: %v\n%s", mod, err, out)
			}
			_, rest, ok := strings.Cut(string(out), `"Dir": "`)
			from, _, ok2 := strings.Cut(rest, `"`)
			if !ok || !ok2 {
				t.Fatalf("go mod download says %s", out)
			}
			dir := module(t, nil)
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			filepath.WalkDir(dir, func(p string, e fs.DirEntry, _ error) error {
				if e.IsDir() {
					return os.Chmod(p, 0o755)
				}
				return os.Chmod(p, 0o644)
			})
			if more != nil {
				more(t, dir)
			}
			command(t, dir, "build", "-o", os.DevNull, pkg) // fetches what it needs
			return dir, pkg
		}}
	}
	return []realModule{
		{"program", nil, func(t *testing.T) (string, string) { return module(t, program), "." }},
		{"workspace", nil, func(t *testing.T) (string, string) {
			return filepath.Join(module(t, workspace), "app"), "./cmd/run"
		}},
		// generics, many packages, inlining across them
		fetched("gofumpt", "mvdan.cc/gofumpt@v0.9.1", ".", nil, nil),
		fetched("stringer", "golang.org/x/tools@v0.30.0", "./cmd/stringer", nil, nil),
		// a large one
		fetched("staticcheck", "honnef.co/go/tools@v0.6.1", "./cmd/staticcheck", nil, nil),
		// vendored
		fetched("shfmt-vendored", "mvdan.cc/sh/v3@v3.12.0", "./cmd/gosh", nil, func(t *testing.T, dir string) {
			command(t, dir, "mod", "vendor")
		}),
		// embedded files
		fetched("chroma", "github.com/alecthomas/chroma/v2@v2.14.0", "./zz", nil, func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "zz/main.go"), "package main\n\nimport (\n\t\"os\"\n\n\t\"github.com/alecthomas/chroma/v2/quick\"\n)\n\nfunc main() { quick.Highlight(os.Stdout, \"package p\", \"go\", \"html\", \"monokai\") }\n")
		}),
		// cgo, linked by the C compiler
		fetched("sqlite3", "github.com/mattn/go-sqlite3@v1.14.24", "./zz", []string{"CGO_ENABLED=1"}, func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "zz/main.go"), "package main\n\nimport (\n\t\"fmt\"\n\n\t\"github.com/mattn/go-sqlite3\"\n\t\"github.com/mattn/go-sqlite3/zz/in\"\n)\n\nfunc main() { v, _, _ := sqlite3.Version(); fmt.Println(v, in.In(\"x\")) }\n")
			writeFile(t, filepath.Join(dir, "zz/in/in.go"), "package in\n\nimport \"strings\"\n\n// In is in.\nfunc In(s string) string {\n\treturn strings.ToUpper(s + \"in\")\n}\n")
		}),
	}
}

// editor makes random edits of the local files of a program.
type editor struct {
	w     *world
	r     *rand.Rand
	n     int
	files []string          // of Go, part of the program
	data  []string          // embedded
	dirs  []string          // of packages
	first map[string]string // as it was in the beginning
	added []string
	undo  map[string]string // what the last edit has changed; "": was not there
}

func newEditor(w *world, seed uint64) *editor {
	ed := &editor{w: w, r: rand.New(rand.NewPCG(seed, 77)), first: map[string]string{}}
	for _, f := range w.e.recipe.files {
		if f.kind != source && f.kind != embedded {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			w.t.Fatal(err)
		}
		ed.first[f.path] = string(text)
		if f.kind == source {
			ed.files = append(ed.files, f.path)
		} else if len(text) < 1<<16 {
			ed.data = append(ed.data, f.path)
		}
	}
	for _, d := range w.e.recipe.dirs {
		if !d.embed {
			ed.dirs = append(ed.dirs, d.path)
		}
	}
	return ed
}

func (ed *editor) read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		ed.w.t.Fatal(err)
	}
	return string(text)
}

// write remembers what was there, and writes in one of the ways that editors do.
func (ed *editor) write(path, text string) {
	t := ed.w.t
	if _, ok := ed.undo[path]; !ok {
		old, _ := os.ReadFile(path)
		ed.undo[path] = string(old)
	}
	st, statErr := os.Stat(path)
	if text != "" && ed.r.IntN(3) == 0 {
		tmp := path + "~"
		writeFile(t, tmp, text)
		if err := os.Rename(tmp, path); err != nil {
			t.Fatal(err)
		}
	} else {
		writeFile(t, path, text)
	}
	if statErr == nil && text != "" && ed.r.IntN(4) == 0 {
		if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
}

func (ed *editor) pick(list []string) string { return list[ed.r.IntN(len(list))] }

// revert takes the last edit back.
func (ed *editor) revert() {
	undo := ed.undo
	ed.undo = map[string]string{}
	for path, text := range undo {
		if _, err := os.Stat(path); err != nil && text == "" {
			continue
		}
		ed.write(path, text)
	}
	ed.added = slices.DeleteFunc(ed.added, func(p string) bool { _, err := os.Stat(p); return err != nil })
}

// halfway builds while package main, which is compiled last, does not compile: a cascade that gets as far as that must not
// count when package main is fixed.
func (ed *editor) halfway() {
	t, p := ed.w.t, ed.w.e.recipe
	if p == nil || len(p.link.main.files) == 0 {
		return
	}
	file := p.files[p.link.main.files[0]].path
	text, err := os.ReadFile(file)
	if err != nil {
		return // removed by the edit
	}
	writeFile(t, file, string(text)+"\nvar _ = brokenOnPurpose\n")
	if _, _, err := ed.w.direct(); !errors.Is(err, ErrFallback) {
		t.Fatalf("package main is broken, and the engine says %v", err)
	}
	writeFile(t, file, string(text))
}

// edit makes one, and says what.
func (ed *editor) edit() string {
	ed.undo = map[string]string{}
	for {
		ed.n++
		if ed.r.IntN(7) == 0 {
			if len(ed.data) > 0 && ed.r.IntN(3) == 0 {
				f := ed.pick(ed.data)
				ed.write(f, ed.read(f)+fmt.Sprintf("edit %d\n", ed.n))
				return "embedded file " + f
			}
			if what := ed.rare(); what != "" {
				return what
			}
			continue
		}
		var done []string
		for range 1 + ed.r.IntN(8)/7*ed.r.IntN(4) {
			f := ed.pick(ed.files)
			if _, err := os.Stat(f); err != nil {
				continue
			}
			if text, what := ed.change(ed.read(f)); what != "" {
				ed.write(f, text)
				done = append(done, what+" in "+f)
			}
		}
		if len(done) > 0 {
			return strings.Join(done, "; ")
		}
	}
}

// rare are the edits that a recipe cannot foresee, and some that undo much.
func (ed *editor) rare() string {
	switch ed.r.IntN(7) {
	case 0: // another file
		d := ed.pick(ed.dirs)
		name := ed.packageName(d)
		if name == "" {
			return ""
		}
		p := filepath.Join(d, fmt.Sprintf("zz_%d.go", ed.n))
		tag := ed.pick([]string{"", "//go:build zz\n\n", "//go:build !zz\n\n"})
		ed.write(p, fmt.Sprintf("%spackage %s\n\nfunc zz%d() int { return %d }\n\nvar _ = zz%d\n", tag, name, ed.n, ed.n, ed.n))
		ed.added = append(ed.added, p)
		return "added " + p
	case 1: // one file less
		if len(ed.added) == 0 {
			return ""
		}
		p := ed.pick(ed.added)
		ed.write(p, "")
		ed.added = slices.DeleteFunc(ed.added, func(s string) bool { return s == p })
		return "removed " + p
	case 2: // an import
		f := ed.pick(ed.files)
		text := ed.read(f)
		i := strings.Index(text, "\nimport ")
		if i < 0 {
			return ""
		}
		if j := strings.Index(text, "import _ \"unicode/utf16\"\n"); j >= 0 {
			ed.write(f, text[:j]+text[j+len("import _ \"unicode/utf16\"\n"):])
			return "import removed in " + f
		}
		ed.write(f, text[:i+1]+"import _ \"unicode/utf16\"\n"+text[i+1:])
		return "import added in " + f
	case 3: // a constraint or setting at the top
		f := ed.pick(ed.files)
		text := ed.read(f)
		top := ed.pick([]string{"//go:build !never\n\n", "//go:build never\n\n", "//go:debug panicnil=1\n", "// a comment\n\n"})
		if rest, ok := strings.CutPrefix(text, top); ok {
			ed.write(f, rest)
			return fmt.Sprintf("%q removed from %s", top, f)
		}
		ed.write(f, top+text)
		return fmt.Sprintf("%q at the top of %s", top, f)
	case 4: // as git checkout would
		n := 0
		for _, f := range slices.Sorted(maps.Keys(ed.first)) {
			if ed.read(f) != ed.first[f] {
				ed.write(f, ed.first[f])
				n++
			}
		}
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%d files as they were", n)
	case 5: // a test comes and goes
		d := ed.pick(ed.dirs)
		name := ed.packageName(d)
		if name == "" {
			return ""
		}
		p := filepath.Join(d, "zz_test.go")
		if _, err := os.Stat(p); err == nil {
			ed.write(p, "")
			return "removed " + p
		}
		ed.write(p, "package "+name+"\n")
		return "added " + p
	default: // another embedded file beside one that there is
		if len(ed.data) == 0 {
			return ""
		}
		f := ed.pick(ed.data)
		p := strings.TrimSuffix(f, filepath.Ext(f)) + fmt.Sprintf("_zz%d", ed.n) + filepath.Ext(f)
		ed.write(p, "embedded "+strconv.Itoa(ed.n)+"\n")
		ed.added = append(ed.added, p)
		return "added " + p
	}
}

func (ed *editor) packageName(dir string) string {
	for _, f := range ed.files {
		if filepath.Dir(f) == dir {
			parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly)
			if err == nil {
				return parsed.Name.Name
			}
		}
	}
	return ""
}

// change edits one file; what is empty if this kind of edit is not possible there.
func (ed *editor) change(text string) (changed, what string) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", text, parser.ParseComments)
	if err != nil {
		return text, ""
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	var (
		strs, ints []*ast.BasicLit
		bodies     []*ast.BlockStmt
		funcs      []*ast.FuncDecl
		structs    []*ast.StructType
		ends       []int // after declarations
	)
	for _, d := range f.Decls {
		ends = append(ends, at(d.End()))
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				switch n.Kind {
				case token.STRING:
					strs = append(strs, n)
				case token.INT:
					ints = append(ints, n)
				}
			case *ast.FuncDecl:
				if n.Body != nil {
					funcs = append(funcs, n)
					bodies = append(bodies, n.Body)
				}
			case *ast.FuncLit:
				bodies = append(bodies, n.Body)
			case *ast.StructType:
				structs = append(structs, n)
			}
			return true
		})
	}
	insert := func(i int, s string) string { return text[:i] + s + text[i:] }
	id := ed.n
	switch k := ed.r.IntN(17); {
	case k < 3 && len(strs) > 0:
		l := strs[ed.r.IntN(len(strs))]
		i := at(l.Pos()) + 1
		if ed.r.IntN(2) == 0 && len(l.Value) > 3 && l.Value[1] >= 'a' && l.Value[1] <= 'y' {
			return text[:i] + string(l.Value[1]+1) + text[i+1:], "string of the same length"
		}
		return insert(i, fmt.Sprintf("s%d ", id)), "string"
	case k == 3 && len(ints) > 0:
		l := ints[ed.r.IntN(len(ints))]
		n, err := strconv.ParseInt(l.Value, 0, 32)
		if err != nil {
			return text, ""
		}
		return text[:at(l.Pos())] + strconv.FormatInt(n+1, 10) + text[at(l.End()):], "number"
	case k == 4 && len(bodies) > 0:
		b := bodies[ed.r.IntN(len(bodies))]
		return insert(at(b.Lbrace)+1, fmt.Sprintf("\n\tif len(\"x%d\") > %d {\n\t\tpanic(\"y%d\")\n\t}\n", id, id+9, id)), "statements"
	case k == 5 && len(bodies) > 0:
		b := bodies[ed.r.IntN(len(bodies))]
		return insert(at(b.Lbrace)+1, fmt.Sprintf(" println(\"p%d\"); ", id)), "call on the same line"
	case k == 6 && len(bodies) > 0:
		b := bodies[ed.r.IntN(len(bodies))]
		return insert(at(b.Lbrace)+1, fmt.Sprintf("\n\tdefer func(n int) { print(n) }(%d)\n", id)), "closure"
	case k == 7 && len(ends) > 0:
		return insert(ends[ed.r.IntN(len(ends))], fmt.Sprintf("\n\n// comment %d\n", id)), "comment between declarations"
	case k == 8:
		return text + fmt.Sprintf("\n// the end %d\n", id), "comment at the end"
	case k == 9:
		name := ed.pick([]string{"zzf", "ZZF"})
		return text + fmt.Sprintf("\nfunc %s%d(n int) int { return n * %d }\n", name, id, id), "function"
	case k == 10:
		return text + fmt.Sprintf("\ntype ZZT%d[T any] struct{ a T; b [%d]byte }\n\nfunc (t *ZZT%d[T]) Get() T { return t.a }\n", id, id%7+1, id), "generic type"
	case k == 11:
		return text + fmt.Sprintf("\nconst ZZC%d = \"const\"\n\nvar zzv%d = map[string]any{ZZC%d: %d, \"f\": func() int { return %d }}\n", id, id, id, id, id), "constant and variable"
	case k == 12:
		return text + fmt.Sprintf("\nfunc init() {\n\tvar x any = [%d]string{}\n\tif _, ok := x.(interface{ M%d() }); ok {\n\t\tpanic(x)\n\t}\n}\n", id%5+1, id), "init with types"
	case k == 13 && len(funcs) > 0 && ed.r.IntN(3) == 0:
		fn := funcs[ed.r.IntN(len(funcs))]
		return insert(at(fn.Pos()), ed.pick([]string{"//go:noinline\n", "//go:nosplit\n"})), "directive"
	case k == 14 && len(structs) > 0:
		s := structs[ed.r.IntN(len(structs))]
		return insert(at(s.Fields.Opening)+1, fmt.Sprintf(" zz%d int; ", id)), "field"
	case k == 15 && len(bodies) > 0:
		// What an earlier edit has put in goes again.
		for _, mark := range []string{" println(\"p", "\n\tdefer func(n int) { print(n) }("} {
			if i := strings.Index(text, mark); i >= 0 {
				if j := strings.IndexByte(text[i+1:], '\n'); j >= 0 && mark[0] == '\n' {
					return text[:i] + text[i+1+j:], "closure removed"
				}
				if j := strings.Index(text[i:], "; "); j >= 0 && mark[0] == ' ' {
					return text[:i] + text[i+j+2:], "call removed"
				}
			}
		}
		return text, ""
	case k == 16:
		return text, "touch"
	}
	return text, ""
}

// identity makes n edits.
func identity(t *testing.T, w *world, n int, seed uint64) {
	if _, err := w.golang(); err != nil {
		t.Skipf("the module does not build: %v", err)
	}
	refresh := func() {
		w.refresh()
		w.lean()
	}
	refresh()
	ed := newEditor(w, seed)
	var direct, left, broken, compiled, checked int
	reasons := map[string]int{}
	for i := range n {
		what := ed.edit()
		if ed.r.IntN(5) == 0 {
			what += ", built while package main was broken"
			ed.halfway()
		}
		got, b, derr := w.direct()
		if derr != nil && !errors.Is(derr, ErrFallback) {
			t.Fatalf("seed %d, edit %d (%s): %v", seed, i, what, derr)
		}
		want, gerr := w.golang()
		switch {
		case gerr != nil && derr == nil:
			t.Fatalf("seed %d, edit %d (%s): the engine has built what go build does not:\n%v", seed, i, what, gerr)
		case gerr != nil:
			broken++
			ed.revert()
			if _, err := w.golang(); err != nil {
				t.Fatalf("seed %d, edit %d (%s): not reverted: %v", seed, i, what, err)
			}
		case derr == nil:
			direct++
			compiled += len(b.Compiled)
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d, edit %d (%s), %v compiled: the program is not that of go build", seed, i, what, b.Compiled)
			}
		default:
			left++
			reasons[strings.Join(strings.Fields(strings.ReplaceAll(derr.Error(), w.dir, ""))[:3], " ")]++
			for _, surprise := range []string{"does not compile", "the linker", "is gone", "was changed while"} {
				if strings.Contains(derr.Error(), surprise) {
					t.Fatalf("seed %d, edit %d (%s): go build builds it, the engine does not: %v", seed, i, what, derr)
				}
			}
			refresh()
		}
		if !w.e.Ready() {
			refresh()
		}
		if i%17 == 11 {
			err := w.settled(func() error { return w.e.Check(w.ctx) })
			var m *Mismatch
			if errors.As(err, &m) {
				t.Fatalf("seed %d, edit %d (%s): %v", seed, i, what, err)
			}
			if err == nil {
				checked++
			}
		}
	}
	t.Logf("seed %d: %d edits: %d direct (%d packages compiled), %d left to go build %v, %d did not build; %d checks, 0 mismatches",
		seed, n, direct, compiled, left, reasons, broken, checked)
	if direct*4 < n-broken && n >= 16 {
		t.Errorf("only %d of %d edits were built directly", direct, n)
	}
}
