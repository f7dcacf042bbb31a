package direct

import (
	"bytes"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"strings"
)

// headerKey is all that a Go file says to the go command: package clause, imports, and every //go: line. It says more than
// the go command reads (a //go:noinline is the compiler's), because a line too many costs a `go build`, and one that was
// overlooked a wrong program: neither compiler nor linker misses a //go:build or //go:debug that was not there before.
func headerKey(src []byte) (sum, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", src, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		return sum{}, err
	}
	var key bytes.Buffer
	// What stands before the package clause counts as a whole where it may hold a constraint: a comment around it, or an
	// empty line less, changes what it means.
	if top := src[:set.Position(f.Package).Offset]; bytes.Contains(top, []byte("go:")) || bytes.Contains(top, []byte("+build")) {
		key.Write(top)
	}
	key.WriteString("\x00package " + f.Name.Name + "\n")
	for _, s := range f.Imports {
		if s.Name != nil {
			key.WriteString(s.Name.Name)
		}
		key.WriteString(" " + s.Path.Value + "\n")
	}
	// Comments are found by the language's own rules: the same text in a string or in /* */ is no directive.
	if bytes.Contains(src, []byte("//go:")) {
		var s scanner.Scanner
		bad := error(nil)
		file := token.NewFileSet().AddFile("", -1, len(src))
		s.Init(file, src, func(_ token.Position, msg string) { bad = errScan(msg) }, scanner.ScanComments)
		for {
			_, tok, text := s.Scan()
			if tok == token.EOF {
				break
			}
			if tok == token.COMMENT && strings.HasPrefix(text, "//go:") {
				key.WriteString(strings.TrimRight(text, " \t\r") + "\n")
			}
		}
		if bad != nil {
			return sum{}, bad
		}
	}
	return sumOf(key.Bytes()), nil
}

type errScan string

func (e errScan) Error() string { return string(e) }

// counts says whether a file of that name in a package's directory can mean anything to the go command.
func counts(name string) bool {
	if name == "go.mod" || name == "vendor" {
		return true
	}
	if name == "" || name[0] == '.' || name[0] == '_' {
		return false
	}
	switch path.Ext(name) {
	case ".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S",
		".sx", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}
