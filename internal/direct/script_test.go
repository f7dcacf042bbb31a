package direct

import (
	"strings"
	"testing"
)

// TestParseTool holds how a line of `go build -n` is taken apart.
func TestParseTool(t *testing.T) {
	got, ok := parseTool(`GOROOT='/usr/lib/go 1' X="a'b" /tool/link -o $WORK/b001/exe/a.out "-X=main.a=b c" "" -w $WORK/b001/_pkg_.a`)
	if !ok || strings.Join(got.env, "|") != "GOROOT=/usr/lib/go 1|X=a'b" ||
		strings.Join(got.argv, "|") != "/tool/link|-o|$WORK/b001/exe/a.out|-X=main.a=b c||-w|$WORK/b001/_pkg_.a" {
		t.Errorf("%v %q %q", ok, got.env, got.argv)
	}
	for _, line := range []string{`a "b`, `A='b`, `a "b"c`} {
		if _, ok := parseTool(line); ok {
			t.Errorf("%s was understood", line)
		}
	}
}
