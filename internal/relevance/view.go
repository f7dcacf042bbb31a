package relevance

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// view is what is known of a service at one moment. Its verdicts depend on nothing else, but for
// the embed lines that guess reads.
type view struct {
	root     string
	set      *Settings
	env      []string // env files that the program reads at its start
	graph    *gograph.Graph
	outdated bool          // the graph may not describe the files as they are
	opens    *discover.Set // nil: nothing is known, or watch.discover is off
	guess    *gograph.Guess
}

func (j *Judge) view(s *Subject) view {
	set := s.conf.Load()
	v := view{
		root: j.root, set: set, env: set.Run.EnvPaths(j.root),
		outdated: s.graphOutdated(), graph: s.graph.Load(), guess: &j.guess,
	}
	if j.conf.Load().Watch.Discover {
		v.opens = s.opens.Load()
	}
	return v
}

// effect is what a change of the file means to the service now.
func (j *Judge) effect(s *Subject, path string) plan.Effect { return j.view(s).effect(path) }

// unsure reports whether a graph that is read later may say more than the one that is known.
func (v view) unsure() bool { return v.set.GoBuilds() && (v.graph == nil || v.outdated) }

// effect is what a change of the file means to the service.
func (v view) effect(path string) plan.Effect {
	if v.reads(path) {
		return plan.Effect{Kind: plan.Restart, Why: "read when the program starts", Rule: plan.NoRule}
	}
	input, why := v.input(path)
	if r, glob := v.rule(path); r != nil {
		e := plan.Effect{Kind: r.Effect, Rule: plan.NoRule, Signal: r.Signal, CSS: r.Effect == plan.Reload && isAsset(path), Why: "rule " + glob, Input: input}
		if !r.Command.IsZero() {
			e.Rule = r.index
		}
		if input && e.Kind < plan.Rebuild {
			// A rule cannot make the program older than its sources.
			e.Kind, e.Why = plan.Rebuild, why
		}
		return e
	}
	if input {
		return plan.Effect{Kind: plan.Rebuild, Why: why, Rule: plan.NoRule, Input: true}
	}
	if o, ok := v.opens.Match(path); ok {
		e := plan.Effect{Kind: plan.Restart, Why: "opened by " + o.Place, Rule: plan.NoRule}
		if o.Reload {
			e.Kind, e.CSS = plan.Reload, isAsset(path)
		}
		return e
	}
	none := plan.Effect{Rule: plan.NoRule, Why: why}
	if isData(v.root, path) {
		none.Why = "no program is built from it, no rule names it, and no code opens it by a literal name; a rule makes it count"
	}
	return none
}

// reads reports whether the program reads the file at its start.
func (v view) reads(path string) bool { return slices.Contains(v.env, path) }

// input reports whether the service is built from the file, and why.
func (v view) input(path string) (bool, string) {
	if !v.set.Builds() {
		return false, "no rule names it"
	}
	if !v.set.GoBuilds() && !v.set.IsSet("build.package") {
		// What a custom command reads is not known: every Go file of the tree
		// may be part of it.
		if inputByName(path) {
			what := "Go file"
			if gograph.IsModuleFile(path) {
				what = "module file"
			}
			return true, what + " (the build command may read it)"
		}
		return false, "neither a Go file nor named by a rule"
	}
	if v.graph == nil || v.outdated {
		if what, ok := v.guess.Input(path); ok {
			return true, what + " (the import graph is being read)"
		}
		if v.graph == nil {
			return false, "not a source file, not embedded, and not named by a rule"
		}
	}
	verdict := v.graph.Verdict(path)
	return verdict.Input, verdict.Reason
}

// inputByName judges by the name alone.
func inputByName(path string) bool {
	if gograph.IsModuleFile(path) {
		return true
	}
	return filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go")
}

// rule returns the first rule that names the file, and the one of its globs that matches.
func (v view) rule(path string) (*Rule, string) {
	rel, ok := slashRel(v.root, path)
	if !ok {
		return nil, ""
	}
	for n := range v.set.Rules {
		for _, p := range v.set.Rules[n].paths {
			if ok, _ := doublestar.Match(p, rel); ok {
				return &v.set.Rules[n], p
			}
		}
	}
	return nil, ""
}

// isAsset reports whether a page can take the file without loading again.
func isAsset(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".css", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico":
		return true
	}
	return false
}

// slashRel is the name of a path in rules: relative to the root, with slashes.
func slashRel(root, path string) (string, bool) {
	rel, err := filepath.Rel(root, path)
	return filepath.ToSlash(rel), err == nil
}
