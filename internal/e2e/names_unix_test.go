//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// N2: the programs of a session take turns under a few file names, whatever the order is, and with programs that do not
// come up; in the end one is left.
func TestN2Names(t *testing.T) {
	t.Parallel()
	saves := 100
	if testing.Short() {
		saves = 15
	}
	for name, settings := range map[string]string{
		"stop-first":  "",
		"start-first": "order = \"start-first\"\n",
		"rollback":    "rollback = true\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := t.TempDir()
			dir := newApp(t, map[string]string{
				"go.mod":  "module example.test/turns\n\ngo 1.25\n",
				"main.go": "package main\n\nfunc main() {}\n\n// exec sleep 1000 1\n",
				// The program is what the last line of main.go says.
				"build.sh":        "{ echo '#!/bin/sh'; tail -n 1 main.go | sed 's,^// exec,echo up; exec,; s,^// ,,'; } > app && chmod +x app\n",
				".hotreload.toml": "[build]\ncommand = [\"sh\", \"build.sh\"]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\"]\n\n[run]\nready = \"log:up\"\n" + settings,
			})
			s := start(t, dir, nil, withEnv("XDG_CACHE_HOME="+cache))
			s.waitFor("live")
			seen := map[string]int{}
			look := func() (now []string) {
				paths, err := filepath.Glob(filepath.Join(cache, "hotreload", "*", "*", "bin", "*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range paths {
					now = append(now, filepath.Base(p))
					seen[filepath.Base(p)]++
				}
				return now
			}
			look()
			for i := range saves {
				program := fmt.Sprintf("exec sleep 1000 %d", i+2)
				bad := i%5 == 4
				if bad {
					program = fmt.Sprintf("echo %d; exit 3", i)
				}
				write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() {}\n\n// "+program+"\n")
				switch {
				case !bad:
					s.waitFor("live")
				case name == "rollback":
					s.wait("the fall back", func(e ev) bool { return e.Event == "ready" && e.Generation < i+2 })
				default:
					s.wait("the end of the new one", func(e ev) bool { return e.Event == "exited" && !e.flag("expected") })
				}
				look()
			}
			var names []string
			for n := range seen {
				names = append(names, n)
				if !strings.HasPrefix(n, filepath.Base(dir)+"-") && !strings.HasPrefix(n, "turns-") {
					t.Errorf("a file %q", n)
				}
			}
			slices.Sort(names)
			if len(names) > 5 {
				t.Errorf("%d names: %v", len(names), names)
			}
			until(t, "no binary is left over", func() bool { return len(look()) <= 2 })
			s.stop(syscall.SIGTERM)
			if _, err := os.Stat(filepath.Join(dir, "app")); err != nil {
				t.Error(err)
			}
		})
	}
}
