package ui

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fatih/color"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
)

// TextOptions say how much is told, and how.
type TextOptions struct {
	Color   bool
	Time    bool   // each line begins with the time of day
	Clear   bool   // the terminal is cleared at each rebuild
	Quiet   bool   // only what needs attention
	Verbose bool   // also what did not matter, and why
	Once    bool   // no change is waited for
	Dir     string // names of files are shown relative to it

	// Services has the names and colours; nil: there is only one service.
	Services *Palette

	// Width returns the number of columns of the terminal; nil or 0: unlimited.
	// Only code frames are cut to it: all else must stay whole to be copied.
	Width func() int
}

// Text renders events as lines for people.
type Text struct {
	opt    TextOptions
	screen *Screen
	failed map[string]bool
	proxy  bool              // there is one in front of some program
	said   map[string]string // what the tools of a good build printed last, by service
	mu     sync.Mutex        // of what Log changes

	dim, good, bad, note, mark, bold style
}

// NewText returns a renderer that prints on the screen.
func NewText(s *Screen, o TextOptions) *Text {
	c := func(attrs ...color.Attribute) style { return newStyle(o.Color, attrs...) }
	return &Text{
		opt: o, screen: s, failed: map[string]bool{}, said: map[string]string{},
		dim: c(color.Faint), good: c(color.FgGreen, color.Bold), bad: c(color.FgRed, color.Bold),
		note: c(color.FgCyan), mark: c(color.FgYellow, color.Bold), bold: c(color.Bold),
	}
}

// Log changes whether lines begin with the time of day, and whether the terminal is
// cleared at each rebuild.
func (t *Text) Log(time, clear bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opt.Time, t.opt.Clear = time, clear
}

// Emit prints what the event has to say; many have nothing to say to people.
func (t *Text) Emit(e event.Event) {
	if text := t.Render(e); text != "" {
		t.screen.Own(text)
	}
}

// Render returns the lines of an event, each ending in a newline; empty if there
// is nothing to say.
func (t *Text) Render(e event.Event) safe.Text {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch b := e.Body.(type) {
	case event.SessionStarted:
		return t.session(b)
	case event.Changed:
		return t.changed(e, b)
	case event.BuildStarted:
		if t.opt.Clear && t.opt.Color {
			return clearScreen
		}
		if t.opt.Verbose {
			return t.line(e, t.dim, "build", "started")
		}
	case event.BuildCanceled:
		if t.opt.Verbose {
			return t.line(e, t.dim, "build", "canceled: something newer is wanted")
		}
	case event.BuildFinished:
		return t.built(e, b)
	case event.Started:
		if t.opt.Verbose {
			return t.line(e, t.dim, "started", safe.Sprintf("pid %d", b.PID))
		}
	case event.Ready:
		if t.opt.Verbose {
			return t.line(e, t.dim, "ready", "after "+ms(b.AfterMS))
		}
	case event.Exited:
		return t.exited(e, b)
	case event.Live:
		if t.opt.Quiet {
			return ""
		}
		word := safe.Text("live")
		if b.Job {
			word = "done"
		}
		return t.line(e, t.good, word, t.bold.text(ms(b.LatencyMS))+t.dim.text(ledger(b)))
	case event.Reloaded:
		if !t.opt.Quiet {
			what := safe.Text("page")
			if b.Kind == "css" {
				what = "styles"
			}
			return t.line(e, t.good, "reload", safe.Sprintf("%s, in %s", what, count(b.Clients, "browser tab", "browser tabs")))
		}
	case event.Held:
		if !t.opt.Quiet {
			return t.line(e, t.note, "waiting", safe.Line(strings.TrimPrefix(b.Reason, "waits ")))
		}
	case event.Problem:
		return t.problem(e, b)
	case event.SessionEnded:
		if t.opt.Verbose {
			return t.line(e, t.dim, "end", safe.Line(b.Reason))
		}
	}
	return ""
}

