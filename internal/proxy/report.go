package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/generated"
	"github.com/hotreload/hotreload/internal/places"
	"github.com/hotreload/hotreload/internal/safe"
)

// kind is what kind of trouble there is. Its text is part of X-Hotreload-Stale.
type kind string

const (
	buildFailed kind = "build-failed"
	crashed     kind = "crashed"
	notStarted  kind = "not-started"
	suspended   kind = "suspended"
	// The rest explain one request; they are never the state of the service.
	stillWaiting kind = "waiting"
	noAnswer     kind = "no-answer"
	sessionOver  kind = "session-ended"
)

// trouble is why the wanted generation does not answer.
type trouble struct {
	p    *Proxy
	id   int
	kind kind
	gen  int
	note bool // to be shown, but what answers is right

	origin int // the generation that the program was started as, if that is another; 0: it is not

	build   event.BuildFinished
	exit    event.Exited
	problem event.Problem
	err     error
	since   time.Time // what was written before does not belong to it

	once sync.Once
	rep  report
}

// stale is the value of X-Hotreload-Stale: what is wrong with which generation,
// and which one answers instead.
func (t *trouble) stale(answers int) string {
	s := fmt.Sprintf("%s; generation=%d", t.kind, t.gen)
	if answers > 0 {
		s += fmt.Sprintf("; answers=%d", answers)
	}
	return s
}

func (p *Proxy) waiting() *trouble { return &trouble{p: p, kind: stillWaiting} }

// unanswered explains a request that the program did not answer: by its end, if
// that is the reason.
func (p *Proxy) unanswered(x *exchange) *trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.trouble; t != nil && !t.note {
		return t
	}
	return &trouble{p: p, kind: noAnswer, gen: x.up.gen, origin: x.up.origin, err: x.err, since: x.began}
}

// report is a trouble in the form in which the overlay shows it.
type report struct {
	ID         int         `json:"id"`
	Kind       kind        `json:"kind"`
	Title      string      `json:"title"`
	Service    string      `json:"service"`
	Generation int         `json:"generation"`
	Summary    string      `json:"summary"`
	Hint       string      `json:"hint"`
	Note       bool        `json:"note"`
	Places     []codePlace `json:"places"`
	More       int         `json:"more"` // places that are left out
	Output     string      `json:"-"`
	Stack      []stackLine `json:"stack"`

	Said  []places.Span `json:"said"`  // Summary, with links
	Words []places.Span `json:"words"` // Output, with links
	Text  string        `json:"text"`  // all of it, to copy
}

// codePlace is a message with the code that it is about.
type codePlace struct {
	Package  string     `json:"package"`
	File     string     `json:"file"` // relative to the project, if it is inside
	Line     int        `json:"line"`
	Column   int        `json:"column"`
	Messages []string   `json:"messages"` // all of this place
	Link     string     `json:"link"`
	Code     []codeLine `json:"code"`
}

type codeLine struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Caret  string `json:"caret,omitempty"` // white space up to the column, on the line that is meant
	Marked bool   `json:"marked,omitempty"`
}

// stackLine is a line of a goroutine's stack, as it was printed.
type stackLine struct {
	Text   string `json:"text"`
	Place  string `json:"place,omitempty"` // the part of the text that is a place
	Link   string `json:"link,omitempty"`
	Own    bool   `json:"own,omitempty"`    // of the project
	Marked bool   `json:"marked,omitempty"` // the first own frame
}

// What is shown at most; more is in the terminal.
const (
	mostPlaces = 50
	mostOutput = 32 << 10
	mostStack  = 200
)

// report is made when it is first needed, not by the engine's goroutine: it
// reads the source of a panic.
func (t *trouble) report() *report {
	t.once.Do(func() {
		t.rep = t.describe()
		t.rep.Said, t.rep.Words = t.p.project().Linked(t.rep.Summary), t.p.project().Linked(t.rep.Output)
		t.rep.Text = t.rep.text()
	})
	return &t.rep
}

func (t *trouble) describe() report {
	p := t.p
	r := report{
		ID: t.id, Kind: t.kind, Service: p.opt.Service, Generation: t.gen, Note: t.note,
		Places: []codePlace{}, Stack: []stackLine{},
	}
	switch t.kind {
	case buildFailed:
		r.Title, r.Summary, r.Hint = "Build failed", t.build.Summary, t.build.Hint
		r.addDiagnostics(p, t.build.Diagnostics)
		if len(r.Places) == 0 {
			r.Output = tail(t.build.Output)
		}
	case crashed:
		r.Title, r.Summary = "Crashed", t.exit.Reason
		r.Places = p.templatePlaces(t.exit.Panic)
		if t.exit.File != "" {
			r.Places = append(r.Places, p.place(event.Diagnostic{File: t.exit.File, Line: t.exit.Line}))
		}
		r.Stack = p.stack(t.exit.Panic, t.exit.File, t.exit.Line)
		if t.exit.Panic == "" {
			r.Title = "The program has ended"
			r.Output = t.lastWords()
			r.Places = append(r.Places, p.templatePlaces(r.Output)...)
		}
	case notStarted:
		r.Title, r.Summary, r.Hint, r.Output = "Not started", t.problem.Message, t.problem.Hint, tail(t.problem.Detail)
		if r.Output == "" {
			r.Output = t.lastWords()
		}
	case suspended:
		r.Title, r.Summary, r.Hint = "Suspended", t.problem.Message, t.problem.Hint
	case stillWaiting:
		r.Title = "Waiting"
		r.Summary = fmt.Sprintf("The program is not ready after %s; it is still being built or started.", p.opt.Hold)
		r.Hint = "This page reloads automatically as soon as the program answers."
	case noAnswer:
		t.describeNoAnswer(&r)
	case sessionOver:
		r.Title, r.Summary = "hotreload has ended", "Nothing is running at this address anymore."
	}
	return r
}

