package gograph

import (
	"bytes"
	"context"
	"encoding/json"
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

	"golang.org/x/mod/modfile"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/goflags"
	"github.com/hotreload/hotreload/internal/proc"
)

// listed is a package as go list prints it (go doc cmd/go/internal/load.PackagePublic); the field names are also the
// argument of -json.
type listed struct {
	Dir        string
	ImportPath string
	Name       string
	Standard   bool
	DepOnly    bool
	Incomplete bool
	Module     *listedModule

	GoFiles, CgoFiles, IgnoredGoFiles, InvalidGoFiles, IgnoredOtherFiles                 []string
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles []string

	CgoCFLAGS, CgoCPPFLAGS, CgoCXXFLAGS []string

	EmbedPatterns, EmbedFiles []string

	Imports   []string
	ImportMap map[string]string
	Error     *listedError
}

const listFields = "-json=Dir,ImportPath,Name,Standard,DepOnly,Incomplete,Module," +
	"GoFiles,CgoFiles,IgnoredGoFiles,InvalidGoFiles,IgnoredOtherFiles," +
	"CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles," +
	"CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,EmbedPatterns,EmbedFiles,Imports,ImportMap,Error"

type listedModule struct {
	Path, Dir, GoMod string
	Main             bool
	Replace          *listedModule
}

type listedError struct{ Pos, Err string }

