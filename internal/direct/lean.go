package direct

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	// leanFrom is the size of the smallest archive of which a lean one is made: of 1,017, the 300 smaller ones are 1 % of all.
	leanFrom = 32 << 10
	// leanSpace is how much lean archives may take on disk; the largest come first. For 1,017 packages they take 0.5 GB, where
	// Go's own cache has 0.7.
	leanSpace = 1 << 30
)

// leanDir outlasts the engine, and is swept by the next one that has another program. It is named after the format.
func (e *Engine) leanDir() string { return filepath.Join(e.o.Cache, "lean-1") }

// contentName is what a compiled package is called in Go's cache: by its content, so that a lean one can go by the same name.
var contentName = regexp.MustCompile(`^[0-9a-f]{64}-d$`)

// Lean makes links faster that write no debug information: it takes that out of the compiled packages that nobody is expected
// to edit, and uses what is left once the linker has made the same program of it as of the whole ones. It costs a second of
// processor time for 300 packages, and two links; the former only once. It does nothing if that is done, or not wanted.
//
// A program that comes out differently is a [*Mismatch], as for [Engine.Check]. The engine works the same without.
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
	p, s, why := e.plan, e.state, e.why
	done := e.leaned
	e.unlock()
	switch {
	case p == nil:
		return false, refuse("%s", why)
	case done || !withoutDWARF(p.link.args):
		return false, nil
	}
	// A build does not wait for this; what it makes holds for any plan.
	made, err := e.makeLean(ctx, p, s)
	if err != nil {
		return false, err
	}
	if err := e.lock(ctx); err != nil {
		return false, err
	}
	defer e.unlock()
	if e.plan != p {
		return false, refuse("there is another plan meanwhile")
	}
	err = e.proveLean(ctx, made)
	var m *Mismatch
	switch {
	case err == nil:
		e.lean, e.leaned = made, true
	case errors.As(err, &m):
		e.lean = nil
		if err := os.RemoveAll(e.leanDir()); err != nil {
			return false, refuse("no place to work in: %v", err)
		}
		if !last {
			return true, nil
		}
		e.distrust(p.tool, m.What)
	}
	return false, err
}

// withoutDWARF says that a linker that is called like this writes no debug information, in a way that leaves no doubt.
func withoutDWARF(args []string) bool {
	return slices.Contains(args, "-w") && !slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-w=") || strings.HasPrefix(a, "--w")
	})
}

// makeLean makes the lean archives that there are not yet, and says which there are: by the path of the whole one.
func (e *Engine) makeLean(ctx context.Context, p *plan, s *state) (made map[string]string, err error) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		yieldThread()
		made, err = e.makeLeanHere(ctx, p, s)
	}()
	<-over
	debug.FreeOSMemory() // archives of megabytes went through it
	return made, err
}

func (e *Engine) makeLeanHere(ctx context.Context, p *plan, s *state) (map[string]string, error) {
	dir := e.leanDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, refuse("no place to work in: %v", err)
	}
	type candidate struct {
		path string
		size int64
	}
	var all []candidate
	for _, l := range p.link.cfg {
		path, ok := l.archive(func(q *pkg) string {
			// What has no files that may change is vendored, or cannot be compiled here.
			if a := s.archives[q.index]; !a.ours && len(q.files) == 0 {
				return a.path
			}
			return ""
		})
		if !ok || !contentName.MatchString(filepath.Base(path)) {
			continue
		}
		if st, err := os.Stat(path); err == nil && st.Size() >= leanFrom {
			all = append(all, candidate{path, st.Size()})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })

	made, kept := map[string]string{}, map[string]bool{}
	space := int64(leanSpace)
	for _, c := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := filepath.Base(c.path)
		to := filepath.Join(dir, name)
		st, err := os.Stat(to)
		if err != nil {
			text, err := os.ReadFile(c.path)
			if err == nil {
				text, err = lean(text)
			}
			if err != nil {
				continue // it stays whole
			}
			if err := writeWhole(to, text); err != nil {
				return nil, refuse("no place for compiled packages: %v", err)
			}
			if st, err = os.Stat(to); err != nil {
				return nil, refuse("no place for compiled packages: %v", err)
			}
		}
		if space -= st.Size(); space < 0 {
			os.Remove(to)
			break
		}
		made[c.path], kept[name] = to, true
	}
	entries, _ := os.ReadDir(dir)
	for _, f := range entries {
		if !kept[f.Name()] {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
	return made, nil
}

// writeWhole writes a file that is there only when it is complete, also after the machine has lost its power: what is not in the
// program today would not be missed by the proof, and could be in tomorrow's.
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

// proveLean makes sure that the linker makes the same of lean archives. Those that were in an earlier proof need no other: one
// archive is lean or not without regard to the rest.
func (e *Engine) proveLean(ctx context.Context, made map[string]string) error {
	news := false
	for path, to := range made {
		news = news || e.lean[path] != to
	}
	if !news {
		return nil
	}
	work, done, err := e.dir()
	if err != nil {
		return err
	}
	defer done()
	linker := tool{env: e.plan.link.tool.env, argv: e.nicely(e.plan.link.tool.argv)}
	full, short := filepath.Join(work, "full"), filepath.Join(work, "lean")
	if err := e.linkTo(ctx, linker, work, full, nil); err != nil {
		return err
	}
	if err := e.linkTo(ctx, linker, work, short, made); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &Mismatch{fmt.Sprintf("compiled packages without debug information could not be linked: %v", err)}
	}
	switch same, err := sameFile(full, short); {
	case err != nil:
		return refuse("what was linked cannot be read: %v", err)
	case !same:
		return &Mismatch{"the program came out differently from compiled packages without debug information"}
	}
	return nil
}

func sameFile(a, b string) (bool, error) {
	f, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer g.Close()
	one, two := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(f, one)
		m, err2 := io.ReadFull(g, two)
		if !bytes.Equal(one[:n], two[:m]) {
			return false, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return err2 == err, nil
		}
		if err := errors.Join(err, err2); err != nil {
			return false, err
		}
	}
}
