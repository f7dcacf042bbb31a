// Package discover finds the files that a program opens while it runs, by what its own code says:
// the literals in template.ParseGlob("views/*.html"), http.Dir("static"),
// os.ReadFile("conf.json") and their kind. So a save of a template counts without any
// configuration, and there is a line of code that says why.
//
// It reads syntax only, file by file. It leaves out what it cannot know, because an unneeded
// restart costs more trust than a missed one: paths that are composed at run time, and everything
// that the program writes itself, because it would restart itself.
//
// Rejected:
//
//   - Types (go/types, go/packages): they need all imports compiled, so a build before every
//     build, and nothing would be known while the code does not compile. The price is that the
//     receiver of a method is not known; so a method counts only where its package is imported.
//   - Watching what the running program opens (ptrace, fanotify, /proc): not portable, needs
//     rights, and a template that is read at the first request would be unknown until then.
//   - Every file below the root that is not Go: logs, databases and editors would restart
//     programs.
//   - A list of well-known directories ("templates", "static"): no line of code would say why a
//     file counts.
package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
)

// Options say where the program runs, and what may count.
type Options struct {
	Root string   // of the project; absolute. Places are named from here
	Dir  string   // working directory of the program, which relative paths start from; absolute
	Also []string // other directories whose files may count besides Root's: local modules; absolute
}

// Open is one place in the code that opens files.
type Open struct {
	Glob   string // of the files: absolute, with slashes, for doublestar
	Place  string // "main.go:23", from the root
	Call   string // "template.ParseGlob"
	Reload bool   // the files are served as they are, so a page that shows them is loaded again; else they are read at the start
}

// From is the glob relative to a directory, as a rule would have it.
func (o Open) From(dir string) string {
	at, pattern := split(o.Glob)
	rel, err := filepath.Rel(dir, at)
	switch {
	case err != nil:
		return o.Glob
	case rel == ".":
		return pattern
	}
	return Escape(filepath.ToSlash(rel)) + "/" + pattern
}

// Set is all that a program opens. It does not change once made. A nil Set is empty.
type Set struct {
	opens     []Open   // those that restart come first
	written   []string // globs of what the program writes
	made      []string // globs of directories that it makes: what is in them belongs to it, unless it is named
	templates []string // directories that are served and hold templates: globs
}

// Opens are the places found, those that restart first, then by glob.
func (s *Set) Opens() []Open {
	if s == nil {
		return nil
	}
	return s.opens
}

// Match returns the place that opens the file (absolute).
func (s *Set) Match(file string) (Open, bool) {
	if s == nil {
		return Open{}, false
	}
	name := filepath.ToSlash(file)
	for _, o := range s.opens {
		if !match(o.Glob, name) || o.Glob != Escape(name) && passedOver(o.Glob, name) {
			continue
		}
		if matchAny(s.written, name) || o.Glob != Escape(name) && matchAny(s.made, name) {
			return Open{}, false
		}
		if o.Reload && templateExts[filepath.Ext(name)] && matchAny(s.templates, name) {
			o.Reload = false
		}
		return o, true
	}
	return Open{}, false
}

// Files are the files opened that are there now, as far as they are not too many.
func (s *Set) Files() []string {
	var out []string
	for _, o := range s.Opens() {
		o.walk(func(f string) bool {
			if _, ok := s.Match(f); ok {
				out = append(out, f)
			}
			return true
		})
	}
	return out
}

// maxWalked is how many files of one place are checked.
const maxWalked = 2000

// walk calls yield for the regular files that the glob may match, until it says no.
func (o Open) walk(yield func(file string) bool) {
	dir, pattern := split(o.Glob)
	if !strings.ContainsAny(escaped.ReplaceAllString(pattern, ""), globMeta) {
		dir = filepath.Join(dir, filepath.FromSlash(unescape(pattern)))
	}
	seen := 0
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read has no files
		}
		if seen++; seen > maxWalked {
			return filepath.SkipAll
		}
		switch {
		case !e.IsDir():
			if e.Type().IsRegular() && !yield(path) {
				return filepath.SkipAll
			}
		case path != dir && (e.Name() == "node_modules" || strings.HasPrefix(e.Name(), ".") || !strings.Contains(pattern, "/") && !strings.Contains(pattern, "**")):
			return filepath.SkipDir
		}
		return nil
	})
}

// Writes reports whether the program writes the file itself, or whatever is in its directory.
func (s *Set) Writes(file string) bool {
	if s == nil {
		return false
	}
	name := filepath.ToSlash(file)
	return matchAny(s.written, name) || matchAny(s.made, name)
}

func match(glob, name string) bool {
	ok, _ := doublestar.Match(glob, name)
	return ok
}

func matchAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return match(g, name) })
}

// Extensions of files in a directory that are not part of its purpose.
var besideExts = words(".go .log .db .sqlite .sqlite3 .db-wal .db-shm .db-journal .sqlite-wal .sqlite-shm .pid .sock .lock .tmp .swp .bak")

var besideNames = []string{"readme", "license", "changelog", "contributing"}

