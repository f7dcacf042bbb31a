// Package plan decides what hotreload does next: a pure state machine that takes
// inputs (files changed, a build finished, a process ended, Ctrl-C) and answers
// with actions (build this, stop that, say so).
//
// It has no clock, no channel, no goroutine and no I/O. Time comes in with every
// input; a timer is an action, and its firing is an input. So every race that a
// reload tool can have is a sequence of inputs that a test can write down, and
// the fuzz test can find.
//
// The rules that always hold (checked by FuzzStep):
//
//   - at most one build and one process per service that has not been told to end; with
//     start-first a second process, which takes the first one's place when it is ready;
//   - a service starts only when those it needs are ready, and ends before they do,
//     unless the time to end is over;
//   - only a generation that was built is launched, and never one that is older
//     than what was already launched, but for the last good program when the
//     newest one does not build, and with rollback when it does not come up;
//   - nothing is started for a generation that is no longer wanted, but for a
//     restart that had begun when the session was paused;
//   - after Quit nothing is started any more, and exactly one Exit follows, once
//     every build and every process has ended.
package plan

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Sum identifies the content of a file; the zero Sum stands for "no such file".
type Sum [16]byte

// Kind is what a changed file leads to.
type Kind int

// Kinds, the strongest last: of several in one batch the strongest decides.
const (
	None Kind = iota
	Reload
	Signal
	Restart
	Rebuild
)

func (k Kind) String() string {
	return [...]string{"none", "reload", "signal", "restart", "rebuild"}[k]
}

// Effect is what one change means to one service.
type Effect struct {
	Kind   Kind
	Why    string
	Rule   int    // index of the rule whose command must run first; NoRule if there is none
	Signal string // for Kind Signal
	CSS    bool   // for Kind Reload: the page can take it without loading anew
	Input  bool   // the file is one that the service is built from
}

// NoRule is the value of Effect.Rule when no command has to run.
const NoRule = -1

// Change is one file whose content differs from what was known.
type Change struct {
	Path     string
	Old, New Sum
	// At is when the change was made: never later than the moment in which a
	// compiler started after it would have read it.
	At      time.Time
	Effects map[string]Effect // by service; a missing service is not concerned
	Why     string            // why it concerns nobody, when Effects is empty

	Generated bool // the file says that a generator wrote it
	Torn      bool // it is a source file that cannot be parsed: no build of it will succeed
}

// Program is a built program.
type Program struct {
	Generation int
	Binary     string   // path; empty if the build leaves none to compare
	Sum        [32]byte // of its bytes; zero if there is nothing to compare
}

// same reports whether two programs are provably the same.
func (p Program) same(q Program) bool { return p.Sum != [32]byte{} && p.Sum == q.Sum }

// Input is something that happened.
type Input interface{ input() }

type (
	// Begin starts the session: every service is wanted for the first time.
	Begin struct{}

	// Files is a batch of changes. An open batch may be followed by more of the
	// same burst; a batch that is not open closes the burst.
	Files struct {
		First   time.Time // first event of the burst
		Open    bool
		Solid   bool // every changed source file can be parsed: worth a speculative build
		Lost    bool // events were lost: what was known of the files' contents is not to be trusted
		Changes []Change
		// Undecided are services that a file of an open burst concerns, of which is
		// said only with the end of the burst what it means.
		Undecided []string
	}

	// Compiling says that the commands before the build have ended and that the
	// compiler starts now.
	Compiling struct {
		Service    string
		Generation int
		At         time.Time // taken before the compiler was started; zero: the time of the step
	}

	// Failing says that a build, or the commands of rules, have failed. The failure follows as
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
		Finished   event.BuildFinished // what to say of it; Unchanged is filled in here
		// Wrote has the inputs that the commands before the compiler wrote, with the same content too.
		Wrote []string
	}

	// RulesDone is the end of the commands of RunRules.
	RulesDone struct {
		Service    string
		Generation int
		OK         bool
		Canceled   bool
		Finished   event.BuildFinished // the failure, told like a failed build
	}

	// Launched is the answer to Launch: a process runs, or Problem says why not.
	Launched struct {
		Service string
		Launch  int // number of the Launch
		PID     int
		Problem *event.Problem
	}

	// ReadyIs tells that a process is ready, or (Problem) that it will not be.
	ReadyIs struct {
		Service string
		Launch  int
		Problem *event.Problem
	}

	// Suspended says that a signal has stopped the process, or (no Signal) that it goes on.
	Suspended struct {
		Service string
		Launch  int
		Signal  string
		Problem *event.Problem // the explanation, where there is one
	}

	// Ended says that the process itself has ended; others of its group may live on.
	Ended struct {
		Service string
		Launch  int
		Exit    event.Exited
	}

	// Gone says that nothing of the process is left.
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

	// Touched asks for a build because files were changed in a way that no
	// change can describe: found newer than the build that should contain them.
	Touched struct {
		Service string
		Paths   []string
		Why     string
		At      time.Time
	}

	// Command comes from a key, a signal or the control socket.
	Command struct {
		Do      Do
		Service string // empty: all
		Why     string
	}

	// Reconfigured replaces the services after an edit of the config. Services is all
	// that there shall be: one that is not known yet begins, one that is missing ends,
	// and Forget follows. A service that is still leaving cannot come back before that.
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
	DoStop  // stop one service until it is restarted; nothing is built for it meanwhile
	DoQuit  // stop everything gracefully; a second one kills
	DoAbort // stop everything at once
)

