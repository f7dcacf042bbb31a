package gograph

import (
	"cmp"
	"context"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/hotreload/hotreload/internal/proc"
)

// Main is a main package found below a directory.
type Main struct {
	ImportPath string
	Dir        string // absolute
	Rel        string // as for go build: ".", "./cmd/api"; relative to the module's directory if Nested is set
	Nested     string // "./tools": the module below Options.Dir, unknown to go.work, that the package must be built in; else ""
}

// Mains finds the main packages below Options.Dir, sorted by directory. Those of modules that go build would not see from
// there (a go.mod further down, no go.work) are looked for only if there is no other: a repository whose module lies in a
// subdirectory is common, and a nested module of tools beside a program is no second candidate. Packages that
// do not parse are found by their package clause. Options.Package is ignored.
func Mains(ctx context.Context, o Options) ([]Main, error) {
	c, err := newCaller(o)
	if err != nil {
		return nil, err
	}
	env, err := c.env(ctx)
	if err != nil {
		return nil, err
	}
	mains, complain, err := c.mains(ctx, workspacePatterns(c.dir, env.GOWORK))
	if err != nil {
		return nil, err
	}
	if len(mains) > 0 {
		return mains, nil
	}
	nested, err := nestedModules(ctx, c.dir)
	if err != nil {
		return nil, err
	}
	for _, dir := range nested {
		n := *c
		n.dir = dir
		n.environ = proc.SetEnv(c.environ, "PWD", dir)
		found, _, err := n.mains(ctx, []string{"./..."})
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			m.Nested = relName(c.dir, dir)
			mains = append(mains, m)
		}
	}
	if len(mains) == 0 {
		switch {
		case !env.module() && len(nested) == 0:
			return nil, noModule(c.dir)
		case complain != "":
			return nil, &failure{"go list: " + strings.TrimSpace(complain), ""}
		}
	}
	slices.SortFunc(mains, byDir)
	return mains, nil
}

func byDir(a, b Main) int { return cmp.Compare(a.Dir, b.Dir) }

// workspacePatterns are the patterns for all packages below dir. "./..." alone does not reach from the directory of a
// workspace, or from one of its modules, into the modules below.
func workspacePatterns(dir, work string) []string {
	patterns := []string{"./..."}
	if !filepath.IsAbs(work) {
		return patterns // none, or "off"
	}
	data, err := os.ReadFile(work)
	if err != nil {
		return patterns
	}
	f, err := modfile.ParseWork(work, data, nil)
	if err != nil {
		return patterns // go list will tell
	}
	for _, u := range f.Use {
		use := abs(filepath.Dir(work), filepath.FromSlash(u.Path))
		if use != dir && within(use, dir) {
			patterns = append(patterns, relName(dir, use)+"/...")
		}
	}
	return patterns
}

func (c *caller) mains(ctx context.Context, patterns []string) ([]Main, string, error) {
	list, complain, err := c.list(ctx, append([]string{"-find", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,InvalidGoFiles,Error", "--"}, patterns...)...)
	if err != nil {
		return nil, "", err
	}
	var mains []Main
	for _, p := range list {
		sources := slices.Concat(p.GoFiles, p.CgoFiles, p.InvalidGoFiles)
		sources = slices.DeleteFunc(sources, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		if p.Dir == "" || len(sources) == 0 || p.Name != "main" && !(p.Error != nil && claimsMain(p.Dir, sources)) {
			continue
		}
		mains = append(mains, Main{ImportPath: p.ImportPath, Dir: p.Dir, Rel: relName(c.dir, p.Dir)})
	}
	slices.SortFunc(mains, byDir)
	return mains, complain, nil
}

// claimsMain says whether a file of a broken package says "package main".
func claimsMain(dir string, files []string) bool {
	for _, f := range files {
		a, _ := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f), nil, parser.PackageClauseOnly)
		if a != nil && a.Name != nil && a.Name.Name == "main" {
			return true
		}
	}
	return false
}

// nestedModules finds the directories with a go.mod below dir, skipping what go itself skips, and node_modules, which is
// where a walk would take its time.
func nestedModules(ctx context.Context, dir string) (out []string, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil // unreadable: no module for us
		}
		if d.IsDir() {
			if n := d.Name(); p != dir && (hiddenName(n) || n == "testdata" || n == "vendor" || n == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if d.Name() == "go.mod" && filepath.Dir(p) != dir {
			out = append(out, filepath.Dir(p))
		}
		return nil
	})
	return out, err
}

// relName writes a directory as go build wants it.
func relName(base, dir string) string {
	rel, err := filepath.Rel(base, dir)
	if err != nil {
		return dir
	}
	if rel == "." {
		return "."
	}
	return "./" + filepath.ToSlash(rel)
}
