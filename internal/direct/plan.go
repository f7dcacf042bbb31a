package direct

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// plan is how go build would make the program. It does not change once made, and holds as long as the files are what their
// kind allows.
type plan struct {
	packages []*pkg // that are local, or import a local one, each after those that it imports
	files    []file
	dirs     []dir
	late     []lateFile
	link     link
	env      []string // what the go command sets for its tools
	tool     string   // names the toolchain
}

// pkg is a package that the engine may have to compile.
type pkg struct {
	index     int
	path      string
	bucket    string // its directory below $WORK
	obstacle  string // why it cannot be compiled here; empty if it can
	compile   tool   // argv is the compiler alone
	args      []string
	importcfg []cfgLine
	embedcfg  string
	embeds    bool
	imports   []*pkg // of those in the plan
	importers []*pkg
	files     []int // in plan.files
}

// cfgLine is a line of an importcfg; where pkg is set, the path of its archive belongs at the end.
type cfgLine struct {
	text string
	pkg  *pkg
}

type link struct {
	tool     tool // argv is the linker alone
	args     []string
	cfg      []cfgLine
	main     *pkg
	packages []string // import paths of the whole program
}

// kind is what may happen to a file without the plan's becoming invalid.
type kind int

const (
	source   kind = iota // of a package: all but the header may change
	embedded             // of a package: all may change
	header               // no part of the program: all but the header may change
	fixed                // nothing may change
	presence             // whether there is such a directory may not change
	place                // the name may not stand for something else: another directory, a link
)

type file struct {
	path string
	kind kind
	pkg  *pkg
	key  sum    // of the header
	what string // for people
}

func (f *file) look() (stamp, error) {
	if f.kind == place {
		return lookHere(f.path)
	}
	return look(f.path)
}

// lateFile is looked at while the linker works: it is not expected to change.
type lateFile struct {
	path  string
	stamp stamp
}

var listFields = gocmd.ListFields("ImportPath,Name,Dir,Export,Standard,Module,Incomplete,Error", gocmd.FieldsSources,
	gocmd.FieldsEmbedding, "CgoPkgConfig,TestGoFiles,XTestGoFiles")

var envNames = append([]string{"GOMODCACHE", "GOFLAGS", "GOENV", "GOWORK", "GOMOD", "GOVERSION"}, gocmd.ToolVariables...)

