package launch

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Of each service, what its programs have written last is kept: at least logBytes, or
// logWrites pieces, and at most twice as much.
const (
	logBytes  = 1 << 20
	logWrites = 5000
)

// Written is a piece of what a program has written: lines, or a part of one.
type Written struct {
	At         time.Time
	Service    string
	Generation int
	Stderr     bool
	Text       []byte
	Lost       int64 // bytes that were written before it and are not kept any more, for a reader who saw what came before them
}

// Logs keep what the programs have written. The zero value is empty.
type Logs struct {
	mu      sync.Mutex
	all     map[string]*serviceLog
	readers map[chan struct{}]bool // readers that wait for more
}

// serviceLog has two halves: when the newer one is full, the older one is forgotten, and its
// memory used again.
type serviceLog struct {
	older, newer logHalf
	written      int64 // bytes, ever
}

type logHalf struct {
	data   []byte
	pieces []logPiece
}

// logPiece is a part of data, which ends before that byte of all that was written.
type logPiece struct {
	at     time.Time
	gen    int
	stderr bool
	len    int
	end    int64
}

func (l *Logs) write(service string, gen int, stderr bool, p []byte) {
	if len(p) == 0 {
		return // a piece has a last byte
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all, l.readers = map[string]*serviceLog{}, map[chan struct{}]bool{}
	}
	s := l.all[service]
	if s == nil {
		s = &serviceLog{}
		l.all[service] = s
	}
	s.write(gen, stderr, p)
	for r := range l.readers {
		select {
		case r <- struct{}{}:
		default:
		}
	}
}

func (s *serviceLog) write(gen int, stderr bool, p []byte) {
	h := &s.newer
	if n := len(h.pieces); n > 0 {
		// What a program writes byte by byte is one piece up to the end of the line.
		last := &h.pieces[n-1]
		if last.gen == gen && last.stderr == stderr && len(h.data)+len(p) <= logBytes && h.data[len(h.data)-1] != '\n' {
			h.data = append(h.data, p...)
			s.written += int64(len(p))
			last.len, last.end = last.len+len(p), s.written
			return
		}
		if n == logWrites || len(h.data)+len(p) > logBytes {
			s.older, s.newer = s.newer, logHalf{s.older.data[:0], s.older.pieces[:0]}
		}
	}
	h.data = append(h.data, p...)
	s.written += int64(len(p))
	h.pieces = append(h.pieces, logPiece{time.Now(), gen, stderr, len(p), s.written})
}

// since returns what was written after the first from bytes.
func (s *serviceLog) since(service string, from int64) (list []Written) {
	lost := int64(0)
	for _, h := range []*logHalf{&s.older, &s.newer} {
		// Readers that follow ask for the end, after each write.
		i, _ := slices.BinarySearchFunc(h.pieces, from+1, func(p logPiece, at int64) int { return cmp.Compare(p.end, at) })
		for _, p := range h.pieces[i:] {
			begin := p.end - int64(p.len)
			at := begin - (h.pieces[0].end - int64(h.pieces[0].len))
			text := h.data[at:][:p.len]
			switch {
			case begin < from:
				text = text[from-begin:]
			case begin > from && len(list) == 0:
				lost = begin - from
			}
			list = append(list, Written{p.at, service, p.gen, p.stderr, bytes.Clone(text), lost})
			lost = 0
		}
	}
	return list
}

// lastLines are the last n lines of what was written.
func lastLines(list []Written, n int) []Written {
	if n <= 0 {
		return nil
	}
	for i, w := range slices.Backward(list) {
		end := len(w.Text)
		if i == len(list)-1 && end > 0 {
			end-- // the end of the last line begins no other
		}
		for {
			j := bytes.LastIndexByte(w.Text[:end], '\n')
			if j < 0 {
				break
			}
			if n--; n == 0 {
				list[i].Text = w.Text[j+1:]
				if len(list[i].Text) == 0 {
					i++
				}
				return list[i:]
			}
			end = j
		}
	}
	return list
}

// Of is what the program of one generation of a service has written since then, as far as it is kept.
func (l *Logs) Of(service string, gen int, since time.Time) (text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.all[service]; s != nil {
		for _, w := range s.since(service, 0) {
			if w.Generation == gen && !w.At.Before(since) {
				text = append(text, w.Text...)
			}
		}
	}
	return text
}

// Read hands over what the programs have written, of one service or (empty) of all, in the
// order in which they did: the last lines of each, or what is kept of it if lines is negative.
// With follow it goes on until over is closed, ctx is canceled, or take fails.
func (l *Logs) Read(ctx context.Context, over <-chan struct{}, service string, lines int, follow bool, take func([]Written) error) error {
	wake := make(chan struct{}, 1)
	from := map[string]int64{}
	read := func(first bool) (list []Written) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if first && follow {
			if l.readers == nil {
				l.all, l.readers = map[string]*serviceLog{}, map[chan struct{}]bool{}
			}
			l.readers[wake] = true
		}
		for name, s := range l.all {
			if service != "" && name != service {
				continue
			}
			more := s.since(name, from[name])
			if first && len(more) > 0 {
				more[0].Lost = 0 // it was never there for this reader
			}
			if first && lines >= 0 {
				more = lastLines(more, lines)
			}
			from[name] = s.written
			list = append(list, more...)
		}
		slices.SortStableFunc(list, func(a, b Written) int { return a.At.Compare(b.At) })
		return list
	}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.readers, wake)
	}()
	err := take(read(true))
	for last := false; follow && err == nil && !last; {
		select {
		case <-wake:
		case <-over:
			last = true
		case <-ctx.Done():
			return ctx.Err()
		}
		err = take(read(false))
	}
	return err
}
