package gograph

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// includeLine finds an #include in C, in assembly, and in the comment before import "C".
var includeLine = regexp.MustCompile(`(?m)^[ \t]*(?://)?[ \t]*(?:/\*)?[ \t]*#[ \t]*(?:include|import)[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)`)

const maxHeaders = 10_000 // per graph; a guard, not a limit that a project should meet

// headers follows the #include lines of a package with C or assembly sources to local files outside the lists of go list.
// Best effort: no preprocessor runs, so conditions are ignored, computed includes are missed, and flags from the environment
// (CGO_CFLAGS) and pkg-config are not looked at.
func (g *Graph) headers(p *pkg, flags []string) {
	var search []string
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
			dir = abs(p.dir, dir) // the compiler runs in the package's directory
			if !g.inModules(dir) {
				break
			}
			search = append(search, dir)
			if dir != p.dir {
				g.include[dir] = p.path
			}
			break
		}
	}
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
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, m := range includeLine.FindAllSubmatch(src, -1) {
			dirs := search
			name := string(m[2])
			if len(m[1]) > 0 {
				name = string(m[1])
				dirs = append([]string{filepath.Dir(file), p.dir}, search...)
			}
			for _, d := range dirs {
				h := abs(d, filepath.FromSlash(name))
				if info, err := os.Stat(h); err != nil || !info.Mode().IsRegular() || !g.inModules(h) {
					continue
				}
				if filepath.Dir(h) != p.dir {
					g.extra[h] = "C header of package " + p.path + " (go build does not look at headers outside of its directory)"
				}
				queue = append(queue, h)
				break
			}
		}
	}
}

// inModules says whether a name lies in a local module or, outside of modules, in the project.
func (g *Graph) inModules(name string) bool {
	return within(name, g.dir) || g.moduleOf(name) != nil
}
