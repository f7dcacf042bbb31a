// Package ui renders events: text for people, JSON lines for programs. It is the
// only package that prints. A full-screen interface was rejected: the output of the
// program is what people look at, and it must stay in the scrollback.
//
// Rules of the text:
//   - One line per step, with its time. Nothing is printed twice.
//   - hotreload's own lines go to standard error; the program's bytes pass
//     unchanged to the stream that it wrote them to.
//   - A line of hotreload never splits a line of the program: if the program is in
//     the middle of one, that is ended first.
//   - No colour and no cursor control unless the stream is a terminal.
package ui

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/hotreload/hotreload/internal/safe"
)

// Screen is where everything ends up: the programs' output and hotreload's own
// lines, whole and in order. Its methods may be called from any goroutine.
type Screen struct {
	mu       sync.Mutex
	out, err *sink // the same one if both are the same terminal, or file
	reset    bool  // a program may have left colours switched on
	closed   func()
	raw      func() bool // see Raw
	once     sync.Once

	// Of several services each line gets the name of its service in front.
	tags    map[string]tag // by service; nil: there is only one
	streams map[source]*stream
}

// sink is one of the two streams of hotreload itself.
type sink struct {
	io.Writer
	mid   bool    // the last byte written was not the end of a line
	owner *stream // whose line that is, where lines have names
}

// NewScreen writes the program's stdout to out, its stderr and hotreload's own
// lines to err. terminal says that both are the same terminal. closed is called
// once, from another goroutine, when the reader of out is gone (`| head -1`).
func NewScreen(out, err io.Writer, terminal bool, closed func()) *Screen {
	s := &Screen{out: &sink{Writer: out}, err: &sink{Writer: err}, reset: terminal, closed: closed, streams: map[source]*stream{}}
	if terminal || sameFile(out, err) {
		s.err = s.out
	}
	return s
}

// sameFile finds `hotreload run 2>&1 | tee log`.
func sameFile(a, b any) bool {
	f, ok := a.(*os.File)
	g, ok2 := b.(*os.File)
	return ok && ok2 && f != nil && g != nil && same(f, g)
}

// Plain keeps escape sequences out of hotreload's own lines, also the one that ends the
// colours which the program may have left switched on.
func (s *Screen) Plain() { s.reset = false }

// Raw has hotreload's own lines, and those that get a name, return the carriage themselves
// while raw says that the terminal does not: a full-screen program has switched that off.
// It is asked at each write.
func (s *Screen) Raw(raw func() bool) { s.raw = raw }

// App passes on bytes of a service's program; nil says that this process writes no
// more. It blocks while the reader is slow, which in turn slows the program down;
// nothing is dropped, and nothing is stored but the beginning of a line that is to get
// a name. The bytes of the only service pass unchanged.
func (s *Screen) App(service string, stderr bool, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tags != nil {
		s.named(service, stderr, p)
		return
	}
	if len(p) == 0 {
		return
	}
	k := s.sink(stderr)
	k.mid, k.owner = p[len(p)-1] != '\n', nil
	s.pass(k, p)
}

func (s *Screen) sink(stderr bool) *sink {
	if stderr {
		return s.err
	}
	return s.out
}

// Own prints hotreload's own text, one or more whole lines.
func (s *Screen) Own(text safe.Text) {
	if text == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lead string
	if s.reset {
		lead = "\x1b[0m"
	}
	if s.err.mid {
		lead += "\n"
	}
	s.err.mid, s.err.owner = false, nil
	s.write(s.err, []byte(lead+string(text)))
}

// write prints what hotreload has made lines of.
func (s *Screen) write(k *sink, p []byte) {
	if s.raw != nil && s.raw() {
		p = bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
	}
	s.pass(k, p)
}

func (s *Screen) pass(k *sink, p []byte) {
	if _, err := k.Write(p); err != nil {
		s.gone(err)
	}
}

// Clear empties the terminal and its scroll-back.
func (s *Screen) Clear() {
	s.Own(clearScreen)
}

const clearScreen = "\x1b[H\x1b[2J\x1b[3J"

func (s *Screen) gone(err error) {
	if s.closed != nil && (errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EIO)) {
		s.once.Do(func() { go s.closed() })
	}
}
