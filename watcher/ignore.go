package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hotreload/hotreload/internal/files"
)

// glob is one pattern on slash-separated paths relative to some directory.
type glob struct {
	text    string // as written
	pattern string // for doublestar
	base    bool   // matches the last element alone, at any depth
	dirOnly bool
	negated bool // gitignore's "!"
	plain   bool // no metacharacters: a comparison does
}

func (g *glob) match(rel, name string, isDir bool) bool {
	if g.dirOnly && !isDir {
		return false
	}
	if g.base {
		rel = name
	}
	if g.plain {
		return rel == g.pattern
	}
	ok, err := doublestar.Match(g.pattern, rel)
	return err == nil && ok
}

func parseGlobs(patterns []string) ([]glob, error) {
	var out []glob
	for _, p := range patterns {
		g := glob{text: p, pattern: filepath.ToSlash(p)}
		g.pattern, g.dirOnly = strings.CutSuffix(g.pattern, "/")
		g.base = !strings.Contains(g.pattern, "/")
		g.pattern = strings.TrimPrefix(strings.TrimPrefix(g.pattern, "./"), "/")
		if g.pattern == "" || !doublestar.ValidatePattern(g.pattern) {
			return nil, fmt.Errorf("invalid exclude pattern %q", p)
		}
		g.plain = !strings.ContainsAny(g.pattern, `*?[{\`)
		out = append(out, g)
	}
	return out, nil
}

// ignoreFile is one parsed .gitignore, linked to the weaker ones above it.
//
// The matcher is doublestar, which the exclude globs use too, behind a reader of
// gitignore's lines. Against `git check-ignore` on 125 tricky pairs of pattern
// and path (TestGitignoreLikeGit has them) go-git's own matcher was wrong on 19,
// sabhiram/go-gitignore on 14, and monochromegane/go-gitignore on 15 and
// panicked on "!"; this was wrong on none.
type ignoreFile struct {
	up    *ignoreFile
	base  string // directory that the patterns are relative to
	label string // for messages
	lines []ignoreLine
}

type ignoreLine struct {
	glob
	number int
}

const maxIgnoreFile = 1 << 20

// readIgnore parses the file at path on top of up; without one it is just up.
func readIgnore(up *ignoreFile, path, base, label string) *ignoreFile {
	if st, err := lstat(path); err != nil || st.Kind != kindFile || st.Size > maxIgnoreFile {
		return up // git follows no link here either
	}
	text, err := files.ReadShared(path)
	if err != nil {
		return up
	}
	f := &ignoreFile{up: up, base: base, label: label}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\uFEFF")) {
		number++
		if g, ok := parseIgnore(line); ok {
			f.lines = append(f.lines, ignoreLine{g, number})
		}
	}
	if len(f.lines) == 0 {
		return up
	}
	return f
}

// parseIgnore reads one line as gitignore(5) says.
func parseIgnore(line string) (glob, bool) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	for strings.HasSuffix(line, " ") && !escaped(line, len(line)-1) {
		line = line[:len(line)-1]
	}
	g := glob{text: line}
	if line == "" || line[0] == '#' {
		return g, false
	}
	line, g.negated = strings.CutPrefix(line, "!")
	line, g.dirOnly = strings.CutSuffix(line, "/")
	if line == "" || escaped(line+"x", len(line)) {
		return g, false
	}
	g.base = !strings.Contains(line, "/")
	g.pattern = toDoublestar(strings.TrimPrefix(line, "/"))
	if strings.HasSuffix(g.pattern, "/**") {
		g.pattern += "/*" // git: everything inside; doublestar: also the directory itself
	}
	g.plain = !strings.ContainsAny(g.pattern, `*?[{\`)
	return g, true
}

// escaped reports whether the byte at i follows an odd number of backslashes.
func escaped(s string, i int) bool {
	n := 0
	for i--; i >= 0 && s[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

var posixClasses = map[string]string{
	"alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \t", "digit": "0-9",
	"lower": "a-z", "upper": "A-Z", "space": " \t\n\r\v\f", "xdigit": "0-9a-fA-F",
	"punct": "!-.:-@\\[-`{-~", "cntrl": "\x00-\x1f\x7f", "graph": "!-.0-~", "print": " -.0-~",
}

// toDoublestar rewrites what git and doublestar write differently: braces are
// plain in git, three stars are two, and git's classes allow "]" and "-" in
// first place and know POSIX names.
func toDoublestar(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); {
		switch c := p[i]; c {
		case '\\':
			b.WriteString(p[i:min(i+2, len(p))])
			i += 2
		case '{', '}':
			b.WriteByte('\\')
			b.WriteByte(c)
			i++
		case '*':
			n := i
			for n < len(p) && p[n] == '*' {
				n++
			}
			b.WriteString("**"[:min(n-i, 2)])
			i = n
		case '[':
			class, n, ok := toClass(p[i:])
			if !ok {
				return "\\" // invalid in doublestar as well: matches nothing, like an open class in git
			}
			b.WriteString(class)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// toClass rewrites the class that p begins with, and returns its length in p.
func toClass(p string) (class string, n int, ok bool) {
	var b strings.Builder
	b.WriteByte('[')
	i := 1
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		b.WriteByte('!')
		i++
	}
	for first := true; i < len(p); first = false {
		if p[i] == ']' && !first {
			b.WriteByte(']')
			return b.String(), i + 1, true
		}
		text, k := classItem(p[i:], first)
		if k == 0 {
			return "", 0, false
		}
		b.WriteString(text)
		i += k
	}
	return "", 0, false
}

// classItem rewrites the first item of what is left of a class, and returns its length in p; 0: it
// is cut off.
func classItem(p string, first bool) (text string, n int) {
	switch c := p[0]; c {
	case '[':
		if rest, ok := strings.CutPrefix(p, "[:"); ok {
			name, _, found := strings.Cut(rest, ":]")
			if set, known := posixClasses[name]; found && known {
				return set, len(name) + 4
			}
		}
		return `\[`, 1
	case '\\':
		if len(p) < 2 {
			return "", 0
		}
		return p[:2], 2
	case '-':
		// A range has an end on both sides; elsewhere a dash is itself.
		if !first && len(p) > 1 && p[1] != ']' {
			return "-", 1
		}
		return `\-`, 1
	case ']', '^', '!':
		return `\` + string(c), 1
	default:
		return p[:1], 1
	}
}

// match finds the line that decides about path, nearest file and last line first.
func (f *ignoreFile) match(path, name string, isDir bool) (in *ignoreFile, line *ignoreLine) {
	for ; f != nil; f = f.up {
		rel, ok := relTo(f.base, path)
		if !ok {
			continue
		}
		for i := len(f.lines) - 1; i >= 0; i-- {
			if l := &f.lines[i]; l.match(rel, name, isDir) {
				return f, l
			}
		}
	}
	return nil, nil
}

func (f *ignoreFile) ignores(path, name string, isDir bool) (string, bool) {
	in, line := f.match(path, name, isDir)
	if line == nil || line.negated {
		return "", false
	}
	return fmt.Sprintf("%s:%d: %s", in.label, line.number, line.text), true
}

// relTo returns path relative to dir with slashes; false if it does not lie below.
func relTo(dir, path string) (string, bool) {
	if len(path) <= len(dir) || path[:len(dir)] != dir {
		return "", false
	}
	rest := path[len(dir):]
	if os.IsPathSeparator(rest[0]) {
		rest = rest[1:]
	} else if dir == "" || !os.IsPathSeparator(dir[len(dir)-1]) {
		return "", false
	}
	return filepath.ToSlash(rest), rest != ""
}

// outerIgnore is what holds in a tree before its own .gitignore is read: the
// repository's exclude file and the .gitignore files from its top down to the
// directory above the tree.
func outerIgnore(tree string) (*ignoreFile, []string) {
	top, git := gitTop(tree)
	if git == "" {
		return nil, nil
	}
	common := git
	if text, err := files.ReadShared(filepath.Join(git, "commondir")); err == nil {
		// A linked worktree keeps its excludes in the main repository.
		common = absIn(git, strings.TrimSpace(string(text)))
	}
	exclude := filepath.Join(common, "info", "exclude")
	files := []string{exclude}
	chain := readIgnore(nil, exclude, top, ".git/info/exclude")
	rel, ok := relTo(top, tree)
	if !ok {
		return chain, files
	}
	dir := top
	parts := strings.Split(rel, "/")
	for _, part := range parts {
		file := filepath.Join(dir, ".gitignore")
		files = append(files, file)
		label, ok := relTo(top, file)
		if !ok {
			label = ".gitignore"
		}
		chain = readIgnore(chain, file, dir, label)
		dir = filepath.Join(dir, part)
		if _, ignored := chain.ignores(dir, part, true); ignored {
			// The user watches a tree that the repository around it ignores: its
			// patterns were not written for what is in here.
			return nil, files
		}
	}
	return chain, files
}

// gitTop finds the repository that dir is in: its top and its git directory,
// which a worktree or a submodule names in a .git file.
func gitTop(dir string) (top, git string) {
	for {
		path := filepath.Join(dir, ".git")
		if st, err := follow(path); err == nil {
			if st.Kind == kindDir {
				return dir, path
			}
			if st.Kind == kindFile && st.Size < 64<<10 {
				if text, err := files.ReadShared(path); err == nil {
					if to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir:"); ok {
						return dir, absIn(dir, strings.TrimSpace(to))
					}
				}
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", ""
		}
		dir = up
	}
}

func absIn(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
