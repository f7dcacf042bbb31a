package direct

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Mismatch says that the engine has made something else than go build would have.
type Mismatch struct{ What string }

func (m *Mismatch) Error() string { return m.What }

// Check compares what the engine has made since its recipe was made with what the go command makes of the same sources: every
// compiled package, and the arguments of every tool. It makes a new recipe, which is valid from then on, so it costs what Refresh does.
//
// Where something differs, the error is a [*Mismatch], and the engine is off for this project and toolchain: it writes
// a file that says so, and new sessions read it. [ErrFallback]: there was nothing to compare, or the sources changed meanwhile.
func (e *Engine) Check(ctx context.Context) error {
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer e.unlock()
	if e.recipe == nil {
		return refuse("%s", e.why)
	}
	if e.built == 0 {
		return refuse("nothing was built since the last check")
	}
	if _, dirty, err := e.snapshot(ctx); err != nil {
		return err
	} else if len(dirty) > 0 {
		return refuse("sources have changed since the last build")
	}
	r, s, err := e.askRecipe(ctx)
	if err != nil {
		return err
	}
	// Only now is it known that both are about the same sources.
	if _, dirty, err := e.snapshot(ctx); err != nil {
		return err
	} else if len(dirty) > 0 {
		return refuse("sources have changed during the check")
	}
	what := e.compare(r, s)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if what != "" {
		e.distrust(r.tool, what)
		return &Mismatch{what}
	}
	e.adopt(r, s)
	e.mu.Lock()
	e.status.Checked = time.Now()
	e.mu.Unlock()
	return nil
}

// compare says what differs; empty if nothing does.
func (e *Engine) compare(r *recipe, s *state) string {
	old := e.recipe
	switch {
	case r.tool != old.tool:
		return "the toolchain has changed: " + r.tool
	case !slices.Equal(r.env, old.env):
		return "the environment of the tools has changed"
	case !slices.Equal(r.link.args, old.link.args):
		return "the arguments of the linker have changed"
	case len(r.packages) != len(old.packages):
		return "the set of packages in the program has changed"
	}
	if !slices.EqualFunc(r.link.cfg, old.link.cfg, sameLine) {
		return "the set of packages that the linker reads has changed"
	}
	for i, p := range r.packages {
		if what := e.comparePackage(i, p, s); what != "" {
			return what
		}
	}
	return ""
}

// comparePackage is compare for one package.
func (e *Engine) comparePackage(i int, p *pkg, s *state) string {
	was := e.recipe.packages[i]
	switch {
	case p.path != was.path:
		return "the set of packages in the program has changed: " + p.path
	case p.obstacle != was.obstacle, p.embedcfg != was.embedcfg, !slices.Equal(p.compile.Argv, was.compile.Argv),
		!slices.EqualFunc(p.importcfg, was.importcfg, sameLine):
		return fmt.Sprintf("the way in which the package %s is compiled has changed", p.path)
	case p.bucket == was.bucket && !slices.Equal(p.args, was.args):
		return fmt.Sprintf("the arguments for compiling the package %s have changed", p.path)
	}
	a := e.state.archives[i]
	if !a.ours {
		return ""
	}
	ours, err := archiveSum(a.path)
	if err != nil {
		return fmt.Sprintf("the compiled package %s cannot be read: %v", p.path, err)
	}
	gos, err := archiveSum(s.archives[i].path)
	switch {
	case err != nil:
		return fmt.Sprintf("Go's compiled package %s cannot be read: %v", p.path, err)
	case ours != gos:
		return fmt.Sprintf("the package %s came out differently from go build", p.path)
	}
	return ""
}

// sameLine compares lines of two recipes. Paths of compiled packages outside of the recipes are named by their content.
func sameLine(a, b cfgLine) bool {
	return a.text == b.text && (a.pkg == nil) == (b.pkg == nil) && (a.pkg == nil || a.pkg.path == b.pkg.path)
}

// distrusted is what the file says that switches the engine off.
type distrusted struct {
	Toolchain, What string
	Time            time.Time
}

func (e *Engine) distrustFile() string { return filepath.Join(e.o.Cache, "distrusted.json") }

// distrust switches the engine off for this toolchain, in this session and later ones.
func (e *Engine) distrust(tool, what string) {
	if text, err := json.Marshal(distrusted{tool, what, time.Now()}); err == nil {
		os.WriteFile(e.distrustFile(), append(text, '\n'), 0o600)
	}
	e.drop(e.offReason(what))
	e.mu.Lock()
	e.status.Distrusted = what
	e.mu.Unlock()
}

func (e *Engine) offReason(what string) string {
	return fmt.Sprintf("turned off, because %s (remove %s to try again)", what, e.distrustFile())
}

// trusted says whether an earlier check has found a mismatch with this toolchain.
func (e *Engine) trusted(tool string) error {
	text, err := os.ReadFile(e.distrustFile())
	if err != nil {
		return nil
	}
	var d distrusted
	if json.Unmarshal(text, &d) == nil && d.Toolchain != tool {
		return nil
	}
	e.mu.Lock()
	e.status.Distrusted = d.What
	e.mu.Unlock()
	return refuse("%s", e.offReason(d.What))
}
