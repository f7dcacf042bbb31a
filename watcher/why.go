package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Ignored says whether a change of path would be ignored, and why: "editor's
// temporary file", ".gitignore:3: *.log", "exclude pattern tmp/**". It reads the
// rules from disk, and may be called from any goroutine, also before Run.
func (w *Watcher) Ignored(path string) (reason string, ignored bool) {
	w.mu.Lock()
	scope := w.scope
	w.mu.Unlock()
	return w.IgnoredIn(scope, path)
}

// IgnoredIn is Ignored for another scope than the present one.
func (w *Watcher) IgnoredIn(scope Scope, path string) (reason string, ignored bool) {
	path = filepath.Clean(path)
	at, name := splitPath(path)
	isDir := false
	if st, err := lstat(path); err == nil {
		isDir = st.Kind == kindDir
	}
	if why := noiseFile(name); why != "" && !isDir {
		return why, true
	}
	named := slices.Contains(scope.Dirs, at)
	tree, rel := scope.treeOf(path)
	if tree == "" {
		if named || slices.Contains(scope.Dirs, path) {
			return "", false
		}
		return "outside the watched directories", true
	}
	if rel == "" {
		return "", false // the tree itself
	}
	q := inquiry{w: w, scope: &scope, at: tree, spelled: []string{path[:len(path)-len(rel)]}}
	reason, ignored = q.about(path, strings.Split(rel, "/"), isDir, named)
	if ignored && q.link { // a file that counts in any case counts under a link's name, too
		if real, err := filepath.EvalSymlinks(at); err == nil {
			if _, ignored := w.IgnoredIn(scope, join(real, name)); !ignored {
				return "", false
			}
		}
	}
	return reason, ignored
}

// treeOf finds the innermost tree that holds path, which may be spelled by the tree's name or by
// where that leads. rel is relative to it, "" for the tree itself.
func (s *Scope) treeOf(path string) (tree, rel string) {
	for _, given := range s.Trees {
		real, err := filepath.EvalSymlinks(given)
		if err != nil {
			real = given
		}
		if path == given || path == real {
			return real, ""
		}
		for _, name := range []string{given, real} {
			if r, ok := relTo(name, path); ok && len(real) >= len(tree) {
				tree, rel = real, r
			}
		}
	}
	return tree, rel
}

// inquiry goes down from a tree to a path, as the watcher does that meets it.
type inquiry struct {
	w       *Watcher
	scope   *Scope
	rules   rules    // of the directory that it has come to
	at      string   // its real path
	spelled []string // its names as they were asked for; the scope is asked about them
	kept    string   // what is in the way of a directory above, which Scope.Enter enters
	link    bool     // a link was followed
}

func (q *inquiry) about(path string, parts []string, isDir, named bool) (reason string, ignored bool) {
	q.begin()
	r := q.rules.root
	above, name := parts[:len(parts)-1], parts[len(parts)-1]
	for i, part := range above {
		if reason, ignored = q.enter(part); !ignored {
			continue
		}
		if !named {
			return reason, true
		}
		// Scope.Dirs overrides what excludes a directory.
		rest := filepath.Join(above[i:]...)
		q.at, q.spelled, q.rules = join(q.at, rest), q.names(rest), rules{own: true, root: r}
		break
	}
	if at := join(q.at, name); isDir || linksDir(at) {
		if q.rules.own || slices.Contains(q.scope.Dirs, path) {
			return "", false
		}
		return q.enter(name)
	}
	q.rules.own = q.rules.own || named
	return q.file(name)
}

// begin takes the rules of the tree.
func (q *inquiry) begin() {
	r := &root{real: q.at}
	if q.w.o.Gitignore {
		r.outer, _ = outerIgnore(q.at)
	}
	q.rules = rules{deep: true, root: r}
	q.readRules(nil)
}

// rulesAt are those of a directory of a tree, which no link is on the way to. false: it is
// skipped by default.
func (w *Watcher) rulesAt(scope *Scope, tree, rel string) (rules, bool) {
	q := inquiry{w: w, scope: scope, at: tree, spelled: []string{tree}}
	q.begin()
	for part := range strings.SplitSeq(rel, "/") {
		if part == "" {
			continue // the tree itself
		}
		if _, ignored := q.enter(part); ignored {
			return rules{}, false
		}
	}
	return q.rules, q.rules.deep
}

// file is the verdict on a file of the directory.
func (q *inquiry) file(name string) (reason string, ignored bool) {
	path := join(q.at, name)
	counts, o := q.w.takes(&q.rules, q.scope, path, name, q.names)
	if counts {
		return "", false
	}
	return q.text(o), true
}

// enter goes down to a directory, or says why the watcher does not.
func (q *inquiry) enter(name string) (reason string, ignored bool) {
	path := join(q.at, name)
	link := linksDir(path)
	decide := q.w.enters
	if link {
		decide = q.w.follows
	}
	how, o := decide(&q.rules, q.scope, path, name, q.names)
	if how == (entry{}) {
		return q.text(o), true
	}
	q.kept = q.text(o)
	names := q.names(name)
	if link {
		q.through(path, names, how)
		return "", false
	}
	up := q.rules
	q.at, q.spelled, q.rules = path, names, rules{root: up.root}
	q.rules.let(how)
	if q.rules.deep {
		q.readRules(up.ignore)
	}
	return "", false
}

// through goes to where a link leads. A directory of a tree keeps its own rules, and its own name.
func (q *inquiry) through(path string, names []string, how entry) {
	q.at, q.spelled, q.rules, q.link = path, names, rules{kept: how.kept}, true
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return
	}
	q.at = real
	tree, rel := q.scope.treeOf(real)
	if tree == "" {
		return
	}
	q.spelled = append(names, real)
	q.rules.root = &root{real: tree}
	if own, deep := q.w.rulesAt(q.scope, tree, rel); deep {
		q.rules = own
	}
}

// names are all names of an entry of the directory, as far as the way here shows them.
func (q *inquiry) names(name string) []string {
	out := make([]string, len(q.spelled))
	for i, dir := range q.spelled {
		out[i] = filepath.Join(dir, name)
	}
	return out
}

func (q *inquiry) text(o obstacle) string {
	if text := o.text(); text != "" {
		return text
	}
	return q.kept
}

func (q *inquiry) readRules(up *ignoreFile) {
	if q.w.o.Gitignore {
		_, err := os.Lstat(join(q.at, ".git"))
		q.rules.ignore = ignoreIn(q.rules.root, q.at, up, err == nil, true)
	}
}

// linksDir reports whether path is a link to a directory.
func linksDir(path string) bool {
	st, err := lstat(path)
	if err != nil || st.Kind != kindLink {
		return false
	}
	st, err = follow(path)
	return err == nil && st.Kind == kindDir
}
