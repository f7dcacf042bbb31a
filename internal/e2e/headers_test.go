package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// E11: headers outside of the directory of a package with cgo, also outside of the module and included by other headers: each is
// an input, and the program has what they say, though go build does not look at them (golang/go#24355).
func TestE11Headers(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no C compiler")
	}
	for _, engine := range []string{"go", "direct"} {
		t.Run(engine, func(t *testing.T) {
			dir := newApp(t, map[string]string{
				"go.mod":        "module example.test/headers\n\ngo 1.25\n",
				"main.go":       "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.test/headers/c\"\n)\n\nfunc main() { fmt.Println(\"says\", c.X()); select {} }\n",
				"c/c.go":        "package c\n\n// #cgo CFLAGS: -I${SRCDIR}/../../beside\n// #include \"../shared/x.h\"\n// #include <b.h>\nimport \"C\"\n\n// X is in the headers.\nfunc X() string { return C.X + C.B + C.Z }\n",
				"shared/x.h":    "#define X \"x1\"\n#include \"z/z.h\"\n",
				"shared/z/z.h":  "#define Z \"z1\"\n",
				"../beside/b.h": "#define B \"b1\"\n",
			}, "app")
			s := start(t, dir, []string{"--set", "build.engine=" + engine}, withEnv("CGO_ENABLED=1"))
			says := func(want string) {
				t.Helper()
				until(t, "it says "+want, func() bool { return strings.HasSuffix(s.out.String(), "says "+want+"\n") })
			}
			says("x1b1z1")
			// The import graph is read beside the first build: from then on the headers are inputs.
			s.wait("the second build, which looks at the headers", func(e ev) bool {
				return e.Event == "build_finished" && e.flag("ok") && e.Generation > 1
			})
			for file, text := range map[string]string{
				"shared/x.h": "#define X \"x2\"\n#include \"z/z.h\"\n", "shared/z/z.h": "#define Z \"z2\"\n", "../beside/b.h": "#define B \"b2\"\n",
			} {
				write(t, filepath.Join(dir, file), text)
				if out, code := hr(t, dir, "wait"); code != 0 {
					t.Fatalf("wait: %d: %s", code, out)
				}
			}
			says("x2b2z2")
			// One that is included from now on is an input from now on.
			write(t, filepath.Join(dir, "shared", "new.h"), "#define Z \"new1\"\n")
			write(t, filepath.Join(dir, "shared", "x.h"), "#define X \"x2\"\n#include \"new.h\"\n")
			says("x2b2new1")
			until(t, "the new header is known", func() bool {
				out, _ := hr(t, dir, "why", "shared/new.h")
				return strings.Contains(out, "C header of package")
			})
			write(t, filepath.Join(dir, "shared", "new.h"), "#define Z \"new1\" // a comment\n")
			s.wait("a build of the same program", func(e ev) bool { return e.Event == "build_finished" && e.flag("unchanged") })
			write(t, filepath.Join(dir, "shared", "new.h"), "#define Z \"new2\"\n")
			says("x2b2new2")
			s.stop(syscall.SIGTERM)
		})
	}
}
