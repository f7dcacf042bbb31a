package direct

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

var listFields = gocmd.ListFields("ImportPath,Name,Dir,Export,Standard,Module,Incomplete,Error", gocmd.FieldsSources,
	gocmd.FieldsEmbedding, "CgoPkgConfig,TestGoFiles,XTestGoFiles")

var envNames = append([]string{"GOMODCACHE", "GOFLAGS", "GOENV", "GOWORK", "GOMOD", "GOVERSION"}, gocmd.ToolVariables...)

// askRecipe asks the go command for a recipe, and reads the sources that it is about.
func (e *Engine) askRecipe(ctx context.Context) (*recipe, *state, error) {
	if err := e.suitable(); err != nil {
		return nil, nil, err
	}
	work, done, err := e.dir()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	started := time.Now()
	env, err := e.askEnv(ctx, work)
	if err != nil {
		return nil, nil, err
	}
	m := newMaker(e, env)
	if err := m.settings(ctx); err != nil {
		return nil, nil, err
	}
	// By the stamps before and after, even a file system whose clock is not ours cannot hide an edit from between, nor one
	// that takes a file away.
	before, err := m.stamps()
	if err != nil {
		return nil, nil, err
	}
	if m.script, err = e.askScript(ctx, work); err != nil {
		return nil, nil, err
	}
	m.stampSources(before)
	if m.list, err = e.askList(ctx, work); err != nil {
		return nil, nil, err
	}
	if err := m.packages(); err != nil {
		return nil, nil, err
	}
	if err := e.trusted(m.recipe.tool); err != nil {
		return nil, nil, err
	}
	if err := m.inputs(); err != nil {
		return nil, nil, err
	}
	s, err := m.read(ctx, started)
	if err == nil {
		err = m.settled(before, s)
	}
	if err != nil {
		return nil, nil, err
	}
	return m.recipe, s, nil
}

// suitable refuses what needs no question to the go command.
func (e *Engine) suitable() error {
	if _, err := stampOf(e.o.Dir); errors.Is(err, errNoChangeTime) {
		return refuse("the file system of %s has no change times", e.o.Dir)
	}
	if strings.HasSuffix(e.o.Package, ".go") || strings.Contains(e.o.Package, "...") {
		return refuse("the package is named by its files or a pattern")
	}
	for _, name := range gocmd.TraceVariables {
		if proc.GetEnv(e.o.Env, name) != "" {
			return refuse("%s is set", name)
		}
	}
	return nil
}

// askEnv asks for the settings, and refuses those that the engine cannot build with.
func (e *Engine) askEnv(ctx context.Context, work string) (gocmd.Env, error) {
	out, _, err := e.goTool(ctx, work, gocmd.EnvArgs(envNames...)...)
	if err != nil {
		return nil, err
	}
	env, err := gocmd.ParseEnv(out)
	if err != nil || env["GOVERSION"] == "" || env["GOROOT"] == "" {
		return nil, refuse("the output of go env was not understood")
	}
	if err := checkFlags(env["GOFLAGS"], e.o.Flags); err != nil {
		return nil, err
	}
	switch {
	case env.Mod() == "":
		return nil, refuse("there is no go.mod")
	case env["GOFIPS140"] != "" && env["GOFIPS140"] != "off":
		return nil, refuse("GOFIPS140 is %s", env["GOFIPS140"])
	}
	return env, nil
}

// askScript asks for the arguments of every tool.
func (e *Engine) askScript(ctx context.Context, work string) (*gocmd.Script, error) {
	args := slices.Concat([]string{"build", "-n", "-a"}, e.o.Flags, []string{"-o", filepath.Join(work, "never"), e.o.Package})
	_, commands, err := e.goTool(ctx, work, args...)
	if err != nil {
		return nil, err
	}
	script, err := gocmd.ParseScript(string(commands), e.o.Dir)
	if err != nil {
		return nil, refuse("%v", err)
	}
	return script, nil
}

// askList asks for the files of every package, and its compiled form in Go's cache.
func (e *Engine) askList(ctx context.Context, work string) (list []*gocmd.Package, err error) {
	args := slices.Concat([]string{"list", "-deps", "-export", listFields}, e.o.Flags, []string{e.o.Package})
	out, _, err := e.goTool(ctx, work, args...)
	if err != nil {
		return nil, err
	}
	for p, err := range gocmd.Packages(bytes.NewReader(out)) {
		if err != nil {
			return nil, refuse("the output of go list was not understood")
		}
		if p.Incomplete || p.Error != nil {
			return nil, refuse("the package %s has errors", p.ImportPath)
		}
		list = append(list, p)
	}
	return list, nil
}
