package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/proc"
)

// What is printed where there is no Go.
const (
	noGo     = "the go command is not on PATH"
	noGoHint = "install Go (https://go.dev/dl), or add its bin directory to PATH"
)

// projectFlags are the flags of every command that looks at a project.
type projectFlags struct {
	// given reports whether a flag is on the command line: it overrides the file then, also
	// with the value that it has without being given. nil: none is.
	given  func(flag string) bool
	config string
	dir    string
	set    []string
	tags   []string
	race   bool

	proxy     string // address of the proxy; empty: that of the config
	proxyElse string // the same, where the config names none

	session *control.Invocation // follow it, not these flags; nil: there is none
}

func (f *projectFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.given = fl.Changed
	fl.BoolVar(&f.race, "race", false, "build with the race detector")
	fl.StringSliceVar(&f.tags, "tags", nil, "build `TAGS`, separated by commas")
	fl.StringArrayVar(&f.set, "set", nil, "set `KEY=VALUE` in the config (repeatable)")
	fl.StringVarP(&f.config, "config", "c", "", "config `FILE` (default: .hotreload.toml, here or above)")
	fl.StringVarP(&f.dir, "dir", "C", "", "act as if started in `DIR`")
	complete(cmd, "set", func() (words []string) {
		for _, k := range config.Keys() {
			if !strings.HasPrefix(k.Name, "rules.") && !strings.HasPrefix(k.Name, "services.") {
				words = append(words, k.Name+"=")
			}
		}
		return words
	}, cobra.ShellCompDirectiveNoSpace)
}

// project is a config with everything resolved that depends on the files.
type project struct {
	conf *config.Config
	load func() (*config.Config, error) // the same again, after an edit
	cwd  string                         // that of the shell, or of -C, or the module below it
	from string                         // the same, but for the latter
	// below has the programs to choose from, where the root is in no module; else none.
	below []gograph.Main
}

