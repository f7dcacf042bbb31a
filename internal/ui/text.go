package ui

import (
	"cmp"
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

// TextOptions are how much is printed, and how.
type TextOptions struct {
	Color   bool
	Time    bool   // each line begins with the time of day
	Clear   bool   // the terminal is cleared at each rebuild
	Quiet   bool   // only what needs attention
	Verbose bool   // also what did not matter, and why
	Once    bool   // no change is waited for
	Keys    bool   // single keys are read
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
	failed map[string]safe.Text // by service: what was printed of its failed build
	builds map[int]*common      // by slot: those under way
	slots  map[string]int       // of the build of each service
	slow   map[int]string       // by slot: what was printed last about its duration
	proxy  bool                 // there is one in front of some program
	open   map[string]safe.Text // by service: where its proxy listens, if that was not printed yet
	noted  bool                 // it was printed that there is none
	said   map[string]string    // what the tools of a good build printed last, by service
	mu     sync.Mutex

	dim, good, bad, note, mark, bold style
}

// NewText returns a renderer that prints on the screen.
func NewText(s *Screen, o TextOptions) *Text {
	c := func(attrs ...color.Attribute) style { return newStyle(o.Color, attrs...) }
	return &Text{
		opt: o, screen: s, said: map[string]string{}, open: map[string]safe.Text{},
		failed: map[string]safe.Text{}, builds: map[int]*common{}, slots: map[string]int{}, slow: map[int]string{},
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

// Emit prints the event; for many there is nothing to print.
func (t *Text) Emit(e event.Event) {
	t.screen.Own(t.Render(e))
	if t.holds() {
		time.AfterFunc(maxHold, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.screen.Own(t.release("", true))
		})
	}
}

// Render returns the lines of an event, each ending in a newline; empty if there
// is nothing to print. The result of a build of several services may be kept for later, until it is
// known of all of them.
func (t *Text) Render(e event.Event) safe.Text {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch b := e.Body.(type) {
	case event.BuildStarted:
		t.begun(e.Service, b.Slot)
	case event.BuildFinished:
		return t.ended(e, &b)
	case event.BuildCanceled:
		return t.ended(e, nil) + t.render(e)
	}
	text := t.render(e)
	if _, over := e.Body.(event.SessionEnded); text == "" && !over {
		return ""
	}
	var held safe.Text
	services, _ := sharers(e)
	for _, s := range services {
		held += t.release(s, s == "")
	}
	return held + text
}

// render is the text of one event. Each kind of event has its line in one of three
// functions, by its kind of reader.
func (t *Text) render(e event.Event) safe.Text {
	text := t.always(e)
	if !t.opt.Quiet {
		text += t.normally(e)
	}
	if t.opt.Verbose {
		text += t.verbosely(e)
	}
	if b, ok := e.Body.(event.Problem); ok && b.Failed || unexpected(e.Body) {
		text += t.openLine(e)
	}
	return text
}

// takeOpen is where the proxy of a service listens, if that was not printed yet.
func (t *Text) takeOpen(service string) safe.Text {
	url := t.open[service]
	delete(t.open, service)
	return url
}

// openLine prints it on a separate line: for a program that fails before it was live. The page
// shows why.
func (t *Text) openLine(e event.Event) safe.Text {
	if t.opt.Quiet {
		return ""
	}
	if url := t.takeOpen(e.Service); url != "" {
		return t.line(e, t.note, "open", url)
	}
	return ""
}

func unexpected(b event.Body) bool {
	x, ok := b.(event.Exited)
	return ok && !x.Expected
}

// always is what is printed with -q too, or decides that itself.
func (t *Text) always(e event.Event) safe.Text {
	switch b := e.Body.(type) {
	case event.SessionStarted:
		return t.session(b)
	case event.Changed:
		return t.changed(e, b)
	case event.BuildStarted:
		if t.clears() {
			return clearScreen
		}
	case event.Exited:
		return t.exited(e, b)
	case event.Undone:
		delete(t.failed, e.Service) // the files are again what runs
	case event.Proxy:
		if b.URL == "" {
			return t.line(e, t.note, "closed", "the proxy is closed")
		}
		t.proxy = true
		delete(t.open, e.Service)
		return t.line(e, t.note, "open", safe.Line(b.URL))
	case event.Problem:
		return t.problem(e, b)
	case event.Console:
		return t.console(e, b)
	}
	return ""
}

// normally is what is printed without -q.
func (t *Text) normally(e event.Event) safe.Text {
	switch b := e.Body.(type) {
	case event.Live:
		word := safe.Text("live")
		if b.Job {
			word = "done"
		}
		text := t.bold.text(ms(b.LatencyMS)) + t.dim.text(ledger(b))
		if url := t.takeOpen(e.Service); url != "" {
			text += "  " + t.note.text(url)
		}
		return t.line(e, t.good, word, text)
	case event.Reloaded:
		return t.reloaded(e, b)
	case event.Undone:
		if services, first := sharers(e); first {
			return t.lineOf(e, services, t.note, "undone", "same as the running program")
		}
	case event.Paused:
		return t.line(e, t.note, "paused", "changes are remembered but not built")
	case event.Resumed:
		return t.line(e, t.note, "resumed", "changes are built again")
	case event.Waiting:
		return t.waiting(e, b)
	}
	return ""
}

// verbosely is what is printed only with -v.
func (t *Text) verbosely(e event.Event) safe.Text {
	switch b := e.Body.(type) {
	case event.BuildStarted:
		if !t.clears() {
			return t.line(e, t.dim, "build", "started")
		}
	case event.BuildCanceled:
		return t.line(e, t.dim, "build", "canceled: no longer needed")
	case event.Started:
		return t.line(e, t.dim, "started", safe.Sprintf("pid %d", b.PID))
	case event.Ready:
		return t.line(e, t.dim, "ready", "after "+ms(b.AfterMS))
	case event.SessionEnded:
		return t.line(e, t.dim, "end", safe.Line(b.Reason))
	}
	return ""
}

func (t *Text) clears() bool { return t.opt.Clear && t.opt.Color }

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
	what := safe.Sprintf("watches %s (%s%s)", where, count(b.Watches, "directory", "directories"), how)
	switch {
	case t.opt.Once:
		what = "runs " + where + " once"
	case !t.opt.Keys: // else the keys are named
		what += "; Ctrl-C quits"
	}
	line := t.good.text(name) + " " + t.dim.text(what) + "\n"
	for i, u := range b.URLs {
		if u != "" && i < len(b.Services) {
			t.proxy, t.open[b.Services[i]] = true, safe.Line(u)
		}
	}
	if t.opt.Keys && !t.opt.Once {
		line += "  " + t.dim.text("keys: [r]estart  re[b]uild  [p]ause  [q]uit  [?] help") + "\n"
	}
	return line
}

func (t *Text) changed(e event.Event, b event.Changed) safe.Text {
	services, first := sharers(e)
	if !first {
		return ""
	}
	ignored := b.Effect == "none" && b.Config == event.NoConfig && !b.Command
	switch {
	case b.Undone && !t.opt.Quiet: // another event follows
		return t.lineOf(e, services, t.note, "changed", t.paths(b.Paths))
	case b.Config == event.ConfigFixed:
		return t.lineOf(e, services, t.good, "fixed", t.paths(b.Paths)+t.dim.text(": the config is applied")+t.effect(b))
	case b.Fixed:
		return t.lineOf(e, services, t.good, "fixed", t.paths(b.Paths))
	case ignored && t.opt.Verbose:
		return t.lineOf(e, services, t.dim, "ignored", t.paths(b.Paths)+": "+safe.Line(b.Why))
	case ignored, t.opt.Quiet, t.noPage(b) && !b.Command && !t.opt.Verbose:
		return ""
	case len(b.Paths) == 0: // a person or a program has asked for it
		return t.lineOf(e, services, t.note, safe.Line(b.Effect), t.dim.sprintf("(%s)", b.Why))
	}
	return t.lineOf(e, services, t.note, t.changeWord(b), t.paths(b.Paths)+t.consequence(b))
}

// noPage reports whether a change only reloads pages, and there are none.
func (t *Text) noPage(b event.Changed) bool { return b.Effect == "reload" && !t.proxy }

// changeWord is what the line of a change begins with: something else than "changed" if
// no line of a build or a start follows.
func (t *Text) changeWord(b event.Changed) safe.Text {
	switch {
	case b.Config != event.NoConfig:
		if b.Effect == "none" {
			return "config"
		}
	case b.Effect == "none", t.noPage(b) && b.Command:
		return "command"
	case b.Effect == "signal":
		return "signal"
	}
	return "changed"
}

// consequence is why a change counts, and what follows from it.
func (t *Text) consequence(b event.Changed) safe.Text {
	why := t.dim.sprintf(": %s", b.Why)
	switch {
	case b.Config != event.NoConfig:
		return t.dim.text(": the config is applied") + t.effect(b)
	case t.changeWord(b) != "changed":
		return why
	case (t.opt.Verbose || b.Effect != "rebuild") && b.Why != "":
		return why + t.effect(b)
	}
	return ""
}

// sharers are the services that the same event is about, and whether it is the first of those events.
func sharers(e event.Event) (services []string, first bool) {
	switch b := e.Body.(type) {
	case event.Changed:
		services = b.Services
	case event.Undone:
		services = b.Services
	}
	if len(services) < 2 {
		return []string{e.Service}, true
	}
	return services, e.Service == services[0]
}

// effect is what follows from a change.
func (t *Text) effect(b event.Changed) safe.Text {
	if b.Effect == "none" {
		return ""
	}
	return t.dim.sprintf(" -> %s", b.Effect)
}

func (t *Text) reloaded(e event.Event, b event.Reloaded) safe.Text {
	switch {
	case b.NoProxy && !t.noted:
		t.noted = true
		return t.line(e, t.note, "reload", "there is no proxy, so no browser is reloaded") +
			t.hint("with `hotreload run --proxy`, or proxy.listen in the config, pages reload automatically")
	case b.NoProxy:
		return ""
	}
	what := safe.Text("page")
	if b.Kind == "css" {
		what = "styles"
	}
	if b.Clients == 0 {
		return t.line(e, t.good, "reload", what+"; no browser tab is open")
	}
	return t.line(e, t.good, "reload", what+", in "+count(b.Clients, "browser", "browsers"))
}

func (t *Text) waiting(e event.Event, b event.Waiting) safe.Text {
	word, text := safe.Text("waiting"), safe.Line(cmp.Or(b.What, b.Reason))
	switch b.Kind {
	case event.WaitBackoff:
		word = "restart"
	case event.WaitStopped:
		word, text = "stopped", safe.Sprintf("until `hotreload restart %s`", e.Service)
	case event.WaitSuspended:
		word = "suspended"
	case event.WaitServing:
		return t.line(e, t.note, word, "for a fix; "+since(e, b.Since)+", because the new program did not become ready")
	case event.WaitBuild:
		// One build for several services is printed once.
		word, text = "build", safe.Line(b.Reason)+t.progress(b)
		if c := t.builds[b.Slot]; c != nil && len(c.services) > 1 {
			// The same moment, although one more package may be compiled when the next service reports it.
			if t.slow[b.Slot] == b.Reason {
				return ""
			}
			t.slow[b.Slot] = b.Reason
			return t.lineOf(e, c.services, t.note, word, text)
		}
	}
	return t.line(e, t.note, word, text)
}

// progress is how far a long build is. What is in Go's cache is not compiled, so the number of
// all packages is one that those compiled may never reach.
func (t *Text) progress(b event.Waiting) safe.Text {
	switch {
	case b.Compiled == 0:
		return ""
	case b.Packages == 0:
		return ": " + count(b.Compiled, "package", "packages") + " compiled"
	}
	return ": " + count(b.Compiled, "package", "packages") + " compiled" + t.dim.sprintf(" (%d in all)", b.Packages)
}

// since is the text for a service that keeps running, and since when.
func since(e event.Event, at time.Time) safe.Text {
	layout := time.TimeOnly
	if at.Format(time.DateOnly) != e.Time.Format(time.DateOnly) {
		layout = time.DateTime
	}
	return safe.Sprintf("%s, started at %s, keeps running", e.Service, at.Format(layout))
}

// maxRemarks is the number of lines that are printed of the output of a good build.
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

// engine is which engine has built, and how often it compiled: with -v only.
func (t *Text) engine(b event.BuildFinished) safe.Text {
	if !t.opt.Verbose {
		return ""
	}
	var s safe.Text
	switch {
	case b.Fallback != "":
		s = ", by go build: " + safe.Line(b.Fallback)
	case b.Engine == "direct":
		s = ", directly"
	}
	if len(b.Again) > 0 {
		s += ", compiled twice, because of a write during the build: " + t.paths(b.Again)
	}
	return s
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

// maxFrames is the number of messages that show the code around them: the first
// error is the one to fix, and often the cause of the rest.
const maxFrames = 3

// placed returns the lines for the messages that have a place.
func (t *Text) placed(list []event.Diagnostic) (s safe.Text) {
	frames := 0
	seen := map[string]bool{}
	for _, d := range list {
		if d.File == "" {
			continue
		}
		line := fmt.Sprintf("%s:%d", d.File, d.Line)
		if frames == maxFrames || seen[line] {
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
		text := window(safe.Line(l.Text), from, to)
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

// frameMargin is printed before the code of a frame.
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

// window is the visible part of a line, with marks where it continues.
func window(line safe.Text, from, to int) safe.Text {
	n := utf8.RuneCountInString(string(line))
	if to == 0 || from == 0 && n <= to {
		return line
	}
	text := safe.Cut(line, from, to)
	if from > 0 && from < n {
		text = "…" + safe.Cut(text, 1, to-from)
	}
	if n > to {
		text = safe.Cut(text, 0, to-from-1) + "…"
	}
	return text
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

// console is what went wrong in a page.
func (t *Text) console(e event.Event, b event.Console) safe.Text {
	var place safe.Text
	if b.File != "" {
		place = safe.Line(b.File) // mostly a path on the server
		if r, err := filepath.Rel(t.opt.Dir, b.File); err == nil && filepath.IsLocal(r) {
			place = safe.Name(r)
		}
		if b.Line > 0 {
			place += safe.Sprintf(":%d", b.Line)
		}
		place = t.mark.text(place+":") + " "
	}
	what := map[string]safe.Text{"uncaught": "uncaught ", "rejection": "unhandled rejection: "}[b.Level]
	return t.line(e, t.bad, "console", place+what+safe.Block(strings.TrimSpace(b.Text)))
}

func (t *Text) problem(e event.Event, b event.Problem) safe.Text {
	s := t.line(e, t.mark, "problem", safe.Block(b.Message))
	if b.Detail != "" {
		s += indented(strings.TrimRight(b.Detail, "\n"), "    ")
	}
	s += t.hint(b.Hint)
	switch {
	case b.Last:
		s += t.line(e, t.note, "waiting", "for a change")
	case b.Late:
		s += t.line(e, t.note, "waiting", "until it is ready, or for a change")
	}
	return s
}

// line is the one form of all lines: time, service, a word in its column, text. If the text
// has more lines, these are indented: only ours begin at the edge.
func (t *Text) line(e event.Event, paint style, word, text safe.Text) safe.Text {
	return t.lineOf(e, []string{e.Service}, paint, word, text)
}

// lineOf is a line that concerns several services.
func (t *Text) lineOf(e event.Event, services []string, paint style, word, text safe.Text) safe.Text {
	var s safe.Text
	if t.opt.Time {
		s += t.dim.text(safe.Line(e.Time.Format(time.TimeOnly))) + " "
	}
	if t.opt.Services != nil {
		if name := t.opt.Services.name(services, t.opt.Color); name != "" {
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

// ledger is where the time went, without what took none.
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
