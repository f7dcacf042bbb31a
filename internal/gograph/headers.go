package gograph

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// includeLine finds an #include in C, in assembly, and in the comment before import "C".
var includeLine = regexp.MustCompile(`(?m)^[ \t]*(?://)?[ \t]*(?:/\*)?[ \t]*#[ \t]*(?:include|import)[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)`)

const maxHeaders = 10_000 // per graph; a guard, not a limit that a project should meet

// headers follows the #include lines of a package with C or assembly sources to local files outside the lists of go list.
// Best effort: no preprocessor runs, so conditions are ignored, computed includes are missed, and flags from the environment
// (CGO_CFLAGS) and pkg-config do not count.
func (g *Graph) headers(p *pkg, flags []string) {
	search := g.includeDirs(p, flags)
	outside := make(map[string]bool)
	seen := make(map[string]bool)
	var queue []string
	for _, f := range p.files {
		queue = append(queue, filepath.Join(p.dir, f))
	}
	for len(queue) > 0 && len(g.extra) < maxHeaders {
		file := queue[0]
		queue = queue[1:]
		if seen[file] {
			continue
		}
		seen[file] = true
		for _, m := range includeLine.FindAllSubmatch(smallSource(file), -1) {
			dirs, name := search, string(m[2])
			if len(m[1]) > 0 {
				name = string(m[1])
				dirs = slices.Concat([]string{filepath.Dir(file), p.dir}, search)
			}
			h := g.findHeader(dirs, name)
			if h == "" {
				continue
			}
			if filepath.Dir(h) != p.dir {
				g.extra[h] = "C header of package " + p.path + ", outside its directory"
				outside[h] = true
			}
			queue = append(queue, h)
		}
	}
	p.outside = slices.Sorted(maps.Keys(outside))
}

// includeDirs are the directories near the project that the flags of the C compiler add to the search, and notes them.
func (g *Graph) includeDirs(p *pkg, flags []string) (search []string) {
	for i := 0; i < len(flags); i++ {
		for _, opt := range []string{"-I", "-iquote", "-isystem"} {
			dir, ok := strings.CutPrefix(flags[i], opt)
			if !ok {
				continue
			}
			if dir == "" && i+1 < len(flags) {
				i++
				dir = flags[i]
			}
			dir = gocmd.Abs(p.dir, dir) // the compiler runs in the package's directory
			if !g.near(dir) {
				break
			}
			search = append(search, dir)
			if dir != p.dir {
				g.include[dir] = p.path
			}
			break
		}
	}
	return search
}

// smallSource reads a file that may have #include lines; nil if it is none that a person has written.
func smallSource(file string) []byte {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil
	}
	src, _ := files.ReadShared(file)
	return src
}

// findHeader finds a header near the project in the first of the directories that has it; "" if there is none.
func (g *Graph) findHeader(dirs []string, name string) string {
	for _, d := range dirs {
		h := gocmd.Abs(d, name)
		if info, err := os.Stat(h); err == nil && info.Mode().IsRegular() && g.near(h) {
			return h
		}
	}
	return ""
}

// Includes says that a file of that name may have #include lines.
func Includes(path string) bool {
	switch gocmd.Source(path) {
	case "C header", "C source", "C++ source", "Objective-C source", "assembly source":
		return true
	}
	return false
}

// OutsideHeaders are the C headers that a package includes from outside of its own directory, absolute and sorted. The go
// command does not read these (golang/go#24355).
type OutsideHeaders struct {
	Dir   string // of the package, absolute
	Name  string // of its package clause
	Files []string
}

// OutsideHeaders are sorted by directory. A package that would embed a file of the given name next to its own is not among them,
// nor is one in a vendor directory, which is not expected to be edited.
func (g *Graph) OutsideHeaders(file string) []OutsideHeaders {
	var out []OutsideHeaders
	for _, dir := range slices.Sorted(maps.Keys(g.packages)) {
		p := g.packages[dir]
		embeds := slices.ContainsFunc(p.patterns, func(pattern string) bool { return gocmd.EmbedMatch(dir, pattern, file, "") })
		if len(p.outside) > 0 && p.name != "" && !embeds && !g.vendored(dir) {
			out = append(out, OutsideHeaders{dir, p.name, p.outside})
		}
	}
	return out
}

// near says whether a header belongs to the project, and not to the system: it is in a local module or next to one.
func (g *Graph) near(name string) bool {
	return g.local(name) && (g.inModules(name) || slices.ContainsFunc(g.modules, func(m localModule) bool {
		beside := filepath.Dir(m.Dir)
		return beside != filepath.Dir(beside) && !gocmd.Within(beside, "/usr") && gocmd.Within(name, beside)
	}))
}

// inModules says whether a name is in a local module or, outside of modules, in the project.
func (g *Graph) inModules(name string) bool {
	return gocmd.Within(name, g.dir) || g.moduleOf(name) != nil
}
