package gograph

import (
	"bufio"
	"bytes"
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

// buildable says whether the build takes a file in a package's directory, judged by its name and its content as they are
// now; if not, why not in words. cgo says whether the package uses cgo.
//
// A file that is broken in its header counts as taken: go stops at it, and so it changes the result. A file that does not
// exist is judged by its name.
func buildable(ctx *build.Context, file string, cgo bool) (ok bool, why string) {
	name := filepath.Base(file)
	ext := filepath.Ext(name)
	switch {
	case hiddenName(name):
		return false, "go ignores names that begin with " + string(name[0])
	case strings.HasSuffix(name, "_test.go"):
		return false, "test file"
	case ext != ".go" && !sourceExt[ext]:
		return false, "no input"
	case (ext == ".S" || ext == ".sx") && !cgo:
		return false, "an assembly source for the C compiler, in a package without cgo"
	case !ctx.CgoEnabled && cgoExt[ext]:
		return false, "needs cgo, which is disabled"
	}
	// Never open what is no ordinary file: a FIFO would block. Source files may be links, directories not.
	info, err := os.Stat(file)
	exists := err == nil
	if exists && !info.Mode().IsRegular() {
		return false, "not a regular file"
	}
	if ok, _ := matchContent(ctx, name, "package p\n"); !ok {
		return false, "built only for " + nameConstraint(ctx, name)
	}
	if !exists {
		return true, ""
	}
	ok, err = ctx.MatchFile(filepath.Dir(file), name)
	switch {
	case ext == ".go" && err != nil:
		return true, "" // go build reports it, or it vanished meanwhile
	case !ok && err != nil:
		return false, "its build constraint cannot be read" // go build passes over such a file if it is not Go
	case !ok:
		return false, headerConstraint(ctx, file)
	case ext != ".go":
		return true, ""
	}
	f, _ := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.SkipObjectResolution)
	if f == nil {
		return true, ""
	}
	if f.Name != nil && f.Name.Name == "documentation" {
		return false, "go ignores files of package documentation"
	}
	if !ctx.CgoEnabled {
		for _, s := range f.Imports {
			if s.Path.Value == `"C"` {
				return false, "needs cgo, which is disabled"
			}
		}
	}
	return true, ""
}

// sourceExt are the extensions that go/build sorts into a package's lists besides ".go".
var sourceExt = set(".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90",
	".s", ".S", ".sx", ".swig", ".swigcxx", ".syso")

// cgoExt are those that go build passes over when cgo is disabled (load.Package.load; Fortran it refuses instead).
var cgoExt = set(".c", ".cc", ".cpp", ".cxx", ".m", ".swig", ".swigcxx")

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

// headerConstraint says in words why the //go:build line (or the old +build lines) of a file keeps it out.
func headerConstraint(ctx *build.Context, file string) string {
	expr, line := constraintOf(file)
	if expr == nil {
		return "excluded by its build constraints"
	}
	var missing, unwanted []string
	var systems bool
	tag := func(t string) bool {
		ok, _ := matchContent(ctx, "x.go", "//go:build "+t+"\n\npackage p\n")
		return ok
	}
	// The literals that would have to turn are the words for people; only of the simple forms (conjunctions, or a
	// disjunction of systems) is a sentence made, all else is quoted.
	var conj func(x constraint.Expr) bool
	conj = func(x constraint.Expr) bool {
		switch x := x.(type) {
		case *constraint.AndExpr:
			return conj(x.X) && conj(x.Y)
		case *constraint.TagExpr:
			if !tag(x.Tag) {
				missing = append(missing, x.Tag)
				systems = systems || isSystem(x.Tag)
			}
			return true
		case *constraint.NotExpr:
			t, ok := x.X.(*constraint.TagExpr)
			if ok && tag(t.Tag) {
				unwanted = append(unwanted, t.Tag)
			}
			return ok
		}
		return x.Eval(tag) // a true part needs no words; a false one cannot be put in any
	}
	var disj func(x constraint.Expr) []string
	disj = func(x constraint.Expr) []string {
		switch x := x.(type) {
		case *constraint.OrExpr:
			a, b := disj(x.X), disj(x.Y)
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
	if names := disj(expr); names != nil {
		return "built only for " + strings.Join(names, ", ")
	}
	if conj(expr) {
		switch {
		case len(missing) == 1 && missing[0] == "ignore":
			return "excluded by //go:build ignore"
		case len(missing) == 1 && missing[0] == "cgo":
			return "needs cgo, which is disabled"
		case len(missing) > 0 && systems:
			missing = slices.DeleteFunc(missing, func(t string) bool { return !isSystem(t) })
			return "built only for " + strings.Join(missing, "/")
		case len(missing) == 1:
			return "needs build tag " + missing[0]
		case len(missing) > 1:
			return "needs build tags " + strings.Join(missing, ", ")
		case len(unwanted) > 0:
			return "not built for " + strings.Join(unwanted, ", ")
		}
	}
	return "excluded by " + line
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
