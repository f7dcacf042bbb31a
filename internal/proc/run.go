package proc

import (
	"context"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Errand is a command that is run to its end while its output is read.
type Errand struct {
	Cmd Cmd // its Stdout and Stderr are overwritten

	// Stdout and Stderr get what the command and its descendants print; without Stderr, both streams are one and go to
	// Stdout in the order in which they were written. They are never called concurrently, and what they return is ignored:
	// a reader that gave up must not block the command.
	Stdout, Stderr io.Writer

	// Signal asks the group to end when the context is over, SIGKILL follows after Grace. 0: SIGKILL at once.
	Signal syscall.Signal
	Grace  time.Duration
	Kill   <-chan struct{} // ends the grace when it is closed; may be nil

	// Whole ends, and waits for, what the command has left running. Without it Run returns when the command has ended and
	// no process has its output open: to prove that none is left takes seconds where this process is no subreaper. When the
	// context is over, the whole group is ended and waited for in any case.
	Whole bool
}

const (
	// leftoverGrace is for processes that outlive the command that started them.
	leftoverGrace = 500 * time.Millisecond
	// drainGrace is for output that is still in the pipe although all of the group is
	// gone; only a process that left the group (not on Linux) keeps a pipe open longer.
	drainGrace = 100 * time.Millisecond
)

// Run runs the command. The error is ctx's if the command was ended for its sake, or says that it could not be started.
func Run(ctx context.Context, e Errand) (State, error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	var p pipes
	defer p.close()
	g, err := p.start(e)
	if err != nil {
		p.readers.Wait() // at the end of their pipes already
		return State{}, err
	}
	ended := make(chan struct{})
	go func() {
		<-g.Exited()
		if !e.Whole {
			p.readers.Wait()
		}
		close(ended)
	}()

	var over error
	select {
	case <-ended:
		if !e.Whole {
			return g.State(), nil
		}
		g.stopRest(ctx)
	case <-ctx.Done():
		over = ctx.Err()
		g.stopErrand(e)
	}
	<-g.Gone()
	for _, f := range p.ours {
		f.SetReadDeadline(time.Now().Add(drainGrace))
	}
	p.readers.Wait()
	return g.State(), over
}

// stopRest ends what the command has left running. While that has its time, ctx may end.
func (g *Group) stopRest(ctx context.Context) {
	g.Stop(syscall.SIGTERM, leftoverGrace)
	select {
	case <-g.Gone():
	case <-ctx.Done():
		g.Stop(syscall.SIGKILL, 0)
	}
}

// stopErrand ends the command, and then what it has left running.
func (g *Group) stopErrand(e Errand) {
	if e.Signal == 0 {
		e.Signal = syscall.SIGKILL
	}
	g.Stop(e.Signal, e.Grace)
	select {
	case <-g.Exited():
	case <-e.Kill:
		g.Stop(syscall.SIGKILL, 0)
		<-g.Exited()
	}
	g.Stop(syscall.SIGKILL, leftoverGrace) // only shortens the grace of above
}

// pipes carry the output of a command to its writers.
type pipes struct {
	mu      sync.Mutex // of the two writers, which may be the same
	readers sync.WaitGroup
	ours    []*os.File // the reading ends
	theirs  []*os.File // the writing ends
}

// start starts the command with its output in pipes.
func (p *pipes) start(e Errand) (g *Group, err error) {
	defer func() {
		for _, f := range p.theirs {
			f.Close()
		}
	}()
	if e.Cmd.Stdout, err = p.to(e.Stdout); err != nil {
		return nil, err
	}
	e.Cmd.Stderr = e.Cmd.Stdout
	if e.Stderr != nil {
		if e.Cmd.Stderr, err = p.to(e.Stderr); err != nil {
			return nil, err
		}
	}
	return Start(e.Cmd)
}

// to is the end of a new pipe whose other end is read into w.
func (p *pipes) to(w io.Writer) (*os.File, error) {
	r, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.ours, p.theirs = append(p.ours, r), append(p.theirs, theirs)
	p.readers.Go(func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				p.mu.Lock()
				w.Write(buf[:n])
				p.mu.Unlock()
			}
			if err != nil {
				return
			}
		}
	})
	return theirs, nil
}

func (p *pipes) close() {
	for _, f := range p.ours {
		f.Close()
	}
}
