package house

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goTest is a call of go test in the workflow.
type goTest struct {
	os        string   // GOOS of its runner
	packages  []string // directories below the root
	run, skip string
}

// runners are the systems of GitHub's machines, by the beginning of their names.
var runners = map[string]string{"ubuntu": "linux", "macos": "darwin", "windows": "windows"}

var (
	jobName   = regexp.MustCompile(`^  (\w+):$`)
	runsOn    = regexp.MustCompile(`^    runs-on: (.+)$`)
	machine   = regexp.MustCompile(`^          - (\w+)-[\w.-]+$`)
	runLine   = regexp.MustCompile(`^( +(?:- )?)run: (.*)$`)
	quoted    = regexp.MustCompile(`^'[^']*'|^[^\s']+`)
	listed    = regexp.MustCompile(`\$\(go list ([^)|]+)(?:\| grep -v ([^)]+))?\)`)
	valueFlag = []string{"-timeout", "-count", "-storm.rounds"}
)

// goTests reads the calls of go test from a workflow: the machines of each job, and its run steps, which
// may go on over several lines.
func goTests(t *testing.T, workflow string) (all []goTest) {
	t.Helper()
	job, on := "", map[string][]string{}
	lines := strings.Split(workflow, "\n")
	for i := 0; i < len(lines); i++ {
		if m := jobName.FindStringSubmatch(lines[i]); m != nil {
			job = m[1]
		}
		if m := runsOn.FindStringSubmatch(lines[i]); m != nil && !strings.Contains(m[1], "matrix") {
			name, _, _ := strings.Cut(m[1], "-")
			on[job] = []string{runners[name]}
		}
		if m := machine.FindStringSubmatch(lines[i]); m != nil && runners[m[1]] != "" && !slices.Contains(on[job], runners[m[1]]) {
			on[job] = append(on[job], runners[m[1]])
		}
		m := runLine.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		command := m[2]
		for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], strings.Repeat(" ", len(m[1])+2)); i++ {
			command += " " + strings.TrimSpace(lines[i+1])
		}
		for _, part := range strings.Split(command, ";") {
			_, args, found := strings.Cut(part, "go test ")
			if !found {
				continue
			}
			if len(on[job]) == 0 {
				t.Errorf("it is not known where the job %s runs", job)
			}
			for _, system := range on[job] {
				all = append(all, parseGoTest(t, system, args))
			}
		}
	}
	return all
}

func parseGoTest(t *testing.T, system, args string) goTest {
	t.Helper()
	c := goTest{os: system}
	for _, m := range listed.FindAllStringSubmatch(args, -1) {
		for _, dir := range packagesBelow(t, strings.TrimSpace(m[1])) {
			if m[2] == "" || !strings.Contains("/"+dir, strings.TrimSpace(m[2])) {
				c.packages = append(c.packages, dir)
			}
		}
	}
	args = listed.ReplaceAllString(args, "")
	var words []string
	for args = strings.TrimSpace(args); args != ""; args = strings.TrimSpace(args) {
		word := quoted.FindString(args)
		if word == "" {
			t.Fatalf("%q is not understood", args)
		}
		words, args = append(words, strings.Trim(word, "'")), args[len(word):]
	}
	for i := 0; i < len(words); i++ {
		flag, value, inline := strings.Cut(words[i], "=")
		switch {
		case strings.HasPrefix(words[i], "./"):
			c.packages = append(c.packages, strings.TrimPrefix(words[i], "./"))
			continue
		case flag != "-run" && flag != "-skip" && !slices.Contains(valueFlag, flag):
			if flag != "-short" {
				t.Errorf("the flag %s is not known here", flag)
			}
			continue
		case !inline && i+1 < len(words):
			i++
			value = words[i]
		}
		switch flag {
		case "-run":
			c.run = value
		case "-skip":
			c.skip = value
		}
	}
	return c
}

// packagesBelow are the directories with Go files that a pattern like ./internal/... names.
func packagesBelow(t *testing.T, pattern string) []string {
	t.Helper()
	top := strings.TrimPrefix(strings.TrimSuffix(pattern, "/..."), "./")
	found := map[string]bool{}
	must(t, filepath.WalkDir(filepath.Join("..", "..", top), func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == "testdata" {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			rel, _ := filepath.Rel(filepath.Join("..", ".."), filepath.Dir(path))
			found[filepath.ToSlash(rel)] = true
		}
		return err
	}))
	return slices.Sorted(maps.Keys(found))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testsOf are the names of the tests, examples and fuzz targets that a package has on a system.
func testsOf(t *testing.T, dir, system string) (names []string) {
	t.Helper()
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = system, "amd64", false
	path := filepath.Join("..", "..", filepath.FromSlash(dir))
	entries, err := os.ReadDir(path)
	must(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		match, err := ctx.MatchFile(path, e.Name())
		must(t, err)
		if !match {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(path, e.Name()), nil, 0)
		must(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && isTest.MatchString(fn.Name.Name) && fn.Name.Name != "TestMain" {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

var isTest = regexp.MustCompile(`^(?:Test|Example|Fuzz)(?:[^a-z]|$)`)

// N4: no job of the workflow is empty. Each part of a -run or -skip pattern matches a test that is there on the system of
// the job, and each package that a job names has a test there.
func TestWorkflow(t *testing.T) {
	all := goTests(t, read(t, ".github/workflows/ci.yml"))
	count := map[string]int{}
	for _, c := range all {
		count[c.os]++
		var names, run []string
		for _, dir := range c.packages {
			here := testsOf(t, dir, c.os)
			names = append(names, here...)
			run = append(run, slices.DeleteFunc(slices.Clone(here), func(n string) bool {
				return c.run != "" && !regexp.MustCompile(c.run).MatchString(n) || c.skip != "" && regexp.MustCompile(c.skip).MatchString(n)
			})...)
			if len(here) == 0 && !untested[dir] {
				t.Errorf("%s: ./%s has no tests", c.os, dir)
			}
		}
		if len(run) == 0 {
			t.Errorf("%s: nothing is run by %+v", c.os, c)
		}
		for part := range strings.SplitSeq(c.run+"|"+c.skip, "|") {
			if part != "" && !slices.ContainsFunc(names, regexp.MustCompile(part).MatchString) {
				t.Errorf("%s: no test of %v matches %s", c.os, c.packages, part)
			}
		}
	}
	if count["darwin"] < 3 || count["windows"] < 4 {
		t.Errorf("calls of go test: %v", count)
	}
}

// untested are packages without tests of their own: those of others run them.
var untested = map[string]bool{"internal/chromium": true, "internal/companion": true, "internal/generated": true}
