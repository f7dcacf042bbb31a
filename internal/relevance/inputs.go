package relevance

import (
	"path/filepath"

	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// Inputs are the files from which the program is built, as absolute paths, as far as is
// known: those of the import graph, and while that may be out of date, every source file of
// the directories that are watched. Embedded files that no graph has are left out: to find
// them would cost more than a first build may.
func (j *Judge) Inputs(s *Subject) []string {
	set, g, w := s.conf.Load(), s.graph.Load(), j.watch()
	var out []string
	if g != nil && set.GoBuilds() {
		out = g.Inputs()
		if !s.graphOutdated() {
			return out
		}
	}
	if w == nil {
		return out
	}
	for _, f := range w.Files(j.ctx) {
		switch {
		case gograph.IsModuleFile(f), filepath.Ext(f) == ".go":
			if ok, _ := j.view(s).input(f); ok {
				out = append(out, f)
			}
		case !set.GoBuilds(): // rules say what a command of the user's reads
			if e := j.effect(s, f); e.Kind == plan.Rebuild && e.Rule == plan.NoRule {
				out = append(out, f)
			}
		}
	}
	return out
}
