package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: Parse never panics, every error has a place inside the file, and what loads
// prints a file that loads back to an equal config.
func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(everything)
	f.Add(uncomment(exampleText()))
	for _, seed := range []string{
		"[[rules]]\npaths = [\"./a\", \".//b\", \"./!c\"]\n", "[services.a]\nrun.env.\"\\u0000\" = \"\"\n", "[watch]\nexclude=[\"a/\",\"./\"]\n",
		"run = { command = [\"\"] }", "[services]\n[services.a]\n[[services.a.rules]]\n", "[build]\nbefore=[[[]]]\n", "rules=[[]]", "rules=[{}]",
		"[a]\n[[a]]\n[a.b]\n", "[[services.a]]\n", "a.b=1\na=2\n", "run.dir='''\nx'''\n", "x = [1, 2", "[run]\ndir = \"\\U0001F600\\u202e\\u007f\"\n",
		"[[a.b]]\n[a.b.c]\n[[a.b.c]]", "watch.debounce=\"1h0m0.5s\"", "services.a={}\n[services.a.b]\n", "run.listen=[\"a=:1\",\"unix:x\"]", "\"\"=1\n\"\".\"\"=2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse([]byte(text), "f")
		if err != nil {
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 || c != nil {
				t.Fatalf("%T, %v", err, c)
			}
			lines := len(splitLines([]byte(text)))
			for _, e := range errs {
				if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Column > len(e.Source)+2 || e.Message == "" || strings.Contains(e.Message, "\n") {
					t.Errorf("bad place or text: %+v", e)
				}
			}
			_ = errs.Detail()
			return
		}
		out := c.TOML()
		back, err := Parse(out, "f")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(c, back, sameConfig); diff != "" {
			t.Fatalf("(-config +loaded back):\n%s\n%s", diff, out)
		}
		if short, err := Parse(c.Differences(), "f"); err != nil || !cmp.Equal(c, short, sameConfig) {
			t.Fatalf("%v: the differences are another config:\n%s", err, c.Differences())
		}
		if _, err := c.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
		c.Notes()
	})
}

// FuzzSet: Set never panics, and what it accepted still prints a file that loads back,
// unless Finish objects.
func FuzzSet(f *testing.F) {
	for _, seed := range []string{"build.race=true", "run.env.A=b", "services.api.run.env.\"x.y\"=1", "rules=[{paths=['a']}]", "a.b.c.d=1", "services.api=1", "services.api.needs=['db']", "run.env={a='b'}", "run.env.a.b=c", "run={env={A='1'}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, set string) {
		c, err := Parse([]byte("[run]\nenv = { A = \"1\" }\n[services.api]\n[services.db]\n"), "f")
		if err != nil {
			t.Fatal(err)
		}
		if c.Set(set) != nil || c.Finish() != nil {
			return
		}
		back, err := Parse(c.TOML(), "f")
		if err != nil {
			t.Fatalf("%s: %v\n%s", set, err, c.TOML())
		}
		if diff := cmp.Diff(c, back, sameConfig); diff != "" {
			t.Fatalf("%s (-config +loaded back):\n%s", set, diff)
		}
	})
}
