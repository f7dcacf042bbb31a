package envfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/joho/godotenv"
)

// What people write is read as godotenv reads it.
func TestRead(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                     {},
		"# only a comment":                     {},
		"A=1\n# c\n\nexport B = two # c\nC: 3": {"A": "1", "B": "two", "C": "3"},
		"\uFEFFA=1\nB=2\n":                     {"A": "1", "B": "2"},
		"\xff\xfeA\x00=\x001\x00\r\x00\n\x00":  {"A": "1"},
		"A=1\r\nB=\"2\"\r\n":                   {"A": "1", "B": "2"},
		"A=\nB=''\nC=\"\"":                     {"A": "", "B": "", "C": ""},
		"A=\"one\ntwo\" # c\nB='x y'\n":        {"A": "one\ntwo", "B": "x y"},
		`A="a \"b\" c"` + "\nB=$A":             {"A": `a "b" c`, "B": `a "b" c`},
		"a.b_C9=http://x?y=z#w":                {"a.b_C9": "http://x?y=z#w"},
		"K=ключ\nÉ=1":                          nil, // a name of one byte letters alone
	} {
		got, err := parse([]byte(text))
		if want == nil {
			if err == nil {
				t.Errorf("%q: %q", text, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// E5: a mistake has its line and what was expected, and nothing of the text.
func TestMistakes(t *testing.T) {
	const secret = "hunter2"
	for text, want := range map[string]string{
		"A=1\nNAME=\"" + secret:                      "2: the quote that is opened here is not closed",
		"NAME='" + secret + "\nB=1\n":                "1: the quote that is opened here is not closed",
		"A=1\nNAME=\"" + secret + "\nB=\"1\"\nC=2\n": "2: the quote that is opened here is closed in line 3",
		"A=1\n\n# c\n" + secret + "\nB=1\n":          "4: expected NAME=value",
		"A=1\n" + secret:                             "2: expected NAME=value",
		"A-B=" + secret:                              "1: expected NAME=value",
		"A=\"1\" " + secret + "\nB=2":                "1: expected NAME=value",
		"A=1\r\n<" + secret + ">\r\n":                "2: expected NAME=value",
		"=" + secret:                                 "1: expected a name",
		"A=\"x\ny\"\n<" + secret:                     "3: expected NAME=value", // the quote was right
		"\xff\xfeA\x00=\x00" + secret:                " is UTF-16",
		"\xfe\xff\x00A\x00=" + secret:                " is UTF-16",
		"\xff\xfe<\x00" + secret + "\x00":            "1: expected NAME=value",
		"A\x00=\x001\x00" + secret:                   "1: there is a NUL byte",
		"A=1\nB=" + secret + "\x00":                  "2: there is a NUL byte",
		"A=1\nB=" + strings.Repeat("x", 128<<10):     "2: the value is too long",
		"A=" + strings.Repeat("x", 1000) + "\nB=" + strings.Repeat("$A", 100) + "\nC=" + strings.Repeat("$B", 100): "3: the value is too long",
	} {
		values, err := parse([]byte(text))
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), secret) || values != nil {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "huge"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": " is a directory", "huge": " is larger than 1 MiB"} {
		if _, err := Read(filepath.Join(dir, name)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What is found right here is right for godotenv.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"A=1\nexport B='2'\n", "A=\"x\\\"\ny\" # c\nB:$A", "export =", "a b=c\rd=e", "\u00a0A=1", "A=\"1\"B=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := walk([]byte(text))
		if err != nil || strings.Contains(text, "\r\n") { // it changes these before
			return
		}
		values, err := godotenv.Unmarshal(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for name := range values {
			if lines[name] == 0 {
				t.Errorf("%q: no line of %q", text, name)
			}
		}
	})
}