func (t *Text) session(b event.SessionStarted) safe.Text {
	if t.opt.Services != nil {
		t.opt.Services.Set(b.Services)
	}
	if t.opt.Quiet {
		return ""
	}
	how := safe.Text("")
	if b.Backend == "poll" {
		how = ", by polling"
	}
	name := safe.Text("hotreload")
	if b.Version != "" {
		name += " " + safe.Line(b.Version)
	}
	where := tilde(b.Dir)
	if b.Config != "" {
		where += ", " + t.rel(b.Config)
	}
	what := safe.Sprintf("watches %s (%s%s); Ctrl-C quits", where, count(b.Watches, "directory", "directories"), how)
	if t.opt.Once {
		what = "runs " + where + " once"
	}
	line := t.good.text(name) + " " + t.dim.text(what) + "\n"
	t.proxy = t.proxy || len(b.URLs) > 0
	for _, u := range b.URLs {
		line += t.note.text("open") + " " + safe.Line(u) + "\n"
	}
	return line
}

func (t *Text) changed(e event.Event, b event.Changed) safe.Text {
	if b.Effect == "none" {
		if e.Service != "" {
			delete(t.failed, e.Service) // the files are again what runs
		}
		if e.Service != "" && !t.opt.Quiet {
			return t.line(e, t.note, "undone", t.paths(b.Paths)+t.dim.sprintf(": %s", b.Why))
		}
		if t.opt.Verbose {
			return t.line(e, t.dim, "ignored", t.paths(b.Paths)+": "+safe.Line(b.Why))
		}
		return ""
	}
	if t.opt.Quiet || b.Effect == "reload" && !t.proxy && !t.opt.Verbose { // there is no page to reload
		return ""
	}
	what := t.paths(b.Paths)
	switch {
	case what == "":
		what = safe.Line(b.Why)
	case b.Why == event.WrittenAgain: // else nobody could see what is new
		what += t.dim.sprintf(": %s", b.Why)
	case t.opt.Verbose || b.Effect != "rebuild":
		if b.Why != "" {
			what += t.dim.sprintf(": %s -> %s", b.Why, b.Effect)
		}
	}
	return t.line(e, t.note, "changed", what)
}

func (t *Text) built(e event.Event, b event.BuildFinished) safe.Text {
	if b.OK {
		word := safe.Text("built")
		if t.failed[e.Service] {
			word = "fixed"
		}
		delete(t.failed, e.Service)
		switch {
		case t.opt.Quiet && word != "fixed":
			return ""
		case b.Unchanged:
			return t.line(e, t.good, word, ms(b.DurationMS)+t.dim.text(": the program is the same, not restarted"+t.engine(b))) + t.remarks(e, b)
		case word == "fixed":
			return t.line(e, t.good, word, ms(b.DurationMS)+t.dim.text(t.engine(b))) + t.remarks(e, b)
		}
		return t.line(e, t.dim, word, t.dim.text(ms(b.DurationMS)+t.engine(b))) + t.remarks(e, b)
	}
	t.failed[e.Service] = true
	summary := safe.Block(b.Summary)
	if summary == "" {
		summary = "the build failed"
	}
	s := t.line(e, t.bad, "failed", summary+t.dim.text(" ("+ms(b.DurationMS)+")"))
	s += t.placed(b.Diagnostics)
	placed := 0
	for _, d := range b.Diagnostics {
		if d.File != "" {
			placed++
		}
	}
	if placed == 0 && b.Output != "" {
		s += indented(strings.TrimRight(b.Output, "\n"), "    ")
	} else if placed < len(b.Diagnostics) {
		for _, d := range b.Diagnostics {
			if d.File == "" {
				s += indented(d.Message, "    ")
			}
		}
	}
	if b.OutputFile != "" {
		s += t.hint("all of it is in " + b.OutputFile)
	}
	return s + t.hint(b.Hint)
}

// maxRemarks is the number of lines that are printed of what the tools of a good build said.
const maxRemarks = 40

// remarks are the warnings of the compilers, and with Verbose all that the tools of the build printed. They print it again
// whenever they run again, so it is printed here when it has changed, and once for all services.
func (t *Text) remarks(e event.Event, b event.BuildFinished) safe.Text {
	text := b.Warnings
	if t.opt.Verbose {
		text = b.Output
	}
	if text = strings.TrimRight(text, "\n"); text == "" {
		return ""
	}
	known := slices.Contains(slices.Collect(maps.Values(t.said)), text)
	t.said[e.Service] = text
	if known || t.opt.Quiet {
		return ""
	}
	lines := strings.Split(text, "\n")
	if more := len(lines) - maxRemarks; more > 0 {
		lines = append(lines[:maxRemarks], fmt.Sprintf("... and %d more lines", more))
	}
	return indented(strings.Join(lines, "\n"), "    ")
}

