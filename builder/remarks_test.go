//go:build unix

package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// B4, D3: Go's cache is cleaned in the middle of a build. The failure says nothing about the sources, so the build is tried
// once more; one that fails for the sources is not.
func TestCacheCleaned(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the runtime")
	}
	cache, arm := filepath.Join(t.TempDir(), "gocache"), filepath.Join(t.TempDir(), "arm")
	toolexec := filepath.Join(t.TempDir(), "toolexec")
	write(t, filepath.Dir(toolexec), "toolexec", fmt.Sprintf(
		"#!/bin/sh\ncase \"$1 $2\" in */compile\\ -V=full) ;; */compile\\ *) if rm '%s' 2>/dev/null; then rm -rf '%s'/??; mkdir '%s/00'; fi ;; esac\nexec \"$@\"\n",
		arm, cache, cache))
	dir := project(t, map[string]string{"main.go": tiny})
	count := filepath.Join(t.TempDir(), "count")
	write(t, filepath.Dir(count), "go", "#!/bin/sh\n[ \"$1\" = build ] && echo >> "+count+"\nexec "+filepath.Join(goDir(t), "go")+" \"$@\"\n")
	b := newBuilder(t, Options{
		Dir: dir, GoBuild: GoBuild{Go: filepath.Join(filepath.Dir(count), "go"), Flags: []string{"-toolexec=" + toolexec}}, Env: testEnv("GOCACHE=" + cache),
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
}

// What is said of a cache that was cleaned, on several systems, and what is said of a package that there is not.
func TestCacheCleanedText(t *testing.T) {
	hash := strings.Repeat("0f", 32)
	std := filepath.Join(t.TempDir(), "src", "sync", "atomic")
	if err := os.MkdirAll(std, 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"link: cannot open file /c/0f/" + hash + "-d: open /c/0f/" + hash + "-d: no such file or directory\n":      true,
		`x.go:3:8: could not import fmt (open C:\c\0f\` + hash + `-d: The system cannot find the path specified.)`: true,
		"/go/src/sync/cond.go:8:2: package sync/atomic is not in std (" + std + ")\n":                              true,
		"main.go:3:8: package strngs is not in std (" + filepath.Join(filepath.Dir(std), "strngs") + ")\n":         false,
		"open /c/0f/" + hash + "-d: permission denied\n":                                                           false,
		"main.go:3:8: open data.txt: no such file or directory\n":                                                  false,
	} {
		if got := cacheCleaned(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What the tools print although all is well is in the result: warnings of a C compiler, and what the steps before the
// build say.
func TestWarnings(t *testing.T) {
	testkit.Slow(t)
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
