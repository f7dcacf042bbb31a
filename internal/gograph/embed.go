package gograph

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
)

// The rules of //go:embed as cmd/go has them (load.resolveEmbed), turned round: not "which files does this pattern
// match" but "does this pattern match this file".

// badEmbedName says whether name can never be in a module, so that go neither embeds it nor anything below it.
func badEmbedName(name string) bool {
	switch name {
	case "", ".bzr", ".hg", ".git", ".svn":
		return true
	}
	return module.CheckFilePath(name) != nil
}

func hiddenName(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// embedMatch says whether the pattern, in a //go:embed line of the package in pkgdir, takes in the file named by rel
// (slash-separated, below pkgdir). A file that go would refuse to embed ("cannot embed irregular file") counts as matched:
// it breaks the build, and so its coming and going changes the result. The go.mod in the directory given by except
// (slash-separated, below pkgdir) is taken as absent.
func embedMatch(pkgdir, pattern, rel, except string) bool {
	return embedNamed(pkgdir, pattern, rel, except) && !irregular(pkgdir, pattern, rel)
}

// irregular says whether go passes over the file, which the pattern matches by way of a directory, because it is no regular
// file, or lies behind a link to a directory.
func irregular(pkgdir, pattern, rel string) bool {
	n := strings.Count(strings.TrimPrefix(pattern, "all:"), "/") + 1
	elems := strings.Split(rel, "/")
	for i := n; i < len(elems); i++ {
		info, err := os.Lstat(filepath.Join(pkgdir, filepath.FromSlash(path.Join(elems[:i+1]...))))
		if err != nil {
			return false
		}
		if last := i == len(elems)-1; last && !info.Mode().IsRegular() || !last && !info.IsDir() {
			return true
		}
	}
	return false
}

// embedNamed is embedMatch by the name alone: whatever is there now, it was or will be a regular file.
func embedNamed(pkgdir, pattern, rel, except string) bool {
	glob, all := strings.CutPrefix(pattern, "all:")
	if glob == "." || !fs.ValidPath(glob) {
		return false
	}
	elems := strings.Split(rel, "/")
	// No metacharacter matches a slash: a pattern of n elements matches only paths of n elements.
	n := strings.Count(glob, "/") + 1
	if len(elems) < n {
		return false
	}
	if ok, err := path.Match(glob, path.Join(elems[:n]...)); err != nil || !ok {
		return false
	}
	if len(elems) == n {
		return true
	}
	// The pattern matched a directory. Below it, hidden names need "all:", bad names are skipped, and another module ends it.
	for i := n; i < len(elems); i++ {
		if hiddenName(elems[i]) && !all {
			return false
		}
		last := i == len(elems)-1
		// A file with a bad name that is not hidden stops the build instead of being skipped (golang.org/issue/54003).
		if badEmbedName(elems[i]) && !(last && !hiddenName(elems[i])) {
			return false
		}
		if !last {
			name := path.Join(elems[:i+1]...)
			sub := filepath.Join(pkgdir, filepath.FromSlash(name))
			if _, err := os.Stat(filepath.Join(sub, "go.mod")); err == nil && name != except {
				return false
			}
		}
	}
	return true
}

// embedReaches reports whether the pattern can match a file in the directory rel (slash-separated, below pkgdir) or below it.
func embedReaches(pkgdir, pattern, rel string) bool {
	glob := strings.TrimPrefix(pattern, "all:")
	elems, globs := strings.Split(rel, "/"), strings.Split(glob, "/")
	if len(elems) >= len(globs) {
		return embedMatch(pkgdir, pattern, rel+"/x", "")
	}
	for i, elem := range elems {
		if ok, err := path.Match(globs[i], elem); err != nil || !ok {
			return false
		}
	}
	return fs.ValidPath(glob)
}

// embedDirs calls add with every directory in which a new file could match the pattern: those the pattern names and all
// below them, and those whose entries it globs. Directories that the pattern names literally are added although they do not
// exist: the output of a bundler, which git usually ignores, may be yet to come.
func embedDirs(pkgdir, pattern string, add func(dir string)) {
	glob, all := strings.CutPrefix(pattern, "all:")
	if glob == "." || !fs.ValidPath(glob) {
		return
	}
	full := quoteGlob(pkgdir) + string(filepath.Separator) + filepath.FromSlash(glob)
	add(pkgdir)
	for name := glob; name != "."; name = path.Dir(name) {
		if strings.ContainsAny(name, `*?[\`) {
			continue
		}
		d := filepath.Join(pkgdir, filepath.FromSlash(name))
		if _, err := os.Lstat(d); os.IsNotExist(err) {
			add(d)
		}
	}
	for parent := path.Dir(glob); parent != "."; parent = path.Dir(parent) {
		dirs, _ := filepath.Glob(quoteGlob(pkgdir) + string(filepath.Separator) + filepath.FromSlash(parent))
		for _, d := range dirs {
			if info, err := os.Lstat(d); err == nil && info.IsDir() {
				add(d)
			}
		}
	}
	matches, _ := filepath.Glob(full)
	for _, m := range matches {
		if info, err := os.Lstat(m); err != nil || !info.IsDir() || badEmbedName(filepath.Base(m)) {
			continue
		}
		filepath.WalkDir(m, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil
			}
			if p != m {
				if badEmbedName(d.Name()) || hiddenName(d.Name()) && !all {
					return fs.SkipDir
				}
				if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
					return fs.SkipDir
				}
			}
			add(p)
			return nil
		})
	}
}

// quoteGlob makes filepath.Glob take a directory's name as it is.
func quoteGlob(s string) string {
	if !strings.ContainsAny(s, `*?[]\`) || filepath.Separator == '\\' {
		return s // Windows has no escape, and forbids * and ? in names
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(`*?[]\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
