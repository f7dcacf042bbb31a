package cli

import "testing"

// E6, N5: words of a command that a person copies, for the shells of both kinds of systems.
func TestQuoted(t *testing.T) {
	unix := quotes{plain: "_-./:=@%+,", quote: "'", within: `'\''`}
	windows := quotes{plain: `_-./\:=+`, quote: `"`, within: `\"`}
	for _, c := range []struct{ word, unix, windows string }{
		{"./cmd/x", "./cmd/x", "./cmd/x"},
		{"svc/b b", "'svc/b b'", `"svc/b b"`},
		{`C:\work\shop`, `'C:\work\shop'`, `C:\work\shop`},
		{`C:\my shop`, `'C:\my shop'`, `"C:\my shop"`},
		{"", "''", `""`},
		{"it's", `'it'\''s'`, `"it's"`},
		{`say="a"`, `'say="a"'`, `"say=\"a\""`},
		{"a,b", "a,b", `"a,b"`},
		{"grün", "grün", "grün"},
	} {
		if got := quoted(c.word, unix); got != c.unix {
			t.Errorf("%q in sh: %s, want %s", c.word, got, c.unix)
		}
		if got := quoted(c.word, windows); got != c.windows {
			t.Errorf("%q in cmd.exe: %s, want %s", c.word, got, c.windows)
		}
	}
	if shellQuotes != unix && shellQuotes != windows {
		t.Errorf("%+v", shellQuotes)
	}
}
