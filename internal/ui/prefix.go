package ui

import (
	"bytes"
	"time"
)

const (
	// partialAfter is how long the beginning of a line is kept back: a prompt is to be
	// seen at once, and a line written in pieces is to be one.
	partialAfter = 50 * time.Millisecond
	// maxPartial bounds it; a program may write a gigabyte without an end of line.
	maxPartial = 64 << 10
)

// tag is printed in front of the lines of a service.
type tag struct{ out, err []byte }

// source is one output stream of one service.
type source struct {
	service string
	stderr  bool
}

// stream is the beginning of a line of a source that has not been shown.
type stream struct {
	from  source
	held  []byte
	timer *time.Timer // running while held has something
	home  bool        // it went back to the beginning of the line, and wrote nothing there yet
}

// Services sets which services there are, and in which colours; color says
// whether stdout and stderr show them. With more than one, every line of a program gets
// the name of its service in front.
func (s *Screen) Services(p *Palette, colorOut, colorErr bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		s.show(st)
	}
	s.tags = nil
	names := p.Names()
	if len(names) < 2 {
		clear(s.streams)
		return
	}
	s.tags = map[string]tag{}
	for _, n := range names {
		s.tags[n] = tag{out: p.tag(n, colorOut), err: p.tag(n, colorErr)}
	}
}

// named passes on bytes with names. s.mu is held.
func (s *Screen) named(service string, stderr bool, p []byte) {
	from := source{service, stderr}
	st := s.streams[from]
	if st == nil {
		st = &stream{from: from}
		s.streams[from] = st
	}
	if len(p) == 0 {
		// What the next process writes begins on a new line.
		s.show(st)
		if k := s.sink(stderr); k.mid && k.owner == st {
			s.write(k, []byte("\n"))
			k.mid, k.owner = false, nil
		}
		return
	}
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		s.lines(st, append(st.held, p[:i+1]...))
		st.held = nil
		p = p[i+1:]
	}
	st.held = append(st.held, p...)
	switch {
	case len(st.held) == 0:
		st.stop()
	case len(st.held) >= maxPartial, s.sink(stderr).owner == st:
		s.show(st) // it continues where it is
	case st.timer == nil:
		st.timer = time.AfterFunc(partialAfter, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.show(st)
		})
	}
}

// show writes the beginning of a line. s.mu is held.
func (s *Screen) show(st *stream) {
	st.stop()
	if len(st.held) > 0 {
		s.lines(st, st.held)
		st.held = nil
	}
}

func (st *stream) stop() {
	if st.timer != nil {
		st.timer.Stop()
		st.timer = nil
	}
}

// lines writes text with the name in front of each line; an unfinished line of
// another source is broken off. It is one write, so lines of others do not get into
// it on their way to a pipe. s.mu is held.
func (s *Screen) lines(st *stream, text []byte) {
	k := s.sink(st.from.stderr)
	tag := s.tags[st.from.service].out
	if st.from.stderr {
		tag = s.tags[st.from.service].err
	}
	out := make([]byte, 0, len(text)+8*len(tag))
	if k.mid && k.owner != st {
		out = append(out, '\n')
	}
	fresh := !k.mid || k.owner != st
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		if fresh {
			out = append(out, tag...)
			st.home = false
		}
		out = st.overwritten(out, text[:n], tag)
		fresh = text[n-1] == '\n'
		text = text[n:]
	}
	k.mid, k.owner = !fresh, nil
	if k.mid {
		k.owner = st
	}
	s.write(k, out)
}

// overwritten appends a part of a line. A program that goes back to the beginning of its line, with a
// spinner or a progress bar, writes over the name, which is therefore repeated.
func (st *stream) overwritten(out, line, tag []byte) []byte {
	for len(line) > 0 {
		n := returns(line)
		switch {
		case n > 0:
			st.home = true
		case st.home && erases(line) > 0:
			n = erases(line)
		default:
			if st.home && line[0] != '\n' {
				out = append(out, tag...)
			}
			st.home = false
			if n = bytes.IndexAny(line[1:], "\r\x1b") + 1; n == 0 {
				n = len(line)
			}
		}
		out = append(out, line[:n]...)
		line = line[n:]
	}
	return out
}

// returns is the length of what brings the cursor back to the beginning of the line.
func returns(s []byte) int { return leading(s, "\r", "\x1b[G", "\x1b[1G", "\x1b[0G") }

// erases is the length of what erases the line.
func erases(s []byte) int { return leading(s, "\x1b[K", "\x1b[0K", "\x1b[2K") }

func leading(s []byte, list ...string) int {
	for _, p := range list {
		if bytes.HasPrefix(s, []byte(p)) {
			return len(p)
		}
	}
	return 0
}
