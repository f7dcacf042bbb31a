package direct

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

const (
	// leanFrom is the size of the smallest archive of which a lean one is made: of 1,017, the 300 smaller ones are 1 % of all.
	leanFrom = 32 << 10
	// leanSpace is the size of the archives of which lean ones are made; these take two thirds of that. The largest come first.
	// 1,017 packages have 0.7 GB.
	leanSpace = 3 << 29
)

// leanDir outlasts the engine, and is swept by the next one that has another program. It is named after the format.
func (e *Engine) leanDir() string { return filepath.Join(e.o.Cache, "lean-2") }

// contentName is what a compiled package is called in Go's cache: by its content. A lean one has that name, too, and the sum of
// its own content behind it: the comparison of programs says nothing of what is not in the program today.
var contentName = regexp.MustCompile(`^[0-9a-f]{64}-d$`)

func leanName(whole string, text []byte) string {
	return fmt.Sprintf("%s-%x", filepath.Base(whole), sumOf(text))
}

// intact says that a lean archive holds what its name says.
func intact(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.HasSuffix(path, fmt.Sprintf("-%x", sumOf(text)))
}

// leanArchives are lean archives that were read and found intact, by the path of the whole ones.
type leanArchives map[string]lateFile

// touched says that one of them is not the file that was read.
func (l leanArchives) touched() bool {
	for _, f := range l {
		if s, err := stampOf(f.path); err != nil || s != f.stamp {
			return true
		}
	}
	return false
}

// Lean makes links faster that write no debug information: it takes that out of the compiled packages that are not
// expected to be edited, and uses what is left once the linker has made the same program of it as of the whole ones. It costs 3.5 s of
// processor time for 1,017 packages, and two links; the former only once. It does nothing if that is done, or not wanted.
//
// A program that comes out differently is a [*Mismatch], as for [Engine.Check]. Of all else that fails the engine goes on without.
func (e *Engine) Lean(ctx context.Context) error {
	// What a crash has left of the first try is not there in the second.
	if again, err := e.tryLean(ctx, false); !again {
		return err
	}
	_, err := e.tryLean(ctx, true)
	return err
}

func (e *Engine) tryLean(ctx context.Context, last bool) (again bool, err error) {
	if err := e.lock(ctx); err != nil {
		return false, err
	}
	r, s, why, done, known := e.recipe, e.state, e.why, e.leanDone, e.lean
	e.unlock()
	switch {
	case r == nil:
		return false, refuse("%s", why)
	case done:
		return false, nil
	}
	// A build does not wait for this; what it makes is valid for any recipe.
	made, err := e.makeLean(ctx, r, s, known)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err := e.lock(ctx); err != nil {
		return false, err
	}
	defer e.unlock()
	switch {
	case e.recipe != r:
		return false, refuse("the recipe has changed in the meantime")
	case err != nil:
		e.leanDone = true // it would fail after every build
		return false, err
	}
	switch err = e.verifyLean(ctx, made); {
	case err == nil:
		e.lean, e.leanDone = made, true
		return false, nil
	case ctx.Err() != nil:
		return false, err
	}
	e.lean, e.leanDone = nil, last
	os.RemoveAll(e.leanDir())
	var m *Mismatch
	if last && errors.As(err, &m) {
		e.distrust(r.tool, m.What)
	}
	return !last, err
}

// withoutDWARF says that a linker that is called like this writes no debug information, in a way that leaves no doubt.
func withoutDWARF(args []string) bool {
	return slices.Contains(args, "-w") && !slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-w=") || strings.HasPrefix(a, "--w")
	})
}

// makeLean makes the lean archives that there are not yet, and says which there are. Those that are not known from an earlier
// call are read, and made again if they are damaged.
func (e *Engine) makeLean(ctx context.Context, r *recipe, s *state, known leanArchives) (leanArchives, error) {
	dir := e.leanDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, refuse("cannot create a work directory: %v", err)
	}
	made := leanArchives{}
	var missing []string
	for _, path := range candidates(r, s) {
		if f, ok := known[path]; ok && !(leanArchives{path: f}).touched() {
			made[path] = f
		} else {
			missing = append(missing, path)
		}
	}
	if len(missing) > 0 {
		if err := e.runLean(ctx, dir, missing); err != nil {
			return nil, err
		}
	}
	there, err := leanIn(dir)
	if err != nil {
		return nil, refuse("cannot create a work directory: %v", err)
	}
	for _, path := range missing {
		to := there[filepath.Base(path)]
		if to == "" {
			continue
		}
		if st, err := stampOf(to); err == nil && st.exists() {
			made[path] = lateFile{to, st}
		}
	}
	e.sweepLean(dir, made)
	return made, nil
}

