package plan

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

const (
	slowBuildAfter = 3 * time.Second // a person starts to wonder
	slowBuildMost  = time.Minute     // the longest silence after that
	backoffFirst   = 500 * time.Millisecond
	backoffMost    = 30 * time.Second
	backoffReset   = 10 * time.Second // a program that lived this long starts the ladder anew
	lastGrace      = time.Second      // for what could be asked to end only when the time for all was over
	lastMoment     = 100 * time.Millisecond
	clockSlack     = 10 * time.Millisecond // file times come from a clock that ticks every 4 ms or so, and lag
	cancelMost     = 3                     // builds in a row that newer saves cancel; the next one runs to its end
	tornMost       = 2 * time.Second       // so long those are canceled that end in a failure
	blameMost      = 2                     // times that a person's file ends the commands which may have written it
)

// State is all that a session knows. It is owned by one goroutine.
type State struct {
	opt      Options
	services []*service // in the order of the config
	awake    bool       // Begin has come
	paused   paused
	quitting bool
	deadline bool // it was set
	lastCall bool // it has passed, and what is left has its last grace
	exited   bool
	code     int
	reason   string
	past     map[string]past // services that have left

	joined map[string]int // slots of the builds begun in this step, by group
	slots  int            // counts them

	now       time.Time
	out       []Action
	following bool // changes that waited are acted upon
}

// paused says for which services changes are recorded only: for all, or for none, but for
// those that were told otherwise since. A name outlives its service, which may come back.
type paused struct {
	all    bool
	except map[string]bool
}

func (p *paused) set(service string, on bool) {
	switch {
	case service == "":
		*p = paused{all: on}
	case on == p.all:
		delete(p.except, service)
	default:
		if p.except == nil {
			p.except = map[string]bool{}
		}
		p.except[service] = true
	}
}

func (p *paused) has(service string) bool { return p.all != p.except[service] }

// past is what is kept of a service that has left: should it come back, its numbers
// go on, so that nobody takes something old for something new.
type past struct{ gen, launch int }

// service is the state of one service.
type service struct {
	Service
	gen   int // newest wanted state
	since time.Time

	wantBuild   bool
	wantRestart bool                    // replace the process even if the program is the same
	restarts    int                     // counts the reasons for that, but for those called off
	rules       []int                   // rule commands to run before all else
	triggers    map[int]map[string]bool // by rule: the changed paths that its command has not taken yet
	signals     []string
	reload      reload
	solid       bool // what was saved parses: a speculative build makes sense
	torn        bool // what was saved last does not parse
	parked      bool // stopped by a command, until it is restarted
	leaving     bool // the config has it no longer
	added       bool // it came by an edit of the config, and has not been started
	open        bool // a burst of changes that concern it is under way
	guessed     bool // the speculative build of this burst has been used up

	job      *job     // build or rule commands under way
	last     *job     // the build before it
	compiled *job     // the newest that ran to its end, whatever came of it
	held     *held    // a good result that waits for the burst to close
	good     *Program // last program that built
	broken   bool     // the newest build failed

	// What was called off because the commands of rules failed: a build, a
	// restart (the generation that asked for it). The next commands that succeed
	// make up for it.
	missedBuild   bool
	missedRestart int

	proc    *process // the newest
	old     *process // start-first: what serves until proc is ready, and then ends; nil if proc is nil
	done    *process // of a job: the one that has done its work, until the next one is wanted
	launch  int      // counts launches
	wantRun bool     // nothing runs, or (start-first) something older, and the good program should
	waiting string   // services that this one waits for
	excuse  string   // the same, with what is the matter with them

	// dirty has, for every input that differs from what the good program was
	// built from, the content it was built from. When it empties, the files say
	// what already runs.
	dirty   map[string]Sum
	trusted bool      // dirty is exact and all there is: no events were lost, and no build was asked for otherwise
	built   time.Time // when the good program's build ended: a change made earlier may be in it or not

	// Who writes an input, as far as its changes show. One that changed while no command of ours
	// ran is a person's: saved counts how often it ended commands since then that ran while it
	// changed. One that changes only while they run is generated: true, when it was written in
	// the build once more, too.
	saved     map[string]int
	generated map[string]bool
	again     bool      // build once more: an input changed while commands were running
	canceled  int       // builds in a row that newer saves canceled, but for hopeless ones
	denied    time.Time // when the first in this row was canceled
	through   bool      // the good program is one that was let through, and is started though newer is wanted

	loops map[string]*loop // files whose changes may follow from what their last change led to
	ran   interval         // the newest commands of rules

	fallen   bool     // the newest program did not come up; what runs, if anything does, is older
	proven   *Program // with rollback: the program that was live last
	fallback *Program // with rollback: what is started next, in place of the good program

	files   map[string]bool // binaries on disk
	backoff time.Duration
	spans   []span
	wasLive bool
	told    told
}

// told is what report tells of the past.
type told struct {
	build   *event.BuildFinished // the newest build that ran to its end
	command *event.BuildFinished // how the newest commands of rules failed, until they succeed or the program is started
	exit    *event.Exited        // how the last process ended
	problem *event.Problem       // why the last launch failed or did not get ready
	live    *event.Live
	liveGen int
}

// reload is what the browsers are to be told once the burst is over.
type reload int

const (
	reloadNothing reload = iota
	reloadCSS
	reloadPage
)

// job is a build, or the rule commands that come before it.
type job struct {
	gen       int
	slot      int              // jobs with the same one are one process at work
	rules     []int            // the rule commands that are running; nil in the build itself
	triggers  map[int][]string // what they were told has changed
	build     bool             // a build follows the rules
	at        time.Time        // it began
	generates bool             // commands run before the compiler, so inputs may be written by us
	begun     time.Time        // since when our own commands may have been writing
	compile   time.Time
	canceled  bool
	again     bool            // it is itself the one more build
	through   bool            // it runs to its end, whatever is saved
	hopeless  bool            // it has failed, or will: nothing is lost with it
	own       map[string]bool // inputs that were written while its commands ran

	// What else was to be done once the rule commands have succeeded.
	signals []string
	reload  reload
}

type held struct {
	program Program
	at      time.Time
	through bool // newer was wanted already when it was built
}

type process struct {
	launch   int
	gen      int // that asked for it
	restarts int // of the service, at its start
	program  Program
	pid      int
	started  time.Time
	ready    bool
	readyAt  time.Time
	unready  bool // was not ready in time
	live     bool // was announced as live
	stopping bool // was asked to end
	asked    time.Time
	ended    bool     // the leader has ended
	signals  []string // to be sent once it has a pid

	suspended string // the signal that has stopped it for the moment
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
		Service: c, dirty: map[string]Sum{}, trusted: true, triggers: map[int]map[string]bool{},
		saved: map[string]int{}, generated: map[string]bool{}, loops: map[string]*loop{}, files: map[string]bool{},
	}
}