// take asks the go command for a plan, and reads the sources that it is about.
func (e *Engine) take(ctx context.Context) (*plan, *state, error) {
	if !supported {
		return nil, nil, refuse("not supported on this system")
	}
	if strings.HasSuffix(e.o.Package, ".go") || strings.Contains(e.o.Package, "...") {
		return nil, nil, refuse("the package is named by its files or a pattern")
	}
	for _, name := range gocmd.TraceVariables {
		if proc.GetEnv(e.o.Env, name) != "" {
			return nil, nil, refuse("%s is set", name)
		}
	}
	work, done, err := e.dir()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	started := time.Now()
	said, _, err := e.goTool(ctx, work, gocmd.EnvArgs(envNames...)...)
	if err != nil {
		return nil, nil, err
	}
	env, err := gocmd.ParseEnv(said)
	if err != nil || env["GOVERSION"] == "" || env["GOROOT"] == "" {
		return nil, nil, refuse("go env answered nothing that is understood")
	}
	if err := checkFlags(env["GOFLAGS"], e.o.Flags); err != nil {
		return nil, nil, err
	}
	switch {
	case env.Mod() == "":
		return nil, nil, refuse("there is no go.mod")
	case env["GOFIPS140"] != "" && env["GOFIPS140"] != "off":
		return nil, nil, refuse("GOFIPS140 is %s", env["GOFIPS140"])
	}

	b := &planner{e: e, env: env, plan: &plan{}, byPath: map[string]*gocmd.Package{}, seen: map[file]bool{}}
	for _, name := range gocmd.ToolVariables {
		if env[name] != "" {
			b.plan.env = append(b.plan.env, name+"="+env[name])
		}
	}
	if err := b.settings(ctx); err != nil {
		return nil, nil, err
	}
	// By the stamps before and after, even a file system whose clock is not ours cannot hide an edit from between, nor one
	// that takes a file away.
	before := map[string]stamp{}
	for _, f := range b.plan.files {
		if before[f.path], err = f.look(); err != nil {
			return nil, nil, refuse("%s cannot be looked at", f.path)
		}
	}
	args := slices.Concat([]string{"build", "-n", "-a"}, e.o.Flags, []string{"-o", filepath.Join(work, "never"), e.o.Package})
	_, commands, err := e.goTool(ctx, work, args...)
	if err != nil {
		return nil, nil, err
	}
	s, err := parseScript(string(commands), e.o.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range s.compile {
		for _, name := range t.argv {
			if strings.HasSuffix(name, ".go") && !gocmd.Within(name, env["GOROOT"]) && !gocmd.Within(name, env["GOMODCACHE"]) {
				before[name], _ = look(name)
			}
		}
	}
	args = slices.Concat([]string{"list", "-deps", "-export", listFields}, e.o.Flags, []string{e.o.Package})
	if said, _, err = e.goTool(ctx, work, args...); err != nil {
		return nil, nil, err
	}
	for p, err := range gocmd.Packages(bytes.NewReader(said)) {
		if err != nil {
			return nil, nil, refuse("go list answered nothing that is understood")
		}
		if p.Incomplete || p.Error != nil {
			return nil, nil, refuse("the package %s has errors", p.ImportPath)
		}
		b.list = append(b.list, p)
	}
	b.script = s
	if err := b.packages(); err != nil {
		return nil, nil, err
	}
	if err := e.trusted(b.plan.tool); err != nil {
		return nil, nil, err
	}
	if err := b.inputs(); err != nil {
		return nil, nil, err
	}
	st, err := b.look(ctx, started)
	if err != nil {
		return nil, nil, err
	}
	for i, f := range b.plan.files {
		old, ok := before[f.path]
		if s := st.files[i].stamp; ok && old != s && (f.kind != presence || old.exists() != s.exists()) {
			return nil, nil, unsettled(f.path)
		}
	}
	return b.plan, st, nil
}

// planner puts a plan together.
type planner struct {
	e      *Engine
	env    gocmd.Env
	script *script
	list   []*gocmd.Package
	plan   *plan
	byPath map[string]*gocmd.Package
	inPlan map[string]*pkg
	seen   map[file]bool // path and kind
}

func (b *planner) local(l *gocmd.Package) bool {
	return !l.Standard && l.Dir != "" && !gocmd.Within(l.Dir, b.env["GOROOT"]) && !gocmd.Within(l.Dir, b.env["GOMODCACHE"])
}

// frozen says that a package is a copy in a vendor directory: nobody is expected to edit it.
func (b *planner) frozen(l *gocmd.Package) bool { return l.Module != nil && l.Module.Dir == "" }

func (b *planner) packages() error {
	// The linker's importcfg names the directory of every package.
	linkDir := bucket(flagValue(b.script.link.argv, "-importcfg"))
	cfg, ok := b.script.files[workDir+"/"+linkDir+"/importcfg.link"]
	if !ok {
		return refuse("go build -n gave the linker no importcfg")
	}
	path := map[string]string{} // by bucket
	for line := range strings.Lines(cfg) {
		if name, archive, ok := packageFile(line); ok {
			if archive != workDir+"/"+bucket(archive)+"/_pkg_.a" {
				return refuse("the linker reads %s", archive)
			}
			path[bucket(archive)] = name
			b.plan.link.packages = append(b.plan.link.packages, name)
		}
	}
	for _, l := range b.list {
		b.byPath[l.ImportPath] = l
		if len(l.CgoPkgConfig) > 0 {
			return refuse("the package %s asks pkg-config, whose answer may change", l.ImportPath)
		}
	}
	for _, name := range path {
		if l := b.byPath[name]; l == nil || l.Export == "" {
			return refuse("go list knows no compiled package %s", name)
		}
	}
	buckets := map[string]string{}
	for k, v := range path {
		buckets[v] = k
	}

	b.inPlan = map[string]*pkg{}
	var lines = map[*pkg][]cfgLine{}
	for _, l := range b.list { // each after those that it imports
		bk := buckets[l.ImportPath]
		if bk == "" {
			if l.ImportPath != "unsafe" {
				return refuse("go build does not link %s", l.ImportPath)
			}
			continue
		}
		p := &pkg{path: l.ImportPath, bucket: bk}
		var err error
		if lines[p], err = b.config(b.script.files[workDir+"/"+bk+"/importcfg"], path, p); err != nil {
			return err
		}
		if !b.local(l) && len(p.imports) == 0 {
			continue
		}
		b.inPlan[l.ImportPath] = p
		p.index = len(b.plan.packages)
		b.plan.packages = append(b.plan.packages, p)
		p.importcfg = lines[p]
		for _, q := range p.imports {
			q.importers = append(q.importers, p)
		}
		if err := b.compilation(p, l); err != nil {
			p.obstacle = err.Error()
		}
	}

	argv := b.script.link.argv
	args, err := checkLink(argv)
	if err != nil {
		return err
	}
	main := b.inPlan[path[bucket(argv[len(argv)-1])]]
	if main == nil || b.byPath[main.path].Name != "main" {
		return refuse("the main package is not in a module of this project")
	}
	b.plan.link.tool = tool{env: append(slices.Clip(b.script.link.env), linkerSettings(b.e.o.Env)), argv: argv[:1]}
	b.plan.link.args, b.plan.link.main = args, main
	b.plan.link.cfg, err = b.config(cfg, path, &pkg{})
	if err != nil {
		return err
	}
	b.plan.tool = b.env["GOVERSION"] + " " + argv[0]
	return nil
}

// linkerSettings keeps the linker on its processor. It does most of its work on one thread, which the Go scheduler interrupts
// every 10 ms and lets go on wherever is room: 30 to 55 moves to the cold caches of another processor in a link of 1,017
// packages, 5 to 12 without these interruptions, and 0.96 to 0.98 of the time. Nothing of it shows in the output. What the user
// sets comes later and counts. (GOGC=400 was here: with this, 0.97 without it, for collecting on a processor that is idle costs
// less than memory that is fresh.)
func linkerSettings(env []string) string {
	settings := "asyncpreemptoff=1"
	if user := proc.GetEnv(env, "GODEBUG"); user != "" {
		settings += "," + user
	}
	return "GODEBUG=" + settings
}

func packageFile(line string) (name, archive string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "packagefile ")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "=")
}

