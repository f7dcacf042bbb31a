package gocmd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const headerBase = `// Copyright

//go:build linux

// Package p.
package p

import (
	"embed"
	str "strings"
)

//go:embed static
var files embed.FS

func F() string {
	return str.ToUpper("x")
}
`

func headerOf(t testing.TB, src string) Header {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.go")
	if err := os.WriteFile(name, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	return HeaderOf(name)
}

func TestHeaderKey(t *testing.T) {
	base := headerOf(t, headerBase)
	if !base.Complete || base.Key == "" {
		t.Fatalf("%+v", base)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"x"`, `"y"`, "same"},
		{"// Copyright", "// Copyright, again", "same"},
		{"// Package p.", "// Package p does it.", "same"},
		{"func F", "// F is new.\nfunc G() {}\n\nfunc F", "same"},
		{"func F", "//go:noinline\nfunc F", "same"},
		{"func F", "//go:generate stringer\nfunc F", "same"},
		{"\"embed\"\n", "\"embed\" // why\n\n\t// this\n", "same"},
		{"ToUpper(\"x\")", "ToUpper(`\nimport \"fmt\"\n`)", "same"},

		{"package p", "package q", "changed"},
		{`"embed"`, "\"embed\"\n\t\"fmt\"", "changed"},
		{`str "strings"`, `"strings"`, "changed"},
		{`str "strings"`, `str "example.com/strings"`, "changed"},
		{"\tstr \"strings\"\n", "", "changed"},
		{"go:build linux", "go:build !linux", "changed"},
		{"//go:build linux\n", "", "changed"},
		{"//go:build linux", "//go:build linux\n// +build linux", "changed"},
		{"go:embed static", "go:embed static more", "changed"},
		{"//go:embed static\n", "", "changed"},
		{"var files embed.FS", "var (\n\t//go:embed one\n\tfiles embed.FS\n)", "changed"},
		{"// Package p.", "//go:debug panicnil=1", "changed"},
		{"func F", "//go:cgo_import_dynamic x y \"z\"\nfunc F", "changed"},
	} {
		src := strings.Replace(headerBase, c.old, c.new, 1)
		if src == headerBase {
			t.Fatalf("%q is not in the file", c.old)
		}
		h := headerOf(t, src)
		if got := map[bool]string{true: "same", false: "changed"}[h.Key == base.Key]; got != c.want {
			t.Errorf("%q -> %q: key %s, want %s:\n%s", c.old, c.new, got, c.want, h.Key)
		}
		if !h.Complete {
			t.Errorf("%q -> %q: not complete", c.old, c.new)
		}
	}

	// The preamble of import "C" counts, other comments of such a file do not.
	const cgo = "package p\n\n// words\n\n// #include <stdio.h>\nimport \"C\"\n\nfunc F() {}\n"
	key := headerOf(t, cgo).Key
	for src, want := range map[string]bool{
		strings.Replace(cgo, "stdio", "stdlib", 1):                  false,
		strings.Replace(cgo, "words", "phrases", 1):                 true,
		strings.Replace(cgo, "{}", "{ println() }", 1):              true,
		strings.Replace(cgo, "import \"C\"", "import _ \"fmt\"", 1): false,
		strings.Replace(cgo, "import \"C\"", "import `C`", 1):       true,
	} {
		if got := headerOf(t, src).Key == key; got != want {
			t.Errorf("same key %v, want %v:\n%s", got, want, src)
		}
	}

	// Broken files: not complete, the header known as far as it goes.
	broken := headerOf(t, strings.Replace(headerBase, "func F() string {", "func F() string", 1))
	if broken.Complete || broken.Key != base.Key {
		t.Errorf("broken body: %+v", broken)
	}
	for _, src := range []string{"", "packag", "package", "package p; import \"", "\x00\xff", "package p\n/*", "//go:build\n"} {
		if h := headerOf(t, src); h.Complete {
			t.Errorf("%q is complete", src)
		}
	}

	// Files that cannot be read, and no Go at all.
	dir := t.TempDir()
	if h := HeaderOf(filepath.Join(dir, "gone.go")); h != (Header{}) {
		t.Errorf("missing file: %+v", h)
	}
	if h := HeaderOf(dir); h != (Header{}) {
		t.Errorf("directory: %+v", h)
	}
	assembly := func(name, text string) Header {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return HeaderOf(file)
	}
	a := assembly("a.s", "//go:build amd64\nTEXT x\n")
	b := assembly("b.s", "//go:build arm64\nTEXT x\n")
	c := assembly("c.s", "//go:build amd64\nTEXT y\n")
	if a == b || a != c || a.Complete || a.Key == "" {
		t.Errorf("assembly: %+v %+v %+v", a, b, c)
	}
}

