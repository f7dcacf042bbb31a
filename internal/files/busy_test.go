package files

import (
	"errors"
	"testing"
	"time"
)

// N5 (8): a file that a virus scanner holds is waited for, as long as the go command does, and
// nothing else is.
func TestPatiently(t *testing.T) {
	held, other := errors.New("sharing violation"), errors.New("no such file")
	busy := func(err error) bool { return err == held }
	for _, c := range []struct {
		name  string
		errs  []error // of one try after another; the last one of all others
		tries int
		want  error
		slept time.Duration
	}{
		{"at once", []error{nil}, 1, nil, 0},
		{"after three tries", []error{held, held, held, nil}, 4, nil, 7 * time.Millisecond},
		{"another error", []error{other}, 1, other, 0},
		{"another error in between", []error{held, other}, 2, other, time.Millisecond},
		{"for good", []error{held}, 12, held, busyTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			tries, slept := 0, time.Duration(0)
			err := patiently(busy, func(d time.Duration) { slept += d }, func() error {
				tries++
				return c.errs[min(tries, len(c.errs))-1]
			})
			if err != c.want || tries != c.tries || slept != c.slept {
				t.Errorf("%v after %d tries and %v, want %v after %d and %v", err, tries, slept, c.want, c.tries, c.slept)
			}
		})
	}
}
