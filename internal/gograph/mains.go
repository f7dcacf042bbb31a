package gograph

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// Main is a main package found below a directory.
type Main struct {
	ImportPath string
	Dir        string // absolute
	Rel        string // as for go build: ".", "./cmd/api"; relative to the module's directory if Nested is set
	Nested     string // "./tools": the module below Options.Dir, unknown to go.work, that the package must be built in; else ""
}

// Mains finds the main packages below Options.Dir that have a func main, sorted by directory. Those of modules that go
// build would not see from there (a go.mod further down, no go.work) are searched only if there is no other: a repository
// whose module is in a subdirectory is common, and a nested module of tools next to a program is no second candidate.
// Packages that do not parse are found by their package clause. Options.Package is ignored.
func Mains(ctx context.Context, o Options) ([]Main, error) {
	c, err := newCaller(o)
	if err != nil {
		return nil, err
	}
	ctx, stop := unblocked(ctx, c.dir)
	defer stop()
	env, err := c.env(ctx)
	if err != nil {
		return nil, err
	}
	complain := ""
	if env.InModule() { // else go list would walk through all that is below, for nothing
		var mains []Main
		mains, complain, err = c.mains(ctx, workspacePatterns(c.dir, env["GOWORK"]))
		if err != nil || len(mains) > 0 {
			return mains, err
		}
	}
	o.Dir = c.dir
	below, err := FindBelow(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(below.Mains) == 0 {
		switch {
		case !env.InModule() && len(below.Modules) == 0:
			return nil, noModule(c.dir)
		case complain != "":
			return nil, fmt.Errorf("go list: %s", strings.TrimSpace(complain))
		}
	}
	slices.SortFunc(below.Mains, byDir)
	return below.Mains, nil
}

func byDir(a, b Main) int { return cmp.Compare(a.Dir, b.Dir) }

// workspacePatterns are the patterns for all packages below dir. "./..." alone does not reach from the directory of a
// workspace, or from one of its modules, into the modules below.
func workspacePatterns(dir, work string) []string {
	patterns := []string{"./..."}
	if !filepath.IsAbs(work) {
		return patterns // none, or "off"
	}
	data, err := files.ReadShared(work)
	if err != nil {
		return patterns
	}
	used, _, _ := gocmd.WorkDirs(work, data) // where it cannot be read, go list reports it
	for _, use := range used {
		if use != dir && gocmd.Within(use, dir) {
			patterns = append(patterns, relName(dir, use)+"/...")
		}
	}
	return patterns
}

func (c *caller) mains(ctx context.Context, patterns []string) ([]Main, string, error) {
	list, complain, err := c.list(ctx, append([]string{"-find", gocmd.ListFields("Dir,ImportPath,Name,GoFiles,CgoFiles,InvalidGoFiles,Error"), "--"}, patterns...)...)
	if err != nil {
		return nil, "", err
	}
	var mains []Main
	for _, p := range list {
		sources := slices.Concat(p.GoFiles, p.CgoFiles, p.InvalidGoFiles)
		sources = slices.DeleteFunc(sources, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		if p.Dir == "" || p.Name != "main" && p.Error == nil ||
			!slices.ContainsFunc(sources, func(f string) bool { return mainFunc(filepath.Join(p.Dir, f)) }) {
			continue
		}
		mains = append(mains, Main{ImportPath: p.ImportPath, Dir: p.Dir, Rel: relName(c.dir, p.Dir)})
	}
	slices.SortFunc(mains, byDir)
	return mains, complain, nil
}

// relName writes a directory in the form of go build.
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

// Missing says why there is no program of the import path Options.Package: no such package, or one that is not main; "" if there
// is one, or may be one. An error is one of the go command, or of ctx.
func Missing(ctx context.Context, o Options) (string, error) {
	c, err := newCaller(o)
	if err != nil {
		return "", err
	}
	ctx, stop := unblocked(ctx, c.dir)
	defer stop()
	list, complain, err := c.list(ctx, "-find", gocmd.ListFields("Dir,Name,Error"), "--", c.pattern)
	switch {
	case err != nil:
		return "", err
	case complain != "" || len(list) != 1:
		return "", fmt.Errorf("go list: %s", strings.TrimSpace(complain))
	}
	p := list[0]
	claims := func() bool { // whatever the constraints: the go command knows more of these than we do
		return p.Dir != "" && slices.ContainsFunc(readDir(p.Dir, func(int) bool { return true }).sources, func(f string) bool { return mainFunc(filepath.Join(p.Dir, f)) })
	}
	switch {
	case p.Error != nil && !claims():
		return strings.TrimSuffix(firstLine(p.Error.Err), "; to add it:"), nil
	case p.Error == nil && p.Name != "" && p.Name != "main":
		return "it is package " + p.Name + ", not package main", nil
	case !claims():
		return "it has no func main in " + p.Dir, nil
	}
	return "", nil
}
