package gograph

import (
	"context"
	"testing"
	"time"
)

// E6: the search below a directory ends, whatever is there, and says that it is not complete.
func TestFindBelowEnds(t *testing.T) {
	dir := project(t, "-- a/go.mod --\nmodule a\n-- a/main.go --\npackage main\n\nfunc main() {}\n-- b/c/d/go.mod --\nmodule d\n-- b/x.txt --\n-- b/y.txt --\n")
	later := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name           string
		limit          int
		end            time.Time
		modules, mains int
		complete       bool
	}{
		{"everything", 1000, later, 2, 1, true},
		{"the nearest first", 4, later, 1, 1, false},
		{"no time", 1000, time.Now(), 0, 0, false},
	} {
		b, err := findBelow(context.Background(), Options{Dir: dir, Env: testEnv()}, c.limit, c.end)
		if err != nil || len(b.Modules) != c.modules || len(b.Mains) != c.mains || b.Complete != c.complete {
			t.Errorf("%s: %+v, %v", c.name, b, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := FindBelow(ctx, Options{Dir: dir, Env: testEnv()}); err != context.Canceled {
		t.Errorf("canceled: %v", err)
	}
}
