package builder

import (
	"os"
	"path/filepath"
	"testing"
)

// A headline names files as a person would: short in the project, of other modules by module and
// version, and never by a long way up.
func TestRelative(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip(err)
	}
	b := &Builder{o: Options{Dir: filepath.FromSlash("/srv/a/b/shop")}}
	for path, want := range map[string]string{
		"/srv/a/b/shop/api/a.go": "./api/a.go", "/srv/a/b/shop": ".", "/srv/a/b/lib/l.go": "../lib/l.go",
		"/opt/pkg/mod/example.com/dep@v1.2.3/x/y.go": "example.com/dep@v1.2.3/x/y.go",
		"/usr/local/go/src/fmt/print.go":             "/usr/local/go/src/fmt/print.go",
		filepath.ToSlash(home) + "/lib/l.go":         "~/lib/l.go",
	} {
		if got := b.relative(filepath.FromSlash(path)); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