// passedOver reports whether a glob that names a whole directory does not mean this file.
func passedOver(glob, name string) bool {
	base, _ := split(glob)
	rest := strings.TrimPrefix(name, filepath.ToSlash(base)+"/")
	for _, part := range strings.Split(rest, "/") {
		if part == "testdata" || part == "node_modules" || strings.HasPrefix(part, ".") {
			return true
		}
	}
	last := strings.ToLower(rest[strings.LastIndex(rest, "/")+1:])
	return besideExts[filepath.Ext(last)] || slices.ContainsFunc(besideNames, func(n string) bool { return n == strings.TrimSuffix(last, filepath.Ext(last)) })
}

// Cache reads Go files, each once as long as it does not change. The zero Cache is ready. It may be used from several goroutines.
type Cache struct {
	mu    sync.Mutex
	files map[string]cached
}

type cached struct {
	stat   filestat.Stat
	young  bool // it could have been written once more without another stat
	source *Source
	idle   bool // nothing in it can open a file, so that it was not parsed
}

// Look finds what the program opens that is made of these Go files (absolute). Of a file that cannot be parsed, the last version
// that could be counts.
func (c *Cache) Look(files []string, o Options) *Set {
	var sources []*Source
	var idle []string
	unsure := map[string]bool{} // directories
	for _, f := range files {
		switch s := c.source(f, false); {
		case s == nil:
			idle = append(idle, f)
		default:
			sources = append(sources, s)
			unsure[filepath.Dir(f)] = unsure[filepath.Dir(f)] || s.unsure()
		}
	}
	for _, f := range idle {
		if unsure[filepath.Dir(f)] { // its constants and imports may be what another file means
			if s := c.source(f, true); s != nil {
				sources = append(sources, s)
			}
		}
	}
	s := Combine(sources, o)
	s.findTemplates()
	return s
}

// source reads a file. It is nil for one that opens nothing, unless all is set.
func (c *Cache) source(file string, all bool) *Source {
	at := time.Now()
	st, err := filestat.Of(file)
	if err != nil || st.Kind != filestat.File {
		return nil
	}
	c.mu.Lock()
	was := c.files[file]
	c.mu.Unlock()
	now := cached{stat: st, young: st.Since(at), source: was.source}
	if !was.young && was.stat.Same(st) {
		if was.idle && !all {
			return nil
		}
		if !was.idle {
			return was.source
		}
	}
	src, err := files.ReadShared(file)
	if err != nil {
		return was.source
	}
	now.idle = !all && was.source == nil && !mayOpen(src)
	if !now.idle {
		if s, err := Parse(file, src); err == nil {
			now.source = s
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string]cached{}
	}
	c.files[file] = now
	return now.source
}

// Combine puts together what the files of a program say.
func Combine(sources []*Source, o Options) *Set {
	packages := map[string][]*Source{}
	for _, s := range sources {
		packages[filepath.Dir(s.path)] = append(packages[filepath.Dir(s.path)], s)
	}
	set := &Set{}
	for _, files := range packages {
		newPkg(files, o).add(set)
	}
	slices.SortFunc(set.opens, func(a, b Open) int {
		switch {
		case a.Reload != b.Reload && b.Reload:
			return -1
		case a.Reload != b.Reload:
			return 1
		}
		return strings.Compare(a.Glob+"\x00"+a.Place, b.Glob+"\x00"+b.Place)
	})
	set.opens = slices.CompactFunc(set.opens, func(a, b Open) bool { return a.Glob == b.Glob && a.Reload == b.Reload })
	own := slices.Concat(set.written, set.made)
	set.opens = slices.DeleteFunc(set.opens, func(o Open) bool { return slices.Contains(own, o.Glob) })
	return set
}

// place names a line of a file from the root.
func place(root, file string, line int) string {
	if rel, err := filepath.Rel(root, file); err == nil && !strings.HasPrefix(rel, "..") {
		file = rel
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(file), line)
}

var templateExts = words(".html .htm .gohtml .tmpl .tpl .gotmpl")

var templateAction = regexp.MustCompile(`\{\{-?\s*(define|template|block)\s+["` + "`]")

// findTemplates searches the directories that are served for files which are templates of Go.
func (s *Set) findTemplates() {
	for _, o := range s.opens {
		if _, pattern := split(o.Glob); !o.Reload || !strings.Contains(pattern, "**") {
			continue
		}
		o.walk(func(file string) bool {
			if !templateExts[filepath.Ext(file)] {
				return true
			}
			data, err := files.Read(file, files.MaxConfig)
			if err != nil || !templateAction.Match(data) {
				return true
			}
			s.templates = append(s.templates, o.Glob)
			return false
		})
	}
}

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

var escaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`)

// Escape is the glob that matches one path, with slashes, and nothing else.
func Escape(p string) string { return escaper.Replace(p) }

var escaped = regexp.MustCompile(`\\(.)`)

// split divides a glob into the directory that it begins with (not escaped), and the pattern below that.
func split(glob string) (dir, pattern string) {
	parts := strings.Split(glob, "/")
	n := 0
	for n < len(parts)-1 && !strings.ContainsAny(escaped.ReplaceAllString(parts[n], ""), globMeta) {
		n++
	}
	return filepath.FromSlash(unescape(strings.Join(parts[:n], "/"))), strings.Join(parts[n:], "/")
}

const globMeta = "*?[{"

func unescape(glob string) string { return escaped.ReplaceAllString(glob, "$1") }
