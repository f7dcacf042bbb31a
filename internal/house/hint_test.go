package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestHints holds that only internal/advice looks for the hint of an error: any error may have the
// method, and where it is looked for in another way, a hint is missed.
func TestHints(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) {
			continue
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				i, ok := n.(*ast.InterfaceType)
				if !ok {
					return true
				}
				for _, m := range i.Methods.List {
					if len(m.Names) != 1 || m.Names[0].Name != "Hint" {
						continue
					}
					found++
					if rel != "internal/advice" {
						t.Errorf("%s: use advice.Hint", set.Position(m.Pos()))
					}
				}
				return true
			})
		}
	}
	if found == 0 {
		t.Error("internal/advice looks for no method Hint")
	}
}
