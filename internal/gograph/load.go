package gograph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// listFields are what the graph is made of.
var listFields = gocmd.ListFields(gocmd.FieldsPackage, gocmd.FieldsSources, gocmd.FieldsCgo, gocmd.FieldsEmbedding)

// Load asks the go command for the graph. An error means that nothing at all is known: no go command, no module, ctx
// ended. Everything short of that, a broken go.mod included, gives a partial graph that is Broken.
//
// The go command may fetch modules, as the build does; bound the time with ctx. When ctx ends, all processes have ended
// before Load returns.
func Load(ctx context.Context, o Options) (*Graph, error) {
	c, err := newCaller(o)
	if err != nil {
		return nil, err
	}
	ctx, stop := unblocked(ctx, c.dir)
	defer stop()
	// Three questions at once: each costs a start of the go command, only the first costs more.
	var (
		wg       sync.WaitGroup
		packages []*gocmd.Package
		complain string
		listErr  error
		env      gocmd.Env
		envErr   error
		bctx     build.Context
		ctxErr   error
	)
	wg.Add(3)
	go func() {
		defer wg.Done()
		packages, complain, listErr = c.list(ctx, "-deps", listFields, "--", c.pattern)
	}()
	go func() {
		defer wg.Done()
		env, envErr = c.env(ctx)
	}()
	go func() {
		defer wg.Done()
		bctx, ctxErr = c.context(ctx)
	}()
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if envErr != nil {
		return nil, envErr
	}
	if listErr != nil {
		return nil, listErr
	}
	flags := c.flags.merge(parseGOFLAGS(env["GOFLAGS"]))
	if ctxErr != nil {
		bctx = guessContext(env, c.tags, flags)
	}
	if len(packages) == 0 {
		if !env.InModule() {
			return nil, noModule(c.dir)
		}
		if complain == "" {
			complain = "go list named no package for " + c.pattern
		}
	}
	return assemble(c, packages, complain, env, flags, bctx), nil
}

func noModule(dir string) error {
	return advice.With(fmt.Errorf("no go.mod in %s or above", dir), "create one with `go mod init NAME`, or name the module's directory with --dir")
}

// caller runs the go command the way the build does.
type caller struct {
	goTool  string
	dir     string
	pattern string
	environ []string
	tags    []string
	flags   buildFlags
}

func newCaller(o Options) (*caller, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	c := &caller{goTool: o.Go, dir: dir, pattern: o.Package, environ: o.Env, flags: parseFlags(o.Flags)}
	if c.goTool == "" {
		c.goTool = "go"
	}
	if c.pattern == "" {
		c.pattern = "."
	}
	if c.flags.chdir != "" {
		c.dir = gocmd.Abs(c.dir, c.flags.chdir)
	}
	if info, err := os.Stat(c.dir); err != nil || !info.IsDir() {
		return nil, advice.With(fmt.Errorf("no directory %s", c.dir), "name the project's directory with --dir")
	}
	if o.Tags != nil || c.flags.tags != nil {
		c.tags = slices.Compact(slices.Concat(o.Tags, c.flags.tags))
		c.flags.tags = c.tags
	}
	if c.environ == nil {
		c.environ = os.Environ()
	}
	// The go command takes $PWD for the name of its directory if it is one, and so reports a symlinked project under the
	// name it was given by.
	c.environ = proc.SetEnv(c.environ, "PWD", c.dir)
	return c, nil
}

// args puts together a go list command line.
func (c *caller) args(more ...string) []string {
	a := append([]string{"list", "-e"}, c.flags.list...)
	if len(c.tags) > 0 {
		a = append(a, "-tags="+strings.Join(c.tags, ","))
	}
	return append(a, more...)
}

// list runs go list and reads what it prints as JSON. complain is its standard error if it failed.
func (c *caller) list(ctx context.Context, more ...string) (out []*gocmd.Package, complain string, err error) {
	stderr, code, err := runGo(ctx, c.goTool, c.dir, c.environ, c.args(more...), func(r io.Reader) error {
		for p, err := range gocmd.Packages(r) {
			if err != nil {
				return err
			}
			if p.Standard && p.Error == nil {
				// The runtime alone lists 400 files that are not needed: keep the edges only, while loading.
				*p = gocmd.Package{ImportPath: p.ImportPath, Standard: true, Imports: p.Imports, ImportMap: p.ImportMap}
			}
			out = append(out, p)
		}
		return nil
	})
	if err != nil && code == 0 {
		return nil, "", err
	}
	if code != 0 {
		complain = stderr
		if err != nil && stderr == "" {
			return nil, "", err
		}
	}
	return out, complain, nil
}

func (c *caller) env(ctx context.Context) (gocmd.Env, error) {
	args := gocmd.EnvArgs("GOROOT", "GOMODCACHE", "GOMOD", "GOWORK", "GOFLAGS", "GOENV", "GOOS", "GOARCH", "CGO_ENABLED")
	out, stderr, code, err := c.ask(ctx, args)
	if err != nil {
		return nil, err
	}
	if code != 0 {
		return nil, fmt.Errorf("go env: %s", strings.TrimSpace(stderr))
	}
	return gocmd.ParseEnv(out)
}

