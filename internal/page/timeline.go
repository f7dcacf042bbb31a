package page

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// What a Timeline keeps: saves, paths and errors of pages of one save, and bytes of the output of one failure.
const (
	maxSaves   = 200
	maxPaths   = 50
	maxConsole = 20
	maxOutput  = 8 << 10 // every page that opens gets all saves
)

// Save is what followed from one save, or from a restart that a person asked for: one row of the
// page. Times are milliseconds.
type Save struct {
	ID         int       `json:"id"`
	Seq        int       `json:"seq"` // grows with every change of any row
	Service    string    `json:"service"`
	Generation int       `json:"generation"`
	At         time.Time `json:"at"` // of its first event
	State      State     `json:"state"`

	Paths  []string `json:"paths"`
	More   int      `json:"more,omitempty"` // further paths
	Effect string   `json:"effect"`
	Why    string   `json:"why"`

	Times

	Engine   string `json:"engine,omitempty"`
	Fallback string `json:"fallback,omitempty"`
	Clients  int    `json:"clients,omitempty"` // browsers whose tabs were reloaded

	Error       string       `json:"error,omitempty"` // one line: why it is not live
	Hint        string       `json:"hint,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
	Output      string       `json:"output,omitempty"` // of the failed build, or the stack of the panic

	Console     []event.Console `json:"console,omitempty"` // errors of the pages in the browser
	MoreConsole int             `json:"more_console,omitempty"`

	shown *shown // the row as JSON, as it is now
}

// Times are where the time of a save went.
type Times struct {
	DetectMS  int64 `json:"detect_ms"`
	BuildMS   int64 `json:"build_ms"`
	CompileMS int64 `json:"compile_ms"` // of BuildMS
	LinkMS    int64 `json:"link_ms"`
	StopMS    int64 `json:"stop_ms"`
	StartMS   int64 `json:"start_ms"`
	LatencyMS int64 `json:"latency_ms"`
}

// Diagnostic is one message of the toolchain, with the code around its place.
type Diagnostic struct {
	event.Diagnostic
	Frame []event.SourceLine `json:"frame,omitempty"`
}

// State is how far a save has come.
type State string

// The states of a Save. Those from Live on are final, but a live program can still crash.
const (
	Building  State = "building"
	Starting  State = "starting"
	Live      State = "live"
	Same      State = "same"     // built, and the program is the one that runs
	Reloaded  State = "reloaded" // only the browser
	Ignored   State = "ignored"  // it cannot matter
	Undone    State = "undone"   // same as the running program
	Canceled  State = "canceled" // a newer save came first
	Failed    State = "failed"
	Crashed   State = "crashed"
	Restarted State = "restarted" // it ended as it should, and runs again or not as run.restart says
)

// over reports whether nothing more is expected of a save.
func (s State) over() bool { return s != Building && s != Starting }

// Timeline is the newest saves of a session, made from its events. It can be used by several
// goroutines.
type Timeline struct {
	mu      sync.Mutex
	saves   []*Save
	ids     int
	seq     int
	changed chan struct{} // closed and replaced at each change
}

// NewTimeline is an empty one.
func NewTimeline() *Timeline { return &Timeline{changed: make(chan struct{})} }

// Since returns the saves that changed after seq, oldest first, the newest seq, and a channel that
// is closed at the next change.
func (t *Timeline) Since(seq int) (saves []Save, newest int, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.saves {
		if s.Seq > seq {
			c := *s
			c.Paths = slices.Clone(s.Paths)
			saves = append(saves, c)
		}
	}
	return saves, t.seq, t.changed
}

// Emit takes an event of the session.
func (t *Timeline) Emit(ev event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.apply(ev)
	if s == nil {
		return
	}
	t.changes(s)
	if _, done := ev.Body.(event.BuildFinished); done {
		t.overtaken(s)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *Timeline) changes(s *Save) {
	t.seq++
	s.Seq, s.shown = t.seq, new(shown)
}

// overtaken ends the rows of older saves whose build never began: they wait for commands of rules while newer
// saves come, and a build takes them all in.
func (t *Timeline) overtaken(by *Save) {
	for _, s := range t.saves {
		if s.Service == by.Service && s.Generation < by.Generation && s.State == Building {
			s.State = Canceled
			t.changes(s)
		}
	}
}

// apply returns the save that an event changes; nil: none.
func (t *Timeline) apply(ev event.Event) *Save {
	switch b := ev.Body.(type) {
	case event.Changed:
		return t.files(ev, b)
	case event.Undone:
		if s := t.open(ev.Service); s != nil {
			s.State = Undone
			return s
		}
	case event.BuildStarted:
		s := t.current(ev)
		s.State = Building
		return s
	case event.BuildCanceled:
		if s := t.find(ev.Service, ev.Generation); s != nil && s.State == Building {
			s.State = Canceled
			return s
		}
	case event.BuildFinished:
		s := t.current(ev)
		s.built(b)
		return s
	case event.Started:
		s := t.current(ev)
		s.State = Starting
		return s
	case event.Live:
		s := t.current(ev)
		s.State, s.Error, s.Hint = Live, "", ""
		s.DetectMS, s.BuildMS, s.StopMS, s.StartMS, s.LatencyMS = b.DetectMS, b.BuildMS, b.StopMS, b.StartMS, b.LatencyMS
		s.CompileMS, s.LinkMS = b.CompileMS, b.LinkMS
		return s
	case event.Reloaded:
		s := t.current(ev)
		if !s.State.over() && s.Effect == "reload" {
			s.State = Reloaded
			s.LatencyMS = event.MS(ev.Time.Sub(s.At))
		}
		s.Clients = b.Clients
		return s
	default:
		return t.wrong(ev)
	}
	return nil
}

// wrong takes an event about something that went wrong after the build.
func (t *Timeline) wrong(ev event.Event) *Save {
	switch b := ev.Body.(type) {
	case event.Exited:
		if s := t.find(ev.Service, ev.Generation); s != nil && !b.Expected {
			s.ended(b)
			return s
		}
	case event.Console:
		s := t.answering(ev)
		if len(s.Console) < maxConsole {
			s.Console = append(s.Console, b)
		} else {
			s.MoreConsole++
		}
		return s
	case event.Problem:
		if b.Failed {
			s := t.current(ev)
			s.State, s.Error, s.Hint = Failed, b.Message, b.Hint
			return s
		}
	}
	return nil
}

// files begins a row, or adds to that of the same generation: the files of one burst may come in
// several events.
func (t *Timeline) files(ev event.Event, b event.Changed) *Save {
	if b.Undone || b.Config != event.NoConfig {
		return nil
	}
	s := t.find(ev.Service, ev.Generation)
	if s == nil || s.State.over() || b.Effect == "none" {
		s = t.add(ev)
		s.Effect, s.Why = b.Effect, b.Why
		if b.Effect == "none" {
			s.State = Ignored
		}
		if b.Effect == "signal" {
			s.State = Live
		}
	}
	for _, p := range b.Paths {
		switch {
		case slices.Contains(s.Paths, p):
		case len(s.Paths) < maxPaths:
			s.Paths = append(s.Paths, p)
		default:
			s.More++
		}
	}
	return s
}

func (s *Save) built(b event.BuildFinished) {
	s.BuildMS, s.CompileMS, s.LinkMS, s.Engine, s.Fallback = b.DurationMS, b.CompileMS, b.LinkMS, b.Engine, b.Fallback
	s.Error, s.Hint, s.Diagnostics, s.Output = "", "", nil, ""
	switch {
	case b.OK && b.Unchanged:
		s.State = Same
	case b.OK:
		s.State = Starting
	default:
		s.State, s.Error, s.Hint, s.Output = Failed, b.Summary, b.Hint, head(b.Output)
		for _, d := range b.Diagnostics {
			s.Diagnostics = append(s.Diagnostics, Diagnostic{d, d.Frame})
		}
	}
}

func (s *Save) ended(b event.Exited) {
	s.State = Restarted
	if b.Code != 0 || b.Signal != "" {
		s.State = Crashed
	}
	s.Error, s.Output = b.Reason, head(b.Panic)
	if b.File != "" {
		s.Diagnostics = []Diagnostic{{Diagnostic: event.Diagnostic{File: b.File, Line: b.Line, Message: b.Reason}}}
	}
}

func head(text string) string {
	if len(text) > maxOutput {
		return strings.Clone(text[:maxOutput]) // or else all of it is kept
	}
	return text
}

// find is the newest row of a generation of a service.
func (t *Timeline) find(service string, generation int) *Save {
	for _, s := range slices.Backward(t.saves) {
		if s.Service == service && s.Generation == generation && s.State != Ignored {
			return s
		}
	}
	return nil
}

// open is the newest row of a service of which more is expected, or that failed.
func (t *Timeline) open(service string) *Save {
	for _, s := range slices.Backward(t.saves) {
		if s.Service == service && s.State != Ignored {
			return s
		}
	}
	return nil
}

// answering is the row that the browser shows: the newest that has come so far. The pages of a program
// stay open while its successor does not build.
func (t *Timeline) answering(ev event.Event) *Save {
	for _, s := range slices.Backward(t.saves) {
		switch s.State {
		case Live, Same, Reloaded, Undone, Crashed, Restarted:
			if s.Service == ev.Service {
				return s
			}
		}
	}
	return t.current(ev)
}

// current is the row of an event's generation. One that no file began has none: the first build, or
// a restart that a person asked for.
func (t *Timeline) current(ev event.Event) *Save {
	if s := t.find(ev.Service, ev.Generation); s != nil {
		return s
	}
	return t.add(ev)
}

func (t *Timeline) add(ev event.Event) *Save {
	t.ids++
	s := &Save{ID: t.ids, Service: ev.Service, Generation: ev.Generation, At: ev.Time, State: Building}
	if len(t.saves) == maxSaves {
		t.saves = slices.Delete(t.saves, 0, 1)
	}
	t.saves = append(t.saves, s)
	return s
}
