package house

import (
	"go/ast"
	"go/token"
)

type use struct {
	name string
	pos  token.Pos
}

// selectors lists every pkg.Name of a file.
func selectors(f *ast.File) []use {
	var out []use
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				out = append(out, use{x.Name + "." + s.Sel.Name, s.Pos()})
			}
		}
		return true
	})
	return out
}
