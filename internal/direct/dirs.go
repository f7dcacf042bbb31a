package direct

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// dir is a directory whose names decide what the program is made of.
type dir struct {
	path  string
	names sum  // at the time of the plan
	embed bool // a //go:embed pattern matches in it
	all   bool // hidden names count too
	links bool // a name that counts is a link to no file: what becomes of its target changes no stamp of the directory
}

// list is the sum of the names that count, with what they are. links: dir.links.
func (d dir) list() (names sum, links bool, err error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return sum{}, false, err
	}
	var text bytes.Buffer
	for _, e := range entries {
		name := e.Name()
		switch {
		case d.embed && (d.all || name[0] != '.' && name[0] != '_'):
		case counts(name):
		default:
			continue
		}
		text.WriteString(name)
		text.WriteByte(0)
		text.WriteString(e.Type().String())
		text.WriteByte(0)
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := os.Stat(filepath.Join(d.path, name))
			if err == nil {
				text.WriteString(target.Mode().Type().String())
			}
			text.WriteByte(0)
			links = links || err != nil || !target.Mode().IsRegular()
		}
	}
	return sumOf(text.Bytes()), links, nil
}

const maxDirs = 20_000

// embedDirs are the directories in which a file may come or go that the pattern matches, by the rules of //go:embed: those
// whose entries it globs, and all below a directory that it names. On the way are the names that it leads through, each of
// which may be replaced by something that cannot be embedded, or become the root of another module.
func embedDirs(pkgDir, pattern string) (out []dir, way []string, err error) {
	glob, all := strings.CutPrefix(pattern, "all:")
	level := []string{pkgDir}
	for elem := range strings.SplitSeq(glob, "/") {
		var next []string
		for _, d := range level {
			if !strings.ContainsAny(elem, `*?[\`) {
				p := filepath.Join(d, elem)
				if _, err := os.Lstat(p); errors.Is(err, syscall.ENOTDIR) {
					continue // a glob has matched a file; the listing of its directory says that it is one
				} else if err != nil {
					out = append(out, dir{path: d, embed: true, all: true})
					continue
				}
				next = append(next, p)
				continue
			}
			out = append(out, dir{path: d, embed: true, all: true})
			entries, err := os.ReadDir(d)
			if err != nil {
				continue // a file
			}
			for _, e := range entries {
				if ok, err := path.Match(elem, e.Name()); err != nil || ok {
					next = append(next, filepath.Join(d, e.Name()))
				}
			}
		}
		level = next
		way = append(way, next...)
	}
	for _, root := range level {
		err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !e.IsDir():
				return nil
			case p != root && !all && (e.Name()[0] == '.' || e.Name()[0] == '_'), e.Name() == ".git":
				return fs.SkipDir
			case len(out) > maxDirs:
				return refuse("more than %d embedded directories", maxDirs)
			}
			out = append(out, dir{path: p, embed: true, all: all})
			return nil
		})
		if err != nil {
			return nil, nil, refuse("the embedded %s: %v", root, err)
		}
	}
	// The pattern's own level may not be a directory at all.
	return out, way, nil
}
