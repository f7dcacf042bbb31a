package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

const module = "github.com/hotreload/hotreload"

// layers is the house of docs/architecture.md: a package may import only packages
// on lower numbers. It is a statement of policy; fix the import, not the table.
var layers = map[string]int{
	"cmd/hotreload":      7,
	"internal/cli":       6,
	"internal/session":   5,
	"internal/control":   4,
	"internal/relevance": 4,
	"internal/launch":    4,
	"internal/ui":        4,
	"internal/proxy":     4,
	"internal/plan":      3, // the words of all that carries it out
	"internal/companion": 3,
	"internal/page":      3,
	"internal/inspect":   2,
	"internal/places":    1,
	"internal/scaffold":  3,
	"internal/event":     1,
	"builder":            2,
	"runner":             2,
	"watcher":            1,
	"internal/gograph":   1,
	"internal/config":    1,
	"internal/envfile":   1,
	"internal/direct":    1,
	"internal/discover":  1,
	"internal/proc":      0,
	"internal/generated": 0,
	"internal/gocmd":     0,
	"internal/safe":      0,
	"internal/filestat":  0,
	"internal/files":     0,
	"internal/watchinfo": 0,
	"internal/advice":    -1, // below all others: any of them may explain its errors
}

// outside are packages that are no part of the program: tools and rules.
var outside = []string{"internal/house", "internal/chromium", "internal/testkit", "bench", "bench/", "docs/img", "examples/", "internal/e2e", "testdata/"}

// reserved is what only one package may do, with the reason.
var reserved = []struct {
	path, only, reason string
}{
	{"github.com/fatih/color", "internal/ui", "only ui prints: leaves return values, the session reports"},
	{"github.com/spf13/cobra", "internal/cli", "only cli knows that there is a command line"},
	{"github.com/fsnotify/fsnotify", "watcher", "events are invalidations; only the watcher knows what to make of them"},
	{"github.com/creack/pty", "runner", "terminals of programs belong to the runner"},
	{"os/exec", "internal/proc internal/cli",
		"processes are started by proc, in groups that can be ended; the others only look names up on PATH"},
}

type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	Incomplete bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,Incomplete", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		var x *exec.ExitError
		if errors.As(err, &x) {
			t.Fatalf("go list: %v\n%s", err, x.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func within(rel string, list []string) bool {
	for _, o := range list {
		if rel == o || strings.HasSuffix(o, "/") && strings.HasPrefix(rel, o) {
			return true
		}
	}
	return false
}

// TestLayers holds the drawing of the house against the imports.
func TestLayers(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) {
			continue
		}
		level, ok := layers[rel]
		if !ok {
			t.Errorf("%s has no level: give it one in docs/architecture.md and in this test", rel)
			continue
		}
		seen++
		for _, imp := range p.Imports {
			dep, ok := strings.CutPrefix(imp, module+"/")
			if !ok {
				continue
			}
			if l, ok := layers[dep]; !ok || l >= level {
				t.Errorf("%s (line %d) imports %s (line %d): a package may import only packages on lower lines", rel, level, dep, l)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("only %d packages were looked at: the test does not see the house", seen)
	}
}

// TestTestkit holds that only tests import what is made for tests.
func TestTestkit(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, module+"/internal/testkit") {
			t.Errorf("%s imports internal/testkit, which only tests may", p.ImportPath)
		}
	}
}

// TestGoCommand holds that the flags of go build and the fields of go list are listed in one place.
func TestGoCommand(t *testing.T) {
	const only = "internal/gocmd"
	listed := regexp.MustCompile(`\b(asmflags|modcacherw|installsuffix|IgnoredOtherFiles|SwigCXXFiles)\b`)
	found := false
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) {
			continue
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				text, ok := n.(*ast.BasicLit)
				if !ok || text.Kind != token.STRING || !listed.MatchString(text.Value) {
					return true
				}
				if found = found || rel == only; rel != only {
					t.Errorf("%s: %s is known to %s: a Go release must change one package", set.Position(text.Pos()), text.Value, only)
				}
				return true
			})
		}
	}
	if !found {
		t.Fatalf("%s lists none of them: the test does not see it", only)
	}
}

