package launch

import (
	"slices"
	"testing"
)

// N5 (23): colours where a program sees pipes, and the user's word about them.
func TestWithColor(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want bool
	}{
		{nil, true},
		{[]string{"A=1", "TERM=xterm"}, true},
		{[]string{"NO_COLOR=1"}, false},
		{[]string{"FORCE_COLOR=0"}, false},
		{[]string{"CLICOLOR_FORCE=0"}, false},
		{[]string{"CLICOLOR=0"}, false},
	} {
		want := slices.Clone(c.env)
		if c.want {
			want = append(want, "CLICOLOR_FORCE=1", "FORCE_COLOR=1")
		}
		if got := withColor(c.env); !slices.Equal(got, want) {
			t.Errorf("%q: %q", c.env, got)
		}
	}
}
