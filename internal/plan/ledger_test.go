package plan

import (
	"testing"
	"time"
)

// The parts of the newest build are reported with it: never more than the build took, and not with a
// restart that nothing was built for.
func TestPartsOfTheBuild(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(1_000_000 + int64(ms)) }
	for name, c := range map[string]struct {
		since         int
		parts         buildParts
		compile, link int64
	}{
		"both":              {0, buildParts{at(300), 100, 150}, 100, 150},
		"not known":         {0, buildParts{at(300), 0, 0}, 0, 0},
		"more than a build": {0, buildParts{at(300), 400, 250}, 70, 250},
		"an earlier build":  {350, buildParts{at(300), 100, 150}, 0, 0},
	} {
		svc := &service{since: at(c.since), parts: c.parts}
		// The second one is the command of a rule.
		svc.spans = []span{{spanBuild, at(0), at(300)}, {spanBuild, at(360), at(380)}}
		l := svc.ledger(&process{started: at(400), readyAt: at(410)}, at(500))
		if l.CompileMS != c.compile || l.LinkMS != c.link {
			t.Errorf("%s: compile %d, link %d of %d", name, l.CompileMS, l.LinkMS, l.BuildMS)
		}
	}
}