// config turns an importcfg of the script into one that can be written with the archives that there are.
func (b *planner) config(text string, path map[string]string, p *pkg) ([]cfgLine, error) {
	var out []cfgLine
	for line := range strings.Lines(text) {
		name, archive, ok := packageFile(line)
		switch {
		case ok:
			if path[bucket(archive)] != name {
				return nil, refuse("an import of %s cannot be understood", name)
			}
			if q := b.inPlan[name]; q != nil {
				p.imports = append(p.imports, q)
				out = append(out, cfgLine{text: "packagefile " + name + "=", pkg: q})
				continue
			}
			out = append(out, cfgLine{text: "packagefile " + name + "=" + b.byPath[name].Export + "\n"})
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "importmap "), strings.HasPrefix(line, "modinfo "):
			out = append(out, cfgLine{text: line})
		default:
			return nil, refuse("an importcfg says %q", strings.TrimSpace(line))
		}
	}
	return out, nil
}

// compilation fills in how a package is compiled. The error is what stands in the way.
func (b *planner) compilation(p *pkg, l *gocmd.Package) error {
	t, ok := b.script.compile[p.bucket]
	switch {
	case len(l.CgoFiles) > 0:
		return refuse("it uses cgo")
	case len(l.SFiles) > 0:
		return refuse("it has assembly")
	case len(l.Foreign())+len(l.SysoFiles) > 0:
		return refuse("it has sources that are not Go")
	case !ok || b.script.other[p.bucket] != "":
		return refuse("it is not made by one compilation")
	}
	args, files, err := checkCompile(t.argv)
	if err != nil {
		return err
	}
	var want []string
	for _, f := range l.GoFiles {
		want = append(want, filepath.Join(l.Dir, f))
	}
	if strings.Contains(l.Dir, workDir) {
		return refuse("its directory is called %s", l.Dir)
	}
	if !slices.Equal(files, want) {
		return refuse("its files are not those that go list names")
	}
	if flagValue(args, "-o") != workDir+"/"+p.bucket+"/_pkg_.a" || !slices.Contains(args, "-pack") ||
		flagValue(args, "-importcfg") != workDir+"/"+p.bucket+"/importcfg" {
		return refuse("its compilation is not understood")
	}
	p.compile, p.args = tool{env: t.env, argv: t.argv[:1]}, append(args, files...)
	p.embedcfg, p.embeds = b.script.files[workDir+"/"+p.bucket+"/embedcfg"]
	if named := flagValue(args, "-embedcfg"); p.embeds != (named != "") || p.embeds && named != workDir+"/"+p.bucket+"/embedcfg" {
		return refuse("what it embeds is not understood")
	}
	return nil
}

