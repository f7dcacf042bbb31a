package builder

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// HeaderFile is the name of the Go file that a package with [Headers] seems to have while it is built. It is empty but for a
// comment.
const HeaderFile = "hotreload_headers.go"

// Headers are the C headers that a package includes from outside of its own directory. The go command does not look at them
// (golang/go#24355), so a package of which nothing else has changed would come from its cache.
type Headers struct {
	Dir   string   // of the package, absolute
	Name  string   // of its package clause
	Files []string // absolute
}

// errHeaders is why the direct engine declines.
const errHeaders = "a package includes C headers from outside its directory"

// SetHeaders says which headers the builds from now on have to look at, and reports whether these are others than before.
func (b *Builder) SetHeaders(list []Headers) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed = len(list)+len(b.headers) > 0 && !reflect.DeepEqual(b.headers, list)
	b.headers = list
	return changed
}

// hidden says that there are inputs that only an overlay lets the go command see.
func (b *Builder) hidden() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.headers) > 0
}

// headerFlags makes the go command look at the headers of the packages: an overlay adds a file to each whose text follows
// theirs. That changes no other package, and nothing in the program. The flags are nil if there are no headers; tmp is
// the directory of the build.
func headerFlags(tmp string, flags buildFlags, dir string, lists ...[]Headers) ([]string, error) {
	replace := map[string]string{}
	for _, list := range lists {
		for _, h := range list {
			text := sha256.New()
			for _, f := range h.Files {
				content, err := files.ReadShared(f)
				fmt.Fprintf(text, "%s %d %v\n", f, len(content), err == nil)
				text.Write(content)
			}
			name := filepath.Join(tmp, fmt.Sprintf("headers-%d.go", len(replace)))
			if err := os.WriteFile(name, fmt.Appendf(nil, "package %s\n\n// C headers: %x\n", h.Name, text.Sum(nil)), 0o600); err != nil {
				return nil, fmt.Errorf("cannot prepare the build: %w", err)
			}
			replace[filepath.Join(h.Dir, HeaderFile)] = name
		}
	}
	if len(replace) == 0 {
		return nil, nil
	}
	if users := flags.overlay; users != "" {
		if !filepath.IsAbs(users) {
			users = filepath.Join(dir, users)
		}
		var o struct{ Replace map[string]string }
		text, err := files.ReadShared(users)
		if err != nil || json.Unmarshal(text, &o) != nil {
			return nil, nil // go build says what is wrong with it
		}
		for at, by := range o.Replace {
			replace[at] = by
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("cannot prepare the build: %w", err)
	}
	return []string{"-overlay=" + file}, nil
}

// lastOverlay is the value of the -overlay that counts.
func lastOverlay(flags []gocmd.Arg) (value string) {
	for _, f := range flags {
		if f.Name == "overlay" {
			value = strings.TrimSpace(f.Value)
		}
	}
	return value
}
