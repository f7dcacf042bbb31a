package runner

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// sigWinch is never sent: there are no pseudo-terminals here.
const sigWinch = syscall.Signal(-1)

// stream is one output stream: a pipe.
type stream struct {
	file  *os.File
	other *os.File
	taps  []func([]byte)
	done  chan struct{}

	passed atomic.Int64 // bytes that have been passed on

	otherOnce sync.Once
}

func newStream(_ *os.File, taps []func([]byte)) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stream{file: r, other: w, taps: taps, done: make(chan struct{})}, nil
}

func (s *stream) resize() bool { return false }

func (s *stream) copy() {
	defer close(s.done)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.file.Read(buf)
		if n > 0 {
			for _, f := range s.taps {
				f(buf[:n])
			}
			s.passed.Add(int64(n))
		}
		if err != nil {
			return
		}
	}
}

// drained only reports the end. The job object ends every writer, so it comes.
func (s *stream) drained() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// started is called when the process has its end of the stream.
func (s *stream) started() { s.closeOther() }

func (s *stream) closeOther() { s.otherOnce.Do(func() { s.other.Close() }) }

func (s *stream) close() {
	s.closeOther()
	s.file.Close()
}