// Edits of function bodies never change the key, new imports always do.
func TestHeaderProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lines := strings.Split(largeFile(200), "\n")
	base := headerOf(t, strings.Join(lines, "\n"))
	for i := range 300 {
		edited := append([]string(nil), lines...)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(edited))
			if !strings.HasPrefix(edited[at], "\t\t") { // a statement inside a loop
				continue
			}
			edited[at] = []string{"", "\t\tx++", "\t\tprintln(\"" + strings.Repeat("y", r.IntN(9)) + "\")", "\t\t// words", "\t\tif x > 0 { x-- }",
				"\t\t_ = `import \"q\"`", "\t\t{", "\t\t)("}[r.IntN(8)]
		}
		if h := headerOf(t, strings.Join(edited, "\n")); h.Key != base.Key {
			t.Fatalf("edit %d of a body changed the key", i)
		}
		withImport := append([]string(nil), edited...)
		withImport[2] = fmt.Sprintf("import x%d \"example.com/x%d\"\n\n%s", i, i, withImport[2])
		if h := headerOf(t, strings.Join(withImport, "\n")); h.Key == base.Key {
			t.Fatalf("import %d did not change the key", i)
		}
	}
}

func FuzzHeaderOf(f *testing.F) {
	f.Add(headerBase)
	f.Add("package p\n\n/*\n#include <x.h>\n*/\nimport \"C\"\n")
	f.Add("// +build a\n\npackage \"")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src string) {
		name := filepath.Join(dir, "x.go")
		if err := os.WriteFile(name, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		h := HeaderOf(name)
		// Text after a complete file's end, in a function of its own, is body.
		if !h.Complete {
			return
		}
		if err := os.WriteFile(name, []byte(src+"\nfunc added_() { println(1) }\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if h2 := HeaderOf(name); h2.Key != h.Key {
			t.Errorf("key changed by a function:\n%q\n%q", h.Key, h2.Key)
		}
	})
}

// largeFile is a Go file of n functions of ten lines.
func largeFile(n int) string {
	var b strings.Builder
	b.WriteString("package p\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\n")
	for i := range n {
		fmt.Fprintf(&b, "// F%d does a thing, with words about it.\nfunc F%d(x int, names []string) (string, error) {\n\tfor i, name := range names {\n"+
			"\t\tx += i\n\t\tfmt.Println(name, x)\n\t\tx--\n\t}\n\treturn strings.Join(names, \",\"), nil\n}\n\n", i, i)
	}
	return b.String()
}

func BenchmarkHeaderOf(b *testing.B) {
	name := filepath.Join(b.TempDir(), "x.go")
	if err := os.WriteFile(name, []byte(largeFile(200)), 0o644); err != nil { // 2,000 lines
		b.Fatal(err)
	}
	for b.Loop() {
		if h := HeaderOf(name); !h.Complete {
			b.Fatal("not complete")
		}
	}
}

// TestExactHeader holds what of a file counts for the go command.
func TestExactHeader(t *testing.T) {
	const base = `// Package p is one.
package p

import (
	"embed"
	f "fmt"
)

//go:embed a.txt
var a embed.FS

// F does.
func F() { f.Println("//go:embed b.txt", ` + "`\n//go:build x\n`" + `) }
`
	key := func(src string) string {
		t.Helper()
		k, err := ExactHeader([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return string(k)
	}
	want := key(base)
	for _, c := range []struct {
		old, text string
		same      bool
	}{
		{"is one", "is another one", true},
		{"// F does.", "// F does\n// much.", true},
		{"b.txt", "c.txt", true},
		{"//go:build x", "//go:build y", true},
		{"\n\nimport", "\n\n// imports\nimport", true},
		{"package p\n", "package q\n", false},
		{`f "fmt"`, `"fmt"`, false},
		{`f "fmt"`, `f "log"`, false},
		{`f "fmt"`, "f \"fmt\"\n\t\"log\"", false},
		{"//go:embed a.txt", "//go:embed a.txt c.txt", false},
		{"//go:embed a.txt", "/*\n//go:embed a.txt\n*/", false},
		{"//go:embed a.txt", "// go:embed a.txt", false},
		{"// Package p", "//go:build linux\n\n// Package p", false},
		{"// Package p", "// +build linux\n\n// Package p", false},
		{"// Package p", "//go:debug panicnil=1\n// Package p", false},
		{"// F does.", "//go:noinline", false},
	} {
		if !strings.Contains(base, c.old) {
			t.Fatalf("no %q", c.old)
		}
		if got := key(strings.Replace(base, c.old, c.text, 1)) == want; got != c.same {
			t.Errorf("%q for %q: the same: %v, want %v", c.text, c.old, got, c.same)
		}
	}
	// A constraint means nothing in a block comment, and an empty line may make it mean something.
	top := key("//go:build x\n\npackage p\n")
	for _, src := range []string{"/*\n//go:build x\n*/\n\npackage p\n", "//go:build x\npackage p\n"} {
		if key(src) == top {
			t.Errorf("%q is taken for a constraint of its own line", src)
		}
	}
	if _, err := ExactHeader([]byte("package p\n\nimport \"fmt\n")); err == nil {
		t.Error("a header that does not parse has a key")
	}
}
