//go:build unix

package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// B4, D3: somebody cleans Go's cache in the middle of a build. The failure says nothing of the sources, so the build is tried
// once more; one that fails for the sources is not.
func TestCacheCleaned(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the runtime")
	}
	for _, tool := range []string{"compile", "link"} {
		t.Run(tool, func(t *testing.T) {
			cache, arm := filepath.Join(t.TempDir(), "gocache"), filepath.Join(t.TempDir(), "arm")
			toolexec := filepath.Join(t.TempDir(), "toolexec")
			write(t, filepath.Dir(toolexec), "toolexec", fmt.Sprintf(
				"#!/bin/sh\ncase \"$1 $2\" in */%s\\ -V=full) ;; */%s\\ *) if rm '%s' 2>/dev/null; then rm -rf '%s'/??; mkdir '%s/00'; fi ;; esac\nexec \"$@\"\n",
				tool, tool, arm, cache, cache))
			dir := project(t, map[string]string{"main.go": tiny})
			count := filepath.Join(t.TempDir(), "count")
			write(t, filepath.Dir(count), "go", "#!/bin/sh\n[ \"$1\" = build ] && echo >> "+count+"\nexec "+filepath.Join(goDir(t), "go")+" \"$@\"\n")
			b := newBuilder(t, Options{
				Dir: dir, Go: filepath.Join(filepath.Dir(count), "go"),
				Flags: []string{"-toolexec=" + toolexec}, Env: testEnv("GOCACHE=" + cache),
			})
			mustBuild(t, b, 1)
			write(t, dir, "main.go", strings.Replace(tiny, "one", "two", 1))
			write(t, filepath.Dir(arm), "arm", "")
			r := mustBuild(t, b, 2)
			if says(t, r.Binary) != "two" || r.Output != "" || r.Warnings != "" {
				t.Errorf("%+v", r)
			}
			if _, err := os.Stat(arm); err == nil {
				t.Error("the cache was not cleaned")
			}
			if n := strings.Count(read(t, count), "\n"); n != 3 {
				t.Errorf("%d builds, want 3", n)
			}
			write(t, dir, "main.go", "package main\n\nfunc main() { missing() }\n")
			if r := build(t, b, 3); r.OK || len(r.Diagnostics) != 1 {
				t.Errorf("%+v", r)
			}
			if n := strings.Count(read(t, count), "\n"); n != 4 {
				t.Errorf("%d builds, want 4", n)
			}
		})
	}
}

// What the tools print although all is well is in the result: warnings of a C compiler, and what the steps before the
// build say.
func TestWarnings(t *testing.T) {
	needCC(t)
	const src = "package main\n\n/*\n#warning \"mind the gap\"\nstatic int f(void) { return 7; }\n*/\nimport \"C\"\n\nfunc main() { println(C.f()) }\n"
	dir := project(t, map[string]string{"main.go": src})
	b := newBuilder(t, Options{Dir: dir, Env: testEnv("CGO_ENABLED=1"), Before: []Step{{Shell: "echo generated 3 files"}}})
	for gen := 1; gen <= 2; gen++ {
		write(t, dir, "main.go", strings.Replace(src, "return 7", fmt.Sprint("return ", gen), 1))
		r := mustBuild(t, b, gen)
		if !strings.Contains(r.Warnings, "mind the gap") || strings.Contains(r.Warnings, "generated") || r.Output != "generated 3 files\n"+r.Warnings {
			t.Errorf("build %d: warnings %q, output %q", gen, r.Warnings, r.Output)
		}
	}
	write(t, dir, "main.go", strings.Replace(src, "#warning \"mind the gap\"\n", "", 1))
	if r := mustBuild(t, b, 3); r.Warnings != "" || r.Output != "generated 3 files\n" {
		t.Errorf("warnings %q, output %q", r.Warnings, r.Output)
	}
}
