package config

import (
	"strings"
	"testing"
)

// C1, T8: two services cannot share one standard input.
func TestStdinOfOneService(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[run]\nstdin = \"app\"\n", ""},
		{"[run]\nstdin = \"app\"\n[services.a]\n[services.b]\n", `2:9: run.stdin: only one service can have the standard input, not a, b`},
		{"[services.a]\nrun.stdin = \"app\"\n[services.b]\n", ""},
		{"[services.a]\nrun.stdin = \"app\"\n[services.b]\nrun.stdin = \"interactive\"\n", `4:13: run.stdin: only one service`},
		{"[services.a]\nrun.stdin = \"none\"\n[services.b]\nrun.stdin = \"keys\"\n", ""},
	} {
		_, err := Parse([]byte(c.text), "/p/"+FileName)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
