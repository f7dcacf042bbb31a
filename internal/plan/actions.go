package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Action is something to be done. Each one that takes time reports back as an input.
type Action interface{ action() }

type (
	// Build asks for a build; BuildDone follows. Builds of one group that are asked for
	// in one step can be made together; each has its own BuildDone.
	Build struct {
		Service    string
		Generation int
	}

	// CancelBuild ends the running build or rule commands of a service; its
	// BuildDone or RulesDone still follows.
	CancelBuild struct {
		Service    string
		Generation int
	}

	// KillBuilds kills what is left of the canceled builds and commands of all services.
	KillBuilds struct{}

	// RunRules asks for the commands of rules, in order; RulesDone follows.
	RunRules struct {
		Service    string
		Generation int
		Rules      []int
		Changed    map[int][]string // by rule: what changed since its command last succeeded; none: not known
	}

	// Launch asks for a process; Launched follows, then ReadyIs, Ended and Gone.
	Launch struct {
		Service    string
		Launch     int // numbers the launches of a service: the same program may be launched again
		Generation int
		Program    Program
	}

	// Stop ends a process and everything that it started: politely, or Now.
	Stop struct {
		Service string
		Launch  int
		Now     bool
	}

	// Promote means that a process takes over from the one next to which it was started:
	// new requests are for it. Stop of the other one follows.
	Promote struct {
		Service string
		Launch  int
	}

	// SendSignal sends a signal to a process group.
	SendSignal struct {
		Service string
		Launch  int
		Signal  string
	}

	// ReloadPages makes the browsers load the page, or its style sheets, again.
	ReloadPages struct {
		Service    string
		Generation int
		CSS        bool
	}

	// Arm starts a timer, or restarts it.
	Arm struct {
		Timer Timer
		After time.Duration
	}

	// Disarm stops a timer.
	Disarm struct{ Timer Timer }

	// Discard deletes a binary that is not used any more.
	Discard struct {
		Service string
		Binary  string
	}

	// Forget means that nothing is left of a service that the config no longer has.
	Forget struct{ Service string }

	// Say reports an event.
	Say struct{ Event event.Event }

	// Exit ends the session.
	Exit struct {
		Code   int
		Reason string
	}
)

func (Build) action()       {}
func (CancelBuild) action() {}
func (RunRules) action()    {}
func (KillBuilds) action()  {}
func (Launch) action()      {}
func (Stop) action()        {}
func (Promote) action()     {}
func (SendSignal) action()  {}
func (ReloadPages) action() {}
func (Arm) action()         {}
func (Disarm) action()      {}
func (Discard) action()     {}
func (Forget) action()      {}
func (Say) action()         {}
func (Exit) action()        {}
