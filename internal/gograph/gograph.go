package gograph

import (
	"go/build"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// Options name a main package and the build that makes a program of it.
type Options struct {
	Dir     string   // where the build runs; absolute, possibly a link: names below it are reported as spelled here
	Package string   // pattern as for go build: ".", "./cmd/api", an import path, or one .go file; "" means "."
	Tags    []string // build tags, besides those in Flags
	Flags   []string // build flags as for go build; what means nothing to go list is left out
	Env     []string // the complete environment of the build; nil: that of this process
	Go      string   // the go command; "" means "go"
}

// Graph is the import closure of one main package, less GOROOT and the module cache. It does not change once made, and its
// methods may be called from several goroutines. Of a program of 2,000 packages it keeps the names of the local files, and
// one import chain per local package: the edges and all other packages are dropped after loading.
type Graph struct {
	dir      string
	root     pkgName // the main package
	module   Module
	label    string // the main package in messages
	files    bool   // the package is named by its files: other files do not count
	ctx      build.Context
	goroot   string
	modcache string

	packages map[string]*pkg   // by directory
	modules  []localModule     // sorted by directory
	extra    map[string]string // further inputs by name, with the reason: module files, linked files, headers, profile
	future   map[string]string // files that would be inputs if they existed, with the reason
	include  map[string]string // directories of C headers, with the import path of the package that names them
	dirs     []string          // see Dirs
	missing  map[string]string // directories of local packages that are imported but do not exist, with their import paths
	problems []string          // why the graph is incomplete; none: it is complete
	links    *links
	guess    *Guess // for what an incomplete graph does not know
}

// Module is a Go module: its path, and its root directory.
type Module struct{ Path, Dir string }

type pkgName struct{ path, name, dir string }

type localModule struct {
	Module
	used bool // it has packages in the closure, or should have
}

// pkg is what is kept of a local package. Its slices are sorted.
type pkg struct {
	path     string
	name     string
	dir      string
	files    []string // base names of all sources that count
	ignored  []string // base names that constraints keep out
	patterns []string // of //go:embed
	embeds   []string // matched files, slash-separated below dir
	cgo      bool
	outside  []string // C headers in other directories
	chain    []string // import paths from the main package to this one, both included
}

// Verdict says whether a file is an input of the build, and why.
type Verdict struct {
	Input  bool
	Reason string   // for people: "Go file of package x/y", "test file", "package x/z is not imported by cmd/api"
	Chain  []string // import paths from the main package to the one the file belongs to; nil if it belongs to none
}

// Broken says that something could not be resolved, so that everything counts as an input that could be one (Guess).
func (g *Graph) Broken() bool { return len(g.problems) > 0 }

// MainPackage is the package asked for: import path, name ("main" if it is a program, "" if unknown), directory.
func (g *Graph) MainPackage() (importPath, name, dir string) {
	return g.root.path, g.root.name, g.root.dir
}

// Module is the main module: the one the main package is in. Both are empty outside of modules.
func (g *Graph) Module() (path, dir string) { return g.module.Path, g.module.Dir }

// Dirs are the directories that hold inputs or could come to hold one directly: of packages, embedded trees, module files
// and C headers. For an imported package or an embedded directory that does not exist, its directory is among them, and so is
// the nearest one that does exist. Absolute and sorted.
func (g *Graph) Dirs() []string { return slices.Clone(g.dirs) }

// Trees are the roots of the local modules outside the project that take part in the build, by a replace line or go.work:
// directories to watch besides the project, recursively. None is below another or below Options.Dir; one may contain
// Options.Dir (an example whose go.mod replaces the module above it).
func (g *Graph) Trees() []string {
	var out []string
	for _, m := range g.modules { // sorted, so an outer directory comes before the inner ones
		if !m.used || m.Dir == g.module.Dir || gocmd.Within(m.Dir, g.dir) {
			continue
		}
		if n := len(out); n > 0 && gocmd.Within(m.Dir, out[n-1]) {
			continue
		}
		out = append(out, m.Dir)
	}
	return out
}

// Inputs are all known input files, absolute and sorted. A file may count although it is not among them: see Verdict.
func (g *Graph) Inputs() []string {
	seen := make(map[string]bool)
	for _, p := range g.packages {
		for _, f := range p.files {
			seen[filepath.Join(p.dir, f)] = true
		}
		for _, f := range p.embeds {
			seen[filepath.Join(p.dir, filepath.FromSlash(f))] = true
		}
	}
	for f := range g.extra {
		seen[f] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Sources are those of Inputs that are Go files of the user's own, and no copies in a vendor directory.
func (g *Graph) Sources() []string {
	return slices.DeleteFunc(g.Inputs(), func(f string) bool { return filepath.Ext(f) != ".go" || g.vendored(f) })
}

// vendored says whether a file or directory is below the vendor directory of its module or workspace. The project itself may be
// below one that is called so.
func (g *Graph) vendored(path string) bool {
	base := g.dir
	if m := g.moduleOf(path); m != nil {
		base = m.Dir
	}
	rel, err := filepath.Rel(base, path)
	return err == nil && strings.Contains("/"+filepath.ToSlash(rel)+"/", "/vendor/")
}

// Merge joins the last complete graph with a newer, partial one: code that is broken for the moment has hidden some of
// its imports, and what was an input before may be one again. The result is as broken as partial is; a partial graph that is
// not broken replaces the last one. Either may be nil.
func Merge(lastGood, partial *Graph) *Graph {
	if partial == nil {
		return lastGood
	}
	if lastGood == nil || !partial.Broken() {
		return partial
	}
	g := *partial
	if g.root.path == "" || g.root.name == "" {
		g.root, g.label = lastGood.root, lastGood.label
	}
	if g.module.Path == "" {
		g.module = lastGood.module
	}
	if g.ctx.GOOS == "" {
		g.ctx = lastGood.ctx
	}
	if g.modcache == "" {
		g.goroot, g.modcache = lastGood.goroot, lastGood.modcache
	}
	g.packages = maps.Clone(lastGood.packages)
	for dir, p := range partial.packages {
		old := g.packages[dir]
		if old == nil {
			g.packages[dir] = p
			continue
		}
		g.packages[dir] = mergePackages(old, p)
	}
	modules := make(map[string]localModule)
	for _, m := range slices.Concat(lastGood.modules, partial.modules) {
		m.used = m.used || modules[m.Dir].used
		modules[m.Dir] = m
	}
	g.modules = sortedModules(modules)
	g.extra = merged(lastGood.extra, partial.extra)
	g.future = merged(lastGood.future, partial.future)
	g.include = merged(lastGood.include, partial.include)
	g.missing = merged(lastGood.missing, partial.missing)
	g.dirs = union(lastGood.dirs, partial.dirs)
	g.links = lastGood.links.merge(partial.links)
	return &g
}

func mergePackages(old, newer *pkg) *pkg {
	both := *newer
	both.files = union(old.files, newer.files)
	both.patterns = union(old.patterns, newer.patterns)
	both.embeds = union(old.embeds, newer.embeds)
	both.outside = union(old.outside, newer.outside)
	both.cgo = old.cgo || newer.cgo
	if both.name == "" {
		both.name = old.name
	}
	if both.chain == nil {
		both.chain = old.chain
	}
	return &both
}

func merged(a, b map[string]string) map[string]string {
	m := make(map[string]string, len(a)+len(b))
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func sortedModules(m map[string]localModule) []localModule {
	out := slices.Collect(maps.Values(m))
	sort.Slice(out, func(i, j int) bool { return out[i].Dir < out[j].Dir })
	return out
}

func has(sorted []string, s string) bool {
	_, ok := slices.BinarySearch(sorted, s)
	return ok
}

// IsModuleFile says whether a file of this name steers the choice of modules: go.mod, go.sum, go.work, go.work.sum,
// vendor/modules.txt.
func IsModuleFile(path string) bool {
	switch filepath.Base(path) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	case "modules.txt":
		return filepath.Base(filepath.Dir(path)) == "vendor"
	}
	return false
}
