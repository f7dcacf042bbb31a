package relevance

import (
	"testing"

	"github.com/hotreload/hotreload/watcher"
)

// E3, W11: which directories a rule's path leads to that are skipped by default.
func TestGlobEnters(t *testing.T) {
	const git, noise, link = watcher.SkipGit, watcher.SkipNoise, watcher.SkipLink
	for _, c := range []struct {
		glob, dir string
		why       watcher.Skip
		want      bool
	}{
		{"build/*.json", "build", git, true},
		{"build/*.json", "build/a", git, false},
		{"build/**/*.json", "build/a/b", git, true},
		{"build/{a,b}/*.json", "build/a", git, true},
		{"build/{a,b}/*.json", "build/c", git, false},
		{"build/{a/b,c}/*.json", "build/a/b", git, true},
		{"build/**", "builds", git, false},
		{"**/*.html", "build", git, false},
		{"**/*.html", "build", link, true},
		{"*/*.html", "a", link, true},
		{"*/*.html", "a/b", link, false},
		{"*.html", "a", link, false},
		{"tmpl/*.html", "tmpl", link, true},
		{"node_modules/x/y.json", "node_modules", noise, true},
		{"node_modules/x/y.json", "node_modules/x", git, true},
		{"node_modules/x/y.json", "node_modules/z", git, false},
		{"web/**/*.js", "web/node_modules", noise, false},
		{"web/**/*.js", "web/.cache", git, false},
		{"web/.cache/*.js", "web/.cache", git, true},
		{"../shared/*.js", "../shared", link, true},
	} {
		if got := (&parseGlobs([]string{c.glob})[0]).enters(c.dir, c.why); got != c.want {
			t.Errorf("%s enters %s (%v): %v, want %v", c.glob, c.dir, c.why, got, c.want)
		}
	}
}
