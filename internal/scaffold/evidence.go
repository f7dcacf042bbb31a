package scaffold

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/gograph"
)

// maxPrograms is how many programs are looked at: each costs a `go list`.
const maxPrograms = 8

// candidate is one main package, and what is known from its code.
type candidate struct {
	gograph.Main
	inputs []string // absolute; nil if go does not know
	own    []string // the user's Go files among them
	server int      // how much speaks for a server: 2 in its own package, 1 in another one
	port   string   // that it names, where it serves; "" if it names none
	asks   bool     // it reads $PORT
}

// Calls of a program that serves; the rest of what a server does, a client does too.
var serving = regexp.MustCompile(`\b(ListenAndServe\w*|ServeTLS|Serve|NewServer|RunTLS|ListenTCP)\(|\bnet\.Listen\(|\bhttp\.Server\{|\b(echo|gin|fiber|iris)\.(New|Default)\(`)

var (
	readsPort = regexp.MustCompile(`\b(Getenv|LookupEnv)\("PORT"\)`)
	namesPort = regexp.MustCompile(`"(?:localhost|127\.0\.0\.1|0\.0\.0\.0)?:([1-9]\d{1,4})"`)
)

// serve notes what a file of the program says about how it serves.
func (p *candidate) serve(code []byte, main bool) {
	p.asks = p.asks || readsPort.Match(code)
	if !serving.Match(code) {
		return
	}
	if m := namesPort.FindSubmatch(code); m != nil && (p.port == "" || main) {
		p.port = string(m[1])
	}
	p.server = max(p.server, 1)
	if main {
		p.server = 2
	}
}

// candidates reads the import graphs of the main packages.
func candidates(ctx context.Context, dir string, mains []gograph.Main, tags []string) []candidate {
	var out []candidate
	for i, m := range mains {
		p := candidate{Main: m}
		if i < maxPrograms {
			if g, err := gograph.Load(ctx, gograph.Options{Dir: dir, Package: m.Rel, Tags: tags}); err == nil {
				p.inputs, p.own = g.Inputs(), g.Sources()
				_, _, main := g.MainPackage()
				for _, file := range p.own {
					if data, err := os.ReadFile(file); err == nil {
						p.serve(data, filepath.Dir(file) == main)
					}
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// evidence is what the code shows about the files that the programs read at run time.
type evidence struct {
	root   string
	inputs map[string]bool // absolute
	opens  *discover.Set
	named  []namedPath // that exist, and are not opened by a literal name
}

// namedPath is a file or directory that the code names, without a call that opens it.
type namedPath struct {
	path  string // from the root, with slashes
	glob  string
	place string
}

func gather(root string, list []candidate) *evidence {
	e := &evidence{root: root, inputs: map[string]bool{}}
	var sources []string
	for i := range list {
		for _, f := range list[i].inputs {
			e.inputs[f] = true
		}
		sources = append(sources, list[i].own...)
	}
	slices.Sort(sources)
	sources = slices.Compact(sources)
	e.opens = new(discover.Cache).Look(sources, discover.Options{Root: root, Dir: root})
	seen := map[string]bool{}
	for _, file := range sources {
		src, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			continue
		}
		for _, l := range discover.Literals(file, src) {
			// Some libraries have a list of "file:name".
			name := path.Clean(strings.SplitN(l.Text, ":", 2)[0])
			if glob := e.names(l.Text, name); glob != "" && !seen[name] {
				seen[name] = true
				e.named = append(e.named, namedPath{name, glob, fmt.Sprintf("%s:%d", filepath.ToSlash(rel), l.Line)})
			}
		}
	}
	e.named = slices.DeleteFunc(e.named, func(n namedPath) bool {
		return slices.ContainsFunc(e.named, func(o namedPath) bool { return strings.HasPrefix(n.path, o.path+"/") })
	})
	slices.SortFunc(e.named, func(a, b namedPath) int { return strings.Compare(a.path, b.path) })
	return e
}

// Directories that are about the project, and not part of the program.
var aside = map[string]bool{"docs": true, "doc": true, "test": true, "tests": true, "testing": true, "fixtures": true, "examples": true, "example": true, "scripts": true, "contrib": true, "deploy": true, "docker": true}

// isAside reports whether a path from the root is in such a directory.
func isAside(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return aside[part] || skipped[part] })
}

// names is the glob of the data that a literal names; "" if it names none.
func (e *evidence) names(text, name string) string {
	if len(text) > 200 || name == "." || strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.ContainsAny(text, " \n\t*?%$<>\x00") || isAside(name) {
		return ""
	}
	full := filepath.Join(e.root, filepath.FromSlash(name))
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return ""
	case info.IsDir():
		if !e.holdsData(full) {
			return ""
		}
		return discover.Escape(name) + "/**"
	case !info.Mode().IsRegular() || !e.isData(full) || path.Ext(name) == "":
		return ""
	}
	return discover.Escape(name)
}

// isData reports whether a program may read a file that does not count already.
func (e *evidence) isData(file string) bool {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".go", ".mod", ".sum", ".md", ".log", ".db":
		return false
	}
	_, opened := e.opens.Match(file)
	return !opened && !e.inputs[file]
}

// Extensions of what a program reads to work by: a directory of pictures alone may as well be the project's.
var dataExts = map[string]bool{"json": true, "yaml": true, "yml": true, "toml": true, "ini": true, "conf": true, "xml": true, "csv": true, "txt": true, "sql": true, "html": true, "gohtml": true, "tmpl": true, "tpl": true, "po": true, "mo": true, "lua": true, "graphql": true, "css": true, "js": true}

// holdsData reports whether a directory has data in it, and no Go code.
func (e *evidence) holdsData(dir string) bool {
	data, files := false, 0
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if file != dir && (skipped[entry.Name()] || strings.HasPrefix(entry.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		case filepath.Ext(file) == ".go" || entry.Name() == "package.json":
			return fs.ErrInvalid // a package, or another program
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		data = data || dataExts[strings.TrimPrefix(filepath.Ext(file), ".")] && e.isData(file)
		return nil
	})
	return err == nil && data
}

// counts reports whether a file counts without a rule, or by one for what the code names.
func (e *evidence) counts(file string) bool {
	if _, opened := e.opens.Match(file); opened || e.inputs[file] {
		return true
	}
	rel, err := filepath.Rel(e.root, file)
	rel = filepath.ToSlash(rel)
	return err == nil && slices.ContainsFunc(e.named, func(n namedPath) bool { return rel == n.path || strings.HasPrefix(rel, n.path+"/") })
}
