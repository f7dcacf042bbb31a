package direct

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// maker puts a recipe together, of what the go command has answered.
type maker struct {
	e        *Engine
	env      gocmd.Env
	script   *gocmd.Script
	list     []*gocmd.Package // each after those that it imports
	recipe   *recipe
	byPath   map[string]*gocmd.Package
	byBucket map[string]string // import paths
	inRecipe map[string]*pkg
	named    map[file]bool // path and kind
	listed   map[dir]bool
}

func newMaker(e *Engine, env gocmd.Env) *maker {
	m := &maker{
		e: e, env: env, recipe: &recipe{}, byPath: map[string]*gocmd.Package{}, byBucket: map[string]string{},
		inRecipe: map[string]*pkg{}, named: map[file]bool{}, listed: map[dir]bool{},
	}
	for _, name := range gocmd.ToolVariables {
		if env[name] != "" {
			m.recipe.env = append(m.recipe.env, name+"="+env[name])
		}
	}
	return m
}

// ofGo says whether a file is part of Go, or in the module cache, where nothing changes.
func (m *maker) ofGo(path string) bool {
	return gocmd.Within(path, m.env["GOROOT"]) || gocmd.Within(path, m.env["GOMODCACHE"])
}

func (m *maker) local(l *gocmd.Package) bool { return !l.Standard && l.Dir != "" && !m.ofGo(l.Dir) }

// vendored says that a package is a copy in a vendor directory: it is not expected to be edited.
func vendored(l *gocmd.Package) bool { return l.Module != nil && l.Module.Dir == "" }

// packages takes the program apart: who is compiled how, and how all are linked.
func (m *maker) packages() error {
	cfg, err := m.linked()
	if err != nil {
		return err
	}
	if err := m.index(); err != nil {
		return err
	}
	buckets := map[string]string{} // by import path
	for bucket, path := range m.byBucket {
		buckets[path] = bucket
	}
	for _, l := range m.list {
		bucket := buckets[l.ImportPath]
		switch {
		case bucket != "":
			if err := m.add(l, bucket); err != nil {
				return err
			}
		case l.ImportPath != "unsafe":
			return refuse("go build does not link %s", l.ImportPath)
		}
	}
	return m.linking(cfg)
}

// linked finds out of which packages the program is linked: the linker's importcfg names the bucket of each.
func (m *maker) linked() (cfg string, err error) {
	name := gocmd.WorkDir + "/" + gocmd.Bucket(gocmd.FlagValue(m.script.Link.Argv, "-importcfg")) + "/importcfg.link"
	cfg, ok := m.script.Files[name]
	if !ok {
		return "", refuse("go build -n gave the linker no importcfg")
	}
	for line := range strings.Lines(cfg) {
		path, archive, ok := gocmd.PackageFile(line)
		if !ok {
			continue
		}
		bucket := gocmd.Bucket(archive)
		if gocmd.InWork(archive) != archiveIn(bucket) {
			return "", refuse("the linker reads %s", archive)
		}
		m.byBucket[bucket] = path
		m.recipe.link.packages = append(m.recipe.link.packages, path)
	}
	return cfg, nil
}

// archiveIn is where the script puts the compiled package of a bucket.
func archiveIn(bucket string) string { return gocmd.WorkDir + "/" + bucket + "/_pkg_.a" }

// index makes the packages of go list known by their import paths, and makes sure that there is all that is linked.
func (m *maker) index() error {
	for _, l := range m.list {
		m.byPath[l.ImportPath] = l
		if len(l.CgoPkgConfig) > 0 {
			return refuse("the package %s uses pkg-config, whose output may change", l.ImportPath)
		}
	}
	for _, path := range m.byBucket {
		if l := m.byPath[path]; l == nil || l.Export == "" {
			return refuse("go list knows no compiled package %s", path)
		}
	}
	return nil
}

// add takes a package into the recipe, if an edit can make it necessary to compile it.
func (m *maker) add(l *gocmd.Package, bucket string) error {
	p := &pkg{path: l.ImportPath, bucket: bucket}
	cfg, imports, err := m.config(m.script.Files[gocmd.WorkDir+"/"+bucket+"/importcfg"])
	if err != nil {
		return err
	}
	if !m.local(l) && len(imports) == 0 {
		return nil
	}
	p.importcfg, p.imports = cfg, imports
	p.index = len(m.recipe.packages)
	m.recipe.packages = append(m.recipe.packages, p)
	m.inRecipe[l.ImportPath] = p
	for _, q := range imports {
		q.importers = append(q.importers, p)
	}
	if err := m.compilation(p, l); err != nil {
		p.obstacle = err.Error()
	}
	return nil
}

