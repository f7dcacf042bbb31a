//go:build unix

package main

import (
	"math"
	"testing"
	"time"
)

const msec = time.Millisecond

func TestSample(t *testing.T) {
	for _, c := range []struct {
		s                sample
		median, min, max time.Duration
	}{
		{nil, 0, 0, 0},
		{sample{7 * msec}, 7 * msec, 7 * msec, 7 * msec},
		{sample{9 * msec, 1 * msec, 5 * msec}, 5 * msec, 1 * msec, 9 * msec},
		{sample{9 * msec, 1 * msec, 5 * msec, 2 * msec}, 3500 * time.Microsecond, 1 * msec, 9 * msec},
	} {
		if got := c.s.median(); got != c.median {
			t.Errorf("median of %v: %v, want %v", c.s, got, c.median)
		}
		if c.s.min() != c.min || c.s.max() != c.max {
			t.Errorf("bounds of %v: %v, %v", c.s, c.s.min(), c.s.max())
		}
	}
	s := sample{3, 1, 2}
	s.median()
	if s[0] != 3 {
		t.Error("median sorted the sample itself")
	}
}

func TestPairedRatio(t *testing.T) {
	// The machine is ten times slower in round 3: the medians are torn, the pairs are not.
	hand := map[int]time.Duration{1: 100, 2: 100, 3: 1000}
	tool := map[int]time.Duration{1: 50, 3: 500, 4: 7}
	if got := pairedRatio(tool, hand); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("got %v, want 0.5", got)
	}
	if got := pairedRatio(tool, nil); got != 0 {
		t.Errorf("without a partner: %v", got)
	}
	if got := ratio(30, 60); got != 0.5 {
		t.Errorf("ratio: %v", got)
	}
	if got := ratio(30, 0); got != 0 {
		t.Errorf("ratio to nothing: %v", got)
	}
	if got := mean([]int{1, 2}); got != 1.5 {
		t.Errorf("mean: %v", got)
	}
}
