package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
)

const (
	outputCap  = 64 << 10 // of Result.Output
	outputTail = 16 << 10 // of it, for the end of a text that is longer
	// maxLine is what a parser looks at of one line; tools that print more are not
	// talking to people.
	maxLine = 256 << 10
)

// output collects what the tools print. As long as it is short it stays in memory; the
// whole of a long one goes into a file, for a person to read.
type output struct {
	path string // where the file would be
	head []byte // at most outputCap
	tail []byte // the end, once there is a file; up to twice outputTail
	size int64
	file *os.File
	err  error // writing the file failed
}

func newOutput(path string) *output { return &output{path: path} }

func (o *output) Write(p []byte) (int, error) {
	o.size += int64(len(p))
	if o.size <= outputCap {
		o.head = append(o.head, p...)
		return len(p), nil
	}
	if o.file == nil && o.err == nil {
		o.file, o.err = os.OpenFile(o.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		o.spill(o.head)
		o.tail = append(o.tail, o.head...)
	}
	o.spill(p)
	o.tail = append(o.tail, p...)
	if n := len(o.tail) - outputTail; n > outputTail {
		o.tail = append(o.tail[:0], o.tail[n:]...)
	}
	return len(p), nil
}

func (o *output) spill(p []byte) {
	if o.err == nil {
		_, o.err = o.file.Write(p)
	}
}

// finish returns the text to show, and the file that has all of it if the text has not.
func (o *output) finish() (text, file string) {
	if o.size <= outputCap {
		return string(o.head), ""
	}
	if o.file != nil {
		if err := o.file.Close(); o.err == nil {
			o.err = err
		}
	}
	head, tail := o.head, o.tail
	if len(tail) > outputTail {
		tail = tail[len(tail)-outputTail:]
	}
	// Cut at line ends, where there are any.
	head = head[:min(len(head), outputCap-outputTail)]
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	if i := bytes.IndexByte(tail, '\n'); i >= 0 {
		tail = tail[i+1:]
	}
	where := "; the full output is in " + o.path
	if o.err != nil {
		where = fmt.Sprintf(" and lost: %v", o.err)
	} else {
		file = o.path
	}
	left := o.size - int64(len(head)) - int64(len(tail))
	var s strings.Builder
	s.Write(head)
	if len(head) > 0 && head[len(head)-1] != '\n' {
		s.WriteByte('\n')
	}
	fmt.Fprintf(&s, "... (%d bytes left out here%s)\n", left, where)
	s.Write(tail)
	return s.String(), file
}

// cut drops what was written after the first bytes, unless the text is so long that it went into a file.
func (o *output) cut(size int64) {
	if o.size <= outputCap {
		o.head, o.size = o.head[:size], size
	}
}

// peek returns the text so far, as finish will show it at most.
func (o *output) peek() []byte {
	if o.size <= outputCap {
		return o.head
	}
	return append(append(bytes.Clone(o.head), '\n'), o.tail...)
}

var (
	// cachedFile is a file of Go's cache, called by its hash, that does not exist.
	cachedFile = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`[/\\][0-9a-f]{2}[/\\][0-9a-f]{64}-[ad]\b[^\n]*(?:no such file or directory|cannot find the (?:file|path))`)
	})
	// notInStd is what the go command says without its index of the standard library, which is in the cache, too.
	notInStd = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`is not in std \(([^)\n]+)\)`) })
)

// cacheCleaned recognises the failure of a build whose cached packages were removed meanwhile (go clean -cache).
func cacheCleaned(text string) bool {
	if cachedFile().MatchString(text) {
		return true
	}
	for _, m := range notInStd().FindAllStringSubmatch(text, -1) {
		if dirExists(m[1]) {
			return true
		}
	}
	return false
}

// warnings are what a go build that succeeded has printed after the first bytes of the output, less its words about itself.
func (p buildFlags) warnings(o *output, from int64) string {
	if p.noisy || from >= int64(len(o.head)) {
		return ""
	}
	var s strings.Builder
	for line := range strings.Lines(string(o.head[from:])) {
		if !strings.HasPrefix(line, "go: ") {
			s.WriteString(line)
		}
	}
	return s.String()
}

// lines cuts a stream into lines.
type lines struct {
	emit func(line string)
	buf  []byte
	skip bool // in the rest of a line that is too long
}

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		if !l.skip {
			l.buf = append(l.buf, part[:min(len(part), maxLine-len(l.buf))]...)
			if len(l.buf) == maxLine {
				l.end()
				l.skip = true
			}
		}
		if i < 0 {
			break
		}
		if !l.skip {
			l.end()
		}
		l.skip = false
		p = p[i+1:]
	}
	return n, nil
}

func (l *lines) end() {
	l.emit(strings.TrimSuffix(string(l.buf), "\r"))
	l.buf = l.buf[:0]
}

func (l *lines) flush() {
	if len(l.buf) > 0 {
		l.end()
	}
}

// text passes plain output on and diagnoses it.
type text struct {
	lines *lines
	out   *output
}

func newText(d *diagnoser, out *output) *text { return &text{lines: d.stream(""), out: out} }

func (t *text) Write(p []byte) (int, error) {
	t.out.Write(p)
	return t.lines.Write(p)
}

func (t *text) flush() { t.lines.flush() }

// events decodes the lines of `go build -json` (go help buildjson): the same text, but
// kept apart by package. What is no such line is passed on as plain text.
type events struct {
	lines *lines
}

func newEvents(d *diagnoser, out *output, rest *text) *events {
	return &events{&lines{emit: func(line string) {
		var e struct{ ImportPath, Action, Output string }
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			rest.Write([]byte(line + "\n"))
			return
		}
		if e.Action == "build-output" {
			out.Write([]byte(e.Output))
			d.stream(e.ImportPath).Write([]byte(e.Output))
		}
	}}}
}

func (e *events) Write(p []byte) (int, error) { return e.lines.Write(p) }

func (e *events) flush() { e.lines.flush() }
