package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"

	"github.com/hotreload/hotreload/internal/event"
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
	mu     sync.Mutex // of what Log changes

	dim, good, bad, note, mark *color.Color
}

// NewText returns a renderer that prints on the screen.
func NewText(s *Screen, o TextOptions) *Text {
	c := func(attrs ...color.Attribute) *color.Color {
		col := color.New(attrs...)
		if o.Color {
			col.EnableColor()
		} else {
			col.DisableColor()
		}
		return col
	}
	return &Text{
		opt: o, screen: s, failed: map[string]bool{},
		dim: c(color.Faint), good: c(color.FgGreen, color.Bold), bad: c(color.FgRed, color.Bold),
		note: c(color.FgCyan), mark: c(color.FgYellow, color.Bold),
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
func (t *Text) Render(e event.Event) string {
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
			return t.line(e, t.dim, "started", fmt.Sprintf("pid %d", b.PID))
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
		return t.line(e, t.good, "live", t.bold(ms(b.LatencyMS))+t.dim.Sprint(ledger(b)))
	case event.Reloaded:
		if !t.opt.Quiet {
			what := "page"
			if b.Kind == "css" {
				what = "styles"
			}
			return t.line(e, t.good, "reload", fmt.Sprintf("%s, in %s", what, count(b.Clients, "browser tab", "browser tabs")))
		}
	case event.Held:
		if !t.opt.Quiet {
			return t.line(e, t.note, "waiting", strings.TrimPrefix(b.Reason, "waits "))
		}
	case event.Problem:
		return t.problem(e, b)
	case event.SessionEnded:
		if t.opt.Verbose {
			return t.line(e, t.dim, "end", b.Reason)
		}
	}
	return ""
}

func (t *Text) session(b event.SessionStarted) string {
	if t.opt.Services != nil {
		t.opt.Services.Set(b.Services)
	}
	if t.opt.Quiet {
		return ""
	}
	how := ""
	if b.Backend == "poll" {
		how = ", by polling"
	}
	name := "hotreload"
	if b.Version != "" {
		name += " " + b.Version
	}
	where := tilde(b.Dir)
	if b.Config != "" {
		where += ", " + t.rel(b.Config)
	}
	what := fmt.Sprintf("watches %s (%s%s); Ctrl-C quits", where, count(b.Watches, "directory", "directories"), how)
	if t.opt.Once {
		what = "runs " + where + " once"
	}
	line := fmt.Sprintf("%s %s\n", t.good.Sprint(name), t.dim.Sprint(what))
	for _, u := range b.URLs {
		line += fmt.Sprintf("%s %s\n", t.note.Sprint("open"), u)
	}
	return line
}

func (t *Text) changed(e event.Event, b event.Changed) string {
	if b.Effect == "none" {
		if e.Service != "" {
			delete(t.failed, e.Service) // the files are again what runs
		}
		if e.Service != "" && !t.opt.Quiet {
			return t.line(e, t.note, "undone", t.paths(b.Paths)+t.dim.Sprint(": "+b.Why))
		}
		if t.opt.Verbose {
			return t.line(e, t.dim, "ignored", t.paths(b.Paths)+": "+b.Why)
		}
		return ""
	}
	if t.opt.Quiet {
		return ""
	}
	what := t.paths(b.Paths)
	switch {
	case what == "":
		what = b.Why
	case b.Why == event.WrittenAgain: // else nobody could see what is new
		what += t.dim.Sprint(": " + b.Why)
	case t.opt.Verbose || b.Effect != "rebuild":
		if b.Why != "" {
			what += t.dim.Sprintf(": %s -> %s", b.Why, b.Effect)
		}
	}
	return t.line(e, t.note, "changed", what)
}

func (t *Text) built(e event.Event, b event.BuildFinished) string {
	if b.OK {
		word := "built"
		if t.failed[e.Service] {
			word = "fixed"
		}
		delete(t.failed, e.Service)
		switch {
		case t.opt.Quiet && word != "fixed":
			return ""
		case b.Unchanged:
			return t.line(e, t.good, word, ms(b.DurationMS)+t.dim.Sprint(": the program is the same, not restarted"+t.engine(b)))
		case word == "fixed":
			return t.line(e, t.good, word, ms(b.DurationMS)+t.dim.Sprint(t.engine(b)))
		}
		return t.line(e, t.dim, word, t.dim.Sprint(ms(b.DurationMS)+t.engine(b)))
	}
	t.failed[e.Service] = true
	var s strings.Builder
	summary := b.Summary
	if summary == "" {
		summary = "the build failed"
	}
	s.WriteString(t.line(e, t.bad, "failed", summary+t.dim.Sprintf(" (%s)", ms(b.DurationMS))))
	s.WriteString(t.placed(b.Diagnostics))
	placed := 0
	for _, d := range b.Diagnostics {
		if d.File != "" {
			placed++
		}
	}
	if placed == 0 && b.Output != "" {
		s.WriteString(indent(strings.TrimRight(b.Output, "\n"), "    "))
	} else if placed < len(b.Diagnostics) {
		for _, d := range b.Diagnostics {
			if d.File == "" {
				s.WriteString(indent(d.Message, "    "))
			}
		}
	}
	if b.OutputFile != "" {
		s.WriteString(t.hint("all of it is in " + b.OutputFile))
	}
	if b.Hint != "" {
		s.WriteString(t.hint(b.Hint))
	}
	return s.String()
}

// engine says who has built, for those who want to know: where there was no choice, nothing.
func (t *Text) engine(b event.BuildFinished) string {
	switch {
	case !t.opt.Verbose:
		return ""
	case b.Fallback != "":
		return ", by go build: " + b.Fallback
	case b.Engine == "direct":
		return ", directly"
	}
	return ""
}

// Diagnostics returns the lines for messages of the tools.
func (t *Text) Diagnostics(list []event.Diagnostic) string {
	s := t.placed(list)
	for _, d := range list {
		if d.File == "" {
			s += indent(d.Message, "  ")
		}
	}
	return s
}

// framesMost is the number of messages that show the code around them: the first
// error is the one to mend, and often the cause of the rest.
const framesMost = 3

// placed returns the lines for the messages that have a place.
func (t *Text) placed(list []event.Diagnostic) string {
	var s strings.Builder
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
		t.diagnostic(&s, d)
	}
	return s.String()
}

