//go:build unix

package main

import (
	"slices"
	"time"
)

// sample is a series of durations of one tool in one run.
type sample []time.Duration

// median is the middle value; of an even number the mean of the two in the middle.
// A run is summed up by its median, because the noise of a machine has only one direction.
func (s sample) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	t := slices.Sorted(slices.Values(s))
	m := len(t) / 2
	if len(t)%2 == 1 {
		return t[m]
	}
	return (t[m-1] + t[m]) / 2
}

// min is the fastest value: what the machine can do when nothing else disturbs it.
func (s sample) min() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// max is the slowest value.
func (s sample) max() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// ratio is the quotient of two durations; 0 if there is nothing to divide by.
func ratio(a, b time.Duration) float64 {
	if b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// pairedRatio is the median of the quotients within each round. Both values of a
// round were measured within seconds of each other, so a load on the machine that
// comes and goes over minutes cancels out.
func pairedRatio(a, b map[int]time.Duration) float64 {
	var q []float64
	for round, x := range a {
		if y, ok := b[round]; ok && y > 0 {
			q = append(q, float64(x)/float64(y))
		}
	}
	if len(q) == 0 {
		return 0
	}
	slices.Sort(q)
	m := len(q) / 2
	if len(q)%2 == 1 {
		return q[m]
	}
	return (q[m-1] + q[m]) / 2
}

// mean of whole numbers.
func mean(v []int) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0
	for _, x := range v {
		sum += x
	}
	return float64(sum) / float64(len(v))
}
