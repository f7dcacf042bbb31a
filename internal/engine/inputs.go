package engine

import (
	"context"
	"path/filepath"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// inputs are the files from which the program is built, as absolute paths, as far as is
// known: those of the import graph, and while that may be out of date, every source file of
// the directories that are watched. Embedded files that no graph has are left out: to find
// them would cost more than a first build may.
func (v *service) inputs() []string {
	set, g, w := v.conf.Load(), v.graph.Load(), v.engine.watch()
	var out []string
	if g != nil && set.GoBuilds() {
		out = g.Inputs()
		if !v.stale() {
			return out
		}
	}
	if w == nil {
		return out
	}
	for _, f := range w.Files(v.engine.ctx) {
		switch {
		case gograph.IsModuleFile(f), filepath.Ext(f) == ".go":
			if ok, _ := v.input(f); ok {
				out = append(out, f)
			}
		case !set.GoBuilds(): // what a command of the user's reads is said by rules
			if e := v.effect(f); e.Kind == plan.Rebuild && e.Rule == plan.NoRule {
				out = append(out, f)
			}
		}
	}
	return out
}

// whenQuiet has the service built once more when its inputs are left alone, unless something
// else is built before: while the newest build read them, a tool wrote one after the other.
func (v *service) whenQuiet(b *builder.Builder, paths []string) {
	ctx, stop := context.WithCancel(v.engine.ctx)
	v.mu.Lock()
	v.stopQuiet = stop
	v.mu.Unlock()
	v.engine.spawn(func() {
		defer stop()
		if b.Quiet(ctx) == nil {
			v.engine.post(plan.Touched{Service: v.name, Paths: paths, At: time.Now(), Why: "written while it was compiled"})
		}
	})
}
