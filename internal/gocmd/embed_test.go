package gocmd

import (
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// relNames names paths from dir, with slashes.
func relNames(dir string, paths []string) string {
	var out []string
	for _, p := range paths {
		r, _ := filepath.Rel(dir, p)
		out = append(out, filepath.ToSlash(r))
	}
	return strings.Join(out, " ")
}

// TestExpandEmbed holds what a pattern finds on its way.
func TestExpandEmbed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a name below a file is another error there; only the direct engine needs the difference")
	}
	dir := t.TempDir()
	for _, f := range []string{"web/a/x.txt", "web/b/y.txt", "web/c", "plain"} {
		name := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ pattern, levels, open, missing string }{
		{"web/*/x.txt", "web | web/a web/b web/c | web/a/x.txt", "web web/b", ""},
		{"all:web", "web", "", ""},
		{"dist/assets", " | ", ".", "dist dist/assets"},
		{"plain/x", "plain | ", "", ""},
		{".", "", "", ""},
		{"[", "", ".", ""},
	} {
		tree := ExpandEmbed(dir, c.pattern)
		var levels []string
		for _, l := range tree.Levels {
			levels = append(levels, relNames(dir, l))
		}
		open, missing := relNames(dir, tree.Open), relNames(dir, tree.Missing)
		if strings.Join(levels, " | ") != c.levels || open != c.open || missing != c.missing || tree.All != strings.HasPrefix(c.pattern, "all:") {
			t.Errorf("%s: levels %q, open %q, missing %q", c.pattern, levels, open, missing)
		}
	}
}

func FuzzEmbedMatch(f *testing.F) {
	f.Add("static", "static/a/b")
	f.Add("all:*", ".x/_y")
	f.Add("[", "[")
	f.Add("a/*/c", "a/b/c/d")
	f.Fuzz(func(t *testing.T, pattern, rel string) {
		if rel == "" || strings.ContainsRune(rel, 0) || path.Clean("/" + rel)[1:] != rel {
			return
		}
		all := EmbedMatch("/nonexistent/dir", "all:"+strings.TrimPrefix(pattern, "all:"), rel, "")
		plain := EmbedMatch("/nonexistent/dir", strings.TrimPrefix(pattern, "all:"), rel, "")
		if plain && !all {
			t.Errorf("%q matches %q only without all:", pattern, rel)
		}
	})
}
