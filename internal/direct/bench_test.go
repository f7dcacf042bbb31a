package direct

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkSnapshot is what a build costs before anything is compiled, with 1,000 local files in 100 packages.
func BenchmarkSnapshot(b *testing.B) {
	files := map[string]string{"go.mod": "module example.com/big\n\ngo 1.24\n"}
	var imports, calls strings.Builder
	for p := range 100 {
		for f := range 10 {
			files[fmt.Sprintf("p%d/f%d.go", p, f)] = fmt.Sprintf("package p%d\n\n// F%d is one.\nfunc F%d() int { return %d }\n", p, f, f, f)
		}
		fmt.Fprintf(&imports, "\t\"example.com/big/p%d\"\n", p)
		fmt.Fprintf(&calls, "\tprintln(p%d.F1())\n", p)
	}
	files["main.go"] = "package main\n\nimport (\n" + imports.String() + ")\n\nfunc main() {\n" + calls.String() + "}\n"
	w := newWorld(b, module(b, files), ".", defaults)
	w.refresh()
	for b.Loop() {
		if _, dirty, err := w.e.snapshot(w.ctx); err != nil || len(dirty) > 0 {
			b.Fatal(dirty, err)
		}
	}
}
