package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/proc"
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
}

func (f *projectFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.given = fl.Changed
	fl.StringVarP(&f.config, "config", "c", "", "config `FILE` (default: .hotreload.toml here or above)")
	fl.StringVarP(&f.dir, "dir", "C", "", "act as if started in `DIR`")
	fl.StringArrayVar(&f.set, "set", nil, "set any config key: `KEY=VALUE` (repeatable)")
	fl.StringSliceVar(&f.tags, "tags", nil, "build `TAGS`, separated by commas")
	fl.BoolVar(&f.race, "race", false, "build with the race detector")
	complete(cmd, "set", func() (words []string) {
		for _, k := range config.Keys() {
			if !strings.HasPrefix(k.Name, "rules.") && !strings.HasPrefix(k.Name, "services.") {
				words = append(words, k.Name+"=")
			}
		}
		return words
	}, cobra.ShellCompDirectiveNoSpace)
}

// project is a config with everything resolved that needs a look at the files.
type project struct {
	conf *config.Config
	load func() (*config.Config, error) // the same again, after an edit
	cwd  string
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
		return nil, usageError(advise("-C wants a directory", "%s is not a directory", f.dir))
	}
	p := &project{cwd: cwd}
	p.load = func() (*config.Config, error) { return f.load(ctx, cwd, pkg) }
	p.conf, err = p.load()
	return p, err
}

func (f *projectFlags) load(ctx context.Context, cwd, pkg string) (*config.Config, error) {
	root, file, err := config.FindRoot(cwd)
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Root = root
	if f.config != "" {
		if file, err = filepath.Abs(f.config); err != nil {
			return nil, err
		}
		if f.dir != "" && !filepath.IsAbs(f.config) {
			file = filepath.Join(cwd, f.config)
		}
	}
	if file != "" {
		if c, err = config.Load(file); err != nil {
			return nil, usageError(err)
		}
		if f.config != "" {
			// A config that is named need not lie in the root.
			c.Root = root
		}
	}
	for _, kv := range f.set {
		if err := c.Set(kv); err != nil {
			return nil, usageError(err)
		}
	}
	if f.given != nil && f.given("race") {
		if err := override(c, "build.race", strconv.FormatBool(f.race)); err != nil {
			return nil, err
		}
	}
	if f.given != nil && f.given("tags") {
		quoted := make([]string, len(f.tags))
		for i, t := range f.tags {
			quoted[i] = config.Quote(t)
		}
		if err := override(c, "build.tags", "["+strings.Join(quoted, ",")+"]"); err != nil {
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
	if err := config.Refuse(c.Root); err != nil {
		return nil, usageError(err)
	}
	return c, nil
}

// override sets a key that a flag of its own stands for, for every service: what one of them
// says in the file would win over the tables at the top.
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
	local := pkg == "." || pkg == ".." || strings.HasPrefix(pkg, "./") || strings.HasPrefix(pkg, "../") ||
		filepath.IsAbs(pkg) || strings.HasSuffix(pkg, ".go") || os.PathSeparator != '/' && strings.HasPrefix(pkg, "."+string(os.PathSeparator))
	if !local {
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
	if _, err := os.Stat(abs); err != nil {
		return "", usageError(advise("name a package as for `go run`: a directory such as ./cmd/api, or an import path",
			"there is no package %s: %w", pkg, err))
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

// services are the services of a config with what it leaves open filled in: the
// main package, where none is named, and the name. It checks what must be there
// before the first build.
func services(ctx context.Context, c *config.Config, cwd string, env []string) ([]config.Service, error) {
	list := c.ForServices()
	for i := range list {
		s := &list[i]
		if s.Name == "" && !s.Builds() && isMain(c.Root) {
			// The only service of a Go program: what run.command starts, a
			// script or a debugger, is started anew when the program is.
			s.SetPackage(".")
		}
		goBuild := s.GoBuilds()
		if goBuild {
			env := proc.MergeEnv(env, s.Build.Env)
			if _, err := proc.LookPath(env, c.Root, "go"); err != nil {
				return nil, advise("install Go, or put it on PATH", "the go command is not on PATH")
			}
			if !s.IsSet("build.package") {
				find := func() (string, error) { return mainPackage(ctx, c, *s, cwd, env) }
				if s.Name != "" {
					find = func() (string, error) { return packageOf(ctx, c, *s, env) }
				}
				found, err := find()
				var coded *codeError
				if err != nil && s.Name != "" && !errors.As(err, &coded) {
					err = usageError(advise("set build.package there, or run.command if it is no Go program", "services.%s: %w", s.Name, err))
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
	for _, dir := range []string{cwd, c.Root} {
		if isMain(dir) {
			return packageArg(cwd, c.Root, dir)
		}
	}
	mains, err := gograph.Mains(ctx, gograph.Options{Dir: c.Root, Tags: s.Build.Tags, Env: env})
	if err != nil {
		return "", err
	}
	switch len(mains) {
	case 1:
		return mains[0].Rel, nil
	case 0:
		hint := "a program needs a `package main` with a func main"
		if _, err := os.Stat(filepath.Join(c.Root, "go.mod")); err != nil {
			if _, err := os.Stat(filepath.Join(c.Root, "go.work")); err != nil {
				hint = "there is no go.mod here or above: change into the project, or make one with `go mod init`"
			}
		}
		return "", advise(hint, "there is no main package in %s", c.Root)
	}
	var list strings.Builder
	for _, m := range mains {
		fmt.Fprintf(&list, "\nhotreload run %s", m.Rel)
	}
	return "", usageError(advise("to make one of them the default: build.package in .hotreload.toml (`hotreload init`)",
		"there are %d main packages in %s; name one:%s", len(mains), c.Root, list.String()))
}

// isMain reports whether a directory holds a main package, by its package
// clauses alone: a look of microseconds where go list takes a tenth of a second.
func isMain(dir string) bool {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.go"))
	if err != nil {
		return false
	}
	for _, n := range names {
		if strings.HasSuffix(n, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), n, nil, parser.PackageClauseOnly)
		if err == nil && f.Name.Name == "main" && !ignoredByConstraint(n) {
			return true
		}
	}
	return false
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// ignoredByConstraint finds the `//go:build ignore` of scripts that lie beside a library.
func ignoredByConstraint(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return true
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := strings.TrimSpace(sc.Text())
		if strings.HasPrefix(line, "package ") {
			return false
		}
		if strings.HasPrefix(line, "//go:build") && strings.Contains(line, "ignore") {
			return true
		}
	}
	return false
}

// programName is what a program is called: the last element of its path, or of
// the module's for the package in the root.
func programName(root, pkg string) string {
	name := strings.TrimSuffix(path.Base(pkg), ".go")
	if pkg == "." || pkg == "./" {
		name = filepath.Base(root)
		if m := modulePath(root); m != "" {
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

// modulePath reads the module line of a go.mod.
func modulePath(dir string) string {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(sc.Text()), "module"); ok && rest != "" && strings.ContainsAny(rest[:1], " \t") {
			return strings.Trim(strings.TrimSpace(strings.SplitN(rest, "//", 2)[0]), `"`)
		}
	}
	return ""
}