// engine says who has built, for those who want to know: where there was no choice, nothing.
func (t *Text) engine(b event.BuildFinished) safe.Text {
	switch {
	case !t.opt.Verbose:
		return ""
	case b.Fallback != "":
		return ", by go build: " + safe.Line(b.Fallback)
	case b.Engine == "direct":
		return ", directly"
	}
	return ""
}

// Diagnostics returns the lines for messages of the tools.
func (t *Text) Diagnostics(list []event.Diagnostic) safe.Text {
	s := t.placed(list)
	for _, d := range list {
		if d.File == "" {
			s += indented(d.Message, "  ")
		}
	}
	return s
}

// framesMost is the number of messages that show the code around them: the first
// error is the one to mend, and often the cause of the rest.
const framesMost = 3

// placed returns the lines for the messages that have a place.
func (t *Text) placed(list []event.Diagnostic) (s safe.Text) {
	frames := 0
	seen := map[string]bool{}
	for _, d := range list {
		if d.File == "" {
			continue
		}
		line := fmt.Sprintf("%s:%d", d.File, d.Line)
		if frames == framesMost || seen[line] {
			d.Frame = nil
		}
		if len(d.Frame) > 0 {
			frames++
		}
		seen[line] = true
		s += t.diagnostic(d)
	}
	return s
}

// diagnostic prints the place as file:line:col, which terminals and editors make
// a link of, and the code around it.
func (t *Text) diagnostic(d event.Diagnostic) safe.Text {
	place := t.rel(d.File)
	if d.Line > 0 {
		place += safe.Sprintf(":%d", d.Line)
	}
	if d.Column > 0 {
		place += safe.Sprintf(":%d", d.Column)
	}
	s := "  " + t.mark.text(place+":") + " " + safe.Indent(safe.Block(d.Message), "    ") + "\n"
	from, to := t.window(d)
	for _, l := range d.Frame {
		text := safe.Line(l.Text)
		if to > 0 {
			text = safe.Cut(text, from, to)
		}
		if l.Number != d.Line {
			s += t.dim.sprintf("  %5d | %s", l.Number, text) + "\n"
			continue
		}
		s += "  " + t.bad.sprintf("%5d |", l.Number) + " " + text + "\n"
		if d.Column > 0 {
			at := column(l.Text, d.Column) - from
			s += "        " + t.dim.text("|") + " " + blanks(at) + t.bad.text("^") + "\n"
		}
	}
	return s
}

// frameMargin is what stands before the code of a frame.
const frameMargin = len("  00000 | ")

// window is the part of the frame's columns that fits the terminal and shows the
// place of the error.
func (t *Text) window(d event.Diagnostic) (from, to int) {
	room := 0
	if t.opt.Width != nil {
		room = t.opt.Width() - frameMargin - 1
	}
	if room < 20 {
		return 0, 0
	}
	for _, l := range d.Frame {
		if l.Number == d.Line {
			if at := column(l.Text, d.Column); at >= room {
				from = at - room/2
			}
		}
	}
	return from, from + room
}

// column is the screen column, from 0, of the byte column of a diagnostic.
func column(line string, byteColumn int) int {
	n := min(max(byteColumn-1, 0), len(line))
	for n > 0 && n < len(line) && !utf8.RuneStart(line[n]) {
		n--
	}
	return utf8.RuneCountInString(string(safe.Line(line[:n])))
}

func blanks(n int) safe.Text { return safe.Line(strings.Repeat(" ", max(n, 0))) }

