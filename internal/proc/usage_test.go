package proc

import (
	"strings"
	"testing"
	"time"
)

// What ps prints on macOS and elsewhere is added up for one group.
func TestParsePs(t *testing.T) {
	const out = "  501  1024   0:01.50\n  77   4   1:00:00.00\n  501  2048   2:10.25\n501 8 1-00:00:01\n"
	u, ok := parsePs(out, 501)
	if want := (Usage{25*time.Hour - time.Hour + 132750*time.Millisecond, 3080 << 10}); !ok || u != want {
		t.Errorf("%+v, %v, want %+v", u, ok, want)
	}
	if u, ok := parsePs("501 4 0:01,50\n", 501); !ok || u.CPU != 1500*time.Millisecond {
		t.Errorf("a comma: %+v, %v", u, ok)
	}
	for _, bad := range []string{"", "501 4\n", "7 4 0:01\n", "501 x 0:01\n", "501 4 x\n", "501 4 1:2:3:4\n", "501 4 x-0:01\n"} {
		if u, ok := parsePs(bad, 501); ok {
			t.Errorf("%q: %+v", bad, u)
		}
	}
}

// N5: the arguments of ps mean the same everywhere: by POSIX, a column whose title is given is the last one of its argument.
func TestPsArgs(t *testing.T) {
	columns := 0
	for i, a := range psArgs {
		if i > 0 && psArgs[i-1] == "-o" {
			columns++
			if name, title, given := strings.Cut(a, "="); name == "" || !given || title != "" || strings.Contains(name, ",") {
				t.Errorf("-o %s is not one column without a title", a)
			}
		}
	}
	if columns != 3 {
		t.Errorf("%d columns, want those that parsePs reads", columns)
	}
}
