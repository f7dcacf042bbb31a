package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRepository: the files that people and GitHub look for are there, and whoever begins with the README finds
// those that are for people. What is in them leads somewhere: TestLinks.
func TestRepository(t *testing.T) {
	readme := read(t, "README.md")
	for _, name := range []string{"LICENSE", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"} {
		if read(t, name) == "" {
			t.Errorf("%s is empty", name)
		}
		if !strings.Contains(readme, "]("+name+")") {
			t.Errorf("README.md has no link to %s", name)
		}
	}
	for _, name := range []string{
		".editorconfig", ".gitattributes", ".golangci.yml", ".github/pull_request_template.md",
		".github/ISSUE_TEMPLATE/bug.yml", ".github/ISSUE_TEMPLATE/feature.yml", ".github/ISSUE_TEMPLATE/config.yml",
	} {
		if read(t, name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
	anchors := anchorsOf(codeBlock.ReplaceAllString(readme, ""))
	links := regexp.MustCompile(`https://`+regexp.QuoteMeta(module)+`#([\w-]+)`).
		FindAllStringSubmatch(read(t, ".github/ISSUE_TEMPLATE/config.yml"), -1)
	if len(links) == 0 {
		t.Error("the issue templates have no link to the README")
	}
	for _, m := range links {
		if !anchors[m[1]] {
			t.Errorf("README.md has no heading %s, to which the issue templates lead", m[1])
		}
	}
}

// TestNamedTargets: what is run in CI, and named to those who contribute, is there. For tests, TestWorkflow shows it.
func TestNamedTargets(t *testing.T) {
	workflow := read(t, ".github/workflows/ci.yml")
	makefile := read(t, "Makefile")
	pages := workflow + read(t, "CONTRIBUTING.md") + read(t, ".github/pull_request_template.md")
	targets := regexp.MustCompile("(?m)(?:`|run: |- |^)make ([a-z]+)").FindAllStringSubmatch(pages, -1)
	for _, m := range targets {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("the Makefile has no target %s", m[1])
		}
	}
	paths := regexp.MustCompile(`\.(?:/[a-z]\w*)+|\.ci/\w+`).FindAllString(workflow, -1)
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(p))); err != nil {
			t.Errorf("ci.yml: %v", err)
		}
	}
	if len(targets) < 10 || len(paths) < 20 {
		t.Errorf("only %d targets and %d paths were found", len(targets), len(paths))
	}
}
