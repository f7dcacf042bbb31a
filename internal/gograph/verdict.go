package gograph

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// Verdict judges a file by its name and, for build constraints, by its content as it is now. The file need not exist: one
// that was an input and is gone is an input still.
func (g *Graph) Verdict(file string) Verdict {
	file = gocmd.Abs(g.dir, file)
	v := g.verdict(file)
	if !v.Input {
		if other := g.links.name(file); other != file {
			if w := g.verdict(other); w.Input || !g.inModules(file) {
				v = w
			}
		}
	}
	if v.Input || !g.Broken() {
		return v
	}
	if why, may := g.mayCount(file); may {
		return Verdict{Input: true, Reason: "the import graph is incomplete: " + why, Chain: v.Chain}
	}
	return v
}

func (g *Graph) verdict(file string) Verdict {
	dir, base := filepath.Split(file)
	dir = filepath.Clean(dir)
	p := g.packages[dir]
	if v, ok := g.known(p, dir, file); ok {
		return v
	}
	if v, ok := g.embedded(file); ok {
		return v
	}
	switch {
	case !g.local(file) && gocmd.Within(file, g.modcache):
		return Verdict{Reason: "in the module cache, which never changes"}
	case !g.local(file):
		return Verdict{Reason: "part of Go itself"}
	case IsModuleFile(file):
		return g.otherModuleFile(file)
	}
	if p != nil {
		if v, ok := g.besideSources(p, file); ok {
			return v
		}
	}
	if by, ok := g.include[dir]; ok && gocmd.Source(base) == "C header" {
		return Verdict{Input: true, Reason: "C header in a directory that package " + by + " includes from", Chain: g.chainOf(dir)}
	}
	switch {
	case p != nil || filepath.Ext(base) != ".go":
		return Verdict{Reason: gocmd.NotCompiled}
	case strings.HasSuffix(base, "_test.go"):
		return Verdict{Reason: "test file"}
	}
	return Verdict{Reason: g.notImported(dir)}
}

// known judges a file by the lists that were made with the graph. p is the package in its directory, if there is one.
func (g *Graph) known(p *pkg, dir, file string) (Verdict, bool) {
	if base := filepath.Base(file); p != nil && has(p.files, base) {
		return sourceOf(p, base), true
	}
	if reason, ok := g.extra[file]; ok {
		return Verdict{Input: true, Reason: reason, Chain: g.chainOf(dir)}, true
	}
	reason, ok := g.future[file]
	return Verdict{Input: true, Reason: reason}, ok
}

func sourceOf(p *pkg, base string) Verdict {
	kind := gocmd.Source(base)
	if kind == "" {
		kind = "file"
	}
	return Verdict{true, kind + " of package " + p.path, p.chain}
}

// besideSources judges a file in the directory of a package, that is new or does not count, as the go command would.
func (g *Graph) besideSources(p *pkg, file string) (Verdict, bool) {
	base := filepath.Base(file)
	if g.files && p.dir == g.root.dir && filepath.Ext(base) == ".go" && p.path == g.root.path {
		return Verdict{Reason: "not among the files that make up " + g.label}, true
	}
	if _, err := os.Lstat(file); has(p.ignored, base) && os.IsNotExist(err) {
		return Verdict{Reason: "was excluded by its build constraints", Chain: p.chain}, true
	}
	switch ok, why := gocmd.Buildable(&g.ctx, file, p.cgo); {
	case ok:
		return sourceOf(p, base), true
	case why != gocmd.NotCompiled:
		return Verdict{Reason: why, Chain: p.chain}, true
	}
	return Verdict{}, false
}

