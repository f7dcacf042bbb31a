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

// name adds a file once per kind.
func (m *maker) name(path string, k kind, what string) {
	if key := (file{path: path, kind: k}); !m.named[key] {
		m.named[key] = true
		m.recipe.files = append(m.recipe.files, file{path: path, kind: k, what: what})
	}
}

// fix adds a file that may not change, come or go.
func (m *maker) fix(path, what string) {
	if path != "" && path != os.DevNull && path != "off" {
		m.name(path, fixed, what)
	}
}

// watchDir adds a directory whose names may not change.
func (m *maker) watchDir(d dir) {
	if !m.listed[d] {
		m.listed[d] = true
		m.recipe.dirs = append(m.recipe.dirs, d)
	}
}

func (m *maker) module(dir string) {
	for _, name := range []string{"go.mod", "go.sum", "vendor/modules.txt"} {
		m.fix(filepath.Join(dir, name), name)
	}
	m.name(filepath.Join(dir, "vendor"), presence, "vendor")
}

// above is for a go.work or go.mod that appears above a package, or between it and its module.
func (m *maker) above(from, to string) {
	for d := from; ; d = filepath.Dir(d) {
		m.fix(filepath.Join(d, "go.mod"), "go.mod")
		m.fix(filepath.Join(d, "go.work"), "go.work") // also one nearer than that in use
		if d == to || d == filepath.Dir(d) {
			return
		}
	}
}

// settings adds what decides how the program is built and is known before the go command is asked for that.
func (m *maker) settings(ctx context.Context) error {
	root := m.env["GOROOT"]
	if err := toolchainOf(m.e.o.Go); err != nil {
		return err
	}
	m.fix(m.e.o.Go, "the go command")
	m.fix(filepath.Join(root, "bin", "go"+exeSuffix), "the go command")
	m.fix(filepath.Join(root, "VERSION"), "the toolchain")
	m.fix(filepath.Join(root, "go.env"), "the settings of the go command")
	m.fix(m.env["GOENV"], "the settings of the go command")
	for _, name := range []string{"CC", "CXX"} {
		if err := m.compilerOfC(ctx, name); err != nil {
			return err
		}
	}
	roots := []string{filepath.Dir(m.env["GOMOD"])}
	if work := m.env.Work(); work != "" {
		m.fix(work, "go.work")
		m.fix(strings.TrimSuffix(work, ".work")+".work.sum", "go.work.sum")
		m.module(filepath.Dir(work))
		more, err := workModules(work)
		if err != nil {
			return err
		}
		roots = append(roots, more...)
	}
	// A module that gives no package still has a say in the versions of all others.
	for _, root := range roots {
		m.module(root)
		more, err := replacements(filepath.Join(root, "go.mod"))
		if err != nil {
			return err
		}
		for _, d := range more {
			m.fix(filepath.Join(d, "go.mod"), "go.mod")
		}
	}
	m.above(m.e.o.Dir, "")
	return nil
}

// toolchainOf refuses a go command that is none: asdf, goenv, mise, snap and others put a program in its place that chooses
// one at every call, by files and variables that only they know.
func toolchainOf(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		tools, err := stampOf(filepath.Join(filepath.Dir(filepath.Dir(real)), "pkg", "tool"))
		if err == nil && tools.exists() {
			return nil
		}
	}
	return refuse("%s only chooses a go command; put the bin directory of a toolchain first on PATH", path)
}

// compilerOfC adds the C compiler, and what it calls: what cgo makes, also of the standard library, depends on both.
func (m *maker) compilerOfC(ctx context.Context, name string) error {
	words, err := gocmd.Split(m.env[name])
	if err != nil || len(words) == 0 || m.env["CGO_ENABLED"] != "1" {
		return nil
	}
	path, err := proc.LookPath(m.e.o.Env, m.e.o.Dir, words[0])
	if err != nil {
		return nil // there is none: then nothing was compiled by it
	}
	m.fix(path, "the C compiler")
	// Of a gcc this is the compiler proper, also when ccache or a link is called in its place.
	var out bytes.Buffer
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: path, Args: append(words, "-print-prog-name=cc1"), Dir: m.e.o.Dir, Env: m.e.o.Env},
		Stdout: &out,
	})
	if err != nil {
		return err
	}
	if cc1 := strings.TrimSpace(out.String()); state.Code == 0 && filepath.IsAbs(cc1) {
		m.fix(cc1, "the C compiler")
	}
	return nil
}

// stamps are those of the files that are known so far, by their paths.
func (m *maker) stamps() (map[string]stamp, error) {
	all := map[string]stamp{}
	for _, f := range m.recipe.files {
		s, err := f.stamp()
		if err != nil {
			return nil, refuse("%s cannot be read", f.path)
		}
		all[f.path] = s
	}
	return all, nil
}

// stampSources adds the stamps of the sources that the script names.
func (m *maker) stampSources(all map[string]stamp) {
	for _, c := range m.script.Compile {
		for _, name := range c.Argv {
			if strings.HasSuffix(name, ".go") && !m.ofGo(name) {
				all[name], _ = stampOf(name)
			}
		}
	}
}

// settled compares the stamps from before with those of the state.
func (m *maker) settled(before map[string]stamp, s *state) error {
	for i, f := range m.recipe.files {
		was, ok := before[f.path]
		if now := s.files[i].stamp; ok && was != now && (f.kind != presence || was.exists() != now.exists()) {
			return unsettled(f.path)
		}
	}
	return nil
}

