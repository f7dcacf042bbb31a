package gocmd

import (
	"slices"
	"testing"
)

func TestSplitJoin(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil}, {"  \t\n ", nil}, {"a b", []string{"a", "b"}}, {`'a b' "c d"`, []string{"a b", "c d"}},
		{`-X=a='b c'`, []string{"-X=a='b", "c'"}}, {`'-X a=b c'-d`, []string{"-X a=b c", "-d"}}, {`"it's"`, []string{"it's"}}, {`''`, []string{""}},
		{`a'b"c`, []string{`a'b"c`}},
	} {
		got, err := Split(c.in)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("Split(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
		joined, err := Join(got)
		if err != nil {
			t.Errorf("Join(%q): %v", got, err)
			continue
		}
		if again, err := Split(joined); err != nil || !slices.Equal(again, got) {
			t.Errorf("Split(Join(%q)) = %q, %v", got, again, err)
		}
	}
	if words, err := Split(`a 'b`); err == nil || !slices.Equal(words, []string{"a"}) {
		t.Errorf("an unterminated quote: %q, %v", words, err)
	}
	if s, err := Join([]string{`a b'c"d`}); err == nil {
		t.Errorf("what cannot be quoted became %q", s)
	}
}

// FuzzSplitJoin: what is joined is split into the same words.
func FuzzSplitJoin(f *testing.F) {
	f.Add(`a 'b c' "d'e" f'g`)
	f.Fuzz(func(t *testing.T, s string) {
		words, err := Split(s)
		if err != nil {
			return
		}
		joined, err := Join(words)
		if err != nil {
			return
		}
		if again, err := Split(joined); err != nil || !slices.Equal(again, words) {
			t.Errorf("%q -> %q -> %q -> %q, %v", s, words, joined, again, err)
		}
	})
}