// embedded searches for a package, in the file's directory or above, that embeds it or would.
func (g *Graph) embedded(file string) (Verdict, bool) {
	for dir := filepath.Dir(file); ; {
		if p := g.packages[dir]; p != nil && len(p.patterns) > 0 {
			rel := filepath.ToSlash(strings.TrimPrefix(file[len(dir):], string(filepath.Separator)))
			for _, pattern := range p.patterns {
				match := gocmd.EmbedMatch(dir, pattern, rel, "")
				if sub, ok := strings.CutSuffix(rel, "/go.mod"); ok && !match {
					// A go.mod makes its directory part of another module, so that it is embedded no more.
					match = gocmd.EmbedMatch(dir, pattern, sub+"/x", sub)
				}
				if match {
					return Verdict{true, "embedded by " + p.path + " (//go:embed " + pattern + ")", p.chain}, true
				}
			}
			if has(p.embeds, rel) {
				return Verdict{true, "embedded by " + p.path, p.chain}, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Verdict{}, false
		}
		dir = parent
	}
}

// Embeds says whether a //go:embed pattern reaches into the directory, which need not exist: whether files in it, or further
// below, are embedded or would be.
func (g *Graph) Embeds(dir string) bool {
	dir = gocmd.Abs(g.dir, dir)
	return g.embeds(dir) || g.embeds(filepath.Dir(g.links.name(filepath.Join(dir, "x"))))
}

func (g *Graph) embeds(dir string) bool {
	for up := filepath.Dir(dir); ; {
		if p := g.packages[up]; p != nil {
			rel := filepath.ToSlash(strings.TrimPrefix(dir[len(up):], string(filepath.Separator)))
			for _, pattern := range p.patterns {
				if gocmd.EmbedReaches(up, pattern, rel) {
					return true
				}
			}
		}
		parent := filepath.Dir(up)
		if parent == up {
			return false
		}
		up = parent
	}
}

// otherModuleFile judges a module file that is none of the known ones.
func (g *Graph) otherModuleFile(file string) Verdict {
	dir := filepath.Dir(file)
	if filepath.Base(file) == "go.mod" {
		for d, p := range g.packages {
			if gocmd.Within(d, dir) && g.module.Dir != dir && (g.module.Dir == "" || gocmd.Within(dir, g.module.Dir)) {
				return Verdict{true, "makes " + p.path + " part of another module", p.chain}
			}
		}
	}
	return Verdict{Reason: "belongs to a module that is not part of the build"}
}

// notImported says why a Go file that is in no package of the closure does not count.
func (g *Graph) notImported(dir string) string {
	m := g.moduleOf(filepath.Join(dir, "x.go"))
	if m == nil {
		return "in no module of the build"
	}
	for up := dir; up != m.Dir; up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, "go.mod")); err == nil {
			name := ModulePath(up)
			if name == "" {
				name = up
			}
			return "in module " + name + ", which is not part of the build"
		}
		if filepath.Base(up) == "vendor" && filepath.Dir(up) == m.Dir && g.vendorUnused(m.Dir) {
			return "the vendor directory is not used"
		}
		if filepath.Dir(up) == up {
			break
		}
	}
	path := m.Path
	if rel, err := filepath.Rel(m.Dir, dir); err == nil && rel != "." {
		path += "/" + filepath.ToSlash(rel)
	}
	return "package " + strings.TrimPrefix(path, filepath.ToSlash(m.Path)+"/vendor/") + " is not imported by " + g.label
}

func (g *Graph) vendorUnused(dir string) bool {
	list := filepath.Join(dir, "vendor", "modules.txt")
	_, now := g.extra[list]
	return !now
}

func (g *Graph) moduleOf(file string) *localModule {
	var best *localModule
	for i := range g.modules {
		if m := &g.modules[i]; gocmd.Within(file, m.Dir) && (best == nil || len(m.Dir) > len(best.Dir)) {
			best = m
		}
	}
	return best
}

// chainOf is the chain of the package in dir or nearest above.
func (g *Graph) chainOf(dir string) []string {
	for {
		if p := g.packages[dir]; p != nil {
			return p.chain
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// mayCount says whether a file may turn out to be an input while the graph is incomplete, and which problem is the reason.
func (g *Graph) mayCount(file string) (why string, may bool) {
	if !g.local(file) {
		return "", false
	}
	for _, name := range []string{file, g.links.name(file)} {
		if _, ok := g.guess.Input(name); ok {
			return g.problems[0], true
		}
	}
	return "", false
}