// describeNoAnswer explains a request that the program broke off: mostly by a panic in its handler,
// whose stack net/http prints.
func (t *trouble) describeNoAnswer(r *report) {
	p := t.p
	if errors.Is(t.err, errNotAgain) {
		r.Title = "Not sent"
		r.Summary = "The program speaks TLS, which the proxy did not know before. The program did not get this request."
		r.Hint = "Send it again. With an https:// address in proxy.app, it is known from the start."
		return
	}
	if h := findHandlerPanic(t.written(), p.project().Known); h != nil {
		r.Title, r.Summary = "A handler panicked", "panic: "+h.message
		r.Places = p.templatePlaces(h.message)
		if h.file != "" {
			r.Places = append(r.Places, p.place(event.Diagnostic{File: h.file, Line: h.line}))
		}
		r.Stack = p.stack(h.stack, h.file, h.line)
		return
	}
	r.Title = "No answer"
	r.Summary = "The program closed the connection before it answered."
	r.Output = t.lastWords()
	if t.err != nil && strings.Contains(t.err.Error(), "refused") {
		r.Summary = "The program does not accept connections where it should listen."
		r.Hint = "Does it listen on the port in $PORT, or on proxy.app?"
	}
}

// addDiagnostics adds what the compiler says. Several errors of one line share its place and its code.
func (r *report) addDiagnostics(p *Proxy, list []event.Diagnostic) {
	for i, d := range list {
		c := p.place(d)
		at := slices.IndexFunc(r.Places, func(o codePlace) bool { return o.File != "" && o.File == c.File && o.Line == c.Line })
		switch {
		case at >= 0 && len(r.Places[at].Messages) < mostPlaces:
			r.Places[at].Messages = append(r.Places[at].Messages, c.Messages...)
		case len(r.Places) == mostPlaces:
			r.More = len(list) - i
			return
		default:
			r.Places = append(r.Places, c)
		}
	}
}

func tail(s string) string {
	if len(s) <= mostOutput {
		return s
	}
	s = s[len(s)-mostOutput:]
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return "...\n" + s
}

// place is a place in the code for people. Of generated code it is the place in its source. The code
// around it is read if it did not come with it, and if it is the user's.
func (p *Proxy) place(d event.Diagnostic) codePlace {
	if source, line, _, ok := generated.Source(d.File, d.Line); ok && p.project().Known(d.File) {
		d.File, d.Line, d.Column, d.Frame = source, line, 0, nil
	}
	if d.Frame == nil && p.project().Readable(d.File) {
		d.Frame = excerpt(d.File, d.Line)
	}
	c := codePlace{
		Package: d.Package, File: p.name(d.File), Line: d.Line, Column: d.Column,
		Messages: []string{}, Link: p.project().Link(d.File, d.Line, d.Column), Code: []codeLine{},
	}
	if d.Message != "" {
		c.Messages = append(c.Messages, d.Message)
	}
	for _, l := range d.Frame {
		cl := codeLine{Number: l.Number, Text: l.Text, Marked: l.Number == d.Line}
		if cl.Marked && d.Column > 0 {
			cl.Caret = caret(l.Text, d.Column)
		}
		c.Code = append(c.Code, cl)
	}
	return c
}

// caret is the text below a line, up to the column, which counts bytes from 1
// as the compiler does: tabs where the line has tabs, so that it stays aligned.
func caret(text string, column int) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, text[:min(column-1, len(text))])
}

// name is a file relative to the project, if it is inside.
func (p *Proxy) name(file string) string {
	if p.opt.Dir == "" || file == "" {
		return file
	}
	rel, err := filepath.Rel(p.opt.Dir, file)
	if err != nil || !filepath.IsLocal(rel) {
		return file
	}
	return filepath.ToSlash(rel)
}

func (p *Proxy) own(file string) bool { return p.name(file) != file }

// excerpt reads the code around a line.
func excerpt(file string, line int) []event.SourceLine {
	const around = 3
	var out []event.SourceLine
	for i, l := range generated.Lines(file) {
		if n := i + 1; n >= line-around && n <= line+around {
			out = append(out, event.SourceLine{Number: n, Text: l})
		}
	}
	return out
}

