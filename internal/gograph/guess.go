package gograph

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Guess judges files while no graph can: none is known yet, the one that is known is out of date, or it is incomplete.
// What could be an input counts as one, because a needless build costs a second and a missed save costs trust. But a log
// or a database beside the sources could not: only what a compiler reads by its name, and what a //go:embed line matches.
// Those lines are read as text, so that a file which does not parse hides none of them.
//
// Counting every file in the directories of inputs was rejected: a program that writes a log there kept its own repair
// from ever being built.
type Guess struct {
	mu    sync.Mutex
	files map[string]embedLines // by Go file
}

// embedLines are the patterns of a Go file as it was.
type embedLines struct {
	size     int64
	modified time.Time
	patterns []string
}

// Input says whether the file could be an input of some build, and as what.
func (g *Guess) Input(file string) (what string, ok bool) {
	base := filepath.Base(file)
	switch {
	case IsModuleFile(file):
		return "module file", true
	case strings.HasSuffix(base, "_test.go"), hiddenName(base) && filepath.Ext(base) == ".go":
		return "", false
	case filepath.Ext(base) == ".go", sourceExt[filepath.Ext(base)]:
		return kindOf(base), true
	case base == "default.pgo":
		return "profile", true
	}
	// No pattern reaches into another module, or out of its own.
	for dir := filepath.Dir(file); ; {
		rel := filepath.ToSlash(strings.TrimPrefix(file[len(dir):], string(filepath.Separator)))
		for _, p := range g.patterns(dir) {
			// What is a link now may have been a file when the program was built.
			if embedNamed(dir, p, rel, "") {
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
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.files == nil {
		g.files = map[string]embedLines{}
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || hiddenName(name) {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path) // a source file may be a link
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		known, ok := g.files[path]
		if !ok || known.size != info.Size() || !known.modified.Equal(info.ModTime()) {
			known = embedLines{info.Size(), info.ModTime(), embedPatterns(path)}
			g.files[path] = known
		}
		out = append(out, known.patterns...)
	}
	return out
}

// embedPatterns reads the patterns of a file's //go:embed lines.
func embedPatterns(path string) []string {
	src, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(src, []byte("//go:embed")) {
		return nil
	}
	var out []string
	for line := range bytes.Lines(src) {
		args, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("//go:embed"))
		if !ok || len(args) == 0 || args[0] != ' ' && args[0] != '\t' {
			continue
		}
		for rest := strings.TrimSpace(string(args)); rest != ""; rest = strings.TrimSpace(rest) {
			if quoted, err := strconv.QuotedPrefix(rest); err == nil {
				if p, err := strconv.Unquote(quoted); err == nil {
					out = append(out, p)
				}
				rest = rest[len(quoted):]
				continue
			}
			word := rest
			if i := strings.IndexAny(rest, " \t"); i >= 0 {
				word = rest[:i]
			}
			out, rest = append(out, word), rest[len(word):]
		}
	}
	return out
}
