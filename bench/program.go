//go:build unix

package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

//go:embed programs/*.go.txt server/main.go
var sources embed.FS

// program is a Go program to edit, in its own module.
type program struct {
	name   string   // small, medium, large, huge
	what   string   // for the report
	main   string   // embedded source of main.go
	module string   // pinned module that it is made of; "" for the standard library only
	local  string   // directory in the project where a copy of the module lies; "" for none
	at     string   // directory of the deep file, in local
	deep   string   // embedded source of the deep file
	need   []string // files that the module embeds and its archive does not hold; empty ones do
}

var programs = []program{
	{name: "small", what: "net/http and nothing else", main: "programs/small.go.txt"},
	{name: "medium", what: "a web server on gin", main: "programs/medium.go.txt", module: "github.com/gin-gonic/gin@v1.12.0"},
	{name: "large", what: "the Caddy server with its standard modules, Caddy itself as a local module", main: "programs/large.go.txt",
		module: "github.com/caddyserver/caddy/v2@v2.11.9", local: "caddy", deep: "programs/deep.go.txt"},
	{name: "huge", what: "the Traefik proxy with all its providers, Traefik itself as a local module", main: "programs/huge.go.txt",
		module: "github.com/traefik/traefik/v3@v3.6.1", local: "traefik", at: "pkg/safe", deep: "programs/hugedeep.go.txt",
		need: []string{"webui/static/index.html"}},
}

// place is where an edit lies.
type place int

const (
	inMain place = iota // a string constant of package main
	inDeep              // a statement in a function of a package deep in the program
)

// bench is what the groups share.
type bench struct {
	cache     string   // everything that the bench writes lies here
	run       string   // unlike any earlier run: no edit may be an old acquaintance of the build cache
	edits     int      // edits so far, of all tools
	env       []string // of every child
	hotreload string   // path of the binary
	server    string   // path of the server that needs no build
	port      int      // where to look for the next free one
}

func (b *bench) log(name string) string { return filepath.Join(b.cache, "log", name+".log") }

// marker is a new version, unique over all tools and runs. Every marker has the same
// length, so that no edit shifts anything behind it.
func (b *bench) marker() string {
	b.edits++
	return fmt.Sprintf("v%s-%06d", b.run, b.edits)
}

// ready prepares a program once: it resolves its dependencies and compiles all packages.
// The result is a directory to copy from.
func (b *bench) ready(ctx context.Context, p program) (string, error) {
	dir := filepath.Join(b.cache, "programs", p.name+"-"+strings.NewReplacer("/", "_", "@", "-").Replace(p.module))
	if err := b.generate(ctx, p, dir); err != nil {
		return "", fmt.Errorf("prepare %s: %w", p.name, err)
	}
	return dir, nil
}

func (b *bench) generate(ctx context.Context, p program, dir string) error {
	gomod := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(gomod); err == nil {
		return b.write(dir, p, inMain, "v") // main.go may be from an older bench
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Made beside its place and renamed when complete: an interrupted preparation is not mistaken for a finished one.
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return err
	}
	if err := b.write(part, p, inMain, "v"); err != nil {
		return err
	}
	path, version, _ := strings.Cut(p.module, "@")
	mod := "module bench.example/" + p.name + "\n\ngo 1.25\n"
	if p.module != "" {
		mod += "\nrequire " + path + " " + version + "\n"
	}
	if p.local != "" {
		mod += "\nreplace " + path + " => ./" + p.local + "\n"
		from, err := download(ctx, p.module, part, b.env)
		if err != nil {
			return err
		}
		if err := copyModule(from, filepath.Join(part, p.local)); err != nil {
			return err
		}
		for _, name := range p.need {
			name = filepath.Join(part, p.local, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644)); err != nil {
				return err
			}
		}
		if err := b.write(part, p, inDeep, "v"); err != nil {
			return err
		}
		// The choices of a module count only where it is the main one.
		text, err := os.ReadFile(filepath.Join(part, p.local, "go.mod"))
		if err != nil {
			return err
		}
		theirs, err := modfile.Parse("go.mod", text, nil)
		if err != nil {
			return err
		}
		for _, r := range theirs.Replace {
			mod += "\nreplace " + r.Old.Path + " => " + r.New.Path + " " + r.New.Version + "\n"
		}
		for _, x := range theirs.Exclude {
			mod += "\nexclude " + x.Mod.Path + " " + x.Mod.Version + "\n"
		}
	}
	if err := os.WriteFile(filepath.Join(part, "go.mod"), []byte(mod), 0o644); err != nil {
		return err
	}
	if p.module != "" {
		if err := run([]string{"go", "mod", "tidy"}, part, b.env, b.log("prepare-"+p.name)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// write writes the edited file of a place again, with one call as most editors' plain save does.
func (b *bench) write(dir string, p program, where place, marker string) error {
	file, source := filepath.Join(dir, "main.go"), p.main
	if where == inDeep {
		file, source = filepath.Join(dir, p.local, filepath.FromSlash(p.at), "bench_deep.go"), p.deep
	}
	text, err := sources.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(replaceVersion(string(text), marker)), 0o644)
}

// packages counts what a program is built from, package main included.
func (b *bench) packages(ctx context.Context, dir string) (int, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", ".")
	cmd.Dir, cmd.Env = dir, b.env
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	return strings.Count(string(out), "\n"), nil
}

// buildServer builds the server that needs no build, once per run.
func (b *bench) buildServer() error {
	dir := filepath.Join(b.cache, "server")
	text, err := sources.ReadFile("server/main.go")
	if err != nil {
		return err
	}
	err = errors.Join(os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "main.go"), text, 0o644),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module bench.example/server\n\ngo 1.25\n"), 0o644))
	if err != nil {
		return err
	}
	b.server = filepath.Join(dir, "server")
	return run([]string{"go", "build", "-o", b.server, "."}, dir, b.env, b.log("prepare-server"))
}

// buildOurs builds the hotreload of this source, unless another one is to be measured. A binary that
// was built before may be an old one.
func (b *bench) buildOurs() error {
	if b.hotreload != "" {
		return nil
	}
	b.hotreload = filepath.Join(b.cache, "hotreload")
	return run([]string{"go", "build", "-o", b.hotreload, "github.com/hotreload/hotreload/cmd/hotreload"}, "", os.Environ(), b.log("prepare-hotreload"))
}

// download fetches a module into the module cache and says where it lies.
func download(ctx context.Context, module, dir string, env []string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if jerr := json.Unmarshal(out, &got); jerr == nil && got.Error != "" {
		return "", errors.New(got.Error)
	}
	if err != nil {
		return "", err
	}
	return got.Dir, nil
}

// copyModule copies a module out of the read-only module cache, without its tests,
// which would bring their own modules.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == "testdata" || e.Name() == "caddytest" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !e.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// copyTree copies a prepared program for one tool.
func copyTree(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// replaceVersion is a source with its version.
func replaceVersion(source, marker string) string {
	return strings.Replace(source, "@VERSION@", marker, 1)
}
