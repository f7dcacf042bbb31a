package direct

import (
	"strings"
	"testing"
)

// TestHeaderKey holds what of a file counts for the go command.
func TestHeaderKey(t *testing.T) {
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
	key := func(src string) sum {
		t.Helper()
		k, err := headerKey([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return k
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
	if _, err := headerKey([]byte("package p\n\nimport \"fmt\n")); err == nil {
		t.Error("a header that does not parse has a key")
	}
}

// TestParseTool holds how a line of `go build -n` is taken apart.
func TestParseTool(t *testing.T) {
	got, ok := parseTool(`GOROOT='/usr/lib/go 1' X="a'b" /tool/link -o $WORK/b001/exe/a.out "-X=main.a=b c" "" -w $WORK/b001/_pkg_.a`)
	if !ok || strings.Join(got.env, "|") != "GOROOT=/usr/lib/go 1|X=a'b" ||
		strings.Join(got.argv, "|") != "/tool/link|-o|$WORK/b001/exe/a.out|-X=main.a=b c||-w|$WORK/b001/_pkg_.a" {
		t.Errorf("%v %q %q", ok, got.env, got.argv)
	}
	for _, line := range []string{`a "b`, `A='b`, `a "b"c`} {
		if _, ok := parseTool(line); ok {
			t.Errorf("%s was understood", line)
		}
	}
}