func (Begin) input()        {}
func (Files) input()        {}
func (Compiling) input()    {}
func (Failing) input()      {}
func (BuildDone) input()    {}
func (RulesDone) input()    {}
func (Launched) input()     {}
func (ReadyIs) input()      {}
func (Suspended) input()    {}
func (Ended) input()        {}
func (Gone) input()         {}
func (Fired) input()        {}
func (Touched) input()      {}
func (Command) input()      {}
func (Reconfigured) input() {}

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

	// Stop ends a process and all that it started: politely, or Now.
	Stop struct {
		Service string
		Launch  int
		Now     bool
	}

	// Promote says that a process takes over from the one beside which it was started:
	// what comes in from now on is its own. Stop of the other one follows.
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

	// ReloadPages tells the browsers to look again.
	ReloadPages struct {
		Service    string
		Generation int
		CSS        bool
	}

	// Arm starts a timer, or starts it anew.
	Arm struct {
		Timer Timer
		After time.Duration
	}

	// Disarm stops a timer.
	Disarm struct{ Timer Timer }

	// Discard deletes a binary that nothing refers to any more.
	Discard struct {
		Service string
		Binary  string
	}

	// Forget says that nothing is left of a service that the config has no longer.
	Forget struct{ Service string }

	// Say narrates.
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

// Timer names a timer of a service; StopDeadline is one of the session.
type Timer struct {
	Service string
	What    TimerKind
}

// TimerKind says what a timer is for.
type TimerKind int

const (
	// SlowBuild: say that a build, or the commands of rules, is still running.
	SlowBuild TimerKind = iota
	// Backoff: start a program again that has ended by itself.
	Backoff
	// Loop: files that kept changing because of what their changes led to are calm.
	Loop
	// StopDeadline: the time is over in which everything was to end.
	StopDeadline
)

// RestartPolicy says whether a program that has ended, unasked, is started again.
type RestartPolicy int

// The values of run.restart.
const (
	RestartNever RestartPolicy = iota
	RestartOnFailure
	RestartAlways
)

func (p RestartPolicy) String() string {
	return [...]string{"never", "on-failure", "always"}[p]
}

// OnBuildError says what happens to the running program when the newest build fails.
type OnBuildError int

// The values of run.on_build_error.
const (
	KeepRunning OnBuildError = iota
	StopRunning
)

// Service is what the plan needs to know of one service.
type Service struct {
	Name    string
	Needs   []string // services that must be live before this one starts
	Builds  bool     // false: nothing to build, the program is started as it is
	Before  bool     // commands run before each build, which may rewrite inputs
	Job     bool     // its work is done, and it is ready, when it has ended with exit code 0
	Restart RestartPolicy
	OnError OnBuildError

	StartFirst bool // the next process starts beside the one that serves, which ends when it is ready
	Rollback   bool // what was live last runs again if the newest program does not come up

	// Group is equal for services that one build command can build together; "" is none.
	Group string
	// StopTimeout is how long its process may take to end.
	StopTimeout time.Duration
}

// Options are the settings of the session.
type Options struct {
	Services  []Service
	MaxBuilds int    // builds at a time, those made together counting as one; 0: 2
	Once      bool   // build, run, and exit with the program's own code
	Root      string // with its last separator: files below it are named without it
}
