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
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// compileTries is how often packages are compiled whose files change in the meantime.
const compileTries = 2

// build is Build with a recipe. It is the whole of the fast path.
func (e *Engine) build(ctx context.Context, output string) (b Built, err error) {
	work, done, err := e.dir()
	if err != nil {
		return b, err
	}
	defer done()
	for try := 1; ; try++ {
		retry, err := e.compileChanged(ctx, work, &b)
		if err == nil {
			break
		}
		// Often it is the editor, which sets the mode of what it has written a moment ago.
		if !retry || try == compileTries {
			return b, err
		}
	}
	start := time.Now()
	err = e.linkChecked(ctx, work, output)
	b.Link = time.Since(start)
	return b, err
}

// compileChanged brings the state up to date with the sources. retry says that they changed in the meantime.
func (e *Engine) compileChanged(ctx context.Context, work string, b *Built) (retry bool, err error) {
	start := time.Now()
	now, dirty, err := e.snapshot(ctx)
	if err != nil {
		return false, err
	}
	b.Snapshot = time.Since(start)

	start = time.Now()
	made, err := e.cascade(ctx, work, dirty)
	if err != nil {
		return false, err
	}
	if err := e.sourcesUnchanged(now, made); err != nil {
		removeArchives(made)
		return true, err
	}
	e.commit(now, made)
	for i, p := range e.recipe.packages {
		if _, ok := made[i]; ok {
			b.Compiled = append(b.Compiled, p.path)
		}
	}
	b.Compile = time.Since(start)
	return false, nil
}

// linkChecked links, and checks meanwhile the files that are not expected to change: the linker leaves a processor idle most of
// the time; the compiler does not. If one has changed, the recipe is dropped with all that the state holds.
func (e *Engine) linkChecked(ctx context.Context, work, output string) error {
	linking, stop := context.WithCancel(ctx)
	defer stop()
	r := e.recipe
	late := make(chan error, 1)
	go func() {
		err := r.unchanged(ctx)
		if err != nil {
			stop()
		}
		late <- err
	}()
	touched := make(chan bool, 1)
	go func() { touched <- e.lean.touched() }()
	err := e.linkTo(linking, r.link.tool, work, output, e.lean)
	if <-touched || len(e.lean) > 0 && errors.Is(err, ErrFallback) {
		// The cache was cleaned, or what is in it was changed, or the whole ones fail as well.
		e.lean, e.leanDone = nil, false
		err = e.linkTo(linking, r.link.tool, work, output, nil)
	}
	if changed := <-late; changed != nil {
		os.Remove(output)
		return changed
	}
	return err
}

