package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inlineRef = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	imageRef  = regexp.MustCompile(`<img[^>]* src="([^"]+)"`)
	headings  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks: what a page of the documentation points to is there, headings included.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	for _, glob := range []string{"*.md", ".github/*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md", "bench/*.md", "tools/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	anchors := map[string]map[string]bool{}
	text := func(page string) string {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return codeBlock.ReplaceAllString(string(data), "")
	}
	for _, page := range pages {
		anchors[page] = anchorsOf(text(page))
	}
	links := 0
	for _, page := range pages {
		body := text(page)
		for _, m := range append(inlineRef.FindAllStringSubmatch(body, -1), imageRef.FindAllStringSubmatch(body, -1)...) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			name, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if name != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(name))
			}
			rel, err := filepath.Rel(root, target)
			if err != nil || strings.HasPrefix(rel, "..") {
				t.Errorf("%s: %s leads out of the project", page, m[1])
				continue
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s is not there", page, m[1])
				continue
			}
			if known, isPage := anchors[target]; anchor != "" && (!isPage || !known[anchor]) {
				t.Errorf("%s: %s has no such heading", page, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links were found", links)
	}
}

// anchorsOf is what a link to a page can have after the #.
func anchorsOf(page string) map[string]bool {
	anchors := map[string]bool{}
	for _, h := range headings.FindAllStringSubmatch(page, -1) {
		a := strings.ToLower(dropped.ReplaceAllString(h[1], ""))
		anchors[strings.ReplaceAll(a, " ", "-")] = true
	}
	return anchors
}

// TestPagesAreLinked: who begins with the README finds every page of docs.
func TestPagesAreLinked(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	for _, p := range pages {
		if name := "docs/" + filepath.Base(p); !strings.Contains(string(readme), "]("+name) {
			t.Errorf("README.md does not name %s", name)
		}
	}
}