// context asks go list itself for the build context.
func (c *caller) context(ctx context.Context) (build.Context, error) {
	out, _, code, err := c.ask(ctx, c.args(gocmd.ContextArgs()...))
	if err != nil || code != 0 {
		return build.Context{}, errors.New("no build context")
	}
	return gocmd.ParseContext(string(out))
}

// ask runs the go command for a short answer.
func (c *caller) ask(ctx context.Context, args []string) (stdout []byte, stderr string, code int, err error) {
	var out bytes.Buffer
	stderr, code, err = runGo(ctx, c.goTool, c.dir, c.environ, args, func(r io.Reader) error {
		_, err := out.ReadFrom(r)
		return err
	})
	return out.Bytes(), stderr, code, err
}

// guessContext serves while go.mod cannot be read and go list therefore reports nothing. The graph is broken then, and
// constraints are not what decides.
func guessContext(env gocmd.Env, tags []string, flags buildFlags) build.Context {
	b := build.Default
	b.GOOS, b.GOARCH, b.CgoEnabled = env["GOOS"], env["GOARCH"], env["CGO_ENABLED"] == "1"
	b.BuildTags = slices.Concat(tags, flags.tags)
	return b
}

// assemble makes the graph of what go list printed.
func assemble(c *caller, all []*gocmd.Package, complain string, env gocmd.Env, flags buildFlags, bctx build.Context) *Graph {
	g := &Graph{
		dir: c.dir, ctx: bctx, goroot: env["GOROOT"], modcache: env["GOMODCACHE"],
		packages: make(map[string]*pkg),
		extra:    make(map[string]string), future: make(map[string]string),
		include: make(map[string]string), missing: make(map[string]string),
		links: newLinks(), guess: new(Guess),
	}
	if complain != "" {
		g.problems = append(g.problems, firstLine(complain))
	}
	roots, byPath := g.sort(all)

	// Modules first: where a missing package would be depends on them.
	modules := make(map[string]localModule)
	for _, p := range all {
		if m := p.Module; m != nil && !p.Standard && g.local(m.Dir) {
			modules[m.Dir] = localModule{Module{m.Path, m.Dir}, true}
		}
	}
	r := &moduleReader{g: g, dir: c.dir, flags: flags, modules: modules}
	r.read(env)
	g.modules = sortedModules(modules)
	g.steered(env, flags)

	parent := chains(roots, byPath)
	for _, p := range all {
		switch {
		case p.Standard:
		case p.Dir == "":
			if p.Error != nil {
				g.absent(p.ImportPath)
			}
		case g.local(p.Dir):
			g.add(p, parent)
		}
	}
	g.setRoot(roots, flags.pgo)
	g.label = g.mainLabel(c.pattern)
	g.collectDirs()
	return g
}

// sort finds the packages that were asked for, indexes all by their import path, and notes what is wrong with them.
func (g *Graph) sort(all []*gocmd.Package) (roots []*gocmd.Package, byPath map[string]*gocmd.Package) {
	byPath = make(map[string]*gocmd.Package, len(all))
	for _, p := range all {
		// With several programs named and -pgo=auto, "path [main]" is path compiled for main.
		p.ImportPath, _, _ = strings.Cut(p.ImportPath, " ")
		if byPath[p.ImportPath] == nil {
			byPath[p.ImportPath] = p
		}
		if !p.DepOnly && !p.Standard {
			roots = append(roots, p)
		}
		if p.Error != nil {
			g.problems = append(g.problems, problem(p))
		}
	}
	return roots, byPath
}

// problem says why a package is incomplete.
func problem(p *gocmd.Package) string {
	switch {
	case p.Dir == "" && p.Name == "":
		return "package " + p.ImportPath + " is missing"
	case p.Error.Pos != "":
		return p.Error.Pos + ": " + firstLine(p.Error.Err)
	}
	return firstLine(p.Error.Err)
}

// setRoot takes the main package among those that were asked for, and its module.
func (g *Graph) setRoot(roots []*gocmd.Package, pgo string) {
	if len(roots) > 0 {
		main := roots[0]
		if i := slices.IndexFunc(roots, func(r *gocmd.Package) bool { return r.Name == "main" }); i >= 0 {
			main = roots[i]
		}
		g.root = pkgName{main.ImportPath, main.Name, main.Dir}
		g.files = main.ImportPath == "command-line-arguments"
		if main.Module != nil {
			g.module = Module{main.Module.Path, main.Module.Dir}
		}
		if main.Incomplete && len(g.problems) == 0 {
			g.problems = append(g.problems, "package "+main.ImportPath+" or one that it imports has errors")
		}
		g.profile(pgo)
	}
	if g.module.Dir == "" {
		for _, m := range g.modules { // the innermost around Dir
			if gocmd.Within(g.dir, m.Dir) {
				g.module = m.Module
			}
		}
	}
}

