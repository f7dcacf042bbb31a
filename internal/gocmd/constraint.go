package gocmd

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/build"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// NotCompiled is the reason for a file that the go command neither compiles nor links.
const NotCompiled = "not part of the build"

// Buildable says whether the build takes a file in a package's directory, judged by its name and its content as they are
// now; if not, why not in words. cgo says whether the package uses cgo. For a file of a name that no compiler reads, why is [NotCompiled].
//
// A file that is broken in its header counts as taken: go stops at it, and so it changes the result. A file that does not
// exist is judged by its name.
func Buildable(ctx *build.Context, file string, cgo bool) (ok bool, why string) {
	name := filepath.Base(file)
	if why := refusedByName(ctx, name, cgo); why != "" {
		return false, why
	}
	// Never open what is no ordinary file: a FIFO would block. Source files may be links, directories not.
	info, err := os.Stat(file)
	exists := err == nil
	if exists && !info.Mode().IsRegular() {
		return false, "not a regular file"
	}
	if !MatchName(ctx, name) {
		return false, "built only for " + nameConstraint(ctx, name)
	}
	if !exists {
		return true, ""
	}
	ok, err = ctx.MatchFile(filepath.Dir(file), name)
	isGo := filepath.Ext(name) == ".go"
	switch {
	case isGo && err != nil:
		return true, "" // go build reports it, or it vanished meanwhile
	case !ok && err != nil:
		return false, "its build constraint cannot be read" // go build passes over such a file if it is not Go
	case !ok:
		return false, headerConstraint(ctx, file)
	case !isGo:
		return true, ""
	}
	why = refusedByHeader(ctx, file)
	return why == "", why
}

// refusedByName judges a file by what go takes for no source, or leaves out without cgo.
func refusedByName(ctx *build.Context, name string, cgo bool) (why string) {
	ext := filepath.Ext(name)
	switch {
	case Hidden(name):
		return "go ignores names that begin with " + string(name[0])
	case strings.HasSuffix(name, "_test.go"):
		return "test file"
	case Source(name) == "":
		return NotCompiled
	case (ext == ".S" || ext == ".sx") && !cgo:
		return "an assembly source for the C compiler, in a package without cgo"
	case !ctx.CgoEnabled && NeedsCgo(name):
		return "needs cgo, which is disabled"
	}
	return ""
}

// refusedByHeader judges a Go file by its package clause and imports.
func refusedByHeader(ctx *build.Context, file string) (why string) {
	f, _ := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.SkipObjectResolution)
	if f == nil {
		return ""
	}
	if f.Name != nil && f.Name.Name == "documentation" {
		return "go ignores files of package documentation"
	}
	usesC := func(s *ast.ImportSpec) bool { return s.Path.Value == `"C"` }
	if !ctx.CgoEnabled && slices.ContainsFunc(f.Imports, usesC) {
		return "needs cgo, which is disabled"
	}
	return ""
}

// MatchName says whether the build takes files of that name: "x_windows.go" on Windows alone. All that is no Go file counts
// like one.
func MatchName(ctx *build.Context, name string) bool {
	ok, _ := matchContent(ctx, name, "package p\n")
	return ok
}

// matchContent asks go/build about a file of that name and content without there being one. It is the way to use its rules
// about names and tags, which it does not export.
func matchContent(ctx *build.Context, name, content string) (bool, error) {
	c := *ctx
	c.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	return c.MatchFile(".", name)
}

// nameConstraint puts the system a file's name is bound to in words: "windows", "linux/arm64".
func nameConstraint(ctx *build.Context, name string) string {
	stem, _, _ := strings.Cut(name, ".")
	elems := strings.Split(stem, "_")
	// The name is known to be bound. If the last but one element is a system, both count.
	if n := len(elems); n >= 3 {
		if ok, _ := matchContent(&build.Context{GOOS: elems[n-2], GOARCH: elems[n-1], Compiler: ctx.Compiler}, name, "package p\n"); ok {
			if bound, _ := matchContent(&build.Context{GOOS: "none", GOARCH: elems[n-1], Compiler: ctx.Compiler}, name, "package p\n"); !bound {
				return elems[n-2] + "/" + elems[n-1]
			}
		}
	}
	return elems[len(elems)-1]
}

