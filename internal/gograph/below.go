package gograph

import (
	"context"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// The search below a directory ends after so much, whatever is there: /tmp, a disk of projects, a slow network.
const (
	belowTime    = 300 * time.Millisecond
	belowEntries = 50_000
)

// Below is what FindBelow has found.
type Below struct {
	Modules  []string // their directories, the nearest first
	Mains    []Main   // the main packages in them, each with Nested; the nearest first
	Complete bool     // everything was searched
}

// FindBelow looks for modules below Options.Dir and for the main packages in them, without the go command, and within
// half a second however much is there. What go itself skips is skipped, and node_modules. An error is that of ctx.
func FindBelow(ctx context.Context, o Options) (Below, error) {
	return findBelow(ctx, o, belowEntries, time.Now().Add(belowTime))
}

func findBelow(ctx context.Context, o Options, limit int, end time.Time) (b Below, err error) {
	root, err := filepath.Abs(o.Dir)
	if err != nil {
		return b, err
	}
	bctx := likelyContext(o)
	entries := 0
	type place struct{ dir, module string }
	for queue := []place{{root, ""}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		l := readDir(at.dir, func(n int) bool {
			entries += n
			return ctx.Err() == nil && entries <= limit && time.Now().Before(end)
		})
		if ctx.Err() != nil {
			return Below{}, ctx.Err()
		}
		if l.module && at.dir != root {
			at.module = at.dir
			b.Modules = append(b.Modules, at.dir)
		}
		if at.module != "" && holdsMain(&bctx, at.dir, l.sources) {
			m := Main{Dir: at.dir, Rel: relName(at.module, at.dir), Nested: relName(root, at.module)}
			m.ImportPath = path.Join(ModulePath(at.module), m.Rel)
			b.Mains = append(b.Mains, m)
		}
		if l.cut {
			return b, nil
		}
		for _, d := range l.dirs {
			queue = append(queue, place{filepath.Join(at.dir, d), at.module})
		}
	}
	b.Complete = true
	return b, nil
}

// listing is what matters of a directory.
type listing struct {
	dirs    []string // to go on with
	sources []string // Go files that are no tests
	module  bool     // there is a go.mod
	cut     bool     // there is more
}

// readDir lists a directory as long as more, which is given how many entries were read, says so. One that cannot be read is
// empty.
func readDir(dir string, more func(read int) bool) (l listing) {
	f, err := files.OpenShared(dir)
	if err != nil {
		return l
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			n := e.Name()
			switch {
			case e.IsDir():
				if !gocmd.Hidden(n) && n != "testdata" && n != "vendor" && n != "node_modules" {
					l.dirs = append(l.dirs, n)
				}
			case n == "go.mod":
				l.module = true
			case strings.HasSuffix(n, ".go") && !strings.HasSuffix(n, "_test.go"):
				l.sources = append(l.sources, n)
			}
		}
		l.cut = !more(len(entries))
		if err != nil || l.cut {
			slices.Sort(l.dirs)
			slices.Sort(l.sources)
			return l
		}
	}
}

// IsMain reports whether a directory holds a program: a func main in a file of package main that the build takes. A file
// that does not parse is trusted to have it. It takes milliseconds where the go command takes a tenth of a second.
func IsMain(dir string, o Options) bool {
	bctx := likelyContext(o)
	return holdsMain(&bctx, dir, readDir(dir, func(int) bool { return true }).sources)
}

func holdsMain(bctx *build.Context, dir string, sources []string) bool {
	return slices.ContainsFunc(sources, func(f string) bool {
		file := filepath.Join(dir, f)
		return !gocmd.Hidden(f) && mainFunc(file) && first(gocmd.Buildable(bctx, file, false))
	})
}

func first(ok bool, _ string) bool { return ok }

// mainFunc reports whether a file of package main has a func main, or may have one, because it does not parse.
func mainFunc(file string) bool {
	// Never open what is no ordinary file: a FIFO would block.
	if st, err := filestat.Of(file); err != nil || st.Kind != filestat.File {
		return false
	}
	fset := token.NewFileSet()
	if f, _ := parser.ParseFile(fset, file, nil, parser.PackageClauseOnly); f == nil || f.Name == nil || f.Name.Name != "main" {
		return false
	}
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	return err != nil || slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Recv == nil && fn.Name.Name == "main"
	})
}

// likelyContext is the context of the build as far as the environment and the options say.
func likelyContext(o Options) build.Context {
	b := build.Default
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	for name, to := range map[string]*string{"GOOS": &b.GOOS, "GOARCH": &b.GOARCH} {
		if v, ok := proc.LookupEnv(env, name); ok && v != "" {
			*to = v
		}
	}
	if v, ok := proc.LookupEnv(env, "CGO_ENABLED"); ok && v != "" {
		b.CgoEnabled = v == "1"
	}
	v, _ := proc.LookupEnv(env, "GOFLAGS")
	b.BuildTags = slices.Concat(o.Tags, parseFlags(o.Flags).tags, parseGOFLAGS(v).tags)
	return b
}
