package direct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// compileTries is how often packages are compiled whose files change meanwhile.
const compileTries = 2

// build is Build with a plan. It is the whole of the fast path.
func (e *Engine) build(ctx context.Context, output string) (Built, error) {
	var b Built
	p := e.plan
	work, done, err := e.dir()
	if err != nil {
		return b, err
	}
	defer done()
	for try := 1; ; try++ {
		start := time.Now()
		now, dirty, err := e.snapshot(ctx)
		if err != nil {
			return b, err
		}
		b.Snapshot = time.Since(start)

		start = time.Now()
		made, err := e.cascade(ctx, work, dirty)
		if err != nil {
			return b, err
		}
		if err := e.unmoved(now, made); err != nil {
			for _, a := range made {
				os.Remove(a.path)
			}
			// Often it is the editor, which sets the mode of what it has written a moment ago.
			if try < compileTries {
				continue
			}
			return b, err
		}
		e.commit(now, made)
		for i := range p.packages {
			if _, ok := made[i]; ok {
				b.Compiled = append(b.Compiled, p.packages[i].path)
			}
		}
		b.Compile = time.Since(start)
		break
	}

	// The files that nobody is expected to change are looked at beside the linker, which leaves a processor idle most of
	// the time; the compiler does not. If one has changed, the plan is dropped with all that the state holds.
	start := time.Now()
	linking, stop := context.WithCancel(ctx)
	defer stop()
	late := make(chan error, 1)
	go func() {
		err := p.unchanged(ctx)
		if err != nil {
			stop()
		}
		late <- err
	}()
	touched := make(chan bool, 1)
	go func() { touched <- e.lean.touched() }()
	err = e.linkTo(linking, p.link.tool, work, output, e.lean)
	if <-touched || len(e.lean) > 0 && errors.Is(err, ErrFallback) {
		// Somebody has cleaned the cache or changed what is in it, or the whole ones fail as well.
		e.lean, e.leaned = nil, false
		err = e.linkTo(linking, p.link.tool, work, output, nil)
	}
	b.Link = time.Since(start)
	if changed := <-late; changed != nil {
		os.Remove(output)
		return b, changed
	}
	return b, err
}

