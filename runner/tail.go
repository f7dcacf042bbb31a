package runner

import (
	"bytes"
	"regexp"
	"sync"
)

const tailSize = 64 << 10

// tail keeps the last 64 KiB of a stream, and the first 64 KiB from the last line that
// looks like the beginning of a crash: a dump of thousands of goroutines is longer than
// any tail, and the message is at its beginning.
type tail struct {
	mu    sync.Mutex
	buf   []byte // at most 2*tailSize plus a chunk
	total int64  // bytes seen

	head   []byte
	headAt int64 // offset of head in the stream; only if head != nil
}

var crashMarks = [][]byte{[]byte("\npanic: "), []byte("\nfatal error: ")}

const longestMark = len("\nfatal error: ")

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(p) > 0 {
		n := min(len(p), tailSize)
		t.addChunk(p[:n])
		p = p[n:]
	}
}

func (t *tail) addChunk(p []byte) {
	if t.buf == nil {
		t.buf = append(make([]byte, 0, 3*tailSize), '\n') // the stream begins with a line
	}
	if t.head != nil && len(t.head) < tailSize {
		t.head = append(t.head, p[:min(len(p), tailSize-len(t.head))]...)
	}
	from := max(0, len(t.buf)-longestMark+1) // a mark may begin in the chunk before
	t.buf = append(t.buf, p...)
	t.total += int64(len(p))
	for _, mark := range crashMarks {
		if i := bytes.LastIndex(t.buf[from:], mark); i >= 0 {
			i += from + 1
			if at := t.total - int64(len(t.buf)-i); t.head == nil || at > t.headAt {
				t.headAt = at
				t.head = append(make([]byte, 0, tailSize), t.buf[i:min(len(t.buf), i+tailSize)]...)
			}
		}
	}
	if len(t.buf) > 2*tailSize {
		n := copy(t.buf, t.buf[len(t.buf)-tailSize:])
		t.buf = t.buf[:n]
	}
}

// texts returns what there is to find a crash in: the tail, and, if the beginning of the
// crash is in it no more, the head, else nil.
func (t *tail) texts() (tail, head []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tail = bytes.Clone(t.buf[max(0, len(t.buf)-tailSize):])
	if t.head != nil && t.total-t.headAt > int64(len(tail)) {
		head = bytes.Clone(t.head)
	}
	return tail, head
}

// lineMatcher looks for a line that matches, in several streams at once.
type lineMatcher struct {
	re    *regexp.Regexp
	once  sync.Once
	found chan struct{}
}

func newLineMatcher(re *regexp.Regexp) *lineMatcher {
	return &lineMatcher{re: re, found: make(chan struct{})}
}

// add returns the function that takes stream number i. A line longer than 64 KiB is
// looked at in pieces; a last line without newline counts as it is (a prompt).
func (m *lineMatcher) add(int) func([]byte) {
	var line []byte
	return func(p []byte) {
		select {
		case <-m.found:
			line = nil
			return
		default:
		}
		for len(p) > 0 {
			piece, rest, whole := bytes.Cut(p, []byte{'\n'})
			p = rest
			line = append(line, piece...)
			if m.re.Match(bytes.TrimSuffix(line, []byte{'\r'})) {
				m.once.Do(func() { close(m.found) })
				return
			}
			if whole || len(line) > tailSize {
				line = line[:0]
			}
		}
	}
}
