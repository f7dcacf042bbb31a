package plan

import (
	"maps"
	"slices"
	"time"
)

// runRules starts the commands of the rules whose files changed. Everything else waits for them.
func (s *State) runRules(svc *service) {
	if !s.mayWork() {
		return
	}
	w := &svc.wants
	j := &job{
		kind: rulesOnly, gen: svc.gen, slot: s.newSlot(), began: s.now,
		rules: w.rules, triggers: map[int][]string{}, signals: w.signals, reload: w.reload, apart: w.apart,
		generates: true, writes: s.writingSince(svc),
	}
	if w.build {
		j.kind = rulesThenBuild
	}
	for _, r := range w.rules {
		j.triggers[r] = slices.Sorted(maps.Keys(w.triggers[r]))
		delete(w.triggers, r)
	}
	w.rules, w.signals, w.reload, w.apart = nil, nil, reloadNothing, reloadNothing
	svc.job = j
	svc.beginSpan(spanBuild, s.now)
	s.do(RunRules{svc.Name, svc.gen, j.rules, j.triggers})
	s.do(Arm{Timer{svc.Name, SlowBuild}, slowBuildAfter})
}

func (in RulesDone) apply(s *State) {
	svc, j := s.jobOf(in.Service, in.Generation)
	if j == nil || j.kind == compile {
		return
	}
	s.endJob(svc)
	if in.Canceled {
		j.fate = canceled
	}
	svc.feedback.rules = interval{j.writes, s.now}
	if j.fate == canceled || !in.OK {
		for rule, paths := range j.triggers { // the next run of the command is given these, too
			svc.wants.trigger(rule, paths...)
		}
	} else {
		svc.latest.command = nil
	}
	switch {
	case s.quitting():
	case j.fate == canceled:
		s.repeatRules(svc, j)
	case in.OK:
		s.rulesSucceeded(svc, j)
	default:
		s.rulesFailed(svc, j, &in)
	}
}

// repeatRules asks for canceled commands again, before those that were asked for since then.
func (s *State) repeatRules(svc *service, j *job) {
	svc.recent.job = j
	svc.takeBack(j)
	svc.wants.rules = union(j.rules, svc.wants.rules)
}

// rulesSucceeded goes on with what the commands were run for.
func (s *State) rulesSucceeded(svc *service, j *job) {
	svc.takeBack(j)
	if j.kind == rulesThenBuild && svc.wants.build && svc.gen == j.gen && len(svc.wants.rules) == 0 &&
		svc.burst.stage == noBurst && svc.mode == active && !s.isPaused(svc) {
		s.build(svc)
		// Inputs that the commands wrote may be reported only now.
		svc.job.generates, svc.job.writes = true, j.writes
	}
}

// takeBack asks again for the signals and the reload that were to follow the commands.
func (svc *service) takeBack(j *job) {
	svc.wants.signals = union(j.signals, svc.wants.signals)
	svc.wants.reload = max(svc.wants.reload, j.reload)
	svc.wants.apart = max(svc.wants.apart, j.apart)
}

// rulesFailed reports the failure, and calls off what was to follow: the next commands that
// succeed make up for it. What pages show of other files does not depend on the commands.
func (s *State) rulesFailed(svc *service, j *job, in *RulesDone) {
	svc.overtaken.since = time.Time{}
	if j.kind == rulesThenBuild { // else the next success reloads or restarts in any case
		svc.wants.reload = max(svc.wants.reload, j.apart)
		svc.wants.apart = max(svc.wants.apart, j.apart)
	}
	in.Finished.Serving = svc.serving()
	s.say(svc, in.Generation, in.Finished)
	svc.latest.build = &in.Finished
	if s.opt.Once {
		s.quit(1, "a command failed")
	}
	if svc.gen != j.gen || len(svc.wants.rules) > 0 {
		return // what was asked for since then includes it
	}
	if svc.wants.restart {
		svc.failed.missedRestart = svc.gen
		svc.restarts--
	}
	svc.wants.build, svc.wants.restart = false, false
	if j.kind == rulesOnly || svc.failed.missedRestart > 0 { // else the next build makes up for it
		svc.latest.command = &in.Finished
	}
	if j.kind == rulesThenBuild {
		svc.wants.oneMore = false
		svc.recent.job, j.compiling = j, s.now
		svc.failed.build, svc.failed.missedBuild = true, true
		if svc.OnError == StopRunning {
			s.stopAll(svc, false)
		}
	}
}
