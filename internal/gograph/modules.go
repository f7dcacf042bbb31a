package gograph

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// moduleReader finds the local modules that are not known from packages, by go.work and replace lines, and notes all files
// that steer the choice of modules. It reads them itself: `go list -m all` would say more, but it loads the module graph, and
// for that it uses the network.
type moduleReader struct {
	g       *Graph
	dir     string // where the go command runs
	flags   buildFlags
	modules map[string]localModule // by directory
}

func (r *moduleReader) read(env gocmd.Env) {
	switch {
	case env.Work() != "":
		r.workspace(env.Work())
	case env.Mod() != "":
		r.mainModule(env.Mod())
		// A go.work that appears anywhere above takes over, if nothing forbids it.
		if env["GOWORK"] == "" {
			for dir := r.dir; ; dir = filepath.Dir(dir) {
				r.g.future[filepath.Join(dir, "go.work")] = "workspace file"
				if dir == filepath.Dir(dir) {
					break
				}
			}
		}
	}
	for dir, m := range r.modules {
		r.g.note(filepath.Join(dir, "go.mod"), strings.TrimSpace("module file of "+m.Path))
		r.g.note(filepath.Join(dir, "go.sum"), strings.TrimSpace("checksums of module "+m.Path))
	}
}

func (r *moduleReader) workspace(work string) {
	r.g.note(work, "workspace file")
	r.g.note(work+".sum", "checksums of the workspace")
	r.vendored(filepath.Dir(work))
	data, err := files.ReadShared(work)
	if err != nil {
		return
	}
	used, replacing, err := gocmd.WorkDirs(work, data)
	if err != nil {
		if len(r.g.problems) == 0 {
			r.g.problems = append(r.g.problems, firstLine(err.Error()))
		}
		return
	}
	for _, dir := range used {
		r.add(dir)
		r.mod(filepath.Join(dir, "go.mod"), dir)
	}
	for _, dir := range replacing {
		r.add(dir)
	}
}

// mainModule reads the go.mod of the main module, or what -modfile puts in its place.
func (r *moduleReader) mainModule(gomod string) {
	base, file := filepath.Dir(gomod), gomod
	r.vendored(base)
	if r.flags.modfile != "" {
		file = gocmd.Abs(r.dir, r.flags.modfile)
		r.g.note(file, "module file (-modfile)")
		r.g.note(strings.TrimSuffix(file, ".mod")+".sum", "checksums (-modfile)")
	}
	r.mod(file, base)
	r.g.note(gomod, "module file")
	r.g.note(filepath.Join(base, "go.sum"), "checksums of modules")
}

// mod adds the module in base, and those that the replace lines of its go.mod name.
func (r *moduleReader) mod(file, base string) {
	data, err := files.ReadShared(file)
	if err != nil {
		return
	}
	if m := r.modules[base]; m.Path == "" {
		r.modules[base] = localModule{Module{modfile.ModulePath(data), base}, m.used}
	}
	replacing, _ := gocmd.ModDirs(file, base, data) // where it cannot be read, go list reports it
	for _, dir := range replacing {
		r.add(dir)
	}
}

// add adds the module in a directory, if it is not known yet.
func (r *moduleReader) add(dir string) {
	if _, ok := r.modules[dir]; !ok {
		r.modules[dir] = localModule{Module{ModulePath(dir), dir}, false}
	}
}

// vendored notes the list of the modules in a vendor directory, which is used where nothing forbids it.
func (r *moduleReader) vendored(dir string) {
	if r.flags.mod != "mod" && r.flags.mod != "readonly" {
		r.g.note(filepath.Join(dir, "vendor", "modules.txt"), "list of vendored modules")
	}
}

// note makes a file an input: now, or once it exists.
func (g *Graph) note(file, reason string) {
	if _, err := os.Stat(file); err == nil {
		g.extra[file] = reason
	} else {
		g.future[file] = reason
	}
}

// steered adds the files that steer the build besides the modules.
func (g *Graph) steered(env gocmd.Env, flags buildFlags) {
	if settings := env["GOENV"]; settings != "" && settings != "off" {
		if _, err := os.Stat(settings); err == nil {
			g.extra[settings] = "settings of the go command (go env -w)"
		}
	}
	if flags.overlay != "" {
		g.overlay(gocmd.Abs(g.dir, flags.overlay), g.dir)
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
	data, err := files.ReadShared(file)
	if err != nil {
		return
	}
	var o struct{ Replace map[string]string }
	if json.Unmarshal(data, &o) != nil {
		return
	}
	for at, by := range o.Replace {
		if by != "" {
			g.extra[gocmd.Abs(dir, by)] = "overlay of " + at
		}
	}
}

// profile adds the profile for profile-guided optimisation: default.pgo next to main with "auto", which is Go's default.
func (g *Graph) profile(pgo string) {
	switch pgo {
	case "off":
	case "", "auto":
		if g.root.dir == "" || g.root.name != "main" {
			return
		}
		g.note(filepath.Join(g.root.dir, "default.pgo"), "profile (-pgo=auto)")
	default:
		g.extra[gocmd.Abs(g.dir, pgo)] = "profile (-pgo)"
	}
}
