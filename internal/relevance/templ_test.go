package relevance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/testkit"
)

const templHead = "package main\n\nimport templruntime \"github.com/a-h/templ/runtime\"\n\nfunc hi(w W) (err error) {\n"

// Which edits of a generated file change nothing but texts.
func TestTemplCode(t *testing.T) {
	const before = templHead + "\terr = templruntime.WriteString(w, 1, \"<p>\")\n\terr = templ.Error{Line: 3, Col: 4}\n\terr = templruntime.WriteString(w, 2, \"</p>\\n\")\n\treturn other(w, 1, \"x\")\n}\n"
	old, ok := readTempl([]byte(before))
	if !ok || strings.Join(old.texts, "|") != `<p>|</p>\n` {
		t.Fatalf("%v %q", ok, old.texts)
	}
	edit := func(from, to string) string {
		if !strings.Contains(before, from) {
			t.Fatalf("no %q", from)
		}
		return strings.Replace(before, from, to, 1)
	}
	for name, c := range map[string]struct {
		after string
		ok    bool // it is such a file
		same  bool // only texts differ
	}{
		"nothing":              {before, true, true},
		"a text":               {edit(`"<p>"`, `"<p class=\"x\">"`), true, true},
		"an empty text":        {edit(`"<p>"`, `""`), true, true},
		"both":                 {strings.ReplaceAll(before, "p>", "div>"), true, true},
		"a position":           {edit("Line: 3, Col: 4", "Line: 30, Col: 40"), true, true},
		"white space":          {edit("\treturn", "\n\n\t\treturn"), true, true},
		"another string":       {edit(`"x"`, `"y"`), true, false},
		"one more text":        {edit("\treturn", "\terr = templruntime.WriteString(w, 3, \"new\")\n\treturn"), true, false},
		"another expression":   {edit("other(w, 1", "other(w, 2"), true, false},
		"another writer":       {edit("WriteString(w, 1", "WriteString(v, 1"), true, false},
		"a directive":          {edit("func hi", "//go:noinline\nfunc hi"), true, false},
		"a number elsewhere":   {edit("return other(w, 1", "return other(w, 7"), true, false},
		"another order":        {edit("(w, 1, \"<p>\")", "(w, 2, \"<p>\")"), false, false},
		"text that is no text": {edit(`(w, 1, "<p>")`, "(w, 1, `<p>`)"), false, false},
		"another package":      {edit("a-h/templ/runtime", "b/templ/runtime"), false, false},
		"half":                 {before[:len(before)/2] + "\"", false, false},
		"empty":                {"", false, false},
	} {
		got, ok := readTempl([]byte(c.after))
		if ok != c.ok || ok && (got.sum == old.sum) != c.same {
			t.Errorf("%s: such a file %v, only texts %v", name, ok, got.sum == old.sum)
		}
	}
}

// What is compared is the version that was seen last: after one that has to be built, or cannot be
// read, the next one has to be built as well.
func TestNewTexts(t *testing.T) {
	m := newMemory()
	file := filepath.Join(t.TempDir(), "hi_templ.go")
	save := func(text string) []string {
		testkit.Write(t, file, templHead+"\terr = templruntime.WriteString(w, 1, \""+text+"\")\n}\n")
		return m.newTexts(file)
	}
	if save("a") != nil {
		t.Error("the first version is not known")
	}
	if got := save("b"); len(got) != 1 || got[0] != "b" {
		t.Errorf("%q", got)
	}
	testkit.Write(t, file, templHead)
	if m.newTexts(file) != nil || save("c") != nil {
		t.Error("after half a file")
	}
	if save("d") == nil {
		t.Error("and then it is known again")
	}
	save("e\") + f(\"")
	if save("g") != nil {
		t.Error("after other code")
	}
	_ = os.Remove(file)
	if m.newTexts(file) != nil || save("h") != nil {
		t.Error("after it was removed")
	}
	m = newMemory()
	m.learnTempl(file)
	if save("i") == nil {
		t.Error("learned from the graph")
	}
}

