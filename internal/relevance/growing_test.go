package relevance

import (
	"testing"
	"time"
)

// L3: a change goes on with the one before if that was in an earlier burst, and just before. A
// file that is saved in one go is not waited for, in however many writes of one burst.
func TestPieces(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	p := pieces{}
	for i, step := range []struct {
		after time.Duration
		path  string // "": the burst is closed
		want  bool
	}{
		{0, "a.go", false},
		{5 * time.Millisecond, "a.go", false}, // truncated and written
		{20 * time.Millisecond, "", false},
		{80 * time.Millisecond, "b.go", false},
		{0, "a.go", true},
		{5 * time.Millisecond, "a.go", true},
		{20 * time.Millisecond, "", false},
		{growing - 30*time.Millisecond, "a.go", true},
		{0, "", false},
		{growing, "a.go", false},
		{0, "", false},
		{growing, "", false},
	} {
		now = now.Add(step.after)
		if step.path == "" {
			p.close(now)
		} else if got := p.next(step.path, now); got != step.want {
			t.Errorf("step %d, %s: %v", i, step.path, got)
		}
	}
	if len(p) != 0 {
		t.Errorf("kept: %v", p)
	}
}
