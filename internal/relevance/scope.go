package relevance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// scope is what has to be watched, as far as it is known.
func (j *Judge) scope() watcher.Scope {
	w := wanted{j: j, config: j.configPath()}
	s := watcher.Scope{Trees: []string{j.root}, Minor: j.minor}
	for _, path := range j.conf.Load().Watch.Include {
		path = j.abs(path)
		if fi, err := os.Stat(path); err == nil && !fi.IsDir() {
			s.Dirs = append(s.Dirs, filepath.Dir(path))
			continue
		}
		s.Trees = append(s.Trees, path)
	}
	s.Dirs = append(s.Dirs, filepath.Dir(w.config))
	for _, sub := range j.all() {
		set := sub.conf.Load()
		for _, f := range set.Run.EnvPaths(j.root) {
			w.env = append(w.env, f)
			s.Dirs = append(s.Dirs, filepath.Dir(f))
		}
		if g := sub.graph.Load(); g != nil {
			w.graphs = append(w.graphs, g)
			s.Trees = append(s.Trees, g.Trees()...)
			s.Dirs = append(s.Dirs, g.Dirs()...)
		} else if set.GoBuilds() {
			w.unknown = true
			s.Trees = append(s.Trees, gograph.Beside(j.root)...)
		}
		for _, r := range set.Rules {
			if r.Effect != plan.None || !r.Command.IsZero() {
				w.globs = append(w.globs, parseGlobs(r.paths)...)
			}
		}
		if j.conf.Load().Watch.Discover {
			for _, o := range sub.opens.Load().Opens() {
				w.globs = append(w.globs, parseGlobs([]string{o.From(j.root)})...)
			}
		}
	}
	s.Keep, s.Enter = w.keeps, w.enters
	return s
}

// wanted is what counts although .gitignore or watch.exclude skip it, as known at one
// moment: what the watcher asks of one scope must not change under its hands.
//
// What a program is built from counts in any case: a program that is older than its inputs
// is a lie. A rule wins over .gitignore, which was not written for hotreload, and yields to
// watch.exclude, which was; so does what the code opens.
type wanted struct {
	j       *Judge
	config  string
	env     []string
	graphs  []*gograph.Graph
	globs   []glob
	unknown bool // a graph is not known yet
}

// keeps says which files count although they are skipped.
func (w *wanted) keeps(path string, why watcher.Skip) bool {
	if path == w.config || inputByName(path) || slices.Contains(w.env, path) {
		return true
	}
	for _, g := range w.graphs {
		if g.Verdict(path).Input {
			return true
		}
	}
	if w.unknown {
		if _, ok := w.j.guess.Input(path); ok {
			return true
		}
	}
	if why == watcher.SkipExclude {
		return false
	}
	rel, ok := slashRel(w.j.root, path)
	return ok && slices.ContainsFunc(w.globs, func(g glob) bool { return g.match(rel) })
}

// enters says which directories are entered although they are skipped, and which links to
// directories are followed.
func (w *wanted) enters(dir string, why watcher.Skip) bool {
	if why != watcher.SkipLink { // an embed pattern follows no link to a directory
		for _, g := range w.graphs {
			if g.Embeds(dir) {
				return true
			}
		}
	}
	if why == watcher.SkipExclude {
		return false
	}
	rel, ok := slashRel(w.j.root, dir)
	return ok && slices.ContainsFunc(w.globs, func(g glob) bool { return g.enters(rel, why) })
}

// minor says which files probably concern no service, so that a log next to the sources
// does not delay a save.
func (j *Judge) minor(path string) bool {
	if path == j.configPath() {
		return false
	}
	for _, s := range j.all() {
		if ef := j.effect(s, path); ef.Kind != plan.None || ef.Rule != plan.NoRule {
			return false
		}
	}
	return true
}

// glob is one path of a rule, cut into its elements, to find which directories it leads to.
type glob struct {
	text  string
	elems []string
	named int // leading elements that name directories literally
}

const globMeta = `*?[{\`

func parseGlobs(patterns []string) []glob {
	var out []glob
	for _, p := range patterns {
		g := glob{text: p, elems: strings.Split(p, "/")}
		for i, elem := range g.elems {
			// {a/b,c} is no element: from there on anything may match.
			if strings.Count(elem, "{") != strings.Count(elem, "}") {
				g.elems = append(g.elems[:i:i], "**")
				break
			}
		}
		for g.named < len(g.elems)-1 && !strings.ContainsAny(g.elems[g.named], globMeta) {
			g.named++
		}
		out = append(out, g)
	}
	return out
}

func (g *glob) match(rel string) bool {
	ok, err := doublestar.Match(g.text, rel)
	return err == nil && ok
}

// enters says whether the glob is reason enough to enter a directory that does not count by
// itself. One that it names, or that is on the way there, is entered in any case. Through
// its wildcards it reaches what Git ignores only below a directory that it names, so that
// **/*.html does not mean 50,000 ignored directories; and what is hidden, or known by its
// name (node_modules), not at all.
func (g *glob) enters(rel string, why watcher.Skip) bool {
	dirs := strings.Split(rel, "/")
	if named := g.elems[:g.named]; len(dirs) <= len(named) && slices.Equal(dirs, named[:len(dirs)]) {
		return true
	}
	switch why {
	case watcher.SkipLink:
	case watcher.SkipGit:
		if g.named == 0 || strings.HasPrefix(dirs[len(dirs)-1], ".") {
			return false
		}
	default:
		return false
	}
	return reaches(g.elems, dirs)
}

// reaches reports whether the elements of a glob can match a file below the directory.
func reaches(elems, dirs []string) bool {
	switch {
	case len(elems) == 0:
		return false
	case len(dirs) == 0:
		return true
	case elems[0] == "**":
		return reaches(elems, dirs[1:]) || reaches(elems[1:], dirs)
	}
	ok, err := doublestar.Match(elems[0], dirs[0])
	return err == nil && ok && reaches(elems[1:], dirs[1:])
}