// sweepLean removes the archives in dir that are not in use, and those of other formats.
func (e *Engine) sweepLean(dir string, used leanArchives) {
	kept := map[string]bool{}
	for _, f := range used {
		kept[filepath.Base(f.path)] = true
	}
	entries, _ := os.ReadDir(dir)
	for _, f := range entries {
		if !kept[f.Name()] {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
	old, _ := filepath.Glob(filepath.Join(e.o.Cache, "lean-*"))
	for _, d := range old {
		if d != dir {
			os.RemoveAll(d)
		}
	}
}

// leanIn returns the paths of the lean archives in a directory, by the names of the whole ones.
func leanIn(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	there := map[string]string{}
	for _, f := range entries {
		if i := strings.LastIndex(f.Name(), "-d-"); i > 0 {
			there[f.Name()[:i+len("-d")]] = filepath.Join(dir, f.Name())
		}
	}
	return there, err
}

// verbLean is how this program starts itself to make lean archives: the compiled packages go through the memory of that process,
// of which this one would keep 11 MB for as long as it lives; and it can be nice everywhere, and killed.
const verbLean = "__lean"

// helper says that this program knows verbLean.
var helper bool

// Helper must follow [proc.Helper] in main, and in every TestMain whose tests call Lean, which does nothing without it. If the
// program was started to make lean archives, Helper does that and ends the process; otherwise it returns at once.
func Helper() {
	if len(os.Args) == 3 && os.Args[1] == verbLean {
		if err := leanMain(os.Args[2], os.Stdin); err != nil {
			os.Stdout.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	helper = true
}

// leanMain makes the lean archives of those that from names, with a zero byte between each two, unless they are there and intact.
func leanMain(dir string, from io.Reader) error {
	list, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	there, err := leanIn(dir)
	if err != nil {
		return err
	}
	for path := range strings.SplitSeq(string(list), "\x00") {
		if to := there[filepath.Base(path)]; to != "" {
			if intact(to) {
				continue
			}
			if err := os.Remove(to); err != nil {
				return err
			}
		}
		if err := writeLean(path, dir); err != nil && !errors.Is(err, errWhole) {
			return err
		}
	}
	return nil
}

// runLean has lean archives made in dir by another process. There is none of those that have to stay whole.
func (e *Engine) runLean(ctx context.Context, dir string, paths []string) error {
	if !helper {
		return refuse("this program cannot start itself to make lean archives")
	}
	self, err := proc.Self()
	if err != nil {
		return refuse("this program cannot be started again: %v", err)
	}
	list, err := os.CreateTemp(dir, "list-")
	if err != nil {
		return refuse("cannot create a work directory: %v", err)
	}
	defer os.Remove(list.Name())
	defer list.Close()
	_, err = list.WriteString(strings.Join(paths, "\x00"))
	if _, seek := list.Seek(0, io.SeekStart); err != nil || seek != nil {
		return refuse("cannot create a work directory: %v", errors.Join(err, seek))
	}
	argv := e.nicely([]string{self, verbLean, dir})
	var out bytes.Buffer
	state, err := proc.Run(ctx, proc.Errand{Cmd: proc.Cmd{Path: argv[0], Args: argv, Stdin: list}, Stdout: &out})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return refuse("lean archives could not be made: %v", err)
	case state.Code != 0:
		return refuse("lean archives could not be made: %s", lastLine(out.Bytes()))
	}
	return nil
}

// candidates are the archives worth a lean one: the largest, as many as leanSpace is for.
func candidates(r *recipe, s *state) (paths []string) {
	type candidate struct {
		path string
		size int64
	}
	var all []candidate
	for _, l := range r.link.cfg {
		path, _ := l.archive(func(q *pkg) string {
			// What has no files that may change is vendored, or cannot be compiled here.
			if a := s.archives[q.index]; !a.ours && len(q.files) == 0 {
				return a.path
			}
			return ""
		})
		if !contentName.MatchString(filepath.Base(path)) {
			continue
		}
		if st, err := os.Stat(path); err == nil && st.Size() >= leanFrom {
			all = append(all, candidate{path, st.Size()})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
	space := int64(leanSpace)
	for _, c := range all {
		if space -= c.size; space < 0 {
			break
		}
		paths = append(paths, c.path)
	}
	return paths
}

// writeLean makes a lean archive in dir, or says that there can be none (errWhole).
func writeLean(from, dir string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return whole("%v", err)
	}
	if text, err = lean(text); err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, leanName(from, text)), text)
}

// writeWhole writes a file that is there only when it is complete, also after the machine has lost its power: what is not in the
// program today would not be missed when programs are compared, and could be in tomorrow's.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// verifyLean makes sure that the linker makes the same program of lean archives. Those that were compared before need not be
// again: one archive is lean or not without regard to the rest.
func (e *Engine) verifyLean(ctx context.Context, made leanArchives) error {
	news := false
	for path, f := range made {
		news = news || e.lean[path] != f
	}
	if !news {
		return nil
	}
	work, done, err := e.dir()
	if err != nil {
		return err
	}
	defer done()
	linker := gocmd.Command{Env: e.recipe.link.tool.Env, Argv: e.nicely(e.recipe.link.tool.Argv)}
	full, short := filepath.Join(work, "full"), filepath.Join(work, "lean")
	if err := e.linkTo(ctx, linker, work, full, nil); err != nil {
		return err
	}
	if err := e.linkTo(ctx, linker, work, short, made); err != nil {
		return err
	}
	want, err := fileSum(full)
	if err != nil {
		return err
	}
	switch got, err := fileSum(short); {
	case err != nil:
		return err
	case got != want:
		return &Mismatch{"the program came out differently from compiled packages without debug information"}
	}
	return nil
}

func fileSum(path string) (all [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return all, refuse("what was linked cannot be read: %v", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return all, refuse("what was linked cannot be read: %v", err)
	}
	h.Sum(all[:0])
	return all, nil
}
