package launch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
)

// Input is hotreload's own standard input.
type Input interface {
	// Read waits for input until ctx ends. It returns io.EOF at the end of the input; for
	// a terminal (Ctrl-D) that need not be the last.
	Read(ctx context.Context, p []byte) (int, error)
	// Terminal is the terminal that is read, nil if it is none.
	Terminal() *os.File
	// File is what is read.
	File() *os.File
}

// giveInput sets up the program's standard input as run.stdin says. The feed, which may be
// nil, must be closed when the program is gone.
func (p *Program) giveInput(s *runner.Spec, gen int, report func(Event)) (feed *feed, err error) {
	in, c := p.host.Input, p.conf.Load()
	policy := c.Run.Stdin
	if policy == config.StdinKeys && !c.Builds() && !p.job() {
		if feed, err = silence(); err == nil {
			s.Stdin = feed.theirs
		}
		return feed, err
	}
	if in == nil || policy != config.StdinApp && policy != config.StdinInteractive {
		return nil, nil
	}
	tty := in.Terminal()
	if policy == config.StdinInteractive && tty != nil {
		if !proc.Foreground(tty) {
			report(Said{Generation: gen, Aside: true, Problem: event.Problem{
				Message: "hotreload is running in the background, so " + p.name + " does not get the terminal",
				Hint:    `stdin = "interactive" needs hotreload in the foreground: fg, then hotreload restart from elsewhere`,
			}})
			return nil, nil
		}
		s.Stdin, s.Foreground = tty, tty
		if p.host.Stdout != nil {
			s.Stdout = runner.Stream{File: p.host.Stdout}
		}
		if p.host.Stderr != nil {
			s.Stderr = runner.Stream{File: p.host.Stderr}
		}
		return nil, nil
	}
	if !relays {
		s.Stdin = in.File()
		return nil, nil
	}
	if feed, err = p.host.relay.attach(in); err == nil {
		s.Stdin = feed.theirs
	}
	return feed, err
}

// userEnded reports whether the person at the terminal has ended a program that had it:
// Ctrl-C and a closed window then reach the program alone, and are meant for all.
func userEnded(s runner.Spec, x runner.Exit) (why string, yes bool) {
	switch {
	case s.Foreground == nil || x.Asked:
	case x.Signal == syscall.SIGINT, x.Code == 130: // 130: a shell in between says it so
		return "Ctrl-C", true
	case x.Signal == syscall.SIGHUP:
		return "the terminal is gone", true
	}
	return "", false
}

// tidy ends what a full-screen program switches on and takes no time to switch off when it
// is killed: the alternate screen (not by 1049, which would move the cursor where there was
// none), a hidden cursor, reports of the mouse, bracketed paste, colours.
const tidy = "\x1b[?1047l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m"

// tidyUp cleans the screen up after a program that had the terminal and was killed.
func (p *Program) tidyUp(s runner.Spec, x runner.Exit) {
	if s.Foreground != nil && s.Stderr.File != nil && x.Signal != 0 {
		p.host.App(p.name, true, []byte(tidy))
	}
}

// relay passes hotreload's standard input on to the program that runs, through a pipe of
// its own for each process.
//
// Nothing is read while no program runs, so what is typed ahead waits where it would wait
// without hotreload, in the terminal. What a program leaves unread when it ends is given
// to its successor, as a shell's next command would get it.
type relay struct {
	mu      sync.Mutex
	current *feed  // the one that reads now
	pending []byte // read, and not yet taken by any program
	over    bool   // no more will come
}

// feed is the standard input of one process.
type feed struct {
	r      *relay // nil: nothing is fed
	in     Input
	theirs *os.File // the process's end; also kept here, to find what is left in it
	ours   *os.File
	cancel context.CancelFunc
	ended  chan struct{}
	once   sync.Once
}

// silence is an input that says nothing and ends with the process: helpers like
// `tailwindcss --watch` and `esbuild --watch` take the end of their input for a request to end.
func silence() (*feed, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &feed{theirs: theirs, ours: ours}, nil
}

// attach makes the next process the one that is fed. Only one is at a time.
func (r *relay) attach(in Input) (*feed, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	before := r.current
	r.mu.Unlock()
	if before != nil {
		before.stop()
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{r: r, in: in, theirs: theirs, ours: ours, cancel: cancel, ended: make(chan struct{})}
	r.mu.Lock()
	r.current = f
	r.mu.Unlock()
	go f.run(ctx)
	return f, nil
}

// run feeds until it is stopped, or the input has ended.
func (f *feed) run(ctx context.Context) {
	defer close(f.ended)
	buf := make([]byte, 16<<10)
	// A full pipe must not keep stop waiting.
	unblock := context.AfterFunc(ctx, func() { _ = f.ours.SetWriteDeadline(time.Unix(1, 0)) })
	defer unblock()
	for {
		if ctx.Err() != nil {
			return
		}
		f.r.mu.Lock()
		pending, over := f.r.pending, f.r.over
		f.r.pending = nil
		f.r.mu.Unlock()
		switch {
		case len(pending) > 0:
			n, err := f.ours.Write(pending)
			f.r.mu.Lock()
			// In front of it may be what a program that ended in the meantime has left.
			f.r.pending = append(f.r.pending, pending[n:]...)
			f.r.mu.Unlock()
			if err != nil {
				return
			}
			continue
		case over:
			f.ours.Close() // the program sees the end of its input
			return
		}
		n, err := f.in.Read(ctx, buf)
		f.r.mu.Lock()
		f.r.pending = append(f.r.pending, buf[:n]...)
		if err != nil && ctx.Err() == nil && f.in.Terminal() == nil {
			f.r.over = true
		}
		f.r.mu.Unlock()
		if errors.Is(err, io.EOF) && f.in.Terminal() != nil {
			// Ctrl-D ends the input of this process, not of the next.
			f.ours.Close()
			return
		}
	}
}

// leave ends the reading: what is typed from now on is for the next program.
func (f *feed) leave() {
	if f != nil && f.r != nil {
		f.cancel()
	}
}

// stop is leave, and waits for it.
func (f *feed) stop() {
	f.cancel()
	<-f.ended
}

// close is called when the process is gone.
func (f *feed) close() {
	if f == nil {
		return
	}
	if f.r == nil {
		f.ours.Close()
		f.theirs.Close()
		return
	}
	f.once.Do(func() {
		f.stop()
		f.ours.Close()
		// Both ends are ours alone now: reading does not wait.
		var left bytes.Buffer
		_ = f.theirs.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = left.ReadFrom(f.theirs)
		f.theirs.Close()
		f.r.mu.Lock()
		defer f.r.mu.Unlock()
		if left.Len() > 0 {
			f.r.pending = append(left.Bytes(), f.r.pending...)
		}
		if f.r.current == f {
			f.r.current = nil
		}
	})
}