// diagnostic prints the place as file:line:col, which terminals and editors make
// a link of, and the code around it.
func (t *Text) diagnostic(s *strings.Builder, d event.Diagnostic) {
	place := t.rel(d.File)
	if d.Line > 0 {
		place += fmt.Sprintf(":%d", d.Line)
	}
	if d.Column > 0 {
		place += fmt.Sprintf(":%d", d.Column)
	}
	message, more, _ := strings.Cut(d.Message, "\n")
	fmt.Fprintf(s, "  %s %s\n", t.mark.Sprint(place+":"), message)
	if more != "" {
		s.WriteString(indent(more, "    "))
	}
	from, to := t.window(d)
	for _, l := range d.Frame {
		text := cut(expand(l.Text), from, to)
		if l.Number != d.Line {
			s.WriteString(t.dim.Sprintf("  %5d | %s", l.Number, text) + "\n")
			continue
		}
		fmt.Fprintf(s, "  %s %s\n", t.bad.Sprintf("%5d |", l.Number), text)
		if d.Column > 0 {
			at := column(l.Text, d.Column) - from
			fmt.Fprintf(s, "        %s %s%s\n", t.dim.Sprint("|"), strings.Repeat(" ", max(at, 0)), t.bad.Sprint("^"))
		}
	}
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
	return width(expand(line[:min(max(byteColumn-1, 0), len(line))]))
}

// cut is the part of a line between two columns; to 0: all of it.
func cut(s string, from, to int) string {
	if to == 0 {
		return s
	}
	r := []rune(s)
	from, to = min(from, len(r)), min(to, len(r))
	return string(r[from:to])
}

