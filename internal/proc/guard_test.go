package proc

import "testing"

func TestRecord(t *testing.T) {
	for _, r := range []record{
		{op: '+', pid: 42, text: "abc-1"}, {op: '-', pid: 42},
		{op: 'd', text: "/tmp/with \"quotes\"\nand lines"}, {op: 'x', text: "/tmp/\xff"},
	} {
		if got, ok := parseRecord(r.String()); !ok || got != r {
			t.Errorf("%q: %+v %v", r.String(), got, ok)
		}
	}
	for _, s := range []string{
		"", "\n", "+42 abc", // incomplete: the writer was killed
		"+1 a\n", "+0 a\n", "--1\n", "+-5 a\n", "+x a\n", "d/tmp\n", "?1\n", // would hit everybody, or nonsense
	} {
		if r, ok := parseRecord(s); ok {
			t.Errorf("%q accepted as %+v", s, r)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("+42 abc\n")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseRecord(s); ok && (r.op == '+' || r.op == '-') && r.pid <= 1 {
			t.Errorf("%q: %+v", s, r)
		}
	})
}