// framePlace is the second line of a frame in a Go stack.
var framePlace = regexp.MustCompile(`^\s+(.+\.(?:go|s|c|cc|cpp|m|h)):(\d+)(?: \+0x[0-9a-f]+)?$`)

// stack is a goroutine's stack with links; file and line are its first own frame.
func (p *Proxy) stack(text, file string, line int) []stackLine {
	out := []stackLine{}
	if text == "" {
		return out
	}
	marked := false
	for _, text := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if len(out) == mostStack {
			out = append(out, stackLine{Text: "..."})
			break
		}
		l := stackLine{Text: strings.TrimSuffix(text, "\r")}
		if m := framePlace.FindStringSubmatch(l.Text); m != nil {
			at, _ := strconv.Atoi(m[2])
			l.Place = m[1] + ":" + m[2]
			l.Link = p.project().Link(m[1], at, 1)
			l.Own = p.own(m[1])
			l.Marked = !marked && m[1] == file && at == line
			marked = marked || l.Marked
			// The function is on the line before.
			if n := len(out); n > 0 && out[n-1].Place == "" {
				out[n-1].Own, out[n-1].Marked = l.Own, l.Marked
			}
		}
		out = append(out, l)
	}
	return out
}

// text is the report for programs and logs: file:line:col: message.
func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Service, r.Title)
	if r.Generation > 0 {
		fmt.Fprintf(&b, " (generation %d)", r.Generation)
	}
	if r.Summary != "" && r.Summary != r.Title {
		fmt.Fprintf(&b, ": %s", r.Summary)
	}
	b.WriteString("\n")
	for _, c := range r.Places {
		at := c.File
		if at != "" && c.Column > 0 {
			at = fmt.Sprintf("%s:%d:%d", c.File, c.Line, c.Column)
		} else if at != "" {
			at = fmt.Sprintf("%s:%d", c.File, c.Line)
		}
		if len(c.Messages) == 0 {
			fmt.Fprintln(&b, at)
		}
		for _, m := range c.Messages {
			if at != "" {
				b.WriteString(at + ": ")
			}
			fmt.Fprintln(&b, strings.ReplaceAll(m, "\n", "\n\t"))
		}
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	if r.Output != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(r.Output, "\n"))
	}
	for i, l := range r.Stack {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintln(&b, l.Text)
	}
	if r.Hint != "" {
		fmt.Fprintf(&b, "hint: %s\n", r.Hint)
	}
	return b.String()
}

// explain answers in place of the program: with a page for those who look at
// pages, with text for all others.
func (p *Proxy) explain(w http.ResponseWriter, q *query, t *trouble, code int) {
	if t == nil {
		t = p.waiting()
	}
	h := w.Header()
	ours(h)
	h.Set("X-Hotreload-Stale", t.stale(0))
	h.Set("Retry-After", "1")
	if q.stranger {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "hotreload: the program is not answering. The reason is shown only under names of this machine and of proxy.hosts.\n")
		return
	}
	r := t.report()
	if q.use != page && q.use != form {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		// curl shows it in a terminal, where tabs do no harm.
		for i, part := range strings.Split(r.text(), "\t") {
			tab := ""
			if i > 0 {
				tab = "\t"
			}
			_, _ = fmt.Fprint(w, tab, safe.Block(part))
		}
		return
	}
	p.mu.Lock()
	version := fmt.Sprintf("%s.%d", p.session, p.page)
	css := p.css
	p.mu.Unlock()
	if t.kind == stillWaiting || t.kind == suspended {
		version = "waiting" // any program that answers is newer
	}
	attributes, extra, refresh := ` data-own=""`, "", ""
	if q.use == form {
		again := p.resend(q)
		extra = "The form was not sent to the program."
		if again == "" {
			extra += " Go back and send it again when the program answers."
		}
		if t.kind == noAnswer && !errors.Is(t.err, errNotAgain) {
			extra = "The program may or may not have processed the form."
		}
		attributes += fmt.Sprintf(` data-method="%s" data-extra="%s"`, html.EscapeString(q.Method), html.EscapeString(extra))
		extra = "<p>" + extra + "</p>\n" + again
	} else if t.kind != sessionOver {
		refresh = `<noscript><meta http-equiv="refresh" content="2"></noscript>` + "\n"
	}
	// What is no state, and what stays to be said of a form when the state is another one.
	if t.kind == stillWaiting || t.kind == noAnswer || t.kind == sessionOver || q.use == form {
		if own, err := json.Marshal(r); err == nil {
			attributes += fmt.Sprintf(` data-report="%s"`, html.EscapeString(string(own)))
		}
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'self'")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
%s<title>%s: %s</title>
<script src="%sclient.js" data-page="%s" data-css="%d"%s></script>
</head>
<body>
<h1>%s</h1>
%s<pre wrap>%s</pre>
</body>
</html>
`, refresh, html.EscapeString(r.Title), html.EscapeString(r.Service), prefix, version, css, attributes,
		html.EscapeString(r.Title), extra, p.markup(r.text()))
}
