package gocmd

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// The rules of //go:embed as cmd/go has them (load.resolveEmbed), turned around: not "which files does this pattern match"
// but "does this pattern match this file".

// EmbedMatch says whether the pattern, in a //go:embed line of the package in pkgdir, matches the file named by rel
// (slash-separated, below pkgdir). A file that go would refuse to embed ("cannot embed irregular file") counts as matched:
// it breaks the build, and so its coming and going changes the result. The go.mod in the directory given by except
// (slash-separated, below pkgdir) counts as absent.
func EmbedMatch(pkgdir, pattern, rel, except string) bool {
	return EmbedNamed(pkgdir, pattern, rel, except) && !irregular(pkgdir, pattern, rel)
}

// irregular says whether go passes over the file, which the pattern matches by way of a directory, because it is no regular
// file, or is behind a link to a directory.
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

// EmbedNamed is EmbedMatch by the name alone: whatever is there now, it was or will be a regular file.
func EmbedNamed(pkgdir, pattern, rel, except string) bool {
	glob, all, valid := cutEmbed(pattern)
	if !valid {
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
	return len(elems) == n || embedBelow(pkgdir, elems, n, all, except)
}

// embedBelow goes on from a directory that a pattern matched, elems[:n], to a file below it: hidden names need "all:", bad
// names are passed over, and another module ends it.
func embedBelow(pkgdir string, elems []string, n int, all bool, except string) bool {
	for i := n; i < len(elems); i++ {
		if Hidden(elems[i]) && !all {
			return false
		}
		last := i == len(elems)-1
		// A file with a bad name that is not hidden stops the build instead of being skipped (golang.org/issue/54003).
		if BadEmbedName(elems[i]) && (!last || Hidden(elems[i])) {
			return false
		}
		if last {
			break
		}
		name := path.Join(elems[:i+1]...)
		sub := filepath.Join(pkgdir, filepath.FromSlash(name))
		if _, err := os.Stat(filepath.Join(sub, "go.mod")); err == nil && name != except {
			return false
		}
	}
	return true
}

// cutEmbed takes "all:" off a pattern. A pattern that is not valid matches nothing.
func cutEmbed(pattern string) (glob string, all, valid bool) {
	glob, all = strings.CutPrefix(pattern, "all:")
	return glob, all, glob != "." && fs.ValidPath(glob)
}

// EmbedReaches says whether the pattern can match a file in the directory rel (slash-separated, below pkgdir) or below it.
func EmbedReaches(pkgdir, pattern, rel string) bool {
	glob, _, valid := cutEmbed(pattern)
	elems, globs := strings.Split(rel, "/"), strings.Split(glob, "/")
	if len(elems) >= len(globs) {
		return EmbedMatch(pkgdir, pattern, rel+"/x", "")
	}
	for i, elem := range elems {
		if ok, err := path.Match(globs[i], elem); err != nil || !ok {
			return false
		}
	}
	return valid
}

// EmbedTree is how a pattern leads through the file system as it is now.
type EmbedTree struct {
	All     bool       // hidden files below a directory count too
	Levels  [][]string // the names that exist, for each element of the pattern; the last are what it matches
	Open    []string   // directories where a new name would be matched by the pattern's next element
	Missing []string   // names without metacharacters, on the way or at its end, that do not exist
}

// Roots are what the pattern matches: files, and directories of which all that is below is embedded.
func (t EmbedTree) Roots() []string {
	if len(t.Levels) == 0 {
		return nil
	}
	return t.Levels[len(t.Levels)-1]
}

// ExpandEmbed follows a pattern of the package in pkgdir. It follows links to directories as go does: on the way, not below
// what the pattern matches.
func ExpandEmbed(pkgdir, pattern string) (t EmbedTree) {
	glob, all, valid := cutEmbed(pattern)
	t.All = all
	if !valid {
		return t
	}
	level, literal := []string{pkgdir}, pkgdir
	for elem := range strings.SplitSeq(glob, "/") {
		var next []string
		switch {
		case strings.ContainsAny(elem, `*?[\`):
			literal = ""
			next = t.glob(level, elem)
		case literal != "":
			literal = filepath.Join(literal, elem)
			if _, err := os.Lstat(literal); os.IsNotExist(err) {
				t.Missing = append(t.Missing, literal)
			}
			fallthrough
		default:
			next = t.name(level, elem)
		}
		t.Levels = append(t.Levels, next)
		level = next
	}
	return t
}

// name finds the directory entries of one name.
func (t *EmbedTree) name(dirs []string, name string) (found []string) {
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if _, err := os.Lstat(p); err == nil {
			found = append(found, p)
		} else if !errors.Is(err, syscall.ENOTDIR) { // nothing appears below a file, which is a name of the level above
			t.Open = append(t.Open, d)
		}
	}
	return found
}

// glob finds the directory entries that an element matches.
func (t *EmbedTree) glob(dirs []string, elem string) (found []string) {
	for _, d := range dirs {
		entries, err := os.ReadDir(d)
		t.Open = append(t.Open, d)
		if err != nil {
			continue // a file
		}
		for _, e := range entries {
			if ok, err := path.Match(elem, e.Name()); err == nil && ok {
				found = append(found, filepath.Join(d, e.Name()))
			}
		}
	}
	return found
}
