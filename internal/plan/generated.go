package plan

import "time"

// maxBlamed is how often a person's file ends the commands that may have written it.
const maxBlamed = 2

// writers is who writes the inputs, as far as their changes show. A file that also changed while
// no command of ours ran is a person's; one that changes only while they run is generated.
type writers struct {
	saved     map[string]int  // a person's files: how often each has ended commands since then
	generated map[string]bool // true: it was written in a second build, too
}

// absorbs reports whether a changed input is part of the newest build because one of our own
// commands wrote it, so that building for it would never end (CompileDaemon#67).
//
// A file that also changes while no command runs is a person's: its change is a save, and
// ends the commands, which may have read it already. Any other one counts as generated.
// The first time one more build follows, because it could be a save; if the
// file is not written in that build, it was. A build that has just ended counts too: with
// polling, or a short build, the change is seen only then.
func (svc *service) absorbs(c Change, now time.Time) bool {
	known := &svc.writers
	j := svc.writer(c.At)
	if j == nil {
		known.saved[c.Path] = 0
		delete(known.generated, c.Path)
		return false
	}
	j.wrote(c.Path)
	sure, seen := known.generated[c.Path]
	blamed, personal := known.saved[c.Path]
	switch {
	case c.Generated || sure:
		known.generated[c.Path] = true
		return true
	case personal && blamed < maxBlamed:
		known.saved[c.Path]++
		return false
	case j == svc.job && j.compiling.IsZero() && now.Sub(j.writes) > slowBuildAfter:
		return false // they may hang, and a save is the way to end them
	case !seen:
		known.generated[c.Path] = false
		// A build after the commands of rules does not run them again, and has the change.
		if svc.Before && !j.retry {
			svc.wants.oneMore = true
		}
	default:
		known.generated[c.Path] = true
	}
	delete(known.saved, c.Path)
	return true
}

// writer is the job whose commands may have written a file at that time; nil if there is none.
func (svc *service) writer(at time.Time) *job {
	for _, j := range []*job{svc.job, svc.recent.job} {
		if j != nil && j.mayHaveWritten(at) {
			return j
		}
	}
	return nil
}

// mayHaveWritten reports whether a change made at that time can be the work of the
// commands that run before the job's compiler, and was there when that began.
func (j *job) mayHaveWritten(at time.Time) bool {
	if j.fate == canceled || !j.generates || !j.leadsToBuild() || at.Before(j.writes.Add(-clockSlack)) {
		return false
	}
	return j.compiling.IsZero() || !at.After(j.compiling)
}

// wrote notes an input that was written while the job's commands ran.
func (j *job) wrote(path string) {
	if j.own == nil {
		j.own = map[string]bool{}
	}
	j.own[path] = true
}

// decideGenerated decides about the files that counted as generated in the build before the
// newest: the newest has written them too, or they are not.
func (svc *service) decideGenerated() {
	j := svc.recent.build
	if j == nil || !j.retry || !j.generates {
		return
	}
	for p, sure := range svc.writers.generated {
		switch {
		case sure:
		case j.own[p]:
			svc.writers.generated[p] = true
		default:
			delete(svc.writers.generated, p)
		}
	}
}

// writingSince is since when the commands of a job that starts now may have been writing: what a
// canceled one wrote may be seen only now.
func (s *State) writingSince(svc *service) time.Time {
	if j := svc.recent.job; j != nil && j.fate == canceled && j.generates {
		return j.writes
	}
	return s.now
}