// Step takes one input and returns what is to be done, in order.
func (s *State) Step(at time.Time, in Input) []Action {
	s.now, s.out, s.joined = at, nil, map[string]int{}
	if s.exited {
		return nil
	}
	if s.quitting {
		switch in.(type) {
		case Begin, Files, Touched, Reconfigured:
			return nil // nothing is wanted any more, and nothing is promised
		}
	}
	switch in := in.(type) {
	case Begin:
		s.awake = true
		for _, v := range s.services {
			v.want(at, true)
		}
	case Files:
		s.changed(in)
	case Touched:
		if v := s.find(in.Service); v != nil && v.Builds && !v.leaving {
			v.demand(in.At)
			s.say(v, v.gen, event.Changed{Paths: in.Paths, Effect: Rebuild.String(), Why: in.Why})
		}
	case Compiling:
		if v := s.find(in.Service); v != nil && v.job != nil && v.job.rules == nil && v.job.gen == in.Generation {
			v.job.compile = at
			if !in.At.IsZero() {
				v.job.compile = in.At
			}
		}
	case Failing:
		if v := s.find(in.Service); v != nil && v.job != nil && v.job.gen == in.Generation {
			v.job.hopeless = true
		}
	case RulesDone:
		s.rulesDone(in)
	case BuildDone:
		s.buildDone(in)
	case Launched:
		s.launched(in)
	case ReadyIs:
		s.ready(in)
	case Suspended:
		s.suspended(in)
	case Ended:
		s.ended(in)
	case Gone:
		if v := s.find(in.Service); v != nil {
			v.gone(in.Launch, at)
		}
	case Fired:
		s.fired(in)
	case Command:
		s.command(in)
	case Reconfigured:
		s.reconfigure(in)
	}
	for again := true; again; {
		again = false
		for _, v := range s.services {
			was := s.up(v)
			s.pump(v)
			s.announce(v)
			s.collect(v)
			// A job whose program turned out to be the same: who waits for it has been asked already.
			again = again || !was && s.up(v)
		}
	}
	s.forget()
	s.finish()
	s.share()
	return s.out
}

// want records that a new state of the service is asked for.
func (v *service) want(at time.Time, build bool) {
	v.gen++
	v.since = at
	v.backoff = 0
	if build && v.Builds {
		v.wantBuild = true
		if v.held != nil && !v.held.through {
			v.held = nil
		}
	} else {
		v.replace()
	}
}

// replace asks for a new process, whatever its program.
func (v *service) replace() {
	// One that was started while this was wanted (paused) has no part in what comes after.
	if !v.wantRestart || v.proc != nil && v.proc.restarts == v.restarts {
		v.restarts++
	}
	v.wantRestart = true
}

// demand records that a build is asked for by something else than the content of
// files, so that files which say again what runs are no reason to drop it.
func (v *service) demand(at time.Time) {
	v.want(at, true)
	v.solid, v.torn, v.trusted = true, false, false
}

// pending reports whether something that was asked for is not live yet.
func (v *service) pending() bool {
	return v.wantBuild || v.wantRestart || v.wantRun || v.job != nil || v.held != nil
}

