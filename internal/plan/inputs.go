package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Input is something that happened. How it changes the state is written in the file of its
// concern, as the method apply; what follows from the new state, in step.go.
type Input interface{ apply(s *State) }

type (
	// Begin starts the session: every service is wanted for the first time.
	Begin struct{}

	// Files is a batch of changes. An open batch may be followed by more of the
	// same burst; a batch that is not open closes the burst.
	Files struct {
		First   time.Time // first event of the burst
		Open    bool
		Solid   bool // every changed source file can be parsed: worth a speculative build
		Lost    bool // events were lost: what was known of the files' contents may be wrong
		Changes []Change
		// Undecided are services that a file of an open burst concerns, and what it means to
		// them is known only at the end of the burst.
		Undecided []string
	}

	// Touched asks for a build because files were changed in a way that no
	// change can describe: found newer than the build that should contain them.
	Touched struct {
		Service string
		Paths   []string
		Why     string
		At      time.Time
	}

	// Compiling means that the commands before the build have ended and that the
	// compiler starts now.
	Compiling struct {
		Service    string
		Generation int
		At         time.Time // taken before the compiler was started; zero: the time of the step
	}

	// Failing means that a build, or the commands of rules, have failed. The failure follows as
	// BuildDone or RulesDone, when it is certain that no file is still being written.
	Failing struct {
		Service    string
		Generation int
	}

	// BuildDone is the end of a build.
	BuildDone struct {
		Service    string
		Generation int
		Canceled   bool
		OK         bool
		Program    Program
		Finished   event.BuildFinished // what to report; OK, Unchanged and Serving are filled in here
		// Wrote has the inputs that the commands before the compiler wrote, also with the same content.
		Wrote []string
	}

	// RulesDone is the end of the commands of RunRules.
	RulesDone struct {
		Service    string
		Generation int
		OK         bool
		Canceled   bool
		Finished   event.BuildFinished // the failure, reported like that of a build
	}

	// Launched is the answer to Launch: a process runs, or Problem says why not.
	Launched struct {
		Service string
		Launch  int // number of the Launch
		PID     int
		Problem *event.Problem
	}

	// ReadyIs means that a process is ready, or (Problem) that it is not in time. One that is
	// late may still become ready.
	ReadyIs struct {
		Service string
		Launch  int
		Problem *event.Problem
	}

	// Suspended means that a signal has stopped the process, or (no Signal) that it goes on.
	Suspended struct {
		Service string
		Launch  int
		Signal  string
		Problem *event.Problem // the explanation, if there is one
	}

	// Ended means that the process itself has ended; others of its group may live on.
	Ended struct {
		Service string
		Launch  int
		Exit    event.Exited
	}

	// Gone means that nothing of the process is left.
	Gone struct {
		Service string
		Launch  int
	}

	// Fired is a timer.
	Fired struct {
		Timer Timer
		// Of the build that SlowBuild is about; zero: not known.
		Compiled, Packages int
	}

	// Command comes from a key, a signal or the control socket.
	Command struct {
		Do      Do
		Service string // empty: all
		Why     string
	}

	// Reconfigured replaces the services after an edit of the config. Services is the whole
	// list: one that is not known yet is started, one that is missing ends, and Forget follows.
	// A service that is still leaving cannot come back before that.
	Reconfigured struct {
		Services []Service
		Rebuild  map[string]bool // services whose build settings changed
		Restart  map[string]bool // services whose run settings changed
	}
)

// Do is what a Command asks for.
type Do int

// The commands.
const (
	DoRestart Do = iota
	DoRebuild
	DoPause
	DoResume
	DoStop  // stop one service until it is restarted; nothing is built for it in the meantime
	DoQuit  // stop everything gracefully; a second one kills
	DoAbort // stop everything at once
)
