package plan

import "time"

// wants is what is asked for and not done yet. The zero value asks for nothing.
//
// There are three ways to ask for a new state of a service. All begin a new generation:
//
//   - wantBuild: the files changed. If the build makes the program that runs, or the files
//     change back, nothing is restarted. A service that builds nothing is restarted.
//   - wantFreshBuild: as wantBuild, but no undo calls it off, because something else than the
//     content of known files asks for it (a command, files that were found newer than a build).
//   - wantRestart: a new process of the program that is good by then, even if it is the same.
//
// replaceProcess joins a restart to a build that was asked for.
type wants struct {
	build   bool
	restart bool // replace the process even if the program is the same
	start   startKind
	oneMore bool // build once more: an input changed while commands were running

	rules    []int                   // rules whose commands run before all else
	triggers map[int]map[string]bool // by rule: the changed paths that its command has not seen yet
	signals  []string
	reload   reloadKind
	apart    reloadKind // the part of reload that is for files without a command
	shownAt  time.Time  // not before this is anything reloaded; zero: at once
}

// startKind says whether the good program is to be started: nothing runs, or (start-first)
// something older.
type startKind int

const (
	noStart    startKind = iota
	startGood            // unless something newer is wanted
	startOlder           // also then: saves that never end would keep it from ever being started
)

// atLeastStart asks for a start.
func (w *wants) atLeastStart() { w.start = max(w.start, startGood) }

// reloadKind is what the browsers are to load again once the burst is over.
type reloadKind int

const (
	reloadNothing reloadKind = iota
	reloadCSS
	reloadPage
)

func (svc *service) newGeneration(at time.Time) {
	svc.gen++
	svc.since = at
	svc.backoff = 0
}

func (svc *service) wantBuild(at time.Time) {
	svc.newGeneration(at)
	if !svc.Builds {
		svc.replaceProcess()
		return
	}
	svc.wants.build = true
	if r := svc.programs.result; r != nil && !r.older {
		svc.programs.result = nil
	}
}

func (svc *service) wantFreshBuild(at time.Time) {
	svc.wantBuild(at)
	svc.burst.source, svc.edits.trusted = parses, false
}

func (svc *service) wantRestart(at time.Time) {
	svc.newGeneration(at)
	svc.replaceProcess()
}

func (svc *service) replaceProcess() {
	// One that was started while this was wanted (paused) is from before what is asked for now.
	if !svc.wants.restart || svc.proc != nil && svc.proc.restarts == svc.restarts {
		svc.restarts++
	}
	svc.wants.restart = true
}

// pending reports whether something that was asked for is not live yet.
func (svc *service) pending() bool {
	return svc.building() || svc.starting()
}

// building reports whether a build is wanted, under way or waits to be used.
func (svc *service) building() bool {
	return svc.wants.build || svc.job != nil || svc.programs.result != nil
}

// starting reports whether a process is wanted.
func (svc *service) starting() bool {
	return svc.wants.restart || svc.wants.start != noStart
}

// There are three ways to call off what was asked for: the build, the start, or everything.

// dropBuild calls off the build: the files are what they were, or there is nothing to build any
// more. What else was asked for is still done.
func (s *State) dropBuild(svc *service) {
	svc.wants.build, svc.wants.oneMore, svc.programs.result = false, false, nil
	svc.overtaken.since = time.Time{}
	s.cancel(svc)
}

// dropStart calls off the start or restart, and the job that would lead to one. Changes are still
// remembered.
func (s *State) dropStart(svc *service) {
	svc.wants.restart, svc.wants.start, svc.programs.fallback = false, noStart, nil
	svc.overtaken.since = time.Time{}
	s.forgetLoops(svc)
	s.cancel(svc)
	s.do(Disarm{Timer{svc.Name, Backoff}})
}

// dropAll calls off everything: the session ends, or the service leaves.
func (s *State) dropAll(svc *service) {
	svc.wants, svc.programs.result, svc.programs.fallback = wants{}, nil, nil
	s.forgetLoops(svc)
	s.cancel(svc)
	s.do(Disarm{Timer{svc.Name, SlowBuild}})
	s.do(Disarm{Timer{svc.Name, Backoff}})
}