// snapshot looks at everything that the plan depends on, and says which packages have to be compiled because of their
// own files. The state that it returns has no archives yet.
func (e *Engine) snapshot(ctx context.Context) (*state, map[int]bool, error) {
	p, old := e.plan, e.state
	now := &state{files: slices.Clone(old.files), dirs: slices.Clone(old.dirs)}
	dirty := map[int]bool{}
	at := time.Now()
	for i := range p.files {
		f, was := &p.files[i], old.files[i]
		s, err := f.look()
		switch {
		case err != nil:
			return nil, nil, refuse("%s cannot be looked at", f.path)
		case f.kind == place:
			if !s.samePlace(was.stamp) {
				return nil, nil, refuse("%s was replaced", f.path)
			}
			continue
		case f.kind == presence:
			if s.exists() != was.stamp.exists() {
				return nil, nil, refuse("%s came or went", f.path)
			}
			continue
		case s == was.stamp && !was.young:
			continue
		case f.kind == fixed && s == was.stamp:
			continue // no plan is made of a file that was young
		case f.kind == fixed && f.pkg != nil:
			return nil, nil, refuse("the package %s has changed, and %s", f.pkg.path, f.pkg.obstacle)
		case f.kind == fixed:
			return nil, nil, refuse("%s has changed (%s)", f.what, f.path)
		case !s.exists():
			return nil, nil, refuse("%s was removed", f.path)
		}
		k, text, err := read(f.path)
		if err != nil {
			return nil, nil, err
		}
		now.files[i] = k
		if k.sum == was.sum && k.sum != (sum{}) {
			continue
		}
		if f.kind == header && k.sum == (sum{}) {
			return nil, nil, refuse("%s has changed, and is too large to be read", f.path)
		}
		if f.kind != embedded {
			key, err := gocmd.ExactHeader(text)
			switch {
			case err != nil && f.kind == source:
				// The compiler would not get far either; the plan holds for what comes next.
				return nil, nil, &fallback{reason: fmt.Sprintf("%s does not parse", f.path), keep: true}
			case err != nil && sumOf(text) != f.key, err == nil && sumOf(key) != f.key:
				return nil, nil, refuse("the imports or directives of %s have changed", f.path)
			}
		}
		if f.pkg != nil {
			dirty[f.pkg.index] = true
		}
	}
	for i := range p.dirs {
		d, was := &p.dirs[i], old.dirs[i]
		s, err := look(d.path)
		if err != nil || !s.exists() {
			return nil, nil, refuse("the directory %s cannot be looked at", d.path)
		}
		if s == was.stamp && !was.young && !d.links {
			continue
		}
		names, _, err := d.list()
		if err != nil || names != d.names {
			return nil, nil, refuse("files were added to, or removed from, %s", d.path)
		}
		now.dirs[i] = known{stamp: s, young: s.Since(at)}
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	for i := range dirty {
		if q := p.packages[i]; q.obstacle != "" {
			return nil, nil, refuse("the package %s: %s", q.path, q.obstacle)
		}
	}
	return now, dirty, nil
}

// unchanged looks at the files of other people's packages.
func (p *plan) unchanged(ctx context.Context) error {
	for i, f := range p.late {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if s, err := look(f.path); err != nil || s != f.stamp {
			return refuse("%s has changed", f.path)
		}
	}
	return nil
}

// unmoved makes sure that what the compiler has read is what the snapshot says. The same content is not enough: the file may
// have held another one in between. (`go build` does not look: it keeps what it compiled then under the hash of what the
// file holds before and after.)
func (e *Engine) unmoved(now *state, made map[int]archive) error {
	for i := range made {
		for _, n := range e.plan.packages[i].files {
			f, k := e.plan.files[n], now.files[n]
			s, err := look(f.path)
			if err == nil && s == k.stamp && !k.young {
				continue
			}
			again, _, err := read(f.path)
			if err != nil || again.sum != k.sum || k.sum == (sum{}) && again.stamp != k.stamp || !again.stamp.unwritten(k.stamp) {
				return &fallback{reason: f.path + " was changed while it was compiled", keep: true}
			}
		}
	}
	return nil
}

// commit makes a complete compilation the state, and removes the archives that it replaces.
func (e *Engine) commit(now *state, made map[int]archive) {
	now.archives = slices.Clone(e.state.archives)
	for i, a := range made {
		if old := now.archives[i]; old.ours {
			os.Remove(old.path)
		}
		now.archives[i] = a
	}
	e.state = now
}

// cascade compiles the dirty packages and those that import what came out different, in the order of the imports and as
// many at once as there are processors. The state stays as it is.
func (e *Engine) cascade(ctx context.Context, work string, dirty map[int]bool) (map[int]archive, error) {
	p := e.plan
	reached := map[int]bool{}
	var reach func(q *pkg)
	reach = func(q *pkg) {
		if reached[q.index] {
			return
		}
		reached[q.index] = true
		for _, r := range q.importers {
			reach(r)
		}
	}
	for i := range dirty {
		reach(p.packages[i])
	}
	type outcome struct {
		done    chan struct{}
		changed bool // its export data is not what it was
	}
	outcomes := map[int]*outcome{}
	for i := range reached {
		outcomes[i] = &outcome{done: make(chan struct{})}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu     sync.Mutex
		made   = map[int]archive{}
		all    sync.WaitGroup
		places = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	archiveOf := func(q *pkg) string {
		mu.Lock()
		defer mu.Unlock()
		if a, ok := made[q.index]; ok {
			return a.path
		}
		return e.state.archives[q.index].path
	}
	one := func(q *pkg, o *outcome) error {
		need := dirty[q.index]
		for _, r := range q.imports {
			if x := outcomes[r.index]; x != nil {
				select {
				case <-x.done:
					need = need || x.changed
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		if !need {
			return nil
		}
		if q.obstacle != "" {
			return refuse("the package %s: %s", q.path, q.obstacle)
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return ctx.Err()
		}
		was := e.state.archives[q.index]
		if !was.hashed {
			var err error
			if was.export, err = exportSum(was.path); err != nil {
				return refuse("the compiled package %s is gone", q.path)
			}
		}
		a, err := e.compile(ctx, work, q, archiveOf)
		if err != nil {
			return err
		}
		o.changed = a.export != was.export
		mu.Lock()
		defer mu.Unlock()
		made[q.index] = a
		return nil
	}
	for i := range reached {
		all.Go(func() {
			q, o := p.packages[i], outcomes[i]
			if err := one(q, o); err != nil {
				cancel(err)
				return // nobody who waits for it may go on
			}
			close(o.done)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		for _, a := range made {
			os.Remove(a.path)
		}
		return nil, context.Cause(ctx)
	}
	return made, nil
}

// compile makes a new archive of a package.
func (e *Engine) compile(ctx context.Context, work string, q *pkg, archiveOf func(*pkg) string) (archive, error) {
	dir := filepath.Join(work, q.bucket)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return archive{}, refuse("no place to work in: %v", err)
	}
	err := os.WriteFile(filepath.Join(dir, "importcfg"), importcfg(q.importcfg, archiveOf, nil), 0o600)
	if err == nil && q.embeds {
		err = os.WriteFile(filepath.Join(dir, "embedcfg"), []byte(q.embedcfg), 0o600)
	}
	if err != nil {
		return archive{}, refuse("no place to work in: %v", err)
	}
	args := []string{fmt.Sprintf("-c=%d", runtime.GOMAXPROCS(0))}
	for _, a := range q.args {
		args = append(args, strings.ReplaceAll(a, workDir, work))
	}
	out, err := e.tool(ctx, work, q.compile, args)
	switch {
	case errors.Is(err, errExit):
		for _, l := range q.importcfg {
			if path, ok := l.archive(archiveOf); ok {
				if s, err := look(path); err != nil || !s.exists() {
					return archive{}, refuse("the compiled package %s is gone", path)
				}
			}
		}
		return archive{}, &fallback{reason: fmt.Sprintf("the package %s does not compile", q.path), keep: true}
	case err != nil:
		return archive{}, err
	case len(out) > 0:
		return archive{}, refuse("the compiler said something about %s", q.path)
	}
	a := archive{path: filepath.Join(e.archives(), fmt.Sprintf("%s-%s.a", filepath.Base(work), q.bucket)), hashed: true, ours: true}
	if err := os.Rename(filepath.Join(dir, "_pkg_.a"), a.path); err != nil {
		return archive{}, refuse("the compiler has left no archive of %s", q.path)
	}
	if a.export, err = exportSum(a.path); err != nil {
		return archive{}, err
	}
	return a, nil
}

// archive is the path that the line ends with.
func (l cfgLine) archive(archiveOf func(*pkg) string) (string, bool) {
	if l.pkg != nil {
		return archiveOf(l.pkg), true
	}
	_, path, ok := packageFile(l.text)
	return path, ok
}

// importcfg names the archives of packages, and instead of whole ones the lean ones that there are.
func importcfg(lines []cfgLine, archiveOf func(*pkg) string, lean leanArchives) []byte {
	var text bytes.Buffer
	for _, l := range lines {
		path, ok := l.archive(archiveOf)
		if !ok {
			text.WriteString(l.text)
			continue
		}
		if short, ok := lean[path]; ok {
			path = short.path
		}
		name, _, _ := packageFile(l.text)
		text.WriteString("packagefile " + name + "=" + path + "\n")
	}
	return text.Bytes()
}

// linkTo links the program of the state, in a place where go build never does, with lean archives in the place of whole ones.
func (e *Engine) linkTo(ctx context.Context, linker tool, work, output string, lean leanArchives) error {
	p := e.plan
	dir := filepath.Join(work, "link")
	exe := filepath.Join(dir, "a.out")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return refuse("no place to work in: %v", err)
	}
	archiveOf := func(q *pkg) string { return e.state.archives[q.index].path }
	cfg := filepath.Join(dir, "importcfg.link")
	if err := os.WriteFile(cfg, importcfg(p.link.cfg, archiveOf, lean), 0o600); err != nil {
		return refuse("no place to work in: %v", err)
	}
	args := slices.Concat([]string{"-o", exe, "-importcfg", cfg}, p.link.args, []string{archiveOf(p.link.main)})
	out, err := e.tool(ctx, work, linker, args)
	switch {
	case errors.Is(err, errExit):
		return refuse("the linker failed: %s", lastLine(out))
	case err != nil:
		return err
	case len(out) > 0:
		return refuse("the linker said something: %s", lastLine(out))
	}
	if err := os.Rename(exe, output); err != nil {
		os.Remove(output)
		return refuse("the program cannot be put in its place: %v", err)
	}
	return nil
}

// maxArgs is what every system takes; a longer list goes through a file, as the go command does it.
const maxArgs = 30 << 10

// tool runs the compiler or the linker. errExit says that it failed, by itself.
func (e *Engine) tool(ctx context.Context, work string, t tool, args []string) ([]byte, error) {
	size := 0
	for _, a := range args {
		size += len(a) + 1
	}
	if size > maxArgs {
		var text bytes.Buffer
		for _, a := range args {
			text.WriteString(strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(a) + "\n")
		}
		f, err := os.CreateTemp(work, "args-")
		if err != nil {
			return nil, refuse("no place to work in: %v", err)
		}
		_, err = f.Write(text.Bytes())
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, refuse("no place to work in: %v", err)
		}
		args = []string{"@" + f.Name()}
	}
	env := e.environment(work)
	for _, kv := range slices.Concat(e.plan.env, t.env) {
		name, value, _ := strings.Cut(kv, "=")
		env = proc.SetEnv(env, name, value)
	}
	var said bytes.Buffer
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: t.argv[0], Args: slices.Concat(t.argv, args), Dir: e.o.Dir, Env: env},
		Stdout: &said,
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && errors.Is(err, fs.ErrNotExist):
		return nil, refuse("%s is gone", t.argv[0])
	case err != nil:
		return nil, refuse("%s could not be run: %v", t.argv[0], err)
	case state.Code != 0:
		return said.Bytes(), errExit
	}
	return said.Bytes(), nil
}
