package places

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

func write(t *testing.T, path string) string {
	t.Helper()
	testkit.Write(t, path, "package a\n")
	return path
}

// texts are the parts that are links.
func texts(parts []Span) (list []string) {
	for _, p := range parts {
		if p.Link != "" {
			list = append(list, p.Text)
		}
	}
	return list
}

// Places are found as compilers, stacks and loggers write them; below the roots alone (U4).
func TestLinked(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	main := write(t, filepath.Join(dir, "main.go"))
	write(t, filepath.Join(dir, "internal", "db", "db.go"))
	write(t, filepath.Join(dir, "a", "same.go"))
	write(t, filepath.Join(dir, "b", "same.go"))
	write(t, filepath.Join(dir, "node_modules", "x.js"))
	secret := write(t, filepath.Join(outside, "secret.go"))
	p := Project{Dir: dir, Editor: "ed://{file}:{line}:{column}"}
	for text, want := range map[string][]string{
		"main.go:7: undefined: x":                       {"main.go:7"},
		"./main.go:7:9: x":                              {"./main.go:7:9"},
		"\t" + main + ":7 +0x1d":                        {main + ":7"},
		"2026/01/02 15:04:05 db.go:12: slow":            {"db.go:12"},
		"level=INFO source=internal/db/db.go:3 msg=x":   {"internal/db/db.go:3"},
		"(main.go:1), [main.go:2] 'main.go:3'":          {"main.go:1", "main.go:2", "main.go:3"},
		"which one? same.go:1":                          nil,
		"a/same.go:1":                                   {"a/same.go:1"},
		"x.js:1":                                        nil,
		secret + ":1":                                   nil,
		"../" + filepath.Base(outside) + "/secret.go:1": nil,
		"127.0.0.1:8080 example.com:443 12:30:45":       nil,
	} {
		got := p.Linked(text)
		if !slices.Equal(texts(got), want) {
			t.Errorf("%q: %q", text, got)
		}
		whole := ""
		for _, s := range got {
			whole += s.Text
		}
		if whole != text {
			t.Errorf("%q became %q", text, whole)
		}
	}
	if got := (Project{}).Linked("main.go:7"); len(texts(got)) != 0 {
		t.Errorf("without an editor: %q", got)
	}
	p.Roots = func() []string { return []string{outside} }
	if got := texts(p.Linked(secret + ":1")); len(got) != 1 {
		t.Error("a file of another root is no link")
	}
}

// A Finder of many texts lists the files again after a while, and not for each text.
func TestFinder(t *testing.T) {
	dir := t.TempDir()
	f := Project{Dir: dir, Editor: "ed://{file}"}.Finder()
	if f.Path("new.go") != "" {
		t.Fatal("a file that is not there")
	}
	want := write(t, filepath.Join(dir, "sub", "new.go"))
	at := f.at
	testkit.Until(t, "a new file is found", func() bool { return f.Path("new.go") == want })
	if f.at.Equal(at) {
		t.Error("the files were not listed again")
	}
	at = f.at
	if f.Path("other.go"); !f.at.Equal(at) {
		t.Error("the files were listed again at once")
	}
}