// headerConstraint says in words why the //go:build line (or the old +build lines) of a file keeps it out. Only of the simple
// forms (a conjunction, or a disjunction of systems) a sentence is made; all else is quoted.
func headerConstraint(ctx *build.Context, file string) string {
	expr, line := constraintOf(file)
	if expr == nil {
		return "excluded by its build constraints"
	}
	if names := systemsOf(expr); names != nil {
		return "built only for " + strings.Join(names, ", ")
	}
	c := conjunction{ctx: ctx}
	if c.add(expr) {
		if words := c.words(); words != "" {
			return words
		}
	}
	return "excluded by " + line
}

// systemsOf are the systems of a disjunction of nothing else; nil if it is another expression.
func systemsOf(x constraint.Expr) []string {
	switch x := x.(type) {
	case *constraint.OrExpr:
		a, b := systemsOf(x.X), systemsOf(x.Y)
		if a == nil || b == nil {
			return nil
		}
		return append(a, b...)
	case *constraint.TagExpr:
		if isSystem(x.Tag) {
			return []string{x.Tag}
		}
	}
	return nil
}

// conjunction holds what would have to be different for a conjunction of tags to be true.
type conjunction struct {
	ctx      *build.Context
	missing  []string // tags that it needs
	unwanted []string // tags that it must not have
}

// add takes an expression in, and says whether words can be made of it.
func (c *conjunction) add(x constraint.Expr) bool {
	switch x := x.(type) {
	case *constraint.AndExpr:
		return c.add(x.X) && c.add(x.Y)
	case *constraint.TagExpr:
		if !c.has(x.Tag) {
			c.missing = append(c.missing, x.Tag)
		}
		return true
	case *constraint.NotExpr:
		t, ok := x.X.(*constraint.TagExpr)
		if ok && c.has(t.Tag) {
			c.unwanted = append(c.unwanted, t.Tag)
		}
		return ok
	}
	return x.Eval(c.has) // a true part needs no words; a false one cannot be put in any
}

func (c *conjunction) has(tag string) bool {
	ok, _ := matchContent(c.ctx, "x.go", "//go:build "+tag+"\n\npackage p\n")
	return ok
}

func (c *conjunction) words() string {
	switch {
	case slices.Equal(c.missing, []string{"ignore"}):
		return "excluded by //go:build ignore"
	case slices.Equal(c.missing, []string{"cgo"}):
		return "needs cgo, which is disabled"
	case slices.ContainsFunc(c.missing, isSystem):
		systems := slices.DeleteFunc(slices.Clone(c.missing), func(t string) bool { return !isSystem(t) })
		return "built only for " + strings.Join(systems, "/")
	case len(c.missing) == 1:
		return "needs build tag " + c.missing[0]
	case len(c.missing) > 1:
		return "needs build tags " + strings.Join(c.missing, ", ")
	case len(c.unwanted) > 0:
		return "not built for " + strings.Join(c.unwanted, ", ")
	}
	return ""
}

// isSystem says whether a tag is a GOOS, a GOARCH or "unix", by asking whether a file's name would be bound by it.
func isSystem(tag string) bool {
	if tag == "unix" {
		return true
	}
	free, _ := matchContent(&build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc"}, "x_"+tag+".go", "package p\n")
	return !free
}

// constraintOf reads the build constraint of a Go, C or assembly source; nil if it has none that can be read.
func constraintOf(file string) (constraint.Expr, string) {
	f, err := os.Open(file)
	if err != nil {
		return nil, ""
	}
	defer f.Close()
	var plus constraint.Expr
	var first string
	block := false
	for sc := bufio.NewScanner(f); sc.Scan(); {
		b := bytes.TrimSpace(sc.Bytes())
		if block || bytes.HasPrefix(b, []byte("/*")) {
			block = !bytes.Contains(b, []byte("*/"))
			continue
		}
		if len(b) > 0 && !bytes.HasPrefix(b, []byte("//")) {
			break // the header has ended
		}
		line := string(b)
		switch {
		case constraint.IsGoBuild(line):
			x, err := constraint.Parse(line)
			if err != nil {
				return nil, ""
			}
			return x, line
		case constraint.IsPlusBuild(line):
			if x, err := constraint.Parse(line); err == nil {
				if plus == nil {
					plus, first = x, line
				} else {
					plus = &constraint.AndExpr{X: plus, Y: x}
				}
			}
		}
	}
	return plus, first
}
