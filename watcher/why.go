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
	tree, rel := "", ""
	for _, given := range scope.Trees {
		real, err := filepath.EvalSymlinks(given)
		if err != nil {
			real = given
		}
		for _, name := range []string{given, real} {
			if r, ok := relTo(name, path); ok && len(real) >= len(tree) {
				tree, rel = real, r
			}
		}
		if path == given || path == real {
			return "", false
		}
	}
	if tree == "" {
		if named || slices.Contains(scope.Dirs, path) {
			return "", false
		}
		return "outside the watched directories", true
	}

	var chain *ignoreFile
	if w.o.Gitignore {
		chain, _ = outerIgnore(tree)
	}
	dir := tree
	parts := strings.Split(rel, "/")
	for i, part := range parts {
		if w.o.Gitignore {
			if dir != tree {
				if _, err := os.Lstat(join(dir, ".git")); err == nil {
					chain = nil
					if _, git := gitTop(dir); git != "" {
						chain = readIgnore(nil, filepath.Join(git, "info", "exclude"), dir, ".git/info/exclude")
					}
				}
			}
			file := join(dir, ".gitignore")
			label, _ := relTo(tree, file)
			chain = readIgnore(chain, file, dir, label)
		}
		dir = join(dir, part)
		last := i == len(parts)-1
		why := w.whyNot(tree, chain, dir, part, !last || isDir)
		switch {
		case why == "":
		case !last && named, last && isDir && slices.Contains(scope.Dirs, path):
			return "", false // Scope.Dirs overrides what excludes a directory
		case last && !isDir && scope.Keep != nil && scope.Keep(path):
			return "", false
		default:
			return why, true
		}
	}
	return "", false
}

func (w *Watcher) whyNot(tree string, chain *ignoreFile, path, name string, isDir bool) string {
	if isDir {
		if why := noiseDir(name); why != "" {
			return why
		}
	}
	if rel, ok := relTo(tree, path); ok {
		for i := range w.exclude {
			if w.exclude[i].match(rel, name, isDir) {
				return "exclude pattern " + w.exclude[i].text
			}
		}
	}
	why, _ := chain.ignores(path, name, isDir)
	return why
}
