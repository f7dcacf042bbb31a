package plan

import (
	"slices"
	"sort"
	"time"
)

// programs are the built programs that are kept.
type programs struct {
	texts    time.Time       // when texts were changed that the program reads and was not built with; zero: it was
	good     *Program        // the newest that was built and is, or was, to run
	result   *result         // a newer one that waits until it can be used
	lastLive *Program        // with rollback: the one that was live last
	fallback *Program        // with rollback: what is started next, in place of the good one
	files    map[string]bool // their binaries on disk
}

// result is what a build that succeeded has made.
type result struct {
	program Program
	at      time.Time
	older   bool // something newer was wanted already when it was built
}

// unchanged is the process that already is this program, and runs or has done its work;
// nil if none is.
func (svc *service) unchanged(p Program) *process {
	for _, q := range append(svc.procs(), svc.done) {
		// One that goes on because its successor did not become ready may have missed a restart.
		if q != nil && (q.alive() || q == svc.done) && q.program.same(p) && q.restarts == svc.restarts {
			return q
		}
	}
	return nil
}

// useResult makes the result that waits the good program.
func (s *State) useResult(svc *service) {
	r := svc.programs.result
	svc.programs.result, svc.programs.fallback = nil, nil
	if !r.older { // else a newer build is wanted, or has failed since
		svc.failed.build, svc.failed.missedBuild = false, false
	}
	same := svc.unchanged(r.program)
	if svc.wants.restart {
		same = nil
	}
	svc.wants.restart = false
	// How an older one differs from the newest saves is not known.
	svc.edits = edits{built: map[string]Sum{}, trusted: !r.older, at: r.at}
	if same == nil {
		svc.programs.good, svc.wants.start, svc.done = &r.program, startGood, nil
		if svc.wants.build {
			svc.wants.start = startOlder
		}
		return
	}
	// The running process stays with the file that it was started from.
	svc.programs.good, svc.wants.start, svc.failed.start = &same.program, noStart, false
	svc.waits = waits{}
	if same == svc.old {
		s.stop(svc, svc.proc, false) // what was to take its place is not wanted any more
	}
}

// collect discards binaries that are not used any more: all but those of the programs that are
// kept, and those that run.
func (s *State) collect(svc *service) {
	if len(svc.programs.files) == 0 {
		return
	}
	if !svc.Rollback {
		svc.programs.lastLive = nil
	}
	kept := svc.keptBinaries()
	var drop []string
	for f := range svc.programs.files {
		if !slices.Contains(kept, f) {
			drop = append(drop, f)
		}
	}
	sort.Strings(drop)
	for _, f := range drop {
		delete(svc.programs.files, f)
		s.do(Discard{svc.Name, f})
	}
}

func (svc *service) keptBinaries() (kept []string) {
	for _, p := range []*Program{svc.programs.good, svc.programs.lastLive, svc.programs.fallback} {
		if p != nil {
			kept = append(kept, p.Binary)
		}
	}
	for _, p := range svc.procs() {
		kept = append(kept, p.program.Binary)
	}
	if r := svc.programs.result; r != nil {
		kept = append(kept, r.program.Binary)
	}
	return kept
}
