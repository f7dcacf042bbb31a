package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// The limits of TestSize. They are a statement of policy: split the function or the type along
// its meaning instead of raising them.
const (
	mostPaths  = 20 // through one function: its cyclomatic complexity
	mostFields = 25 // of one struct
)

// TestSize holds that no function has too many paths and no struct too many fields (H2). It reads
// the files of every system, so what is only built for Windows counts too.
func TestSize(t *testing.T) {
	functions := 0
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					functions++
					if got := paths(n); got > mostPaths {
						t.Errorf("%s: %s has a cyclomatic complexity of %d; at most %d", set.Position(n.Pos()), n.Name.Name, got, mostPaths)
					}
				case *ast.TypeSpec:
					if s, ok := n.Type.(*ast.StructType); ok && s.Fields.NumFields() > mostFields {
						t.Errorf("%s: %s has %d fields; at most %d", set.Position(n.Pos()), n.Name.Name, s.Fields.NumFields(), mostFields)
					}
				}
				return true
			})
		}
	}
	if functions < 1000 {
		t.Fatalf("only %d functions were read", functions)
	}
}

// paths is the cyclomatic complexity of a function, with the function literals in it.
func paths(f *ast.FuncDecl) int {
	n := 1
	ast.Inspect(f, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
