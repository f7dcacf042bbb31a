package ui

import (
	"io"
	"sync"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
)

// JSON prints every event as one JSON line on the screen. The program's output
// is not repeated there: it passes through unchanged, as always.
type JSON struct{ screen *Screen }

// NewJSON returns a renderer for `--log json`.
func NewJSON(s *Screen) *JSON { return &JSON{s} }

// Emit implements event.Sink.
func (j *JSON) Emit(e event.Event) {
	if _, ok := e.Body.(event.Output); !ok {
		j.screen.Own(safe.Text(e.Line())) // which safe.JSON has made such
	}
}

// Log writes every event as one JSON line to a file, for `--events FILE`. A
// failing write is reported once through Err.
type Log struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewLog returns a sink that writes to w, one Write per event.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Emit implements event.Sink.
func (l *Log) Emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	_, l.err = l.w.Write(e.Line())
}

// Err returns the first error of a write; nothing was written after it.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
