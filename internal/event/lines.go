package event

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

const (
	maxLine = 4 << 10 // a longer piece of output becomes several events
	maxRate = 1 << 20 // bytes of output per second that are recorded
)

// Lines turns what a program writes into Output events, a line each. A program
// can write a gigabyte per second and a log file cannot: what exceeds maxRate
// in a second is counted and reported, not recorded. The bytes themselves always
// pass to the terminal; only the record is bounded.
type Lines struct {
	Service, Stream string
	Generation      int
	Emit            func(Event)
	Now             func() time.Time

	rest    []byte
	second  time.Time
	written int
	dropped int
}

// Write takes the next bytes of the stream.
func (l *Lines) Write(p []byte) {
	now := l.Now()
	if now.Sub(l.second) >= time.Second {
		l.flushDropped(now)
		l.second, l.written = now, 0
	}
	if l.written+len(p) > maxRate {
		l.dropped += len(p) + len(l.rest)
		l.rest = nil
		return
	}
	l.written += len(p)
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		switch {
		case i >= 0:
			l.emit(now, l.rest[:i+1])
			l.rest = l.rest[i+1:]
		case len(l.rest) >= maxLine:
			l.emit(now, l.rest)
			l.rest = nil
		default:
			// The backing array is not kept for the sake of a few bytes.
			l.rest = bytes.Clone(l.rest)
			return
		}
	}
}

// Close emits what has no end of line.
func (l *Lines) Close() {
	now := l.Now()
	l.flushDropped(now)
	if len(l.rest) > 0 {
		l.emit(now, l.rest)
		l.rest = nil
	}
}

func (l *Lines) flushDropped(now time.Time) {
	if l.dropped > 0 {
		l.emit(now, fmt.Appendf(nil, "[hotreload: %d bytes of output not recorded here]\n", l.dropped))
		l.dropped = 0
	}
}

func (l *Lines) emit(now time.Time, p []byte) {
	for len(p) > 0 {
		n := min(len(p), maxLine)
		l.Emit(Event{now, l.Service, l.Generation, Output{l.Stream, strings.ToValidUTF8(string(p[:n]), "\uFFFD")}})
		p = p[n:]
	}
}
