package plan

import "time"

// process is one run of a program, from Launch to Gone.
type process struct {
	launch   int
	gen      int // that asked for it
	restarts int // of the service, at its start
	program  Program
	pid      int      // 0: not known yet
	signals  []string // to be sent once it is known

	readiness readiness
	life      life
	suspended string // the signal that has stopped it for the moment

	started time.Time
	readyAt time.Time
	askedAt time.Time // to end
	kill    kill
}

// kill is whether the process was killed because the time for all to end was over.
type kill int

const (
	notKilled   kill = iota
	killed           // at the end of its own time, which its exit reports
	killedEarly      // before that, which is not reported so far
)

// readiness is how far the program has come. It keeps its last value when the process ends.
type readiness int

const (
	notReady readiness = iota
	late               // was not ready in time, and may still become ready
	ready
	live // reported as live
)

// life is whether the program and its process group are there. A process that was asked to end and
// one that has ended come to the same last state, in either order.
type life int

const (
	running  life = iota
	stopping      // asked to end
	ended         // it has ended without being asked to; others of its group may live on
	clearing      // it has ended, and was asked to, or what is left of its group was
)

func (p *process) alive() bool      { return p != nil && p.life == running }
func (p *process) askedToEnd() bool { return p != nil && (p.life == stopping || p.life == clearing) }
func (p *process) hasEnded() bool   { return p.life == ended || p.life == clearing }

// markEnded notes that the program has ended.
func (p *process) markEnded() {
	if p.askedToEnd() {
		p.life = clearing
	} else {
		p.life = ended
	}
}

// markAskedToEnd notes that the process was asked to end.
func (p *process) markAskedToEnd(at time.Time) {
	p.askedAt = at
	if p.hasEnded() {
		p.life = clearing
	} else {
		p.life = stopping
	}
}

// works reports whether the program does what it is for, at this moment.
func (p *process) works() bool { return p.alive() && p.readiness >= ready && p.suspended == "" }

// procs are the processes of the service: one, two with start-first, or none.
func (svc *service) procs() []*process {
	out := make([]*process, 0, 2)
	for _, p := range []*process{svc.old, svc.proc} {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// process is the one of that launch; nil if the service has none.
func (svc *service) process(launch int) *process {
	for _, p := range svc.procs() {
		if p.launch == launch {
			return p
		}
	}
	return nil
}

// other is the other one of two processes; nil if there is none.
func (svc *service) other(p *process) *process {
	if p == svc.proc {
		return svc.old
	}
	return svc.proc
}

// current is the process whose work counts: the newest, or the job that has ended well.
func (svc *service) current() *process {
	if svc.done != nil {
		return svc.done
	}
	return svc.proc
}

// serving is since when the program runs that a failed build leaves alone; zero if none does.
func (svc *service) serving() time.Time {
	if svc.OnError == StopRunning {
		return time.Time{}
	}
	for _, p := range svc.procs() {
		if p.alive() {
			return p.started
		}
	}
	return time.Time{}
}

// stop ends a process of the service.
func (s *State) stop(svc *service, p *process, now bool) {
	if p.askedToEnd() {
		if now {
			s.do(Stop{svc.Name, p.launch, true})
		}
		return
	}
	p.markAskedToEnd(s.now)
	if svc.old == nil {
		svc.beginSpan(spanStop, s.now)
	}
	s.do(Stop{svc.Name, p.launch, now})
}

// stopAll ends every process of the service.
func (s *State) stopAll(svc *service, now bool) {
	for _, p := range svc.procs() {
		s.stop(svc, p, now)
	}
}

// signal sends a signal to every process of the service that is to live.
func (s *State) signal(svc *service, sig string) {
	for _, p := range svc.procs() {
		switch {
		case !p.alive():
		case p.pid == 0:
			p.signals = append(p.signals, sig)
		default:
			s.do(SendSignal{svc.Name, p.launch, sig})
		}
	}
}
