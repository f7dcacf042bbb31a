package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest = regexp.MustCompile("`(?:[a-z0-9]+ )?((?:Test|Fuzz)[A-Za-z0-9]+)[^`]*`")
	ofPackage = regexp.MustCompile("`([a-z0-9]+ (?:Test|Fuzz)[A-Za-z0-9]+)[^`]*`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)
)

// TestTestingPage holds that docs/testing.md names tests that exist.
func TestTestingPage(t *testing.T) {
	root := filepath.Join("..", "..")
	exists := map[string]bool{} // by its name, and with its package in front
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllStringSubmatch(string(data), -1) {
			exists[m[1]], exists[filepath.Base(filepath.Dir(path))+" "+m[1]] = true, true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := namedTest.FindAllStringSubmatch(string(page), -1)
	for _, m := range named {
		if !exists[m[1]] {
			t.Errorf("docs/testing.md names %s, which does not exist", m[1])
		}
	}
	for _, m := range ofPackage.FindAllStringSubmatch(string(page), -1) {
		if !exists[m[1]] {
			t.Errorf("docs/testing.md names %s, which is not in that package", m[1])
		}
	}
	if len(named) < 200 {
		t.Errorf("only %d names of tests were found", len(named))
	}
}
