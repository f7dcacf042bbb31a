package inspect

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/hotreload/hotreload/internal/event"
)

// List is the answer to GET /requests.
type List struct {
	Inspect  bool      `json:"inspect"`  // a proxy keeps its requests
	Requests []Summary `json:"requests"` // newest first
}

// Summary is one request in a list.
type Summary struct {
	ID         int       `json:"id"`
	Service    string    `json:"service"`
	Generation int       `json:"generation"` // of the program that answered; 0: the proxy did
	At         time.Time `json:"at"`
	Method     string    `json:"method"`
	Path       string    `json:"path"` // with the query
	Status     int       `json:"status"`
	DurationMS int64     `json:"duration_ms"`
	HeldMS     int64     `json:"held_ms"`
	NoReplay   string    `json:"no_replay,omitempty"` // why it cannot be sent again
	Repeat     bool      `json:"repeat"`              // it is sent again after every save
	Replay     *Replay   `json:"replay,omitempty"`    // the newest one
}

// Detail is one request with all that is kept of it, without credentials.
type Detail struct {
	Summary
	Host     string   `json:"host"`
	Request  Message  `json:"request"`
	Answer   Message  `json:"answer"`
	Replayed *Message `json:"replayed,omitempty"` // the answer to the newest replay
}

// Message is a head and a body.
type Message struct {
	Headers []Header `json:"headers"` // sorted
	Body    string   `json:"body"`    // empty if it is no text
	Size    int64    `json:"size"`    // of the body, as it was sent
	Cut     bool     `json:"cut"`     // only the beginning of the body is kept
	Binary  bool     `json:"binary"`  // it is no text
}

// Header is one line of a head.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Replay is the newest time that a request was sent again.
type Replay struct {
	At         time.Time `json:"at"`
	Generation int       `json:"generation"`
	Status     int       `json:"status"`
	DurationMS int64     `json:"duration_ms"`
	Error      string    `json:"error,omitempty"` // why there is no answer
	Same       bool      `json:"same"`            // the answer is the one from before
	Difference string    `json:"difference"`      // from the answer before it; lines as in a unified diff
}

// List is all that is kept, without heads and bodies.
func (l *Log) List() List {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := List{Inspect: len(l.senders) > 0, Requests: []Summary{}}
	for _, e := range slices.Backward(l.entries) {
		out.Requests = append(out.Requests, e.summary(false))
	}
	return out
}

// Get is one request.
func (l *Log) Get(id int) (Detail, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(id)
	if e == nil {
		return Detail{}, ErrUnknown
	}
	d := Detail{
		Summary: e.summary(true), Host: e.Request.Host,
		Request: message(e.Request.Header, e.Request.Body), Answer: message(e.Answer.Header, e.Answer.Body),
	}
	if e.newest != nil && e.newest.err == "" {
		m := message(e.newest.answer.Header, e.newest.answer.Body)
		d.Replayed = &m
	}
	return d, nil
}

func (e *entry) summary(whole bool) Summary {
	s := Summary{
		ID: e.id, Service: e.Service, Generation: e.Answer.Generation, At: e.At,
		Method: e.Request.Method, Path: maskTarget(e.Request.Target), Status: e.Answer.Status,
		DurationMS: event.MS(e.Answer.Duration), HeldMS: event.MS(e.Held), NoReplay: e.refused, Repeat: e.repeat,
	}
	if r := e.newest; r != nil {
		s.Replay = &Replay{At: r.at, Error: r.err}
		if r.err == "" {
			s.Replay.Generation, s.Replay.Status, s.Replay.DurationMS = r.answer.Generation, r.answer.Status, event.MS(r.answer.Duration)
			// Whether they differ costs little; how they differ is only for the one that is looked at.
			s.Replay.Same = same(&r.before, &r.answer)
			if whole && !s.Replay.Same {
				s.Replay.Difference = difference(&r.before, &r.answer)
			}
		}
	}
	return s
}