// local says whether a directory is neither part of Go nor of the module cache.
func (g *Graph) local(dir string) bool {
	return dir != "" && !gocmd.Within(dir, g.modcache) && !gocmd.Within(dir, filepath.Join(g.goroot, "src"))
}

func (g *Graph) mainLabel(pattern string) string {
	switch {
	case g.files || g.root.path == "":
		return pattern
	case g.module.Path != "" && strings.HasPrefix(g.root.path, g.module.Path+"/"):
		return strings.TrimPrefix(g.root.path, g.module.Path+"/")
	}
	return g.root.path
}

// chains walks the graph breadth first and returns, per import path, who imports it on a shortest way from a root.
func chains(roots []*gocmd.Package, byPath map[string]*gocmd.Package) map[string]string {
	parent := make(map[string]string, len(byPath))
	queue := make([]*gocmd.Package, 0, len(byPath))
	for _, r := range roots {
		parent[r.ImportPath] = ""
		queue = append(queue, r)
	}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		for _, imp := range p.Imports {
			if to, ok := p.ImportMap[imp]; ok {
				imp = to
			}
			imp, _, _ = strings.Cut(imp, " ")
			if _, seen := parent[imp]; seen || byPath[imp] == nil {
				continue
			}
			parent[imp] = p.ImportPath
			queue = append(queue, byPath[imp])
		}
	}
	return parent
}

// add takes a local package into the graph.
func (g *Graph) add(l *gocmd.Package, parent map[string]string) {
	p := &pkg{
		path: l.ImportPath, name: l.Name, dir: filepath.Clean(l.Dir),
		files:    sortedUnion(l.Compiled(), l.InvalidGoFiles),
		ignored:  sortedUnion(l.IgnoredGoFiles, l.IgnoredOtherFiles),
		patterns: sortedUnion(l.EmbedPatterns),
		embeds:   sortedUnion(l.EmbedFiles),
		cgo:      len(l.CgoFiles) > 0,
	}
	// Invalid files may be tests, which count for nothing.
	p.files = slices.DeleteFunc(p.files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	if _, reached := parent[l.ImportPath]; reached {
		for path := l.ImportPath; path != ""; path = parent[path] {
			p.chain = append(p.chain, path)
		}
		slices.Reverse(p.chain)
	}
	if old := g.packages[p.dir]; old != nil {
		// command-line-arguments and the directory's own package, which something else imports.
		p.files, p.ignored = union(old.files, p.files), nil
		p.patterns, p.embeds = union(old.patterns, p.patterns), union(old.embeds, p.embeds)
	}
	g.packages[p.dir] = p
	g.followLinks(p)
	if p.cgo || len(l.Foreign())+len(l.SFiles) > 0 {
		g.headers(p, slices.Concat(l.CgoCPPFLAGS, l.CgoCFLAGS, l.CgoCXXFLAGS))
	}
}

// followLinks adds the targets of source files that are links: the event comes from where the content is.
func (g *Graph) followLinks(p *pkg) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || !has(p.files, e.Name()) {
			continue
		}
		if to, err := filepath.EvalSymlinks(filepath.Join(p.dir, e.Name())); err == nil {
			g.extra[to] = "file of package " + p.path + " (by the link " + e.Name() + ")"
		}
	}
}

func sortedUnion(lists ...[]string) []string {
	out := slices.Concat(lists...)
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// absent notes where a package that does not exist would be, if in a local module.
func (g *Graph) absent(importPath string) {
	for i := range g.modules {
		m := &g.modules[i]
		if rel, ok := strings.CutPrefix(importPath, m.Path); ok && (rel == "" || rel[0] == '/') {
			g.missing[filepath.Join(m.Dir, filepath.FromSlash(rel))] = importPath
			m.used = true
		}
	}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(s)
}

// collectDirs fills dirs, and makes all of them known to links.
func (g *Graph) collectDirs() {
	dirs := make(map[string]bool)
	add := func(dir string) { dirs[dir] = true }
	for _, p := range g.packages {
		add(p.dir)
		for _, pattern := range p.patterns {
			embedDirs(p.dir, pattern, add)
		}
		for _, f := range p.embeds {
			add(filepath.Dir(filepath.Join(p.dir, filepath.FromSlash(f))))
		}
	}
	for f := range g.extra {
		add(filepath.Dir(f))
	}
	for dir := range g.include {
		add(dir)
	}
	for dir := range g.missing {
		add(dir)
		add(existing(dir))
	}
	g.links.add(g.dir)
	for _, m := range g.modules {
		g.links.add(m.Dir)
	}
	for d := range dirs {
		g.dirs = append(g.dirs, d)
		g.links.add(d)
	}
	slices.Sort(g.dirs)
}

// existing is the nearest directory that exists, dir or one above.
func existing(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if info, err := os.Stat(dir); err == nil && info.IsDir() || parent == dir {
			return dir
		}
		dir = parent
	}
}
