// Package plan decides what hotreload does next: a pure state machine that takes inputs (files
// changed, a build finished, a process ended, Ctrl-C) and answers with actions (build this, stop
// that, report this).
//
// It has no clock, no channel, no goroutine and no I/O. Time comes in with every input; a timer is
// an action, and its end is an input. So every race that a reload tool can have is a sequence of
// inputs that a test can write down (testdata/plan) and a random search can find (FuzzStep,
// TestRandomSessions).
//
// Rejected: one goroutine per service with channels between them, because its races depend on the
// scheduler and no test can replay them; callbacks from builder and runner that decide on the spot,
// because the policy is then spread over the code that carries it out; one flat table of states and
// events, because services, builds, processes and bursts of changes vary independently, and their
// product has thousands of states.
//
// # Where to find what
//
//	inputs.go, actions.go   what comes in, what goes out
//	state.go                all that is known
//	step.go                 one step, and the policy: what a service does next
//	wants.go                what is asked for, and how it is canceled
//	changes.go              what a batch of changes means
//	undo.go, generated.go, loop.go   changes that lead to nothing, or only later
//	rules.go, builds.go     the commands of rules, and builds
//	programs.go             what was built: which result is used, which binaries are kept
//	processes.go            the processes of a service, and how they are stopped
//	start.go, needs.go      when a program starts; rollback.go: and which one, if the newest does not become ready
//	live.go, exit.go        when it is live, and what follows when it ends
//	commands.go, end.go     restart, pause, stop, quit
//	reconfigure.go          edits of the config
//	say.go, ledger.go       events, and where the time went
//	report.go               the status of a service
//
// # The rules that always hold (checked by FuzzStep)
//
//   - at most one build and one process per service that has not been asked to end; with
//     start-first a second process, which takes the first one's place when it is ready;
//   - a service starts only when those it needs are ready, and ends before they do,
//     unless the time to end is over;
//   - only a generation that was built is launched, and never one that is older
//     than what was already launched, except the last good program when the
//     newest one does not build, and with rollback when it does not become ready;
//   - nothing is started for a generation that is no longer wanted, except a
//     restart that had begun when the session was paused;
//   - after Quit nothing is started any more, and exactly one Exit follows, once
//     every build and every process has ended.
package plan

import "time"

// Sum identifies the content of a file; the zero Sum means "no such file".
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
	CSS    bool   // for Kind Reload: the page can replace it without being loaded again
	Input  bool   // the file is one that the service is built from
	Texts  bool   // for Kind Reload: the program has new texts, which the next build takes in
	// After is for Kind Reload: until then, the program may show what was there before.
	After time.Duration
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
	Effects map[string]Effect // by service; a service that is missing is not concerned
	Why     string            // why it concerns no service, when Effects is empty

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

// RestartPolicy says whether a program is started again that has ended without being asked to.
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

	// At most one of the two.
	StartFirst bool // the next process starts while the old one serves, which ends when the new one is ready
	Rollback   bool // what was live last runs again if the newest program does not become ready

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

// Timer names a timer of a service; StopDeadline is one of the session.
type Timer struct {
	Service string
	What    TimerKind
}

// TimerKind says what a timer is for.
type TimerKind int

const (
	// SlowBuild: report that a build, or the commands of rules, is still running.
	SlowBuild TimerKind = iota
	// Backoff: start a program again that has ended without being asked to.
	Backoff
	// Loop: files that kept changing because of what their changes led to are calm.
	Loop
	// Shown: what pages are reloaded for can be seen in them.
	Shown
	// StopDeadline: the time is over in which everything was to end.
	StopDeadline
)
