package gograph

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// Guess judges files while no graph can: none is known yet, the one that is known is out of date, or it is incomplete.
// What could be an input counts as one, because a needless build costs a second and a missed save costs trust. But a log
// or a database next to the sources could not: only what a compiler reads by its name, and what a //go:embed line matches.
// Those lines are read as text, so that a file which does not parse hides none of them.
//
// Counting every file in the directories of inputs was rejected: a program that writes a log there kept its own repair
// from ever being built.
//
// It is asked about thousands of files in a row, at the start about each that .gitignore skips: so a
// directory is listed again only when names came or went in it.
type Guess struct {
	mu   sync.Mutex
	dirs map[string]*goDir
}

// goDir is what the Go files of a directory embed, as they were.
type goDir struct {
	stat  filestat.Stat
	young bool     // names could have come or gone without another stat
	names []string // sorted
	files map[string]embedLines
}

// embedLines are the patterns of a Go file as it was.
type embedLines struct {
	stat     filestat.Stat
	young    bool // it could have been written once more without another stat
	patterns []string
}

// Input says whether the file could be an input of some build, and as what.
func (g *Guess) Input(file string) (what string, ok bool) {
	base := filepath.Base(file)
	switch {
	case IsModuleFile(file):
		return "module file", true
	case strings.HasSuffix(base, "_test.go"), gocmd.Hidden(base) && filepath.Ext(base) == ".go":
		return "", false
	case gocmd.Source(base) != "":
		return gocmd.Source(base), true
	case base == "default.pgo":
		return "profile", true
	}
	// No pattern reaches into another module, or out of this one.
	for dir := filepath.Dir(file); ; {
		rel := filepath.ToSlash(strings.TrimPrefix(file[len(dir):], string(filepath.Separator)))
		for _, p := range g.patterns(dir) {
			// What is a link now may have been a file when the program was built.
			if gocmd.EmbedNamed(dir, p, rel, "") {
				return "file that //go:embed " + p + " matches", true
			}
		}
		parent := filepath.Dir(dir)
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || parent == dir {
			return "", false
		}
		dir = parent
	}
}

// patterns are those of the //go:embed lines of all Go files in the directory, tests left out.
func (g *Guess) patterns(dir string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.list(dir)
	if d == nil {
		return nil
	}
	var out []string
	for _, name := range d.names {
		path, known := filepath.Join(dir, name), d.files[name]
		now := time.Now()
		st, err := filestat.Of(path) // a source file may be a link
		if err != nil || st.Kind != filestat.File {
			continue
		}
		if known.young || !known.stat.Same(st) {
			src, err := files.ReadShared(path)
			if err != nil {
				src = nil
			}
			known = embedLines{st, st.Since(now), gocmd.EmbedPatterns(src)}
			d.files[name] = known
		}
		out = append(out, known.patterns...)
	}
	return out
}

// list is the directory as it is now; nil if there is none. mu is held.
func (g *Guess) list(dir string) *goDir {
	now := time.Now()
	st, err := filestat.Of(dir)
	if err != nil {
		delete(g.dirs, dir)
		return nil
	}
	was := g.dirs[dir]
	if was != nil && !was.young && was.stat.Same(st) {
		return was
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	d := &goDir{stat: st, young: st.Since(now), files: map[string]embedLines{}}
	for _, e := range entries {
		name := e.Name()
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || gocmd.Hidden(name) {
			continue
		}
		d.names = append(d.names, name)
		if was != nil {
			d.files[name] = was.files[name]
		}
	}
	if g.dirs == nil {
		g.dirs = map[string]*goDir{}
	}
	g.dirs[dir] = d
	return d
}