// add names a file once per kind.
func (b *planner) add(path string, k kind, what string) {
	if seen := (file{path: path, kind: k}); !b.seen[seen] {
		b.seen[seen] = true
		b.plan.files = append(b.plan.files, file{path: path, kind: k, what: what})
	}
}

// hold names a file that may not change, come or go.
func (b *planner) hold(path, what string) {
	if path != "" && path != os.DevNull && path != "off" {
		b.add(path, fixed, what)
	}
}

func (b *planner) module(dir string) {
	for _, name := range []string{"go.mod", "go.sum", "vendor/modules.txt"} {
		b.hold(filepath.Join(dir, name), name)
	}
	b.add(filepath.Join(dir, "vendor"), presence, "vendor")
}

// above is for a go.work or go.mod that appears above a package, or between it and its module.
func (b *planner) above(from, to string) {
	for d := from; ; d = filepath.Dir(d) {
		b.hold(filepath.Join(d, "go.mod"), "go.mod")
		b.hold(filepath.Join(d, "go.work"), "go.work") // also one nearer than that in use
		if d == to || d == filepath.Dir(d) {
			return
		}
	}
}

// settings names what decides how the program is built and is known before the go command is asked for that.
func (b *planner) settings(ctx context.Context) error {
	root := b.env["GOROOT"]
	if err := toolchainOf(b.e.o.Go); err != nil {
		return err
	}
	b.hold(b.e.o.Go, "the go command")
	b.hold(filepath.Join(root, "bin", "go"), "the go command")
	b.hold(filepath.Join(root, "VERSION"), "the toolchain")
	b.hold(filepath.Join(root, "go.env"), "the settings of the go command")
	b.hold(b.env["GOENV"], "the settings of the go command")
	for _, name := range []string{"CC", "CXX"} {
		if err := b.compilerOfC(ctx, name); err != nil {
			return err
		}
	}
	roots := []string{filepath.Dir(b.env["GOMOD"])}
	if work := b.env["GOWORK"]; work != "" && work != "off" {
		b.hold(work, "go.work")
		b.hold(strings.TrimSuffix(work, ".work")+".work.sum", "go.work.sum")
		b.module(filepath.Dir(work))
		more, err := workModules(work)
		if err != nil {
			return err
		}
		roots = append(roots, more...)
	}
	// A module that gives no package still has a say in the versions of all others.
	for _, root := range roots {
		b.module(root)
		more, err := replacements(filepath.Join(root, "go.mod"))
		if err != nil {
			return err
		}
		for _, d := range more {
			b.hold(filepath.Join(d, "go.mod"), "go.mod")
		}
	}
	b.above(b.e.o.Dir, "")
	return nil
}

