package launch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/generated"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/runner"
)

// Run starts the process and reports every step of its life. It returns when nothing of it is
// left.
func (l *Process) Run() {
	p := l.program
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running--
	}()
	s := &supervision{l: l, Program: p}
	if err := s.start(); err != nil {
		l.step(plan.Launched{Service: p.name, Launch: l.launch.Launch, Problem: Problem("cannot start "+p.name, err)})
		return
	}
	l.step(plan.Launched{Service: p.name, Launch: l.launch.Launch, PID: s.process.Pid()})
	s.watch()
}

func (l *Process) step(in plan.Input) { l.report(Step{in}) }

// supervision is a process that runs, and what is waited for of it.
type supervision struct {
	*Program
	l       *Process
	process *runner.Process
	spec    runner.Spec
	places  []companion.Place // what its companions have given it

	ready, exitedOnce bool // its readiness, its end is reported
	elsewhere         <-chan time.Time
	began             time.Time // when that was first looked for
	close             []func()  // when it is gone
}

func (s *supervision) start() (err error) {
	out, outDone := s.stream("stdout", s.host.Stdout)
	errs, errDone := s.stream("stderr", s.host.Stderr)
	s.close = []func(){outDone, errDone}
	if s.spec, s.places, err = s.runSpec(s.l.launch); err != nil {
		return err
	}
	s.spec.Stdout, s.spec.Stderr = out, errs
	f, err := s.giveInput(&s.spec, s.l.launch.Generation, s.l.report)
	if err == nil {
		s.process, err = runner.Start(s.spec)
	}
	if err != nil {
		f.close()
		return err
	}
	s.close = append(s.close, f.close)
	s.l.started(s.process, f)
	return nil
}

// watch follows the process until it is gone.
func (s *supervision) watch() {
	s.ready = s.job() // its end says it
	if at := companion.Answering(s.places); at.Given && s.spec.Ready.TCP == at.Addr {
		t := time.NewTicker(portInterval)
		defer t.Stop()
		s.elsewhere, s.began = t.C, time.Now()
	}
	exited, stopped := s.process.Exited(), s.process.Stopped()
	var remains <-chan time.Time
	for {
		ready := s.process.Ready()
		if s.ready {
			ready = nil
		}
		select {
		case <-s.elsewhere:
			if s.ready || s.otherPort() {
				s.elsewhere = nil
			}
		case err := <-ready:
			s.isReady(err)
		case sig := <-stopped:
			s.stoppedBy(sig)
		case addr := <-s.process.InUse():
			s.addressTaken(addr)
		case x := <-exited:
			exited, stopped, s.ready = nil, nil, true
			s.ended(x)
			s.endedEarly(x)
			t := time.NewTimer(leftoverGrace)
			defer t.Stop()
			remains = t.C
		case <-remains:
			s.stillRuns()
		case <-s.process.Gone():
			s.gone()
			return
		}
	}
}

// isReady takes what became of the wait for readiness.
func (s *supervision) isReady(err error) {
	switch {
	case !errors.Is(err, runner.ErrLate):
		s.ready = true
	case s.noLonger(s.spec.Ready, s.l.launch.Program.Binary):
		s.ready, err = true, nil
	case s.conf.Load().Run.ReadyTimeout == 0:
		return
	}
	if errors.Is(err, runner.ErrEnded) {
		return // its end is reported, with the reason; twice would be noise
	}
	r := plan.ReadyIs{Service: s.name, Launch: s.l.launch.Launch}
	if err != nil {
		r.Problem = Problem("", fmt.Errorf("%s is %w", s.name, err))
		s.addElsewhere(r.Problem)
	} else {
		s.learn(s.process, s.spec.Ready)
		s.companions.SetUpstream(s.places)
	}
	s.l.step(r)
}

// ended reports the end of the process itself.
func (s *supervision) ended(x runner.Exit) {
	s.exitedOnce = true
	if why, yes := userEnded(s.spec, x); yes {
		s.l.step(plan.Command{Do: plan.DoQuit, Why: why})
	}
	s.tidyUp(s.spec, x)
	s.l.step(plan.Ended{Service: s.name, Launch: s.l.launch.Launch, Exit: exit(s.process.Pid(), x)})
}

// gone reports the end of all that the process had started, and what has not been reported before.
func (s *supervision) gone() {
	if !s.exitedOnce {
		select {
		case x := <-s.process.Exited():
			s.ended(x)
		default:
		}
	}
	select {
	case addr := <-s.process.InUse():
		s.addressTaken(addr)
	default:
	}
	for _, f := range s.close {
		f()
	}
	s.leftBehind()
	s.notAsked()
	s.l.step(plan.Gone{Service: s.name, Launch: s.l.launch.Launch})
}

// addressTaken reports that the program could not listen.
func (s *supervision) addressTaken(addr string) {
	s.learnServer(yes) // though it has not been seen listening
	s.l.report(AddressTaken{Generation: s.l.launch.Generation, PID: s.process.Pid(), Addr: addr, Env: s.spec.Env})
}

func exit(pid int, x runner.Exit) event.Exited {
	ev := event.Exited{
		PID: pid, Code: x.Code, DurationMS: event.MS(x.Duration), Reason: x.Reason, Killed: x.Killed,
	}
	if x.Signal != 0 {
		ev.Code, ev.Signal, ev.Number = -1, signalName(x.Signal), int(x.Signal)
	}
	if x.Panic != nil {
		ev.Panic, ev.File, ev.Line = x.Panic.Stack, x.Panic.Frame.File, x.Panic.Frame.Line
		if source, line, _, ok := generated.Source(ev.File, ev.Line); ok {
			place := fmt.Sprintf(" (%s:%d)", ev.File, ev.Line)
			ev.File, ev.Line = source, line // the stack has the place in the generated code
			ev.Reason = strings.Replace(ev.Reason, place, fmt.Sprintf(" (%s:%d)", source, line), 1)
		}
	}
	return ev
}

// Problem is why a program does not run.
func Problem(what string, err error) *event.Problem {
	p := &event.Problem{Message: err.Error(), Hint: advice.Hint(err), Failed: true}
	if what != "" {
		p.Message = what + ": " + p.Message
	}
	return p
}