// changed sorts a batch into what it means for each service.
func (s *State) changed(in Files) {
	concerned := map[string]bool{}
	for _, v := range s.services {
		if v.leaving {
			continue
		}
		if in.Lost {
			v.trusted = false
		}
		if concerns := s.changedService(v, in, concerned); in.Open && (concerns || slices.Contains(in.Undecided, v.Name)) {
			v.open = true
		}
		if !in.Open {
			v.open, v.guessed = false, false
		}
	}
	// A change that concerns nobody is told once, not once per service.
	none := map[string][]string{}
	for _, c := range in.Changes {
		if !concerned[c.Path] {
			none[c.Why] = append(none[c.Why], c.Path)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(none)) {
		s.emit("", 0, event.Changed{Paths: none[why], Effect: None.String(), Why: why})
	}
}

// changedService reports whether the batch concerns the service.
func (s *State) changedService(v *service, in Files, concerned map[string]bool) bool {
	var paths [Rebuild + 1][]string
	var why [Rebuild + 1]string
	var command [Rebuild + 1]bool
	note := func(k Kind, c Change, reason string) {
		paths[k] = append(paths[k], c.Path)
		if why[k] == "" {
			why[k] = reason
		}
		concerned[c.Path] = true
	}
	rebuild, torn := false, false
	var rules []int
	for _, c := range in.Changes {
		e, ok := c.Effects[v.Name]
		if !ok {
			continue
		}
		if e.Kind == Rebuild && !v.Builds {
			e.Kind = Restart
		}
		if e.Input && v.absorbs(c, s.now) {
			concerned[c.Path] = true
			v.remember(c, in.First)
			continue
		}
		if s.loops(v, c, e) {
			concerned[c.Path] = true
			continue
		}
		if e.Rule != NoRule {
			if !slices.Contains(rules, e.Rule) {
				rules = append(rules, e.Rule)
			}
			v.triggered(e.Rule, c.Path)
		}
		command[e.Kind] = command[e.Kind] || e.Rule != NoRule
		note(e.Kind, c, e.Why)
		switch e.Kind {
		case Rebuild:
			v.remember(c, in.First)
			if e.Rule != NoRule {
				v.trusted = false // what the command writes is not undone with the file
			}
			rebuild, torn = true, torn || c.Torn
		case Signal:
			if !slices.Contains(v.signals, e.Signal) {
				v.signals = append(v.signals, e.Signal)
			}
		case Reload:
			if e.CSS {
				v.reload = max(v.reload, reloadCSS)
			} else {
				v.reload = reloadPage
			}
		}
	}
	strongest, undone := None, false
	for k := Rebuild; k > None; k-- {
		if len(paths[k]) > 0 {
			strongest = k
			break
		}
	}
	if strongest == Rebuild && v.undone() && len(paths[Restart]) == 0 && len(rules) == 0 {
		s.undo(v, paths[Rebuild])
		rebuild, paths[Rebuild], undone = false, nil, true
		strongest = None
	}
	restart := len(paths[Restart]) > 0
	if len(rules) > 0 {
		rebuild = rebuild || v.missedBuild
		restart = restart || v.missedRestart > 0
	}
	gen := v.gen
	if rebuild || restart {
		gen++ // wanted below
	}
	for k := Rebuild; k >= None; k-- {
		if len(paths[k]) > 0 {
			s.say(v, gen, event.Changed{Paths: paths[k], Effect: k.String(), Why: why[k], Command: command[k]})
		}
	}
	switch {
	case rebuild:
		v.want(in.First, true)
		v.solid, v.torn = in.Solid, torn
	case restart:
		v.want(in.First, false)
	}
	if restart {
		v.replace()
	}
	for _, r := range rules {
		if !slices.Contains(v.rules, r) {
			v.rules = append(v.rules, r)
		}
	}
	return strongest > None || len(rules) > 0 || undone
}

// triggered notes for the command of a rule what has changed.
func (v *service) triggered(rule int, paths ...string) {
	if v.triggers[rule] == nil {
		v.triggers[rule] = map[string]bool{}
	}
	for _, p := range paths {
		v.triggers[rule][p] = true
	}
}

// absorbs reports whether a changed input is part of the newest build because one of our own
// commands wrote it, so that building for it would never end (CompileDaemon#67).
//
// A file that also changes while no command runs is a person's: its change is a save, and
// ends the commands, which may have read it already. Any other one is taken for generated.
// The first time one more build follows, because it could as well have been a save; if the
// file is not written in that build, it was. A build that has just ended counts too: a poll,
// or a short build, lets the change be heard of only then.
func (v *service) absorbs(c Change, now time.Time) bool {
	j := v.writer(c.At)
	if j == nil {
		v.saved[c.Path] = 0
		delete(v.generated, c.Path)
		return false
	}
	j.note(c.Path)
	known, met := v.generated[c.Path]
	blamed, personal := v.saved[c.Path]
	switch {
	case c.Generated || known:
		v.generated[c.Path] = true
		return true
	case personal && blamed < blameMost:
		v.saved[c.Path]++
		return false
	case j == v.job && j.compile.IsZero() && now.Sub(j.begun) > slowBuildAfter:
		return false // they may hang, and a save is the way to end them
	case !met:
		v.generated[c.Path] = false
		// What a rule's command read is its own affair: the build that follows does not run
		// it, and has the change.
		if v.Before && !j.again {
			v.again = true
		}
	default:
		v.generated[c.Path] = true
	}
	delete(v.saved, c.Path)
	return true
}

// writer is the build whose commands may have written a file at that time; nil if there is none.
func (v *service) writer(at time.Time) *job {
	for _, j := range []*job{v.job, v.last} {
		if j != nil && j.wrote(at) {
			return j
		}
	}
	return nil
}

func (j *job) note(path string) {
	if j.own == nil {
		j.own = map[string]bool{}
	}
	j.own[path] = true
}

// sift decides about the files that were taken for generated in the build before the newest:
// the newest has written them too, or they are not.
func (v *service) sift() {
	j := v.compiled
	if j == nil || !j.again || !j.generates {
		return
	}
	for p, sure := range v.generated {
		switch {
		case sure:
		case j.own[p]:
			v.generated[p] = true
		default:
			delete(v.generated, p)
		}
	}
}

// wrote reports whether a change made at that time can be the work of the
// commands that run before the job's compiler, and was there when that began.
func (j *job) wrote(at time.Time) bool {
	if j.canceled || !j.generates || !j.build || at.Before(j.begun.Add(-clockSlack)) {
		return false
	}
	return j.compile.IsZero() || !at.After(j.compile)
}

// remember keeps the content that the good program was built from.
func (v *service) remember(c Change, first time.Time) {
	if !c.At.After(v.built) || !first.After(v.built) {
		v.trusted = false // heard of late: the good program may have been built from either content
	}
	built, known := v.dirty[c.Path]
	switch {
	case !known:
		v.dirty[c.Path] = c.Old
	case built == c.New:
		delete(v.dirty, c.Path)
	}
}

// undone reports whether the files say again what already runs.
func (v *service) undone() bool {
	p := v.proc
	if v.done != nil {
		p = v.done
	}
	return len(v.dirty) == 0 && v.trusted && v.good != nil && !v.wantRestart && !v.wantRun &&
		p != nil && (p.alive() || p == v.done) && p.program == *v.good
}

// undo drops what was under way for changes that are gone again.
func (s *State) undo(v *service, paths []string) {
	s.say(v, v.gen, event.Changed{Paths: paths, Effect: None.String(), Why: "back to what runs", Undone: true})
	s.say(v, v.gen, event.Undone{Paths: paths})
	v.wantBuild, v.held, v.broken, v.again, v.missedBuild = false, nil, false, false, false
	v.denied = time.Time{}
	s.cancel(v)
}

// cancel ends the job of the service, if there is one.
func (s *State) cancel(v *service) {
	if v.job != nil && !v.job.canceled {
		v.job.canceled = true
		s.do(CancelBuild{v.Name, v.job.gen})
	}
}

// procs are the processes of the service: one, two with start-first, or none.
func (v *service) procs() []*process {
	out := make([]*process, 0, 2)
	for _, p := range []*process{v.old, v.proc} {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// process is the one of that launch; nil if it is none of the service's.
func (v *service) process(launch int) *process {
	for _, p := range v.procs() {
		if p.launch == launch {
			return p
		}
	}
	return nil
}

// gone takes a process out of which nothing is left.
func (v *service) gone(launch int, at time.Time) {
	switch {
	case v.old != nil && v.old.launch == launch:
		v.old = nil
	case v.proc != nil && v.proc.launch == launch:
		if v.old == nil {
			v.end(stopping, at)
		}
		v.proc, v.old = v.old, nil // what was to be replaced goes on
	}
}

func (p *process) alive() bool { return !p.ended && !p.stopping }

// serving is since when the program runs that a failed build leaves alone; zero if none does.
func (v *service) serving() time.Time {
	if v.OnError == StopRunning {
		return time.Time{}
	}
	for _, p := range v.procs() {
		if p.alive() {
			return p.started
		}
	}
	return time.Time{}
}

// up reports whether the service answers, or of a job whether it has done its work for the
// files as they are, or before they were broken.
func (s *State) up(v *service) bool {
	if v.done != nil {
		return s.idle(v) || !v.pending() && !v.again && !(v.broken && v.OnError == StopRunning)
	}
	return slices.ContainsFunc(v.procs(), func(p *process) bool { return p.ready && p.alive() && p.suspended == "" })
}

// pump starts what can be started for one service.
func (s *State) pump(v *service) {
	if s.quitting {
		return
	}
	if v.leaving {
		// What needs it leaves too, and first, as at the end of the session.
		if v.proc != nil && !s.needed(v) {
			s.stopAll(v, false)
		}
		return
	}
	if v.job != nil {
		// A generator that leads to no build runs to its end: what it has
		// written so far is half of something.
		if v.wantBuild && v.job.build && v.job.gen != v.gen || v.job.hopeless && len(v.rules) > 0 {
			s.overtaken(v)
		}
		if v.through {
			s.start(v)
		}
		return
	}
	if v.parked {
		return
	}
	if s.idle(v) {
		if v.wantRun { // a restart that has begun is finished
			if v.held != nil {
				s.adopt(v)
			}
			s.start(v)
		}
		return
	}
	if v.open {
		// Only the first, hopeful build of a burst starts before its end: a
		// formatter or a checkout that rewrites a thousand files costs one.
		if v.wantBuild && v.solid && !v.guessed && len(v.rules) == 0 && v.held == nil && s.mayBuild(v) {
			v.guessed = true
			s.build(v)
		}
		return
	}
	if len(v.rules) > 0 {
		if s.mayRun() {
			v.job = &job{
				gen: v.gen, at: s.now, slot: s.slot(), rules: v.rules, build: v.wantBuild, generates: true, begun: s.begun(v),
				signals: v.signals, reload: v.reload, triggers: map[int][]string{},
			}
			for _, r := range v.rules {
				v.job.triggers[r] = slices.Sorted(maps.Keys(v.triggers[r]))
				delete(v.triggers, r)
			}
			v.rules, v.signals, v.reload = nil, nil, reloadNothing
			v.begin(building, s.now)
			s.do(RunRules{v.Name, v.gen, v.job.rules, v.job.triggers})
			s.do(Arm{Timer{v.Name, SlowBuild}, slowBuildAfter})
		}
		return
	}
	for _, sig := range v.signals {
		s.signal(v, sig)
	}
	v.signals = nil
	if v.held != nil {
		s.adopt(v)
	}
	if v.wantRestart && !v.wantBuild {
		v.wantRestart, v.wantRun, v.fallback, v.done = false, true, nil, nil
	}
	s.start(v)
	// A page that a new program is about to serve is reloaded by that.
	if v.reload != reloadNothing && !v.wantBuild && !v.wantRun {
		s.do(ReloadPages{v.Name, v.gen, v.reload == reloadCSS})
		v.reload = reloadNothing
	}
	if v.again && !v.wantBuild && (!v.wantRun || v.waiting != "") { // what can start does so first
		v.demand(v.since) // still the same save for the one who waits
	}
	if v.wantBuild && s.mayBuild(v) {
		s.build(v)
	}
}

// overtaken calls off the job, since something newer is wanted, or lets it through: saves that
// never end shall not keep every program from being built, nor every failure from being told.
// One that ends in a failure is told late rather than for a file that is still being written.
func (s *State) overtaken(v *service) {
	j := v.job
	if j.canceled {
		return
	}
	if v.denied.IsZero() {
		v.denied = s.now
	}
	switch {
	case j.hopeless && s.now.Sub(v.denied) < tornMost:
	case j.through:
		return
	case j.hopeless, v.canceled >= cancelMost:
		j.through = true
		return
	default:
		v.canceled++
	}
	s.cancel(v)
}

// idle reports whether changes are only noted for the service.
func (s *State) idle(v *service) bool { return s.paused.has(v.Name) }

// mayRun bounds the builds, and the rules' commands, that run at the same time.
func (s *State) mayRun() bool {
	busy := map[int]bool{}
	for _, v := range s.services {
		if v.job != nil {
			busy[v.job.slot] = true
		}
	}
	return len(busy) < s.opt.MaxBuilds
}

// mayBuild is mayRun for a build, which can join one of its group that begins in this step.
func (s *State) mayBuild(v *service) bool {
	return v.Group != "" && s.joined[v.Group] != 0 || s.mayRun()
}

// slot is a new place for a job.
func (s *State) slot() int {
	s.slots++
	return s.slots
}

func (s *State) build(v *service) {
	v.sift()
	v.begin(building, s.now)
	slot := s.joined[v.Group]
	if slot == 0 {
		slot = s.slot()
	}
	if v.Group != "" {
		s.joined[v.Group] = slot
	}
	v.job = &job{gen: v.gen, slot: slot, at: s.now, build: true, generates: v.Before, again: v.again, begun: s.begun(v), hopeless: v.torn}
	v.again = false
	s.say(v, v.gen, event.BuildStarted{Slot: slot})
	s.do(Build{v.Name, v.gen})
	s.do(Arm{Timer{v.Name, SlowBuild}, slowBuildAfter})
}

// begun is since when the commands of a job that starts now may have been
// writing: what a canceled one wrote may be heard of only now.
func (s *State) begun(v *service) time.Time {
	if l := v.last; l != nil && l.canceled && l.generates {
		return l.begun
	}
	return s.now
}

func (s *State) rulesDone(in RulesDone) {
	v := s.find(in.Service)
	if v == nil || v.job == nil || v.job.rules == nil || v.job.gen != in.Generation {
		return
	}
	j := v.job
	v.job = nil
	s.do(Disarm{Timer{v.Name, SlowBuild}})
	v.end(building, s.now)
	if in.Canceled || j.canceled || !in.OK {
		for rule, paths := range j.triggers { // their next run hears of these, too
			v.triggered(rule, paths...)
		}
	}
	v.ran = interval{j.begun, s.now}
	if in.OK && !j.canceled {
		v.told.command = nil
	}
	if in.Canceled || j.canceled || in.OK {
		for _, sig := range v.signals {
			if !slices.Contains(j.signals, sig) {
				j.signals = append(j.signals, sig)
			}
		}
		v.signals, v.reload = j.signals, max(v.reload, j.reload)
	}
	switch {
	case s.quitting:
	case in.Canceled || j.canceled:
		j.canceled = true
		v.last = j
		// They begin again, with those that were asked for meanwhile.
		for _, r := range v.rules {
			if !slices.Contains(j.rules, r) {
				j.rules = append(j.rules, r)
			}
		}
		v.rules = j.rules
	case !in.OK:
		v.denied = time.Time{}
		in.Finished.Serving = v.serving()
		s.say(v, in.Generation, in.Finished)
		v.told.build = &in.Finished
		if s.opt.Once {
			s.quit(1, "a command failed")
		}
		if v.gen != j.gen || len(v.rules) > 0 {
			return // what was asked for since then stands, and has the rest with it
		}
		if v.wantRestart {
			v.missedRestart = v.gen
			v.restarts--
		}
		v.wantBuild, v.wantRestart = false, false
		if !j.build || v.missedRestart > 0 { // else the next build makes up for it
			v.told.command = &in.Finished
		}
		if j.build {
			v.again = false
			v.last = j
			j.compile = s.now
			v.broken, v.missedBuild = true, true
			if v.OnError == StopRunning {
				s.stopAll(v, false)
			}
		}
	case j.build && v.wantBuild && v.gen == j.gen && !v.open && !s.idle(v) && !v.parked && len(v.rules) == 0:
		s.build(v)
		// Inputs that the commands wrote may be announced only now.
		v.job.generates, v.job.begun = true, j.begun
	}
}

func (s *State) buildDone(in BuildDone) {
	v := s.find(in.Service)
	if v == nil || v.job == nil || v.job.rules != nil || v.job.gen != in.Generation {
		return
	}
	j := v.job
	v.job = nil
	v.end(building, s.now)
	s.do(Disarm{Timer{v.Name, SlowBuild}})
	if in.Program.Binary != "" {
		v.files[in.Program.Binary] = true
	}
	v.last = j
	for _, p := range in.Wrote {
		j.note(p)
	}
	if j.compile.IsZero() {
		j.compile = s.now
	}
	// A hopeful build that failed in the middle of a burst says nothing of the
	// files as they will be: it is done over once the burst has closed.
	if in.Canceled || j.canceled || in.Generation != v.gen && !j.through || !in.OK && v.open {
		j.canceled = true
		s.say(v, in.Generation, event.BuildCanceled{})
		return
	}
	v.compiled, v.canceled, v.denied = j, 0, time.Time{}
	newest := in.Generation == v.gen
	if !in.OK && newest && v.again && !j.again {
		// An input changed under the compiler: that it failed says nothing either. Once:
		// nobody shall wait for an error because files are written all the time.
		s.say(v, in.Generation, event.BuildCanceled{})
		v.demand(v.since)
		return
	}
	in.Finished.OK = in.OK
	v.told.build = &in.Finished
	v.wantBuild = v.wantBuild && !newest
	if !in.OK {
		v.broken = true
		in.Finished.Serving = v.serving()
		s.say(v, in.Generation, in.Finished)
		switch {
		case s.opt.Once:
			s.quit(1, "the build failed")
		case v.OnError == StopRunning:
			s.stopAll(v, false)
		}
		return
	}
	v.held = &held{in.Program, s.now, !newest}
	v.broken = v.broken && newest                                            // what is older than the newest save is adopted as it is
	in.Finished.Unchanged = v.unchanged(in.Program) != nil && !v.wantRestart // else it would not stay
	s.say(v, in.Generation, in.Finished)
}

// unchanged is the process that already is this program, and runs or has done its work;
// nil if none is.
func (v *service) unchanged(p Program) *process {
	for _, q := range append(v.procs(), v.done) {
		// One that goes on because its successor did not come up may have missed a restart.
		if q != nil && (q.alive() || q == v.done) && q.program.same(p) && q.restarts == v.restarts {
			return q
		}
	}
	return nil
}

// adopt makes the held result the good program.
func (s *State) adopt(v *service) {
	h := v.held
	v.held, v.fallback = nil, nil
	if !h.through { // else a newer build is wanted, or has failed since
		v.broken, v.missedBuild = false, false
	}
	same := v.unchanged(h.program)
	if v.wantRestart {
		same = nil
	}
	v.wantRestart = false
	clear(v.dirty)
	v.trusted, v.built = !h.through, h.at // what an older one has of the newest saves is not known
	if same == nil {
		v.good = &h.program
		v.wantRun, v.through, v.done = true, v.wantBuild, nil
		return
	}
	// The running process stays with the file that it was started from.
	v.good = &same.program
	v.wantRun, v.fallen, v.waiting, v.excuse = false, false, "", ""
	if same == v.old {
		s.stop(v, v.proc, false) // what was to take its place is not wanted any more
	}
}

// start brings the good program up, when what it needs is live: after what runs is gone,
// or (start-first) beside it.
func (s *State) start(v *service) {
	if !v.wantRun || v.held != nil || (v.job != nil || v.wantBuild && !s.idle(v)) && !v.through {
		return
	}
	if v.Builds && (v.good == nil || v.broken && v.OnError == StopRunning) {
		v.wantRun, v.fallback, v.through = false, nil, false
		return
	}
	// What runs goes on while its successor has to wait.
	if names, excuse := s.missing(v); names != "" {
		// Said again when what is waited for fails, not when it is at work again.
		if v.waiting != names || v.excuse != excuse && excuse != names {
			s.hold(v, v.gen, event.Waiting{For: names, Reason: "waits for " + excuse, What: "for " + excuse})
		}
		v.waiting, v.excuse = names, excuse
		return
	}
	v.waiting, v.excuse = "", ""
	switch {
	case v.proc == nil:
	case v.old != nil && v.old.stopping:
		return // two are enough: the oldest has its time to end
	case v.old != nil || !v.StartFirst || !v.proc.ready || !v.proc.alive():
		s.stop(v, v.proc, false)
		return
	}
	v.wantRun, v.added, v.through = false, false, false
	v.launch++
	p, gen := Program{Generation: v.gen}, s.generationOf(v)
	switch {
	case v.fallback != nil:
		p, gen = *v.fallback, v.fallback.Generation
	case v.good != nil:
		p = *v.good
	}
	if v.fallback == nil {
		v.fallen = false
		v.told.problem, v.told.exit = nil, nil
	}
	v.fallback = nil
	v.old, v.proc = v.proc, &process{launch: v.launch, gen: gen, restarts: v.restarts, program: p, started: s.now}
	v.reload, v.missedRestart, v.told.command = reloadNothing, 0, nil
	s.do(Disarm{Timer{v.Name, Backoff}})
	s.do(Launch{v.Name, v.launch, gen, p})
}

// fallsBack is the program that runs if the newest process, p, does not come up: what
// serves until now, or with rollback what was live last. Nil: none.
func (s *State) fallsBack(v *service, p *process) *Program {
	serves := v.old
	if p != v.proc { // nothing is left of it
		serves = v.proc
	}
	switch {
	case s.quitting || v.leaving || v.parked || s.opt.Once || p == v.old:
	case serves != nil && serves.alive():
		return &serves.program
	case v.Rollback && v.proven != nil && v.proven.Binary != "" && v.proven.Binary != p.program.Binary && !v.proven.same(p.program):
		return v.proven
	}
	return nil
}

// fell lets the program of fallsBack run, if there is one.
func (s *State) fell(v *service, p *process) {
	back := s.fallsBack(v, p)
	if back == nil {
		return
	}
	v.fallen = true
	if back == v.proven {
		s.say(v, back.Generation, event.Problem{
			Message: fmt.Sprintf("the PREVIOUS program runs again (generation %d): the newest one did not come up", back.Generation),
			Hint:    "what answers is older than your last save until that is mended",
		})
		v.fallback, v.wantRun = back, true
	} else {
		serves := v.proc
		if p == v.proc {
			serves = v.old
		}
		s.hold(v, serves.gen, event.Waiting{
			Reason: fmt.Sprintf("generation %d goes on serving: the newest program did not come up", serves.gen),
			Kind:   event.WaitServing, Since: serves.started,
		})
	}
	if p == v.proc {
		s.stop(v, p, false)
	}
}

// generationOf is the generation that a launch belongs to: the newest, unless
// that one is not built and the last good program stands in for it.
func (s *State) generationOf(v *service) int {
	if v.good != nil && (v.broken || v.wantBuild) {
		return v.good.Generation
	}
	return v.gen
}

// missing names the services that must be live first, and, as an excuse, says the
// same with what is the matter with them.
func (s *State) missing(v *service) (names, excuse string) {
	var short, long []string
	sep := ", "
	for _, n := range v.Needs {
		d := s.find(n)
		if d != nil && s.up(d) {
			continue
		}
		short = append(short, n)
		if why := d.trouble(); why != "" {
			n += ", which " + why
			sep = "; "
		}
		long = append(long, n)
	}
	if len(short) == 0 {
		if names, ends := s.leavers(v); ends {
			return names, names + " to end"
		}
	}
	return strings.Join(short, ", "), strings.Join(long, sep)
}

// leavers are the services that one which was added waits for until they are gone: it may
// be one of them under a new name, and want the same port.
func (s *State) leavers(v *service) (names string, ends bool) {
	var list []string
	for _, d := range s.services {
		if v.added && d.leaving && d.proc != nil {
			list = append(list, d.Name)
		}
	}
	return strings.Join(list, ", "), len(list) > 0
}

// trouble says why a service will not be ready by itself; empty while it may be.
func (d *service) trouble() string {
	switch {
	case d == nil:
		return "is not there"
	case d.parked:
		return "was stopped"
	case d.job != nil || d.wantBuild || d.held != nil:
	case d.proc != nil && d.proc.alive() && d.proc.suspended != "":
		return "is suspended (" + d.proc.suspended + ")"
	case d.proc != nil && !d.proc.ended && !d.proc.unready:
	case d.broken:
		return "does not build"
	case d.proc != nil && d.proc.unready && !d.proc.stopping:
		return "did not get ready"
	case d.wantRun || d.wantRestart:
	case (d.proc == nil || d.proc.ended) && d.told.exit != nil:
		return "has ended (" + d.told.exit.Reason + ")"
	case d.proc == nil && d.told.problem != nil:
		return "could not be started"
	}
	return ""
}

func (s *State) launched(in Launched) {
	v := s.find(in.Service)
	if v == nil || v.proc == nil || v.proc.launch != in.Launch {
		return
	}
	p := v.proc
	if in.Problem != nil {
		in.Problem.Last = s.fallsBack(v, p) == nil && !p.stopping && !s.opt.Once
		s.say(v, p.gen, *in.Problem)
		v.told.problem, v.told.exit = in.Problem, nil
		if s.opt.Once {
			s.quit(1, "the program could not be started")
		}
		v.proc, v.old = v.old, nil
		if !p.stopping {
			s.fell(v, p)
		}
		return
	}
	p.pid = in.PID
	s.say(v, p.gen, event.Started{PID: in.PID})
	for _, sig := range p.signals {
		if p.alive() {
			s.do(SendSignal{v.Name, p.launch, sig})
		}
	}
	p.signals = nil
}

func (s *State) ready(in ReadyIs) {
	v := s.find(in.Service)
	if v == nil || v.proc == nil || v.proc.launch != in.Launch || !v.proc.alive() {
		return
	}
	p := v.proc
	if in.Problem != nil {
		in.Problem.Last = s.fallsBack(v, p) == nil && !s.opt.Once
		s.say(v, p.gen, *in.Problem)
		p.unready, v.told.problem = true, in.Problem
		s.fell(v, p)
		return
	}
	if p.unready { // it was late
		p.unready, v.told.problem = false, nil
	}
	p.ready, p.readyAt = true, s.now
	s.say(v, p.gen, event.Ready{AfterMS: event.MS(s.now.Sub(p.started))})
	if v.old != nil && !s.quitting && !v.leaving {
		// Also if something newer is wanted by now: it is newer than what served.
		s.do(Promote{v.Name, p.launch})
		s.stop(v, v.old, false)
	}
	s.announce(v)
}

// announce says that the newest generation is live, once, when it is.
func (s *State) announce(v *service) {
	p := v.proc
	if v.done != nil {
		p = v.done
	}
	if p == nil || !p.ready || p.live || p.suspended != "" || !p.alive() && p != v.done || s.quitting || v.leaving || v.broken || v.fallen || v.missedRestart == v.gen ||
		v.wantBuild || v.wantRestart || v.wantRun || v.held != nil || v.again {
		return
	}
	p.live = true
	live := v.ledger(p, s.now)
	live.First, live.Job = !v.wasLive, v.done != nil
	s.say(v, v.gen, live)
	v.wasLive = true
	v.told.live, v.told.liveGen = &live, v.gen
	if v.Rollback {
		v.proven = &p.program
	}
}

// suspended notes that a process does nothing for the moment. When it goes on, it is live once more.
func (s *State) suspended(in Suspended) {
	v := s.find(in.Service)
	if v == nil {
		return
	}
	p := v.process(in.Launch)
	if p == nil || p.suspended == in.Signal || !p.alive() {
		return
	}
	p.suspended = in.Signal
	switch {
	case in.Problem != nil:
		s.say(v, p.gen, *in.Problem)
	case in.Signal != "":
		what := "by " + in.Signal + ", until SIGCONT"
		s.hold(v, p.gen, event.Waiting{Reason: "suspended " + what, What: what, Kind: event.WaitSuspended})
	case p.live && p == v.proc:
		p.live = false
		if !v.pending() {
			v.since = s.now
		}
	}
}

func (s *State) ended(in Ended) {
	v := s.find(in.Service)
	if v == nil {
		return
	}
	p := v.process(in.Launch)
	if p == nil || p.ended {
		return
	}
	p.ended = true
	done := v.Job && p == v.proc && !p.stopping && in.Exit.Code == 0
	in.Exit.Expected = p.stopping || done
	back := !p.ready && !p.unready && s.fallsBack(v, p) != nil
	stays := p == v.proc || v.proc.stopping // nothing takes its place, or not any more
	in.Exit.Again = !p.stopping && !done && !s.quitting && !v.leaving && !s.opt.Once && stays && !back &&
		(v.Restart == RestartAlways || v.Restart == RestartOnFailure && in.Exit.Code != 0)
	if stays {
		v.told.exit = &in.Exit
	}
	s.say(v, p.gen, in.Exit)
	if p.stopping || s.quitting || v.leaving {
		return
	}
	if done {
		p.ready = true
		if !v.wantRun { // else it was the work of an older program
			v.done = p
		}
		s.say(v, p.gen, event.Ready{AfterMS: event.MS(s.now.Sub(p.started))})
		s.announce(v)
		if s.opt.Once && !slices.ContainsFunc(s.services, func(v *service) bool { return v.done == nil }) {
			s.stop(v, p, false)
			s.quit(0, in.Exit.Reason)
		}
		return
	}
	if !stays { // what takes its place is on its way; the rest of its group has no use
		s.stop(v, p, false)
		return
	}
	if s.opt.Once {
		s.stop(v, p, false)
		code := in.Exit.Code
		if in.Exit.Signal != "" {
			code = 128 + in.Exit.Number // as a shell says it
		}
		s.quit(code, in.Exit.Reason)
		return
	}
	if back {
		s.fell(v, p)
		v.told.problem = &event.Problem{Message: "ended before it was ready: " + in.Exit.Reason}
		return
	}
	if in.Exit.Again {
		if s.now.Sub(p.started) >= backoffReset {
			v.backoff = 0
		}
		v.backoff = min(max(2*v.backoff, backoffFirst), backoffMost)
		what := fmt.Sprintf("in %s (restart = %q)", v.backoff, v.Restart)
		s.hold(v, v.gen, event.Waiting{Reason: "starts again " + what, What: what, Kind: event.WaitBackoff})
		s.do(Arm{Timer{v.Name, Backoff}, v.backoff})
	}
}

func (s *State) fired(in Fired) {
	t := in.Timer
	if t.What == StopDeadline {
		s.overdue(t)
		return
	}
	v := s.find(t.Service)
	if v == nil || s.quitting {
		return
	}
	switch t.What {
	case SlowBuild:
		if v.job != nil && !v.job.canceled && s.now.Sub(v.job.at) >= slowBuildAfter {
			what := "building"
			if v.job.rules != nil {
				what = "running the command of a rule"
			}
			s.hold(v, v.job.gen, event.Waiting{
				Reason: fmt.Sprintf("still %s after %s", what, s.now.Sub(v.job.at).Round(time.Second)),
				Kind:   event.WaitBuild, Slot: v.job.slot,
				Compiled: in.Compiled, Packages: in.Packages,
			})
			s.do(Arm{t, min(3*max(s.now.Sub(v.job.at), slowBuildAfter), slowBuildMost)})
		}
	case Backoff:
		// With start-first what is there may be the one before it, which is still ending.
		if v.proc == nil || !v.proc.alive() {
			if !v.pending() {
				v.since = s.now
			}
			v.wantRun = true // of what is good by then, if a build is under way
		}
	case Loop:
		s.followLoops(v)
	}
}

// stop ends a process of the service.
func (s *State) stop(v *service, p *process, now bool) {
	if p.stopping && !now {
		return
	}
	if !p.stopping {
		p.asked = s.now
		if v.old == nil {
			v.begin(stopping, s.now)
		}
	}
	p.stopping = true
	s.do(Stop{v.Name, p.launch, now})
}

// stopAll ends every process of the service.
func (s *State) stopAll(v *service, now bool) {
	for _, p := range v.procs() {
		s.stop(v, p, now)
	}
}

func (s *State) signal(v *service, sig string) {
	for _, p := range v.procs() {
		switch {
		case !p.alive():
		case p.pid == 0:
			p.signals = append(p.signals, sig)
		default:
			s.do(SendSignal{v.Name, p.launch, sig})
		}
	}
}

func (s *State) command(c Command) {
	if s.quitting && c.Do != DoQuit && c.Do != DoAbort {
		return
	}
	switch c.Do {
	case DoPause, DoResume:
		s.pause(c.Service, c.Do == DoPause)
		return
	case DoQuit:
		if s.quitting {
			s.abort()
			return
		}
		s.quit(0, c.Why)
		return
	case DoAbort:
		s.quit(130, c.Why)
		s.abort()
		return
	}
	for _, v := range s.services {
		if c.Service != "" && c.Service != v.Name || v.leaving {
			continue
		}
		if c.Do == DoStop {
			s.park(v)
			continue
		}
		v.parked = false
		build := c.Do == DoRebuild || v.Builds && (v.good == nil || v.broken && v.OnError == StopRunning)
		if build {
			v.demand(s.now)
		} else {
			v.want(s.now, false)
		}
		v.replace()
		effect := Restart
		if build && v.Builds {
			effect = Rebuild
		}
		s.say(v, v.gen, event.Changed{Effect: effect.String(), Why: c.Why})
	}
}

// quit asks everything to end; Exit follows when it has.
func (s *State) quit(code int, reason string) {
	if s.quitting {
		return
	}
	s.quitting, s.code, s.reason = true, code, reason
	for _, v := range s.services {
		v.wantBuild, v.wantRestart, v.wantRun, v.again = false, false, false, false
		v.held, v.rules, v.signals, v.fallback = nil, nil, nil, nil
		v.through = false
		s.forgetLoops(v)
		s.cancel(v)
		s.do(Disarm{Timer{v.Name, SlowBuild}})
		s.do(Disarm{Timer{v.Name, Backoff}})
	}
}

// abort kills what is still there.
func (s *State) abort() {
	s.code = 130
	for _, v := range s.services {
		s.stopAll(v, true)
	}
	if slices.ContainsFunc(s.services, func(v *service) bool { return v.job != nil }) {
		s.do(KillBuilds{})
	}
}

// pause lets changes be noted only, or be acted upon again: of one service, or of all.
func (s *State) pause(service string, paused bool) {
	for _, v := range s.services {
		if s.idle(v) {
			defer func() {
				if !s.idle(v) && v.pending() {
					v.since = s.now // the pause is no part of the way to live
				}
			}()
		}
	}
	var b event.Body = event.Resumed{}
	held := event.Held{Reason: "resumed"}
	if paused {
		b, held.Reason = event.Paused{}, "paused: changes are noted, nothing is built"
	}
	if service == "" {
		s.paused.set("", paused)
		s.emit("", 0, b)
		s.emit("", 0, held)
		return
	}
	if v := s.find(service); v != nil {
		s.paused.set(service, paused)
		s.say(v, v.gen, b)
		s.say(v, v.gen, held)
	}
}

// park stops one service until somebody asks for it again.
func (s *State) park(v *service) {
	if v.parked {
		return
	}
	v.parked = true
	s.followLoops(v) // to be noted, like every change from now on
	v.wantRestart, v.wantRun, v.waiting, v.excuse, v.fallback = false, false, "", "", nil
	v.through, v.denied = false, time.Time{}
	s.forgetLoops(v)
	s.cancel(v)
	s.do(Disarm{Timer{v.Name, Backoff}})
	s.stopAll(v, false)
	s.hold(v, v.gen, event.Waiting{Reason: "stopped until it is restarted", Kind: event.WaitStopped})
}

// finish stops the services in reverse order of need, and says Exit at the end.
func (s *State) finish() {
	if !s.quitting || s.exited {
		return
	}
	busy, later := false, false
	longest := lastGrace
	for _, v := range s.services {
		if v.job != nil {
			busy = true
		}
		if v.proc != nil {
			busy = true
			longest = max(longest, v.StopTimeout)
			if !s.needed(v) {
				s.stopAll(v, false)
			}
			later = later || slices.ContainsFunc(v.procs(), func(p *process) bool { return !p.stopping })
		}
	}
	// A chain of services that do not end would take the sum of their times: instead
	// all of them have the time of the slowest.
	if later && !s.deadline {
		s.deadline = true
		s.do(Arm{Timer{What: StopDeadline}, longest})
	}
	if !busy {
		s.exited = true
		if s.deadline {
			s.do(Disarm{Timer{What: StopDeadline}})
		}
		s.emit("", 0, event.SessionEnded{Reason: s.reason})
		s.do(Exit{s.code, s.reason})
	}
}

// overdue ends those who had their time when the time for all to end is over, so that the
// ones that they kept waiting are still asked, in their order: with a last grace, and
// after that with a moment for each.
func (s *State) overdue(t Timer) {
	if !s.quitting {
		return
	}
	least, next := lastGrace, lastGrace
	if s.lastCall {
		least, next = lastMoment, lastMoment
	}
	s.lastCall = true
	for _, v := range s.services {
		for _, p := range v.procs() {
			if !p.stopping || s.now.Sub(p.asked) < least {
				continue
			}
			if s.now.Sub(p.asked) < v.StopTimeout { // else its own time is over, and that is told
				s.say(v, p.gen, event.Problem{Message: "is killed: the time for all to end is over", Hint: "it is the longest run.stop_timeout"})
			}
			s.stop(v, p, true)
		}
	}
	s.do(Arm{t, next})
}

// needed reports whether a service that needs this one, and ends with it, still has a process.
func (s *State) needed(v *service) bool {
	for _, d := range s.services {
		if d.proc != nil && slices.Contains(d.Needs, v.Name) && (s.quitting || d.leaving) {
			return true
		}
	}
	return false
}

func (s *State) reconfigure(in Reconfigured) {
	var list []*service
	for _, c := range in.Services {
		v := s.find(c.Name)
		switch {
		case v == nil:
			v = newService(c)
			v.gen, v.launch, v.added = s.past[c.Name].gen, s.past[c.Name].launch, true
			v.want(s.now, true)
			list = append(list, v)
			continue
		case v.leaving:
			continue // it is appended below
		}
		list = append(list, v)
		if v.Builds && !c.Builds {
			v.wantBuild, v.held, v.good, v.broken = false, nil, nil, false
			v.proven, v.fallback, v.through = nil, nil, false
			s.cancel(v)
		}
		v.Service = c
		if !c.Job {
			v.done = nil
		}
		clear(v.triggers) // the numbers may mean other rules now
		if in.Rebuild[c.Name] {
			v.demand(s.now)
		} else if in.Restart[c.Name] {
			v.want(s.now, false)
		}
		if in.Restart[c.Name] {
			v.replace()
		}
	}
	for _, v := range s.services {
		if !slices.Contains(list, v) {
			if !v.leaving {
				s.leave(v)
			}
			list = append(list, v)
		}
	}
	s.services = list
}

// leave ends a service that the config has no longer.
func (s *State) leave(v *service) {
	v.leaving, v.open = true, false
	v.wantBuild, v.wantRestart, v.wantRun, v.again = false, false, false, false
	v.held, v.rules, v.signals, v.good, v.reload = nil, nil, nil, nil, reloadNothing
	v.proven, v.fallback, v.through = nil, nil, false
	s.forgetLoops(v)
	s.cancel(v)
	s.do(Disarm{Timer{v.Name, SlowBuild}})
	s.do(Disarm{Timer{v.Name, Backoff}})
}

// forget drops the services of which nothing is left.
func (s *State) forget() {
	s.services = slices.DeleteFunc(s.services, func(v *service) bool {
		if !v.leaving || v.job != nil || v.proc != nil {
			return false
		}
		s.past[v.Name] = past{v.gen, v.launch}
		s.do(Forget{v.Name})
		return true
	})
}

// collect discards binaries that nobody refers to: all but the good one, those that run,
// the one that waits, and the one to fall back to.
func (s *State) collect(v *service) {
	if len(v.files) == 0 {
		return
	}
	if !v.Rollback {
		v.proven = nil
	}
	kept := map[string]bool{}
	for _, p := range []*Program{v.good, v.proven, v.fallback} {
		if p != nil {
			kept[p.Binary] = true
		}
	}
	for _, p := range v.procs() {
		kept[p.program.Binary] = true
	}
	if v.held != nil {
		kept[v.held.program.Binary] = true
	}
	var drop []string
	for f := range v.files {
		if !kept[f] {
			drop = append(drop, f)
		}
	}
	sort.Strings(drop)
	for _, f := range drop {
		delete(v.files, f)
		s.do(Discard{v.Name, f})
	}
}

func (s *State) find(name string) *service {
	for _, v := range s.services {
		if v.Name == name {
			return v
		}
	}
	return nil
}

func (s *State) do(a Action) { s.out = append(s.out, a) }

func (s *State) say(v *service, gen int, b event.Body) { s.emit(v.Name, gen, b) }

// hold says that something waits, in the older form too.
func (s *State) hold(v *service, gen int, w event.Waiting) {
	s.say(v, gen, w)
	s.say(v, gen, event.Held{Reason: w.Reason})
}

func (s *State) emit(service string, gen int, b event.Body) {
	s.do(Say{event.Event{Time: s.now, Service: service, Generation: gen, Body: b}})
}
