package gocmd

import (
	"path"
	"strings"
	"testing"
)

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