// config turns an importcfg of the script into one that can be written with the archives that there are. imports are the
// packages of the recipe that it names.
func (m *maker) config(text string) (lines []cfgLine, imports []*pkg, err error) {
	for line := range strings.Lines(text) {
		name, archive, ok := gocmd.PackageFile(line)
		switch {
		case ok && m.byBucket[gocmd.Bucket(archive)] != name:
			return nil, nil, refuse("an import of %s cannot be understood", name)
		case ok && m.inRecipe[name] != nil:
			imports = append(imports, m.inRecipe[name])
			lines = append(lines, cfgLine{text: "packagefile " + name + "=", pkg: m.inRecipe[name]})
		case ok:
			lines = append(lines, cfgLine{text: "packagefile " + name + "=" + m.byPath[name].Export + "\n"})
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "importmap "), strings.HasPrefix(line, "modinfo "):
			lines = append(lines, cfgLine{text: line})
		default:
			return nil, nil, refuse("an importcfg says %q", strings.TrimSpace(line))
		}
	}
	return lines, imports, nil
}

// compilation fills in how a package is compiled. The error is what prevents that.
func (m *maker) compilation(p *pkg, l *gocmd.Package) error {
	if err := onlyGo(l); err != nil {
		return err
	}
	c, ok := m.script.Compile[p.bucket]
	if !ok || m.script.Other[p.bucket] != "" {
		return refuse("it is not made by one compilation")
	}
	args, files, err := checkCompile(c.Argv)
	if err != nil {
		return err
	}
	var want []string
	for _, f := range l.GoFiles {
		want = append(want, filepath.Join(l.Dir, f))
	}
	if strings.Contains(l.Dir, gocmd.WorkDir) {
		return refuse("its directory is called %s", l.Dir)
	}
	if !slices.Equal(files, want) {
		return refuse("its files are not those that go list names")
	}
	dir := gocmd.WorkDir + "/" + p.bucket
	if fileIn(args, "-o") != archiveIn(p.bucket) || !slices.Contains(args, "-pack") ||
		fileIn(args, "-importcfg") != dir+"/importcfg" {
		return refuse("its compilation is not understood")
	}
	p.compile, p.args = gocmd.Command{Env: c.Env, Argv: c.Argv[:1]}, append(args, files...)
	p.embedcfg, p.embeds = m.script.Files[dir+"/embedcfg"]
	if named := fileIn(args, "-embedcfg"); p.embeds != (named != "") || p.embeds && named != dir+"/embedcfg" {
		return refuse("what it embeds is not understood")
	}
	return nil
}

// fileIn is the value of a flag that names a file in the work directory.
func fileIn(args []string, flag string) string { return gocmd.InWork(gocmd.FlagValue(args, flag)) }

// onlyGo refuses a package that the Go compiler alone does not make.
func onlyGo(l *gocmd.Package) error {
	switch {
	case len(l.CgoFiles) > 0:
		return refuse("it uses cgo")
	case len(l.SFiles) > 0:
		return refuse("it has assembly")
	case len(l.Foreign())+len(l.SysoFiles) > 0:
		return refuse("it has sources that are not Go")
	}
	return nil
}

// linking fills in how the program is linked.
func (m *maker) linking(cfg string) error {
	argv := m.script.Link.Argv
	args, err := checkLink(argv)
	if err != nil {
		return err
	}
	if m.byPath["runtime/cgo"] != nil && !linksCgo {
		return refuse("the program uses cgo")
	}
	main := m.inRecipe[m.byBucket[gocmd.Bucket(argv[len(argv)-1])]]
	if main == nil || m.byPath[main.path].Name != "main" {
		return refuse("the main package is not in a module of this project")
	}
	l := &m.recipe.link
	l.tool = gocmd.Command{Env: append(slices.Clip(m.script.Link.Env), linkerSettings(m.e.o.Env)), Argv: argv[:1]}
	l.args, l.main = args, main
	l.cfg, _, err = m.config(cfg)
	m.recipe.tool = m.env["GOVERSION"] + " " + argv[0]
	return err
}

// linkerSettings keeps the linker on its processor. It does most of its work on one thread, which the Go scheduler interrupts
// every 10 ms and continues wherever there is room: 30 to 55 moves to the cold caches of another processor in a link of 1,017
// packages, 5 to 12 without these interruptions, and 0.96 to 0.98 of the time. Nothing of it shows in the output. What the user
// sets comes later and counts. (GOGC=400 was here: with this, 0.97 without it, because collecting on a processor that is idle
// costs less than memory that is fresh.)
func linkerSettings(env []string) string {
	settings := "asyncpreemptoff=1"
	if user := proc.GetEnv(env, "GODEBUG"); user != "" {
		settings += "," + user
	}
	return "GODEBUG=" + settings
}