func message(h http.Header, b Body) Message {
	m := Message{Headers: []Header{}, Size: b.Size, Cut: !b.complete() && b.Size > 0}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			m.Headers = append(m.Headers, Header{name, maskHeader(name, v)})
		}
	}
	var ok bool
	if m.Body, ok = text(h, b); !ok {
		m.Binary = true
	}
	return m
}

// text is a body as it is shown; false if it is no text.
func text(h http.Header, b Body) (string, bool) {
	data := decoded(h, b.Data)
	if !b.complete() || len(data) == MaxBody { // it may end within a character
		for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
			if c := data[len(data)-i:]; utf8.RuneStart(c[0]) {
				if !utf8.FullRune(c) {
					data = data[:len(data)-i]
				}
				break
			}
		}
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return "", false
	}
	switch kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")); {
	case kind == "application/x-www-form-urlencoded":
		return maskPairs(string(data)), true
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		var out bytes.Buffer
		if json.Indent(&out, data, "", "  ") == nil && out.Len() <= 4*MaxBody {
			data = out.Bytes()
		}
	}
	return string(data), true
}

// decoded undoes the encoding of a body, as far as it is kept and its encoding is known.
func decoded(h http.Header, data []byte) []byte {
	var r io.Reader
	var err error
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(data))
	default:
		return data
	}
	if err != nil {
		return data
	}
	out, _ := io.ReadAll(io.LimitReader(r, MaxBody)) // what is kept may be cut
	return out
}

// silent are the headers whose difference says nothing: they differ each time, or follow from the body.
var silent = []string{"Date", "Content-Length", "Etag", "Last-Modified", "Age", "Expires", "X-Request-Id", "Traceparent", "Server-Timing", "X-Response-Time", "X-Runtime"}

// same reports whether two answers are the same to whoever looks at them.
func same(a, b *Answer) bool {
	return a.Status == b.Status && len(headerLines(a.Header, b.Header)) == 0 &&
		bytes.Equal(decoded(a.Header, a.Body.Data), decoded(b.Header, b.Body.Data)) &&
		(a.Body.complete() && b.Body.complete() || a.Body.Size == b.Body.Size)
}

// difference is that of two answers, as lines that begin with -, + or @@.
func difference(a, b *Answer) string {
	var out strings.Builder
	if a.Status != b.Status {
		fmt.Fprintf(&out, "-%s\n+%s\n", statusLine(a.Status), statusLine(b.Status))
	}
	for _, line := range headerLines(a.Header, b.Header) {
		out.WriteString(line + "\n")
	}
	before, ok1 := text(a.Header, a.Body)
	after, ok2 := text(b.Header, b.Body)
	switch {
	case ok1 && ok2 && before != after:
		d := string(diff.Diff("before", []byte(before), "after", []byte(after)))
		if _, rest, ok := strings.Cut(d, "\n@@"); ok { // without the lines that name files
			out.WriteString("@@" + rest)
		}
	case a.Body.Size != b.Body.Size || !bytes.Equal(a.Body.Data, b.Body.Data) && !(ok1 && ok2):
		fmt.Fprintf(&out, "-body of %d bytes\n+another body of %d bytes\n", a.Body.Size, b.Body.Size)
	}
	return out.String()
}

func statusLine(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, cmp.Or(http.StatusText(code), "")))
}

// headerLines is the difference of two heads, without what says nothing. The values of cookies are
// not compared: a program may make a new one for each answer.
func headerLines(a, b http.Header) (lines []string) {
	names := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(silent, name) {
			continue
		}
		before, after := a[name], b[name]
		if name == "Set-Cookie" {
			before, after = cookieNames(before), cookieNames(after)
		}
		if slices.Equal(before, after) {
			continue
		}
		for i, list := range [][]string{before, after} {
			for _, v := range list {
				if name != "Set-Cookie" {
					v = maskHeader(name, v)
				}
				lines = append(lines, "-+"[i:i+1]+name+": "+v)
			}
		}
	}
	return lines
}

func cookieNames(list []string) (names []string) {
	for _, v := range list {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name+"="+masked)
	}
	slices.Sort(names)
	return names
}
