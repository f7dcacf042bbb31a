package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// matcher is the problem matcher of docs/editors-and-scripts.md, as VS Code runs it.
type matcher struct {
	args                   []string // of hotreload
	problem, begins, ends  *regexp.Regexp
	file, line, column, is int
}

func documentedMatcher(t *testing.T) *matcher {
	t.Helper()
	page := read(t, "../../docs/editors-and-scripts.md")
	_, tasks, _ := strings.Cut(page, "\n```json\n")
	tasks, _, _ = strings.Cut(tasks, "\n```\n")
	var file struct {
		Tasks []struct {
			Command        string
			ProblemMatcher struct {
				Pattern struct {
					Regexp                      string
					File, Line, Column, Message int
				}
				Background struct{ BeginsPattern, EndsPattern string }
			}
		}
	}
	if err := json.Unmarshal([]byte(tasks), &file); err != nil {
		t.Fatalf("%v\n%s", err, tasks)
	}
	m := file.Tasks[0].ProblemMatcher
	p := m.Pattern
	return &matcher{
		strings.Fields(file.Tasks[0].Command)[2:], // hotreload run
		regexp.MustCompile(p.Regexp), regexp.MustCompile(m.Background.BeginsPattern), regexp.MustCompile(m.Background.EndsPattern),
		p.File, p.Line, p.Column, p.Message,
	}
}

// run returns what each activity of the task has found, and whether one goes on. The task is
// active from its start.
func (m *matcher) run(output string) (found [][]string, active bool, stray []string) {
	found, active = [][]string{nil}, true
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		if m.begins.MatchString(line) {
			if !active {
				found = append(found, nil)
			}
			active = true
			continue
		}
		if m.ends.MatchString(line) {
			active = false
			continue
		}
		if g := m.problem.FindStringSubmatch(line); g != nil {
			p := fmt.Sprintf("%s:%s:%s: %s", g[m.file], g[m.line], g[m.column], g[m.is])
			if !active {
				stray = append(stray, p)
			}
			found[len(found)-1] = append(found[len(found)-1], p)
		}
	}
	return found, active, stray
}

// The problem matcher in the docs understands what a session prints: each save begins an activity, all
// errors come within it, and it ends, whatever the result.
func TestProblemMatcher(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	m := documentedMatcher(t)
	file := func(body string) string {
		return "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n\n\t\"example.test/m/lib\"\n)\n\nfunc main() {\n\tfmt.Println(lib.Name)\n\t" + body + "\n}\n"
	}
	const sleep, lib = `http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)`, "package lib\n\nconst Name = \"%s\"\n"
	for _, services := range []int{1, 2} {
		t.Run(fmt.Sprint(services), func(t *testing.T) {
			files := map[string]string{
				"go.mod": "module example.test/m\n\ngo 1.25\n", "lib/lib.go": fmt.Sprintf(lib, "a"), "style.css": "", "a/main.go": file(sleep),
				".hotreload.toml": "[[rules]]\npaths = [\"*.css\"]\neffect = \"reload\"\n[build]\npackage = \"./a\"\n[proxy]\nlisten = \"" + testkit.Address(t) + "\"\n",
			}
			if services == 2 {
				files["b/main.go"] = file(sleep)
				files[".hotreload.toml"] = "[[rules]]\npaths = [\"*.css\"]\neffect = \"reload\"\n[services.api]\nbuild.package = \"./a\"\nproxy.listen = \"" + testkit.Address(t) + "\"\n[services.a-longer-one]\nbuild.package = \"./b\"\n"
			}
			s := start(t, newApp(t, files), m.args)
			n := 0
			next := func(what string, want ...string) {
				t.Helper()
				n++
				until(t, what+" begins and ends", func() bool {
					found, active, _ := m.run(filepath.ToSlash(s.err.String()))
					return len(found) >= n && !active && (services == 1 || n > 1 || strings.Count(s.err.String(), "live ") == 2)
				})
				s.settle()
				found, _, stray := m.run(filepath.ToSlash(s.err.String()))
				got := slices.Concat(found[n-1:]...)
				n = len(found) // the second service can end its own activity
				if !slices.Equal(got, want) || stray != nil {
					t.Errorf("%s: found %q, and outside %q; want %q\n%s", what, got, stray, want, s.err.String())
				}
			}
			next("the start")
			main := filepath.Join(s.dir, "a/main.go")
			write(t, main, file("println(1); "+sleep))
			next("a save")
			write(t, main, file("undefined1()\n\tundefined2()\n\t"+sleep))
			next("a failure", "a/main.go:13:2: undefined: undefined1", "a/main.go:14:2: undefined: undefined2")
			write(t, main, file("println(1); "+sleep))
			next("an undo")
			write(t, main, file("println(1); "+sleep)+"// comment\n")
			next("the same program")
			write(t, filepath.Join(s.dir, "lib/lib.go"), "package lib\n\nconst Name = x\n")
			next("a failure of all", "lib/lib.go:3:14: undefined: x")
			write(t, filepath.Join(s.dir, "lib/lib.go"), fmt.Sprintf(lib, "c"))
			next("a repair")
			write(t, filepath.Join(s.dir, "style.css"), "a {}")
			next("a reload")
			write(t, main, file("panic(1)\n\t"+sleep))
			next("a program that ends")
		})
	}
}