// toolchainOf refuses a go command that is none: asdf, goenv, mise, snap and others put a program in its place that chooses
// one at every call, by files and variables that only they know.
func toolchainOf(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		tools, err := look(filepath.Join(filepath.Dir(filepath.Dir(real)), "pkg", "tool"))
		if err == nil && tools.exists() {
			return nil
		}
	}
	return refuse("%s only chooses a go command; put the bin directory of a toolchain first on PATH", path)
}

// compilerOfC holds the C compiler, and what it calls: what cgo makes, also of the standard library, depends on both.
func (b *planner) compilerOfC(ctx context.Context, name string) error {
	words, err := gocmd.Split(b.env[name])
	if err != nil || len(words) == 0 || b.env["CGO_ENABLED"] != "1" {
		return nil
	}
	path, err := proc.LookPath(b.e.o.Env, b.e.o.Dir, words[0])
	if err != nil {
		return nil // there is none: then nothing was compiled by it
	}
	b.hold(path, "the C compiler")
	// Of a gcc this is the compiler proper, also of one that ccache or a link stands for.
	var out bytes.Buffer
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: path, Args: append(words, "-print-prog-name=cc1"), Dir: b.e.o.Dir, Env: b.e.o.Env},
		Stdout: &out,
	})
	if err != nil {
		return err
	}
	if cc1 := strings.TrimSpace(out.String()); state.Code == 0 && filepath.IsAbs(cc1) {
		b.hold(cc1, "the C compiler")
	}
	return nil
}

// inputs names all files and directories that the packages depend on.
func (b *planner) inputs() error {
	p := b.plan
	seenDir := map[dir]bool{}
	addDir := func(d dir) {
		if !seenDir[d] {
			seenDir[d] = true
			p.dirs = append(p.dirs, d)
		}
	}
	b.hold(p.link.tool.argv[0], "the linker")
	for _, t := range b.script.compile {
		b.hold(t.argv[0], "the compiler")
	}
	modules := map[string]string{} // path of a local module -> directory
	for _, l := range b.list {
		known := slices.Concat(l.Compiled(), l.EmbedFiles)
		if !b.local(l) {
			for _, f := range known {
				p.late = append(p.late, lateFile{path: filepath.Join(l.Dir, f)})
			}
			continue
		}
		addDir(dir{path: l.Dir})
		if b.frozen(l) {
			for _, f := range slices.Concat(known, l.IgnoredGoFiles, l.IgnoredOtherFiles) {
				p.late = append(p.late, lateFile{path: filepath.Join(l.Dir, f)})
			}
		} else {
			q := b.inPlan[l.ImportPath]
			if l.Module == nil {
				return refuse("the package %s is in no module", l.ImportPath)
			}
			modules[l.Module.Path] = l.Module.Dir
			b.module(l.Module.Dir)
			b.above(l.Dir, l.Module.Dir)
			if q.obstacle != "" {
				for _, f := range known {
					p.files = append(p.files, file{path: filepath.Join(l.Dir, f), kind: fixed, pkg: q, what: "a file of " + q.path})
				}
			} else {
				for _, f := range l.GoFiles {
					q.files = append(q.files, len(p.files))
					p.files = append(p.files, file{path: filepath.Join(l.Dir, f), kind: source, pkg: q})
				}
				for _, f := range l.HFiles {
					p.files = append(p.files, file{path: filepath.Join(l.Dir, f), kind: fixed, what: "a file of " + q.path})
				}
				for _, f := range l.EmbedFiles {
					q.files = append(q.files, len(p.files))
					p.files = append(p.files, file{path: filepath.Join(l.Dir, filepath.FromSlash(f)), kind: embedded, pkg: q})
				}
			}
			for _, f := range slices.Concat(l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles) {
				p.files = append(p.files, file{path: filepath.Join(l.Dir, f), kind: header})
			}
			for _, f := range l.IgnoredOtherFiles {
				p.files = append(p.files, file{path: filepath.Join(l.Dir, f), kind: fixed, what: "a file that constraints leave out"})
			}
		}
		for _, pattern := range l.EmbedPatterns {
			dirs, way, err := embedDirs(l.Dir, pattern)
			if err != nil {
				return err
			}
			for _, d := range dirs {
				addDir(d)
			}
			for _, path := range way {
				b.add(path, place, "a name of an embed pattern")
				b.hold(filepath.Join(path, "go.mod"), "go.mod")
			}
		}
	}
	// A package that appears in two modules is ambiguous. Of those modules whose directories can change, one has to begin
	// the import path.
	for _, l := range b.list {
		for m, at := range modules {
			if rest, ok := strings.CutPrefix(l.ImportPath, m+"/"); ok && l.Module != nil && l.Module.Path != m {
				d := filepath.Join(at, filepath.FromSlash(rest))
				if s, err := look(d); err == nil && s.exists() {
					addDir(dir{path: d})
				} else {
					b.add(d, presence, "a directory of "+l.ImportPath)
				}
			}
		}
	}
	return nil
}