func (t *Text) exited(e event.Event, b event.Exited) string {
	if b.Expected {
		if len(b.Killed) > 0 {
			return t.line(e, t.mark, "killed", fmt.Sprintf("%s did not stop in time (stop_timeout)", strings.Join(b.Killed, ", ")))
		}
		if t.opt.Verbose {
			return t.line(e, t.dim, "stopped", fmt.Sprintf("pid %d, %s", b.PID, b.Reason))
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
	what := b.Reason
	if b.File != "" {
		// The reason has the place too, in full, for those who read events.
		what = strings.TrimSuffix(what, fmt.Sprintf(" (%s:%d)", b.File, b.Line))
		what += t.mark.Sprintf(" %s:%d", t.rel(b.File), b.Line)
	}
	if t.opt.Once && b.Code == 0 && !t.opt.Verbose {
		return ""
	}
	after := " (after " + ms(b.DurationMS)
	if !t.opt.Once && !b.Again {
		after += "; waiting for a change"
	}
	after += ")"
	return t.line(e, paint, "exited", what+t.dim.Sprint(after))
}

func (t *Text) problem(e event.Event, b event.Problem) string {
	s := t.line(e, t.mark, "problem", b.Message)
	if b.Detail != "" {
		s += indent(strings.TrimRight(b.Detail, "\n"), "    ")
	}
	if b.Hint != "" {
		s += t.hint(b.Hint)
	}
	return s
}

// line is the one form of all lines: time, service, a word in its column, text.
func (t *Text) line(e event.Event, paint *color.Color, word, text string) string {
	var s strings.Builder
	if t.opt.Time {
		s.WriteString(t.dim.Sprint(e.Time.Format(time.TimeOnly)) + " ")
	}
	if t.opt.Services != nil {
		if name := t.opt.Services.name(e.Service, t.opt.Color); name != "" {
			s.WriteString(name + " ")
		}
	}
	fmt.Fprintf(&s, "%s %s\n", paint.Sprintf("%-7s", word), text)
	return s.String()
}

func (t *Text) hint(text string) string {
	return "  " + t.note.Sprint("hint:") + " " + strings.ReplaceAll(text, "\n", "\n        ") + "\n"
}

func (t *Text) bold(s string) string {
	if !t.opt.Color {
		return s
	}
	c := color.New(color.Bold)
	c.EnableColor()
	return c.Sprint(s)
}

// paths names a few files and counts the rest.
func (t *Text) paths(paths []string) string {
	const most = 3
	var names []string
	for i, p := range paths {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(paths)-most))
			break
		}
		names = append(names, t.rel(p))
	}
	return strings.Join(names, ", ")
}

func (t *Text) rel(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	r, err := filepath.Rel(t.opt.Dir, path)
	if err != nil || strings.Count(r, ".."+string(filepath.Separator)) > 2 {
		return tilde(path)
	}
	return printable(r)
}

// printable quotes names that would break the line or the terminal.
func printable(s string) string {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}

func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err == nil && len(home) > 1 {
		if r, ok := strings.CutPrefix(path, home); ok && (r == "" || os.IsPathSeparator(r[0])) {
			return printable("~" + r)
		}
	}
	return printable(path)
}

// ledger tells where the time went, leaving out what took none.
func ledger(b event.Live) string {
	var parts []string
	for _, p := range []struct {
		name string
		ms   int64
	}{{"detect", b.DetectMS}, {"build", b.BuildMS}, {"stop", b.StopMS}, {"start", b.StartMS}} {
		if p.ms > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", p.name, p.ms))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, " + ")
}

func ms(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d ms", n)
	}
	d := time.Duration(n) * time.Millisecond
	if d < time.Minute {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func indent(text, by string) string {
	var s strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		s.WriteString(by + line + "\n")
	}
	return s.String()
}

const tabWidth = 4

func expand(s string) string { return strings.ReplaceAll(s, "\t", strings.Repeat(" ", tabWidth)) }

func width(s string) int { return len([]rune(s)) }