// TestReserved holds that what belongs to one package is done by it alone.
func TestReserved(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) {
			continue
		}
		for _, r := range reserved {
			for _, imp := range p.Imports {
				if imp == r.path && !within(rel, strings.Fields(r.only)) {
					t.Errorf("%s imports %s, which only %s may: %s", rel, imp, r.only, r.reason)
				}
			}
		}
	}
}

// TestPackageDocs holds that every package explains itself once.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		docs := 0
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				docs++
			}
		}
		if docs != 1 {
			t.Errorf("%s has %d package comments; it wants exactly one", p.ImportPath, docs)
		}
	}
}

// TestPurity holds what the plan promises: no clock, no I/O, no concurrency.
func TestPurity(t *testing.T) {
	banned := map[string]string{
		"os": "I/O", "io": "I/O", "sync": "concurrency", "sync/atomic": "concurrency", "context": "cancellation",
		"net": "I/O", "net/http": "I/O", "math/rand": "chance", "path/filepath": "the file system",
	}
	for _, p := range packages(t) {
		if p.ImportPath != module+"/internal/plan" {
			continue
		}
		for _, imp := range p.Imports {
			if why, ok := banned[imp]; ok {
				t.Errorf("plan imports %s (%s): decisions are pure", imp, why)
			}
		}
		for _, f := range p.GoFiles {
			if err := noClock(filepath.Join(p.Dir, f)); err != nil {
				t.Error(err)
			}
		}
		return
	}
	t.Fatal("there is no plan")
}

func noClock(file string) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var found []string
	for _, use := range selectors(f) {
		switch use.name {
		case "time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Sleep", "time.NewTimer", "time.NewTicker", "time.Tick":
			found = append(found, fmt.Sprintf("%s: %s", set.Position(use.pos), use.name))
		}
	}
	if len(found) > 0 {
		sort.Strings(found)
		return fmt.Errorf("the plan has no clock: time comes in with every input\n%s", strings.Join(found, "\n"))
	}
	return nil
}

// TestSessionHasNoLocks holds that one goroutine owns the state of a session, and that its tests
// start no process.
func TestSessionHasNoLocks(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"/internal/session" {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "sync/atomic" || imp == "os/exec" || imp == module+"/runner" {
				t.Errorf("session imports %s: what others share is a message, and processes are started by launch", imp)
			}
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, use := range selectors(f) {
				if strings.HasPrefix(use.name, "sync.") && use.name != "sync.WaitGroup" {
					t.Errorf("%s: %s: the loop owns all state", set.Position(use.pos), use.name)
				}
			}
		}
		return
	}
	t.Fatal("there is no session")
}

// TestForeignText holds that nothing foreign reaches a terminal by chance: what cli and ui print
// is safe.Text, and only where our own colours are made is a string declared to be that.
func TestForeignText(t *testing.T) {
	declared := []string{"internal/ui/style.go", "internal/ui/json.go"}
	looked := 0
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		if within(rel, outside) || rel == "internal/safe" {
			continue
		}
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			looked++
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				fun, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				from, ok := fun.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch use := from.Name + "." + fun.Sel.Name; {
				case use == "safe.Text" && !within(rel+"/"+name, declared):
					if _, literal := call.Args[0].(*ast.BasicLit); !literal {
						t.Errorf("%s: a string is declared to be safe: use safe.Line, Block, Name or Sprintf", set.Position(call.Pos()))
					}
				case rel != "internal/cli" && rel != "internal/ui":
				case strings.HasPrefix(use, "fmt.Print"):
					t.Errorf("%s: %s: use safe.Fprintf", set.Position(call.Pos()), use)
				case strings.HasPrefix(use, "fmt.Fprint"):
					if _, buffer := call.Args[0].(*ast.UnaryExpr); !buffer {
						t.Errorf("%s: %s: use safe.Fprintf", set.Position(call.Pos()), use)
					}
				}
				return true
			})
		}
	}
	if looked < 100 {
		t.Fatalf("only %d files were looked at", looked)
	}
}