// A change of texts means no build only if the program that runs reads the very texts that were saved.
func TestOnlyTexts(t *testing.T) {
	root, texts := t.TempDir(), t.TempDir()
	file := filepath.Join(root, "hi_templ.go")
	testkit.Write(t, file, templHead)
	env := map[string]string{"TEMPL_DEV_MODE": "true", "TEMPL_DEV_MODE_ROOT": texts}
	runs := true
	s := &Subject{runsWithThis: func() bool { return runs }, given: func(name string) string { return env[name] }}
	rebuild := plan.Effect{Kind: plan.Rebuild, Rule: plan.NoRule, Input: true}
	path, ok := s.textFile(file)
	if !ok || filepath.Dir(path) != texts {
		t.Fatalf("%v %s", ok, path)
	}
	saved := []string{`<p>`, `a\tb`}
	for _, c := range []struct {
		name  string
		file  string // what the program finds
		set   func()
		only  bool
		undo  func()
		texts []string
		e     plan.Effect
	}{
		{"the same texts", "<p>\na\\tb", nil, true, nil, saved, rebuild},
		{"written otherwise", "<p>\na\tb", nil, true, nil, saved, rebuild},
		{"old texts", "<p>\nold", nil, false, nil, saved, rebuild},
		{"one too few", "<p>", nil, false, nil, saved, rebuild},
		{"more than texts", "<p>\na\\tb", nil, false, nil, nil, rebuild},
		{"a command runs first", "<p>\na\\tb", nil, false, nil, saved, plan.Effect{Kind: plan.Rebuild, Rule: 0}},
		{"no development mode", "<p>\na\\tb", func() { env["TEMPL_DEV_MODE"] = "1" }, false, func() { env["TEMPL_DEV_MODE"] = "true" }, saved, rebuild},
		{"another environment by now", "<p>\na\\tb", func() { runs = false }, false, func() { runs = true }, saved, rebuild},
		{"outside of what is watched", "<p>\na\\tb", func() { env["TEMPL_DEV_MODE_WATCH_ROOT"] = texts }, false, func() { env["TEMPL_DEV_MODE_WATCH_ROOT"] = root }, saved, rebuild},
		{"inside", "<p>\na\\tb", nil, true, nil, saved, rebuild},
	} {
		testkit.Write(t, path, c.file)
		if c.set != nil {
			c.set()
		}
		e := s.onlyTexts(c.e, file, c.texts)
		if only := e.Kind == plan.Reload && e.Texts; only != c.only || !only && e != c.e {
			t.Errorf("%s: %+v", c.name, e)
		}
		if c.undo != nil {
			c.undo()
		}
	}
}

// A program of templ reads the file of its texts at most once in 100 ms. A page that loads again
// earlier than that could show the texts from before, so the plan is to reload it after that.
func TestTextsAreRead(t *testing.T) {
	texts := t.TempDir()
	file := filepath.Join(t.TempDir(), "hi_templ.go")
	testkit.Write(t, file, templHead)
	env := map[string]string{"TEMPL_DEV_MODE": "true", "TEMPL_DEV_MODE_ROOT": texts}
	s := &Subject{runsWithThis: func() bool { return true }, given: func(name string) string { return env[name] }}
	path, _ := s.textFile(file)
	after := func() time.Duration {
		t.Helper()
		e := s.onlyTexts(plan.Effect{Kind: plan.Rebuild, Rule: plan.NoRule, Input: true}, file, []string{"new"})
		if !e.Texts {
			t.Errorf("%+v", e)
		}
		return e.After
	}
	testkit.Write(t, path, "new")
	fi, err := os.Stat(path)
	if d := after(); err != nil || time.Now().Add(d).Before(fi.ModTime().Add(100*time.Millisecond)) {
		t.Errorf("%v: reloaded after %s, although the texts are %s old", err, d, time.Since(fi.ModTime()))
	}
	// Texts that have been there for long delay nothing, and neither does a wrong clock.
	if err := os.Chtimes(path, time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if d := after(); d > 0 {
		t.Errorf("texts of an hour ago: reloaded after %s", d)
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if d := after(); d > textsCache {
		t.Errorf("texts of the future: reloaded after %s", d)
	}
}

// The name of the file of texts is made from the path as templ writes it, also on Windows.
func TestTemplName(t *testing.T) {
	for path, want := range map[string]string{
		"/home/me/site/a.templ": "/home/me/site/a.templ", `C:\Users\me\a.templ`: "/c/Users/me/a.templ",
		`\\server\share\a.templ`: "//server/share/a.templ", "/odd:name/a.templ": "/odd:name/a.templ",
	} {
		if got := templName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What why says of a generated file: that an edit of texts leads to less, where the program runs like that.
func TestWhyTexts(t *testing.T) {
	dev := map[string]string{"TEMPL_DEV_MODE": "true"}
	if got := whyTexts("/a_templ.go", dev); !strings.Contains(got, "reloaded instead") {
		t.Errorf("%q", got)
	}
	for path, env := range map[string]map[string]string{"/a.go": dev, "/a_templ.go": {"TEMPL_DEV_MODE": "false"}, "/b_templ.go": nil} {
		if got := whyTexts(path, env); got != "" {
			t.Errorf("%s, %v: %q", path, env, got)
		}
	}
}
