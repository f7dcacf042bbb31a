package engine

import (
	"slices"
	"testing"
)

// Programs that start together are given different ports. The kernel alone offers one
// again now and then: of 10,000 draws, dozens within so short a time.
func TestFreePorts(t *testing.T) {
	var p freePorts
	var all []string
	for range 10_000 {
		addr, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(all[max(0, len(all)-portsApart):], addr) {
			t.Fatalf("%s came twice, after %d others", addr, len(all))
		}
		all = append(all, addr)
	}
}
