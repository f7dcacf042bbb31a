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
	spelled := path[:len(path)-len(rel)] // what the scope is asked about has the names as given
	var kept Skip                        // the directory counts because Scope.Enter says so
	keptWhy, own := "", false
	for i, part := range parts {
		if w.o.Gitignore && kept == 0 {
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
		spelled = filepath.Join(spelled, part)
		last := i == len(parts)-1
		through := linksDir(dir)
		if last && !isDir && !through {
			why, skip := w.whyNot(tree, chain, dir, part, false)
			if kept != 0 && skip != SkipExclude {
				why, skip = keptWhy, kept
			}
			if skip == 0 || own && skip != SkipExclude || scope.Keep != nil && scope.Keep(path, skip) {
				return "", false
			}
			return why, true
		}
		if own {
			continue
		}
		why, skip := w.whyNot(tree, chain, dir, part, !through)
		switch {
		case skip != 0:
		case through:
			why, skip = "behind "+part+", a link to a directory that no rule reaches into", SkipLink
		case kept != 0:
			why, skip = keptWhy, kept
		default:
			continue
		}
		switch {
		case last && slices.Contains(scope.Dirs, path):
			return "", false
		case !last && named:
			own = true // Scope.Dirs overrides what excludes a directory
		case scope.Enter != nil && scope.Enter(spelled, skip):
			kept, keptWhy = below(skip), why
		default:
			return why, true
		}
	}
	return "", false
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

func (w *Watcher) whyNot(tree string, chain *ignoreFile, path, name string, isDir bool) (string, Skip) {
	if rel, ok := relTo(tree, path); ok {
		for i := range w.exclude {
			if w.exclude[i].match(rel, name, isDir) {
				return "exclude pattern " + w.exclude[i].text, SkipExclude
			}
		}
	}
	if isDir {
		if why := noiseDir(name); why != "" {
			return why, SkipNoise
		}
	}
	if why, ignored := chain.ignores(path, name, isDir); ignored {
		return why, SkipGit
	}
	return "", 0
}
