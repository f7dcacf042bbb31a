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
	q := inquiry{w: w, scope: &scope, at: tree, spelled: path[:len(path)-len(rel)]}
	return q.about(path, strings.Split(rel, "/"), isDir, named)
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
	rules   rules  // of the directory that it has come to
	at      string // its real path
	spelled string // its name as it was asked for; the scope is asked about that
	kept    string // what is in the way of a directory above, which Scope.Enter enters
	link    bool   // a link was followed
}

func (q *inquiry) about(path string, parts []string, isDir, named bool) (reason string, ignored bool) {
	r := &root{real: q.at}
	if q.w.o.Gitignore {
		r.outer, _ = outerIgnore(q.at)
	}
	q.rules = rules{deep: true, root: r}
	q.readRules(nil)
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
		q.at, q.spelled, q.rules = join(q.at, rest), filepath.Join(q.spelled, rest), rules{own: true, root: r}
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

// file is the verdict on a file of the directory.
func (q *inquiry) file(name string) (reason string, ignored bool) {
	path := join(q.at, name)
	counts, o := q.w.takes(&q.rules, q.scope, path, name, q.names)
	if counts {
		return "", false
	}
	if q.link { // what counts by itself counts under a link's name, too
		if _, ignored := q.w.IgnoredIn(*q.scope, path); !ignored {
			return "", false
		}
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
	r := q.rules.root
	if link {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path, q.link, r = real, true, nil
			if tree, _ := q.scope.treeOf(real); tree != "" {
				r = &root{real: tree}
			}
		}
	}
	up := q.rules.ignore
	q.at, q.spelled, q.rules = path, filepath.Join(q.spelled, name), rules{root: r}
	q.rules.let(how)
	if q.rules.deep {
		q.readRules(up)
	}
	return "", false
}

func (q *inquiry) names(name string) []string { return []string{filepath.Join(q.spelled, name)} }

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
