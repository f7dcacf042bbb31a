package plan

import (
	"slices"
	"time"
)

// clockSlack is how far the times of files may be off: they come from a clock that ticks every
// 4 ms or so, and lag.
const clockSlack = 10 * time.Millisecond

// State is all that a session knows. It is owned by one goroutine.
type State struct {
	opt      Options
	services []*service // in the order of the config, those that leave last
	begun    bool       // Begin has come
	paused   paused
	end      end
	past     map[string]past // services that have left

	// Of the current step.
	now       time.Time
	out       []Action
	joined    map[string]int // by group: the slot of the builds begun in this step
	following bool           // changes that waited in a loop are acted upon

	slots int // given to jobs so far
}

// past is what is kept of a service that has left: if it comes back, its numbers
// go on, so that nothing old is mistaken for something new.
type past struct{ gen, launch int }

// service is the state of one service.
type service struct {
	Service

	mode  mode
	added bool // it came by an edit of the config, and has not been started

	// What is wanted.
	gen      int       // newest wanted state
	since    time.Time // since when: the first event of the save, the command
	wants    wants
	restarts int // counts the reasons to replace the process, without those that were called off
	burst    burst
	edits    edits

	// Builds.
	job       *job // build or commands of rules under way
	recent    recent
	overtaken overtaken
	programs  programs
	failed    failed

	// Processes.
	proc     *process // the newest
	old      *process // start-first: what serves until proc is ready, and then ends; nil if proc is nil
	done     *process // of a job: the one that has done its work, until the next one is wanted
	launches int
	waits    waits
	backoff  time.Duration // how long the last restart had to wait

	// What changes follow from what we do.
	writers  writers
	feedback feedback

	// For reports.
	spans  []span
	parts  buildParts // of the newest build
	latest latest
}

// mode says whether a service takes part. That it is paused is not a mode: a pause belongs to
// the name of a service, and outlives it (see paused).
type mode int

const (
	active  mode = iota
	stopped      // by a command, until it is restarted
	leaving      // the config no longer has it
)

// recent are jobs that have ended.
type recent struct {
	job   *job // the newest
	build *job // the newest build that was not canceled, whether it failed or not
}

// failed is what has gone wrong with the newest state and is not fixed yet.
type failed struct {
	build bool // the newest build
	start bool // the newest program did not become ready; what runs, if anything does, is older

	// What was called off because the commands of rules failed: a build, a restart (the
	// generation that asked for it). The next commands that succeed make up for it.
	missedBuild   bool
	missedRestart int
}

// New returns the state of a session that has not begun.
func New(o Options) *State {
	if o.MaxBuilds == 0 {
		o.MaxBuilds = 2
	}
	s := &State{opt: o, past: map[string]past{}}
	for _, c := range o.Services {
		s.services = append(s.services, newService(c))
	}
	return s
}

func newService(c Service) *service {
	return &service{
		Service:  c,
		programs: programs{files: map[string]bool{}},
		edits:    edits{built: map[string]Sum{}, trusted: true},
		writers:  writers{saved: map[string]int{}, generated: map[string]bool{}},
		feedback: feedback{files: map[string]*loop{}},
	}
}

// find returns the service of that name, also one that is leaving.
func (s *State) find(name string) *service {
	for _, svc := range s.services {
		if svc.Name == name {
			return svc
		}
	}
	return nil
}

// do adds an action to the answer of the step.
func (s *State) do(a Action) { s.out = append(s.out, a) }

// union is a, and what b has besides.
func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