// snapshot checks everything that the recipe depends on, and says which packages have to be compiled because of their own
// files. The state that it returns has no archives yet.
func (e *Engine) snapshot(ctx context.Context) (now *state, dirty map[int]bool, err error) {
	r, old := e.recipe, e.state
	now = &state{files: slices.Clone(old.files), dirs: slices.Clone(old.dirs)}
	dirty = map[int]bool{}
	at := time.Now()
	for i := range r.files {
		f := &r.files[i]
		k, changed, err := f.check(old.files[i])
		if err != nil {
			return nil, nil, err
		}
		now.files[i] = k
		if changed && f.pkg != nil {
			dirty[f.pkg.index] = true
		}
	}
	for i := range r.dirs {
		if now.dirs[i], err = r.dirs[i].check(old.dirs[i], at); err != nil {
			return nil, nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	for i := range dirty {
		if p := r.packages[i]; p.obstacle != "" {
			return nil, nil, refuse("the package %s: %s", p.path, p.obstacle)
		}
	}
	return now, dirty, nil
}

// check compares a file with what was known of it. changed says that its content is new, in a way that its kind allows.
func (f *file) check(was known) (now known, changed bool, err error) {
	s, err := f.stamp()
	switch {
	case err != nil:
		return was, false, refuse("%s cannot be read", f.path)
	case !f.hasContent():
		return was, false, f.checkStamp(s, was.stamp)
	case s == was.stamp && !was.young:
		return was, false, nil
	case !s.exists():
		return was, false, refuse("%s was removed", f.path)
	}
	now, text, err := read(f.path)
	if err != nil {
		return was, false, err
	}
	if now.sum == was.sum && now.sum != (sum{}) {
		return now, false, nil
	}
	return now, true, f.checkHeader(now, text)
}

// checkStamp is for files whose content is not compared. No recipe is made while such a file is young.
func (f *file) checkStamp(now, was stamp) error {
	switch {
	case f.kind == place && !now.samePlace(was):
		return refuse("%s was replaced", f.path)
	case f.kind == presence && now.exists() != was.exists():
		return refuse("%s appeared or disappeared", f.path)
	case f.kind != fixed || now == was:
		return nil
	case f.pkg != nil:
		return refuse("the package %s has changed, and %s", f.pkg.path, f.pkg.obstacle)
	}
	return refuse("%s has changed (%s)", f.what, f.path)
}

// checkHeader is for files with new content.
func (f *file) checkHeader(now known, text []byte) error {
	if f.kind == embedded {
		return nil
	}
	if f.kind == header && now.sum == (sum{}) {
		return refuse("%s has changed, and is too large to be read", f.path)
	}
	switch key, parses := headerKey(text); {
	case f.kind == source && !parses:
		// The compiler would not get far either; the recipe is valid for what comes next.
		return &fallback{reason: fmt.Sprintf("%s does not parse", f.path), keep: true}
	case key != f.key:
		return refuse("the imports or directives of %s have changed", f.path)
	}
	return nil
}

// check compares the names in a directory with what was known of it.
func (d *dir) check(was known, at time.Time) (known, error) {
	s, err := stampOf(d.path)
	if err != nil || !s.exists() {
		return was, refuse("the directory %s cannot be read", d.path)
	}
	if s == was.stamp && !was.young && !d.links {
		return was, nil
	}
	names, _, err := d.list()
	if err != nil || names != d.names {
		return was, refuse("files were added to, or removed from, %s", d.path)
	}
	return known{stamp: s, young: s.Since(at)}, nil
}

// sourcesUnchanged makes sure that what the compiler has read is what the snapshot says. The same content is not enough: the file may
// have held another one in between. (`go build` does not check: it keeps what it compiled then under the hash of what the
// file holds before and after.)
func (e *Engine) sourcesUnchanged(now *state, made map[int]archive) error {
	for i := range made {
		for _, n := range e.recipe.packages[i].files {
			f, k := e.recipe.files[n], now.files[n]
			s, err := stampOf(f.path)
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

// compile makes a new archive of a package.
func (e *Engine) compile(ctx context.Context, work string, q *pkg, archiveOf func(*pkg) string) (archive, error) {
	dir := filepath.Join(work, q.bucket)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return archive{}, refuse("cannot create a work directory: %v", err)
	}
	err := os.WriteFile(filepath.Join(dir, "importcfg"), importcfg(q.importcfg, archiveOf, nil), 0o600)
	if err == nil && q.embeds {
		err = os.WriteFile(filepath.Join(dir, "embedcfg"), []byte(q.embedcfg), 0o600)
	}
	if err != nil {
		return archive{}, refuse("cannot create a work directory: %v", err)
	}
	args := []string{fmt.Sprintf("-c=%d", runtime.GOMAXPROCS(0))}
	for _, a := range q.args {
		args = append(args, strings.ReplaceAll(a, gocmd.WorkDir, work))
	}
	out, err := e.tool(ctx, work, q.compile, args)
	switch {
	case errors.Is(err, errExit):
		for _, l := range q.importcfg {
			if path, ok := l.archive(archiveOf); ok {
				if s, err := stampOf(path); err != nil || !s.exists() {
					return archive{}, refuse("the compiled package %s is gone", path)
				}
			}
		}
		return archive{}, &fallback{reason: fmt.Sprintf("the package %s does not compile", q.path), keep: true}
	case err != nil:
		return archive{}, err
	case len(out) > 0:
		return archive{}, refuse("the compiler printed something about %s", q.path)
	}
	a := archive{path: filepath.Join(e.archives(), fmt.Sprintf("%s-%s.a", filepath.Base(work), q.bucket)), hashed: true, ours: true}
	if err := files.Rename(filepath.Join(dir, "_pkg_.a"), a.path); err != nil {
		return archive{}, refuse("the compiler wrote no archive of %s", q.path)
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
	_, path, ok := gocmd.PackageFile(l.text)
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
		name, _, _ := gocmd.PackageFile(l.text)
		text.WriteString("packagefile " + name + "=" + path + "\n")
	}
	return text.Bytes()
}

// linkTo links the program of the state, in a place where go build never does, with lean archives in the place of whole ones.
func (e *Engine) linkTo(ctx context.Context, linker gocmd.Command, work, output string, lean leanArchives) error {
	p := e.recipe
	dir := filepath.Join(work, "link")
	exe := filepath.Join(dir, "a.out")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return refuse("cannot create a work directory: %v", err)
	}
	archiveOf := func(q *pkg) string { return e.state.archives[q.index].path }
	cfg := filepath.Join(dir, "importcfg.link")
	if err := os.WriteFile(cfg, importcfg(p.link.cfg, archiveOf, lean), 0o600); err != nil {
		return refuse("cannot create a work directory: %v", err)
	}
	args := slices.Concat([]string{"-o", exe, "-importcfg", cfg}, p.link.args, []string{archiveOf(p.link.main)})
	out, err := e.tool(ctx, work, linker, args)
	switch {
	case errors.Is(err, errExit):
		return refuse("the linker failed: %s", lastLine(out))
	case err != nil:
		return err
	case !onlyNoise(out):
		return refuse("the linker printed something: %s", lastLine(out))
	}
	if err := files.Rename(exe, output); err != nil {
		os.Remove(output)
		return refuse("the program cannot be moved into place: %v", err)
	}
	return nil
}

// noise are warnings of Xcode's linker about what Go gives it, which no user can change.
var noise = []string{"ignoring duplicate libraries", "has malformed LC_DYSYMTAB", "-bind_at_load is deprecated", "-no_pie is deprecated", "no platform load command found"}

// onlyNoise says whether what the linker printed tells nothing about the program. With cgo on macOS,
// every build would be left to go build otherwise.
func onlyNoise(out []byte) bool {
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		warning, ok := strings.CutPrefix(line, "ld: warning: ")
		if line != "" && !(ok && slices.ContainsFunc(noise, func(n string) bool { return strings.Contains(warning, n) })) {
			return false
		}
	}
	return true
}

// maxArgs is what every system takes; a longer list goes through a file, as the go command does it.
const maxArgs = 30 << 10

// tool runs the compiler or the linker. errExit says that the tool itself failed.
func (e *Engine) tool(ctx context.Context, work string, t gocmd.Command, args []string) ([]byte, error) {
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
			return nil, refuse("cannot create a work directory: %v", err)
		}
		_, err = f.Write(text.Bytes())
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, refuse("cannot create a work directory: %v", err)
		}
		args = []string{"@" + f.Name()}
	}
	env := e.environment(work)
	for _, kv := range slices.Concat(e.recipe.env, t.Env) {
		name, value, _ := strings.Cut(kv, "=")
		env = proc.SetEnv(env, name, value)
	}
	var out bytes.Buffer
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: t.Argv[0], Args: slices.Concat(t.Argv, args), Dir: e.o.Dir, Env: env},
		Stdout: &out,
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && errors.Is(err, fs.ErrNotExist):
		return nil, refuse("%s is gone", t.Argv[0])
	case err != nil:
		return nil, refuse("%s could not be run: %v", t.Argv[0], err)
	case state.Code != 0:
		return out.Bytes(), errExit
	}
	return out.Bytes(), nil
}