// open finds the project and its config. pkg is the package named on the command
// line, empty if there is none.
func (f *projectFlags) open(ctx context.Context, pkg string) (*project, error) {
	cwd, err := os.Getwd()
	if f.dir != "" {
		cwd, err = filepath.Abs(f.dir)
	}
	if err != nil {
		return nil, advise("change into the project's directory", "the current directory is gone: %w", err)
	}
	if fi, err := os.Stat(cwd); err != nil || !fi.IsDir() {
		return nil, usageError(advise("-C needs a directory", "%s is not a directory", f.dir))
	}
	p := &project{cwd: cwd, from: cwd}
	if f.session != nil {
		cwd, pkg = f.session.Dir, f.session.Package
		p.cwd = cwd
	}
	p.load = func() (*config.Config, error) { return f.load(ctx, p.cwd, pkg) }
	if p.conf, err = p.load(); err != nil {
		return p, err
	}
	s := p.conf.ForServices()[0]
	if p.conf.Path != "" || !s.GoBuilds() || !outside(p.conf.Root) || isMain(cwd, s) {
		return p, nil
	}
	module, found, err := below(ctx, p.conf.Root, s.Build.Tags)
	if err != nil || module == "" {
		p.below = found.Mains
		if named := slices.DeleteFunc(slices.Clone(found.Mains), func(m gograph.Main) bool { return m.Dir != filepath.Join(cwd, pkg) }); len(named) > 0 {
			p.below = named
		}
		return p, err
	}
	if pkg != "" {
		// What is named is named from where we are; an import path is the same everywhere.
		if dir := filepath.Join(cwd, pkg); !filepath.IsAbs(pkg) && exists(dir) {
			pkg = dir
		}
	}
	p.cwd = module
	p.conf, err = p.load()
	return p, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// invocation is what the flags ask for, or the session that is followed.
func (f *projectFlags) invocation(cwd, pkg string) control.Invocation {
	if f.session != nil {
		return *f.session
	}
	how := control.Invocation{Dir: cwd, Config: f.config, Set: f.set, Package: pkg}
	if f.config != "" && !filepath.IsAbs(f.config) {
		how.Config = filepath.Join(cwd, f.config)
	}
	if f.given != nil && f.given("race") {
		how.Flags = append(how.Flags, "build.race="+strconv.FormatBool(f.race))
	}
	if f.given != nil && f.given("tags") {
		quoted := make([]string, len(f.tags))
		for i, t := range f.tags {
			quoted[i] = config.Quote(t)
		}
		how.Flags = append(how.Flags, "build.tags=["+strings.Join(quoted, ",")+"]")
	}
	if f.proxy != "" {
		how.Flags = append(how.Flags, "proxy.listen="+f.proxy)
	}
	how.Proxy = f.proxyElse
	return how
}

// follow takes the settings of the session that runs in the project, unless the command line
// has its own. pkg is the package that it names.
func (f *projectFlags) follow(ctx context.Context, pkg string) {
	if pkg != "" || slices.ContainsFunc([]string{"config", "set", "tags", "race"}, f.given) {
		return
	}
	c, err := (&sessionFlags{dir: f.dir}).client(ctx)
	if err != nil {
		return // open reports what is wrong
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var how control.Invocation
	if c.Do(ctx, http.MethodGet, "/invocation", "", &how) == nil {
		f.session = &how
	}
}

// readConfig is what the file says, or the defaults, for someone in cwd.
func readConfig(cwd string, how control.Invocation) (*config.Config, error) {
	root, file, err := config.FindRoot(cwd)
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Root = root
	if how.Config != "" {
		file = how.Config
	} else if file != "" {
		if err := config.Trust(file, cwd); err != nil {
			return nil, usageError(err)
		}
	}
	if file != "" {
		if c, err = config.Load(file); err != nil {
			return nil, usageError(err)
		}
		if how.Config != "" {
			// A config that is named need not lie in the root.
			c.Root = root
		}
	}
	return c, nil
}

func (f *projectFlags) load(ctx context.Context, cwd, pkg string) (*config.Config, error) {
	how := f.invocation(cwd, pkg)
	c, err := readConfig(cwd, how)
	if err != nil {
		return nil, err
	}
	for _, kv := range how.Set {
		if err := c.Set(kv); err != nil {
			return nil, usageError(err)
		}
	}
	for _, kv := range how.Flags {
		key, value, _ := strings.Cut(kv, "=")
		if err := override(c, key, value); err != nil {
			return nil, err
		}
	}
	if pkg != "" {
		rel, err := packageArg(cwd, c.Root, pkg)
		if err != nil {
			return nil, err
		}
		if err := override(c, "build.package", config.Quote(rel)); err != nil {
			return nil, err
		}
	}
	if err := c.Finish(); err != nil {
		return nil, usageError(err)
	}
	if list := c.ForServices(); how.Proxy != "" && len(list) == 1 && list[0].Proxy.Listen == "" {
		if err := override(c, "proxy.listen", how.Proxy); err != nil {
			return nil, err
		}
		if err := c.Finish(); err != nil {
			return nil, usageError(err)
		}
	}
	if err := config.Refuse(c.Root); err != nil {
		return nil, usageError(err)
	}
	return c, nil
}

// override sets the key that has its own flag, for every service: what one of them
// sets in the file would win over the tables at the top.
func override(c *config.Config, key, value string) error {
	if err := c.Set(key + "=" + value); err != nil {
		return usageError(err)
	}
	for _, s := range c.Services {
		if err := c.Set("services." + config.Quote(s.Name) + "." + key + "=" + value); err != nil {
			return usageError(err)
		}
	}
	return nil
}

// packageArg makes a package named on the command line, relative to the current
// directory as for go run, relative to the root, where go build will run.
func packageArg(cwd, root, pkg string) (string, error) {
	switch {
	case strings.Contains(pkg, "..."), pkg == "all", pkg == "std", pkg == "cmd", pkg == "tool", pkg == "work":
		return "", usageError(advise("name one package: a directory such as ./cmd/api, or an import path", "%s is a pattern for several packages", pkg))
	case strings.Contains(pkg, "@"):
		return "", usageError(advise("hotreload runs packages of this project: name one without @", "%s: a version of a package has no sources to watch", pkg))
	}
	if !localPackage(pkg) {
		if fi, err := os.Stat(filepath.Join(cwd, pkg)); err != nil || !fi.IsDir() || strings.Contains(strings.SplitN(pkg, "/", 2)[0], ".") {
			return pkg, nil // an import path
		}
		// `hotreload run cmd/api` is what people type; for go it would be a
		// package of the standard library, which has no such one.
	}
	abs := pkg
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(cwd, pkg)
	}
	if !exists(abs) {
		return "", usageError(advise("name a package as for `go run`: a directory such as ./cmd/api, or an import path",
			"there is no package %s: no such file or directory", pkg))
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return "", err
	}
	rel = filepath.ToSlash(rel)
	if rel == "." || strings.HasPrefix(rel, "../") {
		return rel, nil
	}
	return "./" + rel, nil
}

// localPackage reports whether a package is named by its directory or file, not by its import path.
func localPackage(pkg string) bool {
	return pkg == "." || pkg == ".." || strings.HasPrefix(pkg, "./") || strings.HasPrefix(pkg, "../") ||
		filepath.IsAbs(pkg) || strings.HasSuffix(pkg, ".go") || os.PathSeparator != '/' && strings.HasPrefix(pkg, "."+string(os.PathSeparator))
}

// checkImportPath refuses an import path that leads nowhere, or to no program, before a session
// begins with it: most often it is a directory without its ./
func (p *project) checkImportPath(ctx context.Context, env []string) error {
	s := p.conf.ForServices()[0]
	pkg := s.Build.Package
	if !s.IsSet("build.package") || !s.GoBuilds() || localPackage(pkg) {
		return nil
	}
	o := gograph.Options{Dir: p.conf.Root, Package: pkg, Tags: s.Build.Tags, Flags: s.Build.Flags, Env: proc.MergeEnv(env, s.Build.Env)}
	problem, err := gograph.Missing(ctx, o)
	if err != nil || problem == "" {
		return nil // the build has better words for what is wrong with the module, or the go command
	}
	hint := "name a package as for `go run`: a directory such as ./cmd/api, or an import path"
	if exists(filepath.Join(p.conf.Root, filepath.FromSlash(pkg))) {
		hint = fmt.Sprintf("did you mean `%s`?", commandFor("run", p.conf.Root, gograph.Main{Dir: filepath.Join(p.conf.Root, filepath.FromSlash(pkg)), Rel: "./" + pkg}))
	} else if mains, err := gograph.Mains(ctx, o); err == nil {
		for _, m := range mains {
			if path.Base(m.Rel) == path.Base(pkg) {
				hint = fmt.Sprintf("did you mean `%s`?", commandFor("run", p.conf.Root, m))
			}
		}
	}
	return usageError(advise(hint, "there is no program %s: %s", pkg, problem))
}

// services are those of the config, or how to run the programs below.
func (p *project) services(ctx context.Context, env []string) ([]config.Service, error) {
	if len(p.below) > 0 {
		return nil, several(p.conf.Root, p.below)
	}
	return services(ctx, p.conf, p.cwd, env)
}

// services are the services of a config with what it leaves open filled in: the
// main package, where none is named, and the name. It checks what must be there
// before the first build.
func services(ctx context.Context, c *config.Config, cwd string, env []string) ([]config.Service, error) {
	list := c.ForServices()
	for i := range list {
		s := &list[i]
		if s.Name == "" && !s.Builds() && isMain(c.Root, *s) {
			// The only service of a Go program: what run.command starts, a
			// script or a debugger, is started again when the program is.
			s.SetPackage(".")
		}
		goBuild := s.GoBuilds()
		if goBuild {
			env := proc.MergeEnv(env, s.Build.Env)
			if _, err := proc.LookPath(env, c.Root, "go"); err != nil {
				return nil, advise(noGoHint, noGo)
			}
			if !s.IsSet("build.package") {
				find := func() (string, error) { return mainPackage(ctx, c, *s, cwd, env) }
				if s.Name != "" {
					find = func() (string, error) { return packageOf(ctx, c, *s, env) }
				}
				found, err := find()
				var coded *codeError
				if err != nil && s.Name != "" && !errors.As(err, &coded) {
					err = usageError(advise("set build.package there, or run.command if it is not a Go program", "services.%s: %w", s.Name, err))
				}
				if err != nil {
					return nil, err
				}
				s.SetPackage(found)
			}
		}
		if s.Name == "" {
			s.Name = filepath.Base(c.Root)
			if goBuild {
				s.Name = programName(c.Root, s.Build.Package)
			}
		}
	}
	return list, nil
}

// mainPackage is the package to run when none is named: the one of the current
// directory, the one of the root, or the only one there is.
func mainPackage(ctx context.Context, c *config.Config, s config.Service, cwd string, env []string) (string, error) {
	if c.Path != "" && outside(c.Root) && !isMain(c.Root, s) {
		found, err := gograph.FindBelow(ctx, gograph.Options{Dir: c.Root, Tags: s.Build.Tags, Env: env})
		if err != nil || len(found.Mains) > 0 {
			return "", cmp.Or(err, configAbove(c, found.Mains))
		}
	}
	for _, dir := range []string{cwd, c.Root} {
		if isMain(dir, s) {
			return packageArg(cwd, c.Root, dir)
		}
	}
	mains, err := gograph.Mains(ctx, gograph.Options{Dir: c.Root, Tags: s.Build.Tags, Env: env})
	switch {
	case err != nil:
		return "", err
	case len(mains) == 0:
		return "", noMain(c.Root)
	case len(mains) == 1 && mains[0].Nested == "":
		return mains[0].Rel, nil
	case c.Path != "" && mains[0].Nested != "":
		return "", configAbove(c, mains)
	}
	return "", several(c.Root, mains)
}

// isMain reports whether a directory holds a program, as the service would be built.
func isMain(dir string, s config.Service) bool {
	return gograph.IsMain(dir, gograph.Options{Tags: s.Build.Tags, Flags: s.Build.Flags, Env: proc.MergeEnv(proc.CleanEnv(os.Environ()), s.Build.Env)})
}

// programName is what a program is called: the last element of its path, or of
// the module's for the package in the root.
func programName(root, pkg string) string {
	name := strings.TrimSuffix(path.Base(pkg), ".go")
	if pkg == "." || pkg == "./" {
		name = filepath.Base(root)
		if m := gograph.ModulePath(root); m != "" {
			name = path.Base(m)
			if v := strings.TrimLeft(name, "v0123456789"); v == "" && path.Dir(m) != "." {
				name = path.Base(path.Dir(m)) // example.org/tool/v2
			}
		}
	}
	if name == ".." || name == "/" || name == "." {
		name = filepath.Base(filepath.Join(root, filepath.FromSlash(pkg)))
	}
	return name
}