// look reads the state that the plan is about, and refuses it if anything may have changed since it was started.
func (b *planner) look(ctx context.Context, started time.Time) (*state, error) {
	p := b.plan
	st := &state{files: make([]known, len(p.files)), dirs: make([]known, len(p.dirs))}
	moved := func(path string, s stamp) error {
		if s.Since(started) {
			return unsettled(path)
		}
		return nil
	}
	for i := range p.files {
		f := &p.files[i]
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var (
			text []byte
			err  error
		)
		if f.kind == fixed || f.kind == presence || f.kind == place {
			st.files[i].stamp, err = f.look()
		} else {
			st.files[i], text, err = read(f.path)
			if f.kind != embedded {
				f.key = keyOf(text)
			}
		}
		if err != nil {
			return nil, err
		}
		if err := moved(f.path, st.files[i].stamp); err != nil {
			return nil, err
		}
	}
	for i := range p.dirs {
		d := &p.dirs[i]
		var err error
		if st.dirs[i].stamp, err = look(d.path); err != nil {
			return nil, err
		}
		if err := moved(d.path, st.dirs[i].stamp); err != nil {
			return nil, err
		}
		if d.names, d.links, err = d.list(); err != nil {
			return nil, err
		}
		// What came in between is in the names, but not in the plan.
		if again, err := look(d.path); err != nil || again != st.dirs[i].stamp {
			return nil, unsettled(d.path)
		}
	}
	for i := range p.late {
		f := &p.late[i]
		var err error
		if f.stamp, err = look(f.path); err != nil {
			return nil, err
		}
		if err := moved(f.path, f.stamp); err != nil {
			return nil, err
		}
	}
	for _, q := range p.packages {
		st.archives = append(st.archives, archive{path: b.byPath[q.path].Export})
	}
	return st, nil
}

// keyOf is the header's key, or that of the whole file where the header cannot be read: then any change counts.
func keyOf(text []byte) sum {
	key, err := gocmd.ExactHeader(text)
	if err != nil {
		return sumOf(text)
	}
	return sumOf(key)
}

// workModules are the directories of the modules that a go.work uses, or puts in place of others.
func workModules(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, refuse("%s cannot be read", file)
	}
	used, replacing, err := gocmd.WorkDirs(file, text)
	if err != nil {
		return nil, refuse("%s cannot be understood", file)
	}
	return append(used, replacing...), nil
}

// replacements are the directories that stand for modules in a go.mod.
func replacements(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, refuse("%s cannot be read", file)
	}
	dirs, err := gocmd.ModDirs(file, filepath.Dir(file), text)
	if err != nil {
		return nil, refuse("%s cannot be understood", file)
	}
	return dirs, nil
}
