package gocmd

import (
	"strings"
	"testing"
)

// TestParseCommand holds how a line of `go build -n` is taken apart.
func TestParseCommand(t *testing.T) {
	got, ok := parseCommand(`GOROOT='/usr/lib/go 1' X="a'b" /tool/link -o $WORK/b001/exe/a.out "-X=main.a=b c" "" -w $WORK/b001/_pkg_.a`)
	if !ok || strings.Join(got.Env, "|") != "GOROOT=/usr/lib/go 1|X=a'b" ||
		strings.Join(got.Argv, "|") != "/tool/link|-o|$WORK/b001/exe/a.out|-X=main.a=b c||-w|$WORK/b001/_pkg_.a" {
		t.Errorf("%v %q %q", ok, got.Env, got.Argv)
	}
	for _, line := range []string{`a "b`, `A='b`, `a "b"c`} {
		if _, ok := parseCommand(line); ok {
			t.Errorf("%s was understood", line)
		}
	}
}