// goEnv is what `go env -json` tells.
type goEnv struct {
	GOROOT, GOMODCACHE, GOMOD, GOWORK, GOFLAGS, GOENV, GOOS, GOARCH, CGO_ENABLED, GOVERSION string
}

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
		packages []*listed
		complain string
		listErr  error
		env      goEnv
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
	inherited, _ := goflags.Split(env.GOFLAGS) // where it cannot be understood, every go command says so
	flags := c.flags.merge(parseFlags(inherited))
	if ctxErr != nil {
		bctx = guessContext(env, c.tags, flags)
	}
	if len(packages) == 0 {
		if !env.module() {
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

func (e goEnv) module() bool {
	return e.GOWORK != "" && e.GOWORK != "off" || e.GOMOD != "" && e.GOMOD != os.DevNull
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
		c.dir = abs(c.dir, c.flags.chdir)
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
func (c *caller) list(ctx context.Context, more ...string) (out []*listed, complain string, err error) {
	stderr, code, err := runGo(ctx, c.goTool, c.dir, c.environ, c.args(more...), func(r io.Reader) error {
		for dec := json.NewDecoder(r); ; {
			p := new(listed)
			if err := dec.Decode(p); err == io.EOF {
				return nil
			} else if err != nil {
				return fmt.Errorf("output of go list: %w", err)
			}
			if p.Standard && p.Error == nil {
				// The runtime alone lists 400 files that nobody asks for: keep the edges only, while loading.
				*p = listed{ImportPath: p.ImportPath, Standard: true, Imports: p.Imports, ImportMap: p.ImportMap}
			}
			out = append(out, p)
		}
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

func (c *caller) env(ctx context.Context) (e goEnv, err error) {
	var out bytes.Buffer
	args := []string{"env", "-json", "GOROOT", "GOMODCACHE", "GOMOD", "GOWORK", "GOFLAGS", "GOENV", "GOOS", "GOARCH", "CGO_ENABLED", "GOVERSION"}
	stderr, code, err := runGo(ctx, c.goTool, c.dir, c.environ, args, func(r io.Reader) error {
		_, err := out.ReadFrom(r)
		return err
	})
	if err != nil {
		return e, err
	}
	if code != 0 {
		return e, fmt.Errorf("go env: %s", strings.TrimSpace(stderr))
	}
	return e, json.Unmarshal(out.Bytes(), &e)
}

// context asks go list itself for the build context: GOOS, tags from wherever they come, release and experiment tags.
// Package unsafe is the cheapest thing to list.
func (c *caller) context(ctx context.Context) (b build.Context, err error) {
	const format = `{{with context}}{{.GOOS}}
{{.GOARCH}}
{{.CgoEnabled}}
{{.Compiler}}
{{join .BuildTags ","}}
{{join .ToolTags ","}}
{{join .ReleaseTags ","}}
{{.InstallSuffix}}
{{end}}`
	var out bytes.Buffer
	_, code, err := runGo(ctx, c.goTool, c.dir, c.environ, c.args("-find", "-f", format, "--", "unsafe"), func(r io.Reader) error {
		_, err := out.ReadFrom(r)
		return err
	})
	lines := strings.Split(out.String(), "\n")
	if err != nil || code != 0 || len(lines) < 8 {
		return b, errors.New("no build context")
	}
	split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
	return build.Context{
		GOOS: lines[0], GOARCH: lines[1], CgoEnabled: lines[2] == "true", Compiler: lines[3],
		BuildTags: split(lines[4]), ToolTags: split(lines[5]), ReleaseTags: split(lines[6]), InstallSuffix: lines[7],
	}, nil
}

// guessContext serves while go.mod cannot be read and go list therefore tells nothing. The graph is broken then, and
// constraints are not what decides.
func guessContext(env goEnv, tags []string, flags buildFlags) build.Context {
	b := build.Default
	b.GOOS, b.GOARCH, b.CgoEnabled = env.GOOS, env.GOARCH, env.CGO_ENABLED == "1"
	b.BuildTags = slices.Concat(tags, flags.tags)
	return b
}

// assemble makes the graph of what go list printed.
func assemble(c *caller, all []*listed, complain string, env goEnv, flags buildFlags, bctx build.Context) *Graph {
	g := &Graph{
		dir: c.dir, ctx: bctx, goroot: env.GOROOT, modcache: env.GOMODCACHE,
		packages: make(map[string]*pkg),
		extra:    make(map[string]string), future: make(map[string]string),
		include: make(map[string]string), missing: make(map[string]string),
		links: newLinks(), guess: new(Guess),
	}
	if complain != "" {
		g.problems = append(g.problems, firstLine(complain))
	}
	modules := make(map[string]localModule)
	byPath := make(map[string]*listed, len(all))
	var roots []*listed
	for _, p := range all {
		// With several programs named and -pgo=auto, "path [main]" is path compiled for main.
		p.ImportPath, _, _ = strings.Cut(p.ImportPath, " ")
		if byPath[p.ImportPath] == nil {
			byPath[p.ImportPath] = p
		}
		if !p.DepOnly && !p.Standard {
			roots = append(roots, p)
		}
		if p.Error == nil {
			continue
		}
		if p.Dir == "" && p.Name == "" {
			g.problems = append(g.problems, "package "+p.ImportPath+" is missing")
			continue
		}
		pos := ""
		if p.Error.Pos != "" {
			pos = p.Error.Pos + ": "
		}
		g.problems = append(g.problems, pos+firstLine(p.Error.Err))
	}

	// Modules first: they say where missing packages would be.
	for _, p := range all {
		if m := p.Module; m != nil && !p.Standard && g.local(m.Dir) {
			modules[m.Dir] = localModule{Module{m.Path, m.Dir}, true}
		}
	}
	g.moduleFiles(c, env, flags, modules)
	g.modules = sortedModules(modules)

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

	if len(roots) > 0 {
		main := roots[0]
		for _, r := range roots {
			if r.Name == "main" {
				main = r
				break
			}
		}
		g.root = pkgName{main.ImportPath, main.Name, main.Dir}
		g.files = main.ImportPath == "command-line-arguments"
		if main.Module != nil {
			g.module = Module{main.Module.Path, main.Module.Dir}
		}
		if main.Incomplete && len(g.problems) == 0 {
			g.problems = append(g.problems, "package "+main.ImportPath+" or one that it imports has errors")
		}
		g.profile(flags.pgo)
	}
	if g.module.Dir == "" {
		for _, m := range g.modules { // the innermost around Dir
			if within(g.dir, m.Dir) {
				g.module = m.Module
			}
		}
	}
	g.label = g.mainLabel(c.pattern)
	g.collectDirs()
	return g
}

// local says whether a directory is neither part of Go nor of the module cache.
func (g *Graph) local(dir string) bool {
	return dir != "" && !within(dir, g.modcache) && !within(dir, filepath.Join(g.goroot, "src"))
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
func chains(roots []*listed, byPath map[string]*listed) map[string]string {
	parent := make(map[string]string, len(byPath))
	queue := make([]*listed, 0, len(byPath))
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
func (g *Graph) add(l *listed, parent map[string]string) {
	p := &pkg{
		path: l.ImportPath, name: l.Name, dir: filepath.Clean(l.Dir),
		files: sortedUnion(l.GoFiles, l.CgoFiles, l.InvalidGoFiles, l.CFiles, l.CXXFiles, l.MFiles, l.HFiles, l.FFiles,
			l.SFiles, l.SwigFiles, l.SwigCXXFiles, l.SysoFiles),
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
	if p.cgo || len(l.CFiles)+len(l.CXXFiles)+len(l.MFiles)+len(l.FFiles)+len(l.SFiles)+len(l.SwigFiles)+len(l.SwigCXXFiles) > 0 {
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

// moduleFiles finds the local modules that are not known from packages, by go.work and replace lines, and notes all files
// that steer the choice of modules. It reads them itself (golang.org/x/mod/modfile): `go list -m all` would say more, but it
// loads the module graph, and the network with it.
func (g *Graph) moduleFiles(c *caller, env goEnv, flags buildFlags, modules map[string]localModule) {
	known := func(file, reason string) {
		if _, err := os.Stat(file); err == nil {
			g.extra[file] = reason
		} else {
			g.future[file] = reason
		}
	}
	vendorIn := func(dir string) {
		if flags.mod != "mod" && flags.mod != "readonly" {
			known(filepath.Join(dir, "vendor", "modules.txt"), "list of vendored modules")
		}
	}
	local := func(base, target string) {
		if !modfile.IsDirectoryPath(target) {
			return
		}
		dir := abs(base, filepath.FromSlash(target))
		if _, ok := modules[dir]; !ok {
			modules[dir] = localModule{Module{ModulePath(dir), dir}, false}
		}
	}
	replaced := func(base string, lines []*modfile.Replace) {
		for _, r := range lines {
			local(base, r.New.Path)
		}
	}
	readMod := func(file, base string) {
		data, err := os.ReadFile(file)
		if err != nil {
			return
		}
		if m := modules[base]; m.Path == "" {
			modules[base] = localModule{Module{modfile.ModulePath(data), base}, m.used}
		}
		if f, err := modfile.Parse(file, data, nil); err == nil { // not ParseLax: it skips replace lines
			replaced(base, f.Replace)
		}
	}

	work := env.GOWORK
	if work == "off" {
		work = ""
	}
	switch {
	case work != "":
		known(work, "workspace file")
		known(work+".sum", "checksums of the workspace")
		base := filepath.Dir(work)
		vendorIn(base)
		if data, err := os.ReadFile(work); err == nil {
			if f, err := modfile.ParseWork(work, data, nil); err == nil {
				for _, u := range f.Use {
					dir := abs(base, filepath.FromSlash(u.Path))
					local(base, dir)
					readMod(filepath.Join(dir, "go.mod"), dir)
				}
				replaced(base, f.Replace)
			} else if len(g.problems) == 0 {
				g.problems = append(g.problems, firstLine(err.Error()))
			}
		}
	case env.GOMOD != "" && env.GOMOD != os.DevNull:
		base := filepath.Dir(env.GOMOD)
		mod := env.GOMOD
		vendorIn(base)
		if flags.modfile != "" {
			mod = abs(c.dir, flags.modfile)
			known(mod, "module file (-modfile)")
			known(strings.TrimSuffix(mod, ".mod")+".sum", "checksums (-modfile)")
		}
		readMod(mod, base)
		known(env.GOMOD, "module file")
		known(filepath.Join(base, "go.sum"), "checksums of modules")
		// A go.work that appears anywhere above takes over, if nothing forbids it.
		if env.GOWORK == "" {
			for dir := c.dir; ; dir = filepath.Dir(dir) {
				g.future[filepath.Join(dir, "go.work")] = "workspace file"
				if dir == filepath.Dir(dir) {
					break
				}
			}
		}
	}
	for dir, m := range modules {
		known(filepath.Join(dir, "go.mod"), strings.TrimSpace("module file of "+m.Path))
		known(filepath.Join(dir, "go.sum"), strings.TrimSpace("checksums of module "+m.Path))
	}
	if env.GOENV != "" && env.GOENV != "off" {
		if _, err := os.Stat(env.GOENV); err == nil {
			g.extra[env.GOENV] = "settings of the go command (go env -w)"
		}
	}
	if flags.overlay != "" {
		g.overlay(abs(c.dir, flags.overlay), c.dir)
	}
}

// ModulePath reads the name of the module whose go.mod is in dir; empty if there is none, or it cannot be read.
func ModulePath(dir string) string {
	data, err := files.Read(filepath.Join(dir, "go.mod"), files.MaxConfig)
	if err != nil {
		return ""
	}
	return modfile.ModulePath(data)
}

// overlay adds the file given by -overlay and those that it puts in place of others.
func (g *Graph) overlay(file, dir string) {
	g.extra[file] = "overlay"
	data, err := os.ReadFile(file)
	if err != nil {
		return
	}
	var o struct{ Replace map[string]string }
	if json.Unmarshal(data, &o) != nil {
		return
	}
	for at, by := range o.Replace {
		if by != "" {
			g.extra[abs(dir, by)] = "overlay of " + at
		}
	}
}

// profile adds the profile for profile-guided optimisation: default.pgo beside main with "auto", which is Go's default.
func (g *Graph) profile(pgo string) {
	switch pgo {
	case "off":
	case "", "auto":
		if g.root.dir == "" || g.root.name != "main" {
			return
		}
		file := filepath.Join(g.root.dir, "default.pgo")
		if _, err := os.Stat(file); err == nil {
			g.extra[file] = "profile (-pgo=auto)"
		} else {
			g.future[file] = "profile (-pgo=auto)"
		}
	default:
		g.extra[abs(g.dir, pgo)] = "profile (-pgo)"
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
		for {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				add(dir)
				break
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
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
