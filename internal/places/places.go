// Package places finds the places in the code that a text names, such as main.go:12 in an error, in a
// stack or in a line of a log, and makes them links that open the editor.
//
// A place leads only to files below the roots of the project, whatever a program prints. A link that
// runs a command is signed: so it opens what was shown as a place, and no file that a page asks for.
package places

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/generated"
)

// Project is the code that places lead to, and how they are opened. The zero Project has no links.
type Project struct {
	Dir   string          // root: relative names are relative to it
	Roots func() []string // more directories of the user's code; nil: none

	Editor  string                    // the link of a place, with {file}, {line}, {column}; empty: none
	Command []string                  // what a click runs instead, with the same; nil: Editor
	Run     func(argv []string) error // runs it
	Open    string                    // URL that answers a click (ServeOpen), without a query
	Secret  [32]byte                  // signs the links of Command
}

// Span is a part of a text; with a link, it is a place in a file of the project.
type Span struct {
	Text string `json:"text"`
	Link string `json:"link,omitempty"`
}

// placeInText is file:line or file:line:column.
var placeInText = regexp.MustCompile("(?:\\b[A-Za-z]:)?[^\\s:\"'`<>()\\[\\]{},;|=]+\\.[A-Za-z]\\w{0,9}:\\d+(?::\\d+)?")

// Linked finds the places in what a program or a tool has printed. A name that is not known from
// the root is looked for below it: templates are named without their directory.
func (p Project) Linked(text string) []Span { return p.Finder().Linked(text) }

// Finder finds the places in one text, or in many that come one after the other.
type Finder struct {
	project Project

	mu    sync.Mutex
	below map[string]string // by base name: the only file of that name below the root; "" if there are several
	at    time.Time         // when below was made
	took  time.Duration     // to make it
}

// Finder finds the places of one or more texts. For a while, it may miss a file that is new.
func (p Project) Finder() *Finder { return &Finder{project: p} }

// Linked is that of Project.
func (f *Finder) Linked(text string) []Span {
	var out []Span
	at := 0
	for _, m := range placeInText.FindAllStringIndex(text, -1) {
		file, line, column := splitPlace(text[m[0]:m[1]])
		link := f.link(file, line, column)
		if link == "" {
			continue
		}
		if m[0] > at {
			out = append(out, Span{Text: text[at:m[0]]})
		}
		out = append(out, Span{text[m[0]:m[1]], link})
		at = m[1]
	}
	if at < len(text) {
		out = append(out, Span{Text: text[at:]})
	}
	return out
}

// splitPlace takes file:line or file:line:column apart.
func splitPlace(s string) (file string, line, column int) {
	i := strings.LastIndexByte(s, ':')
	last, _ := strconv.Atoi(s[i+1:])
	file = s[:i]
	if j := strings.LastIndexByte(file, ':'); j > 0 {
		if n, err := strconv.Atoi(file[j+1:]); err == nil {
			return file[:j], n, last
		}
	}
	return file, last, 0
}

// link is what opens the place in an editor; empty if there is no such file in the project.
func (f *Finder) link(file string, line, column int) string {
	path := f.Path(file)
	if path == "" {
		return ""
	}
	if source, at, col, ok := generated.Source(path, line); ok {
		path, line, column = source, at, col
	}
	return f.project.Link(path, line, column)
}

// Path is the file of that name; empty if there is none, or if it could be several.
func (f *Finder) Path(name string) string {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		if !filepath.IsLocal(path) {
			return ""
		}
		path = filepath.Join(f.project.Dir, path)
	}
	if f.project.Known(path) && regular(path) {
		return path
	}
	if filepath.IsAbs(name) {
		return ""
	}
	path = f.find(filepath.Base(name))
	if !strings.HasSuffix(filepath.ToSlash(path), "/"+filepath.ToSlash(name)) {
		return ""
	}
	return path
}

func regular(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

// find is the only file of that base name in the project. The files are listed once, and again
// after so long that listing them takes a hundredth of the time.
func (f *Finder) find(base string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.below == nil || time.Since(f.at) > max(time.Second, 100*f.took) {
		f.at = time.Now()
		f.below = filesBelow(f.project.Dir)
		f.took = time.Since(f.at)
	}
	return f.below[base]
}

// filesBelow lists files by their base names, up to a number that keeps an answer quick.
func filesBelow(dir string) map[string]string {
	const most = 20000
	below := map[string]string{}
	if dir == "" {
		return below
	}
	seen := 0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if seen++; seen > most {
			return filepath.SkipAll
		}
		name := ""
		if d != nil {
			name = d.Name()
		}
		switch {
		case err != nil:
			return filepath.SkipDir
		case d.IsDir():
			if path != dir && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor") {
				return filepath.SkipDir
			}
		case d.Type().IsRegular():
			if _, twice := below[name]; twice {
				path = ""
			}
			below[name] = path
		}
		return nil
	})
	return below
}

// Known reports whether a file is below a root of the project: in the project itself, or in a module
// that its code is built from. Nothing else is linked to or read, whatever a program prints.
func (p Project) Known(file string) bool {
	if !filepath.IsAbs(file) {
		return false
	}
	roots := []string{p.Dir}
	if p.Roots != nil {
		roots = append(roots, p.Roots()...)
	}
	for _, root := range roots {
		if rel, err := filepath.Rel(root, file); root != "" && err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// Readable reports whether a file is below a root also where its links lead.
func (p Project) Readable(file string) bool {
	real, err := filepath.EvalSymlinks(file)
	if err != nil || !p.Known(file) {
		return false
	}
	if p.Known(real) {
		return true
	}
	root, err := filepath.EvalSymlinks(p.Dir) // the root itself may be one
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(rel)
}

// Link is what opens the place in an editor; empty if it is in no known file.
func (p Project) Link(file string, line, column int) string {
	if p.Editor == "" && p.Command == nil || file == "" {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.Dir, file)
	}
	if !p.Known(file) {
		return ""
	}
	if p.Command != nil {
		return p.signed(filepath.Clean(file), line, column)
	}
	file = escape(filepath.ToSlash(filepath.Clean(file)))
	if strings.Contains(p.Editor, "/{file}") {
		file = strings.TrimPrefix(file, "/")
	}
	return strings.NewReplacer(
		"{file}", file, "{line}", strconv.Itoa(max(line, 1)), "{column}", strconv.Itoa(max(column, 1)),
	).Replace(p.Editor)
}

// escape makes a file name fit for a path and for a query: all but what RFC 3986
// calls unreserved, the slashes, and the colon of a drive.
func escape(file string) string {
	var b strings.Builder
	for _, c := range []byte(file) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/:", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
