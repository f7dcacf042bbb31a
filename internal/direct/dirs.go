package direct

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// dir is a directory whose names decide what the program is made of.
type dir struct {
	path  string
	names sum  // when the recipe was made
	embed bool // a //go:embed pattern matches in it
	all   bool // hidden names count too
	links bool // a name that counts is a link to no file: a change of its target changes no stamp of the directory
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
		case d.embed && (d.all || !gocmd.Hidden(name)):
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

// counts says whether a file of that name in a package's directory can mean anything to the go command.
func counts(name string) bool {
	return name == "go.mod" || name == "vendor" || gocmd.Source(name) != "" && !gocmd.Hidden(name)
}

// embedDirs are the directories in which a file may come or go that the pattern matches: those whose entries it globs, and
// all below a directory that it names, also those that are another module now: the go.mod that makes them one may go. On the
// way are the names that the pattern leads through, each of which may be replaced by something that cannot be embedded, or
// become the root of another module.
func embedDirs(pkgDir, pattern string) (out []dir, way []string, err error) {
	t := gocmd.ExpandEmbed(pkgDir, pattern)
	for _, d := range t.Open {
		out = append(out, dir{path: d, embed: true, all: true})
	}
	for _, names := range t.Levels {
		way = append(way, names...)
	}
	for _, root := range t.Roots() {
		err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !e.IsDir():
				return nil
			case p != root && !t.All && gocmd.Hidden(e.Name()), e.Name() == ".git":
				return fs.SkipDir
			case len(out) > maxDirs:
				return refuse("more than %d embedded directories", maxDirs)
			}
			out = append(out, dir{path: p, embed: true, all: t.All})
			return nil
		})
		if err != nil {
			return nil, nil, refuse("the embedded %s: %v", root, err)
		}
	}
	return out, way, nil
}
