//go:build linux

package builder

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/advice"

	"github.com/hotreload/hotreload/internal/testkit"
)

// The linker for cgo: chosen where it is installed and the C compiler works with it,
// given to external links, harmless for internal ones.
func TestLinker(t *testing.T) {
	testkit.Slow(t)
	needCC(t)
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc")
	}
	cgo := project(t, map[string]string{"main.go": "package main\n\n// int f(void) { return 7; }\nimport \"C\"\n\nfunc main() { println(C.f()) }\n"})
	pure := project(t, map[string]string{"main.go": tiny})
	tools := t.TempDir()
	log := filepath.Join(tools, "log")
	// A compiler that says that its linker is mold, and writes down how it was called.
	write(t, tools, "cc", `#!/bin/sh
case "$*" in "-fuse-ld=mold -Wl,--version") echo "mold 9.9.9 (compatible with GNU ld)"; exit 0;; esac
echo "$*" >> '`+log+`'
for a; do shift; case $a in -fuse-ld=*) ;; *) set -- "$@" "$a";; esac; done
exec '`+gcc+`' "$@"
`)
	write(t, tools, "old-cc", "#!/bin/sh\necho 'error: unrecognized option -fuse-ld=mold' >&2; exit 1\n")
	write(t, tools, "mold", "#!/bin/sh\nexit 1\n")
	path := "PATH=" + tools + ":" + os.Getenv("PATH")
	for _, c := range []struct {
		name, dir string
		o         Options
		env       []string
		flag      bool // the flag is given to go build
		used      bool // and reaches the C compiler
		want      string
	}{
		{"auto", cgo, Options{}, []string{path, "CC=" + tools + "/cc"}, true, true, "7"},
		{"mold", cgo, Options{GoBuild: GoBuild{Linker: "mold"}}, []string{path, "CC=" + tools + "/cc"}, true, true, "7"},
		{"internal link", pure, Options{}, []string{path, "CC=" + tools + "/cc"}, true, false, "one"},
		{"default", cgo, Options{GoBuild: GoBuild{Linker: "default"}}, []string{path, "CC=" + tools + "/cc"}, false, false, "7"},
		{"cgo off", pure, Options{}, []string{path, "CC=" + tools + "/cc", "CGO_ENABLED=0"}, false, false, "one"},
		{"chosen by the user", cgo, Options{}, []string{path, "CC=" + tools + "/cc", "CGO_LDFLAGS=-fuse-ld=bfd"}, false, false, "7"},
		{"user's extldflags", cgo, Options{GoBuild: GoBuild{Flags: []string{"-ldflags=-extldflags=-Wl,-O1"}}}, []string{path, "CC=" + tools + "/cc"}, true, true, "7"},
		{"compiler too old", pure, Options{}, []string{path, "CC=" + tools + "/old-cc"}, false, false, "one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(log)
			c.o.Dir = c.dir
			c.o.Env = testEnv(append([]string{"CGO_ENABLED=1"}, c.env...)...)
			b := newBuilder(t, c.o)
			if got := says(t, mustBuild(t, b, 1).Binary); got != c.want {
				t.Errorf("the program says %q", got)
			}
			if got := strings.Contains(strings.Join(b.Flags(), " "), "-fuse-ld=mold"); got != c.flag {
				t.Errorf("flag given = %v, want %v: %q", got, c.flag, b.Flags())
			}
			calls, _ := os.ReadFile(log)
			used := slices.ContainsFunc(strings.Split(string(calls), "\n"), func(l string) bool {
				return strings.Contains(l, "-fuse-ld=mold") && strings.Contains(l, "a.out")
			})
			if used != c.used {
				t.Errorf("linker used = %v, want %v\n%s", used, c.used, calls)
			}
		})
	}
	_, err = New(Options{Dir: cgo, Cache: t.TempDir(), GoBuild: GoBuild{Linker: "mold"}, Env: testEnv(path, "CC="+tools+"/old-cc")})
	if err == nil || !strings.Contains(err.Error(), "does not work with the linker mold") || advice.Hint(err) == "" {
		t.Errorf("a compiler that does not know mold: %v", err)
	}
}