func (t *Text) exited(e event.Event, b event.Exited) safe.Text {
	if b.Expected {
		if len(b.Killed) > 0 {
			return t.line(e, t.mark, "killed", safe.Sprintf("%s did not stop in time (stop_timeout)", strings.Join(b.Killed, ", ")))
		}
		if t.opt.Verbose {
			return t.line(e, t.dim, "stopped", safe.Sprintf("pid %d, %s", b.PID, b.Reason))
		}
		return ""
	}
	if b.Code == 0 && t.opt.Quiet {
		return ""
	}
	paint := t.bad
	if b.Code == 0 {
		paint = t.note
	}
	what := safe.Line(b.Reason)
	if b.File != "" {
		// The reason has the place too, in full, for those who read events.
		what = safe.Line(strings.TrimSuffix(b.Reason, fmt.Sprintf(" (%s:%d)", b.File, b.Line)))
		what += t.mark.sprintf(" %s:%d", t.rel(b.File), b.Line)
	}
	if t.opt.Once && b.Code == 0 && !t.opt.Verbose {
		return ""
	}
	after := " (after " + ms(b.DurationMS)
	if !t.opt.Once && !b.Again {
		after += "; waiting for a change"
	}
	after += ")"
	return t.line(e, paint, "exited", what+t.dim.text(after))
}

func (t *Text) problem(e event.Event, b event.Problem) safe.Text {
	s := t.line(e, t.mark, "problem", safe.Block(b.Message))
	if b.Detail != "" {
		s += indented(strings.TrimRight(b.Detail, "\n"), "    ")
	}
	return s + t.hint(b.Hint)
}

// line is the one form of all lines: time, service, a word in its column, text. If the text
// has more lines, these are indented: only ours begin at the edge.
func (t *Text) line(e event.Event, paint style, word, text safe.Text) safe.Text {
	var s safe.Text
	if t.opt.Time {
		s += t.dim.text(safe.Line(e.Time.Format(time.TimeOnly))) + " "
	}
	if t.opt.Services != nil {
		if name := t.opt.Services.name(e.Service, t.opt.Color); name != "" {
			s += name + " "
		}
	}
	return s + paint.sprintf("%-7s", word) + " " + safe.Indent(text, "    ") + "\n"
}

// hint is the line with advice; empty if there is none.
func (t *Text) hint(text string) safe.Text {
	if text == "" {
		return ""
	}
	return "  " + t.note.text("hint:") + " " + safe.Indent(safe.Block(text), "        ") + "\n"
}

// paths names a few files and counts the rest.
func (t *Text) paths(paths []string) safe.Text {
	const most = 3
	var names []safe.Text
	for i, p := range paths {
		if i == most {
			names = append(names, safe.Sprintf("and %d more", len(paths)-most))
			break
		}
		names = append(names, t.rel(p))
	}
	return safe.Join(names, ", ")
}

func (t *Text) rel(path string) safe.Text {
	if !filepath.IsAbs(path) {
		return safe.Name(path)
	}
	r, err := filepath.Rel(t.opt.Dir, path)
	if err != nil || strings.Count(r, ".."+string(filepath.Separator)) > 2 {
		return tilde(path)
	}
	return safe.Name(r)
}

func tilde(path string) safe.Text {
	home, err := os.UserHomeDir()
	if err == nil && len(home) > 1 {
		if r, ok := strings.CutPrefix(path, home); ok && (r == "" || os.IsPathSeparator(r[0])) {
			return safe.Name("~" + r)
		}
	}
	return safe.Name(path)
}

// ledger tells where the time went, leaving out what took none.
func ledger(b event.Live) safe.Text {
	var parts []safe.Text
	for _, p := range []struct {
		name safe.Text
		ms   int64
	}{{"detect", b.DetectMS}, {"build", b.BuildMS}, {"stop", b.StopMS}, {"start", b.StartMS}} {
		if p.ms > 0 {
			parts = append(parts, safe.Sprintf("%s %d", p.name, p.ms))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + safe.Join(parts, " + ")
}

func ms(n int64) safe.Text {
	if n < 1000 {
		return safe.Sprintf("%d ms", n)
	}
	d := time.Duration(n) * time.Millisecond
	if d < time.Minute {
		return safe.Sprintf("%.2f s", d.Seconds())
	}
	return safe.Sprintf("%s", d.Round(time.Second))
}

func count(n int, one, many safe.Text) safe.Text {
	if n == 1 {
		return "1 " + one
	}
	return safe.Sprintf("%d %s", n, many)
}

// indented is foreign text over any number of lines, all of them indented.
func indented(text string, by safe.Text) safe.Text {
	return by + safe.Indent(safe.Block(text), string(by)) + "\n"
}