// inputs adds all files and directories that the packages depend on.
func (m *maker) inputs() error {
	m.fix(m.recipe.link.tool.Argv[0], "the linker")
	for _, c := range m.script.Compile {
		m.fix(c.Argv[0], "the compiler")
	}
	modules := map[string]string{} // path of a local module -> directory
	for _, l := range m.list {
		switch {
		case !m.local(l):
			m.expectSame(l.Dir, l.Compiled(), l.EmbedFiles)
			continue
		case vendored(l):
			m.expectSame(l.Dir, l.Compiled(), l.EmbedFiles, l.IgnoredGoFiles, l.IgnoredOtherFiles)
		case l.Module == nil:
			return refuse("the package %s is in no module", l.ImportPath)
		default:
			modules[l.Module.Path] = l.Module.Dir
			m.module(l.Module.Dir)
			m.above(l.Dir, l.Module.Dir)
			m.ownFiles(m.inRecipe[l.ImportPath], l)
		}
		m.watchDir(dir{path: l.Dir})
		if err := m.embedPlaces(l); err != nil {
			return err
		}
	}
	m.ambiguous(modules)
	return nil
}

// expectSame adds the files of a package that is not expected to be edited.
func (m *maker) expectSame(dir string, lists ...[]string) {
	for _, f := range slices.Concat(lists...) {
		m.recipe.late = append(m.recipe.late, lateFile{path: filepath.Join(dir, f)})
	}
}

// ownFiles adds the files of a package that the user may edit.
func (m *maker) ownFiles(p *pkg, l *gocmd.Package) {
	r := m.recipe
	add := func(names []string, f file) {
		for _, name := range names {
			f.path = filepath.Join(l.Dir, filepath.FromSlash(name))
			r.files = append(r.files, f)
		}
	}
	what := "a file of " + p.path
	if p.obstacle != "" {
		add(slices.Concat(l.Compiled(), l.EmbedFiles), file{kind: fixed, pkg: p, what: what})
	} else {
		first := len(r.files)
		add(l.GoFiles, file{kind: source, pkg: p})
		add(l.EmbedFiles, file{kind: embedded, pkg: p})
		for i := first; i < len(r.files); i++ {
			p.files = append(p.files, i)
		}
		add(l.HFiles, file{kind: fixed, what: what})
	}
	add(slices.Concat(l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles), file{kind: header})
	add(l.IgnoredOtherFiles, file{kind: fixed, what: "a file that constraints leave out"})
}

// embedPlaces adds where the embed patterns of a package lead through.
func (m *maker) embedPlaces(l *gocmd.Package) error {
	for _, pattern := range l.EmbedPatterns {
		dirs, way, err := embedDirs(l.Dir, pattern)
		if err != nil {
			return err
		}
		for _, d := range dirs {
			m.watchDir(d)
		}
		for _, path := range way {
			m.name(path, place, "a name of an embed pattern")
			m.fix(filepath.Join(path, "go.mod"), "go.mod")
		}
	}
	return nil
}

// ambiguous adds the directories in which a package could appear that there is in another module already. Of those modules
// whose directories can change, one has to begin the import path.
func (m *maker) ambiguous(modules map[string]string) {
	for _, l := range m.list {
		for path, root := range modules {
			rest, ok := strings.CutPrefix(l.ImportPath, path+"/")
			if !ok || l.Module == nil || l.Module.Path == path {
				continue
			}
			d := filepath.Join(root, filepath.FromSlash(rest))
			if s, err := stampOf(d); err == nil && s.exists() {
				m.watchDir(dir{path: d})
			} else {
				m.name(d, presence, "a directory of "+l.ImportPath)
			}
		}
	}
}

// read reads the state that the recipe is about, and refuses it if anything may have changed since it was started.
func (m *maker) read(ctx context.Context, started time.Time) (*state, error) {
	r := m.recipe
	s := &state{files: make([]known, len(r.files)), dirs: make([]known, len(r.dirs))}
	for i := range r.files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var err error
		if s.files[i], err = r.files[i].read(); err != nil {
			return nil, err
		}
		if s.files[i].stamp.Since(started) {
			return nil, unsettled(r.files[i].path)
		}
	}
	for i := range r.dirs {
		var err error
		if s.dirs[i].stamp, err = r.dirs[i].read(started); err != nil {
			return nil, err
		}
	}
	for i := range r.late {
		f := &r.late[i]
		var err error
		if f.stamp, err = stampOf(f.path); err != nil {
			return nil, err
		}
		if f.stamp.Since(started) {
			return nil, unsettled(f.path)
		}
	}
	for _, p := range r.packages {
		s.archives = append(s.archives, archive{path: m.byPath[p.path].Export})
	}
	return s, nil
}

// read takes in a file as it is when the recipe is made, with the key of its header.
func (f *file) read() (k known, err error) {
	if !f.hasContent() {
		k.stamp, err = f.stamp()
		return k, err
	}
	k, text, err := read(f.path)
	if f.kind != embedded {
		f.key, _ = headerKey(text)
	}
	return k, err
}

// headerKey is the sum of a header, or of the whole file where the header cannot be read: then any change counts.
func headerKey(text []byte) (key sum, parses bool) {
	exact, err := gocmd.ExactHeader(text)
	if err != nil {
		return sumOf(text), false
	}
	return sumOf(exact), true
}

// read takes in the names of a directory as they are when the recipe is made.
func (d *dir) read(started time.Time) (stamp, error) {
	s, err := stampOf(d.path)
	if err != nil {
		return s, err
	}
	if s.Since(started) {
		return s, unsettled(d.path)
	}
	if d.names, d.links, err = d.list(); err != nil {
		return s, err
	}
	// What came in between is in the names, but not in the recipe.
	if after, err := stampOf(d.path); err != nil || after != s {
		return s, unsettled(d.path)
	}
	return s, nil
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

// replacements are the directories that a go.mod puts in place of modules.
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
