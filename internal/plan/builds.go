package plan

import (
	"fmt"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

const (
	slowBuildAfter = 3 * time.Second // a person starts to wonder
	slowBuildMax   = time.Minute     // the longest silence after that
	maxOvertaken   = 3               // builds in a row that newer saves cancel; the next one runs to its end
	maxFailing     = 2 * time.Second // for so long builds are canceled that end in a failure
)

// job is a build, or the commands of rules that come before it.
type job struct {
	kind  jobKind
	gen   int
	slot  int // jobs with the same one are one process at work
	began time.Time
	fate  fate

	failing bool // it has failed, or will: nothing is lost if it is canceled
	retry   bool // it is the build of wants.oneMore

	// What its commands may have written (see writers).
	generates bool            // commands run before the compiler
	writes    time.Time       // since when they, or canceled ones before them, may have been writing
	compiling time.Time       // until when: the start of the compiler; zero: not yet
	own       map[string]bool // inputs that were written in that time

	// Of commands of rules: which, what they were given as changed, and what else is to be done
	// once they have succeeded.
	rules    []int
	triggers map[int][]string
	signals  []string
	reload   reloadKind
	apart    reloadKind // see wants
}

// jobKind is what a job does. Inputs and status call all of them a build.
type jobKind int

const (
	rulesOnly jobKind = iota
	rulesThenBuild
	compile
)

// fate is whether a job's result counts.
type fate int

const (
	open     fate = iota // it counts unless something newer is wanted first
	counts               // it counts, whatever is saved in the meantime
	canceled             // it does not count
)

func (j *job) leadsToBuild() bool { return j.kind != rulesOnly }

// overtaken is about builds that newer saves canceled, since the last one that counted.
type overtaken struct {
	builds int       // without those that would have failed
	since  time.Time // when the first was canceled
}

// jobOf returns the job that an input is about; nil if it is an old one.
func (s *State) jobOf(service string, gen int) (*service, *job) {
	svc := s.find(service)
	if svc == nil || svc.job == nil || svc.job.gen != gen {
		return svc, nil
	}
	return svc, svc.job
}

// mayWork bounds the builds, and the rules' commands, that run at the same time.
func (s *State) mayWork() bool {
	busy := map[int]bool{}
	for _, svc := range s.services {
		if svc.job != nil {
			busy[svc.job.slot] = true
		}
	}
	return len(busy) < s.opt.MaxBuilds
}

// mayBuild is mayWork for a build, which can join one of its group that begins in this step.
func (s *State) mayBuild(svc *service) bool {
	return svc.Group != "" && s.joined[svc.Group] != 0 || s.mayWork()
}

func (s *State) newSlot() int {
	s.slots++
	return s.slots
}

func (s *State) build(svc *service) {
	svc.decideGenerated()
	svc.beginSpan(spanBuild, s.now)
	slot := s.joined[svc.Group]
	if slot == 0 {
		slot = s.newSlot()
	}
	if svc.Group != "" {
		s.joined[svc.Group] = slot
	}
	svc.job = &job{
		kind: compile, gen: svc.gen, slot: slot, began: s.now, failing: svc.burst.source == torn, retry: svc.wants.oneMore,
		generates: svc.Before, writes: s.writingSince(svc),
	}
	svc.wants.oneMore = false
	s.say(svc, svc.gen, event.BuildStarted{Slot: slot})
	s.do(Build{svc.Name, svc.gen})
	s.do(Arm{Timer{svc.Name, SlowBuild}, slowBuildAfter})
}

func (in Compiling) apply(s *State) {
	if _, j := s.jobOf(in.Service, in.Generation); j != nil && j.kind == compile {
		j.compiling = s.now
		if !in.At.IsZero() {
			j.compiling = in.At
		}
	}
}

func (in Failing) apply(s *State) {
	if _, j := s.jobOf(in.Service, in.Generation); j != nil {
		j.failing = true
	}
}

// slowJob reports a job that takes long, each time after a longer while.
func (s *State) slowJob(svc *service, in Fired) {
	j := svc.job
	if j == nil || j.fate == canceled || s.now.Sub(j.began) < slowBuildAfter {
		return
	}
	took := s.now.Sub(j.began)
	what := "building"
	if j.kind != compile {
		what = "running the command of a rule"
	}
	s.sayWaiting(svc, j.gen, event.Waiting{
		Reason: fmt.Sprintf("still %s after %s", what, took.Round(time.Second)),
		Kind:   event.WaitBuild, Slot: j.slot,
		Compiled: in.Compiled, Packages: in.Packages,
	})
	s.do(Arm{in.Timer, min(3*took, slowBuildMax)})
}

// overtake cancels the job, since something newer is wanted, or lets it run to its end: saves that
// never end must not keep every program from being built, nor every failure from being reported.
// A failure is reported late rather than for a file that is still being written.
func (s *State) overtake(svc *service) {
	j, o := svc.job, &svc.overtaken
	if j.fate == canceled {
		return
	}
	if o.since.IsZero() {
		o.since = s.now
	}
	switch {
	case j.failing && s.now.Sub(o.since) < maxFailing:
		s.cancel(svc)
	case j.fate == counts:
	case j.failing, o.builds >= maxOvertaken:
		j.fate = counts
	default:
		o.builds++
		s.cancel(svc)
	}
}

// cancel ends the job of the service, if there is one.
func (s *State) cancel(svc *service) {
	if svc.job != nil && svc.job.fate != canceled {
		svc.job.fate = canceled
		s.do(CancelBuild{svc.Name, svc.job.gen})
	}
}

// endJob takes out the job, which has ended.
func (s *State) endJob(svc *service) {
	svc.job = nil
	svc.endSpan(spanBuild, s.now)
	s.do(Disarm{Timer{svc.Name, SlowBuild}})
}

func (in BuildDone) apply(s *State) {
	svc, j := s.jobOf(in.Service, in.Generation)
	if j == nil || j.kind != compile {
		return
	}
	s.endJob(svc)
	svc.recent.job = j
	if in.Program.Binary != "" {
		svc.programs.files[in.Program.Binary] = true
	}
	for _, p := range in.Wrote {
		j.wrote(p)
	}
	if j.compiling.IsZero() {
		j.compiling = s.now
	}
	newest := in.Generation == svc.gen
	if in.Canceled || !newest && j.fate != counts || in.failedInBurst(svc) {
		j.fate = canceled
	}
	if j.fate == canceled {
		s.say(svc, in.Generation, event.BuildCanceled{})
		return
	}
	svc.recent.build, svc.overtaken = j, overtaken{}
	switch {
	case in.OK:
		s.buildSucceeded(svc, &in, newest)
	case newest && svc.wants.oneMore && !j.retry:
		// An input changed under the compiler: its failure says nothing either. Only once:
		// an error must be reported even if files are written all the time.
		s.say(svc, in.Generation, event.BuildCanceled{})
		svc.wantFreshBuild(svc.since)
	default:
		s.buildFailed(svc, &in, newest)
	}
}

// failedInBurst reports whether a speculative build failed in the middle of a burst. That says nothing
// of the files as they will be: it is repeated once the burst has closed.
func (in BuildDone) failedInBurst(svc *service) bool {
	return !in.OK && svc.burst.stage != noBurst
}

func (s *State) buildSucceeded(svc *service, in *BuildDone, newest bool) {
	svc.wants.build = svc.wants.build && !newest
	svc.programs.result = &result{in.Program, s.now, !newest}
	svc.failed.build = svc.failed.build && newest // what is older than the newest save is used as it is
	in.Finished.OK = true
	in.Finished.Unchanged = svc.unchanged(in.Program) != nil && !svc.wants.restart // else it would be replaced
	svc.latest.build = &in.Finished
	if j := svc.recent.build; !svc.programs.texts.After(j.compiling) {
		svc.programs.texts = time.Time{}
	}
	svc.parts = buildParts{s.now, in.Finished.CompileMS, in.Finished.LinkMS}
	s.say(svc, in.Generation, in.Finished)
}

func (s *State) buildFailed(svc *service, in *BuildDone, newest bool) {
	svc.wants.build = svc.wants.build && !newest
	svc.failed.build = true
	in.Finished.OK = false
	in.Finished.Serving = svc.serving()
	svc.latest.build = &in.Finished
	s.say(svc, in.Generation, in.Finished)
	switch {
	case s.opt.Once:
		s.quit(1, "the build failed")
	case svc.OnError == StopRunning:
		s.stopAll(svc, false)
	}
}
