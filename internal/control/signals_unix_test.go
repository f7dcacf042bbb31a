//go:build unix

package control

import (
	"testing"
	"time"
)

// T1, T2: a Ctrl-C that who started hotreload passes on is no second one, because go tool and
// npm do that; one that a person presses is.
func TestPressed(t *testing.T) {
	var c ctrlC
	at := time.Now()
	for i, x := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true},
		{20 * time.Millisecond, false},
		{echo - 1, false},
		{echo, true},
		{echo + 20*time.Millisecond, false},
		{2 * echo, true},
	} {
		if got := c.pressed(at.Add(x.after)); got != x.want {
			t.Errorf("SIGINT %d, after %v: %t", i, x.after, got)
		}
	}
}
