// Package event has the events of a session: one Event per thing that happened,
// rendered as text for people and as JSON lines for programs.
//
// The JSON form is a contract (docs/events.md) and is fixed by golden files.
// Fields marked json:"-" are only for the renderers for people. Each kind of event
// has its own type, and what programs need is in fields: a text that other packages
// compare was rejected, because then a better wording breaks them.
package event

import (
	"bytes"
	"fmt"
	"time"

	"github.com/hotreload/hotreload/internal/safe"
)

// Event is one line of the narration.
type Event struct {
	Time       time.Time
	Service    string // empty where it concerns the session
	Generation int    // 0 where it concerns no generation
	Body       Body
}

// Body is what happened. Its Name is the value of the JSON field "event".
type Body interface{ Name() string }

// Sink consumes events in order. Emit must not block for long: the engine's one
// goroutine calls it.
type Sink interface{ Emit(Event) }

// SessionStarted is the first event of a session: all is watched, nothing is built yet.
type SessionStarted struct {
	Dir      string   `json:"dir"`
	Config   string   `json:"config"` // path of the config file, empty if there is none
	Services []string `json:"services"`
	Backend  string   `json:"backend"` // notify | poll
	Watches  int      `json:"watches"` // directories watched

	Version string   `json:"-"`
	URLs    []string `json:"-"` // of the proxies, one for each service; empty: it has none
}

// Changed reports which files changed and what follows from it.
type Changed struct {
	Paths  []string `json:"paths"`  // absolute, sorted
	Effect string   `json:"effect"` // rebuild | restart | reload | signal | none
	Why    string   `json:"why"`

	Command bool   `json:"-"` // the command of a rule runs
	Undone  bool   `json:"-"` // the event Undone reports it too
	Config  Config `json:"-"` // it is the config that was saved
	Fixed   bool   `json:"-"` // a file of settings that had a mistake is right again; Why is Fixed

	Services []string `json:"-"` // all that have the same event at this moment, each its own
}

// Config is the result of a save of the config.
type Config int

// ConfigApplied is the usual outcome; ConfigFixed follows an edit that could not be applied.
const (
	NoConfig Config = iota
	ConfigApplied
	ConfigFixed
)

// Fixed is Changed.Why of a file of settings that had a mistake and is right again.
const Fixed = "fixed"

// BuildStarted opens a build; exactly one of BuildFinished and BuildCanceled follows.
type BuildStarted struct {
	Slot int `json:"-"` // builds with the same one are one build of several services
}

// BuildCanceled closes a build whose result is not needed anymore.
type BuildCanceled struct{}

// BuildFinished closes a build that ran to its end.
type BuildFinished struct {
	OK          bool         `json:"ok"`
	DurationMS  int64        `json:"duration_ms"`
	Unchanged   bool         `json:"unchanged"` // the program is byte for byte the one that runs
	Diagnostics []Diagnostic `json:"diagnostics"`
	Output      string       `json:"output"` // what the tools printed

	CompileMS int64  `json:"-"` // as in Live
	LinkMS    int64  `json:"-"`
	Engine    string `json:"-"` // which one has built: "go" or "direct"; empty for build.command
	Fallback  string `json:"-"` // why the direct engine has left it to go build

	Summary    string   `json:"-"` // one line for people when not OK
	Hint       string   `json:"-"`
	OutputFile string   `json:"-"` // the whole output, when Output had to be capped
	Warnings   string   `json:"-"` // what of Output the compilers printed though OK
	Again      []string `json:"-"` // files that were written while it was compiled, which is why it was compiled once more

	Serving time.Time `json:"-"` // when not OK: when the program was started that keeps running; zero: none does
}

// Diagnostic is one message of the toolchain with its place.
type Diagnostic struct {
	File    string `json:"file"` // absolute; empty if it has no place
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Package string `json:"package"`

	Frame []SourceLine `json:"-"` // the code around Line
}

// SourceLine is one line of a code frame.
type SourceLine struct {
	Number int
	Text   string
}

// Started reports that a process runs.
type Started struct {
	PID int `json:"pid"`
}

// Ready reports that the process is ready for its work.
type Ready struct {
	AfterMS int64 `json:"after_ms"` // since it was started
}

// Exited reports that a process has ended.
type Exited struct {
	PID        int    `json:"pid"`
	Code       int    `json:"code"`   // -1 if ended by a signal
	Signal     string `json:"signal"` // "SIGKILL", ...; empty if it exited
	Expected   bool   `json:"expected"`
	DurationMS int64  `json:"duration_ms"` // how long it ran
	Reason     string `json:"reason"`

	Number int      `json:"-"` // of Signal on this system
	Again  bool     `json:"-"` // it is started again without a change (run.restart)
	Killed []string `json:"-"` // who ignored the stop signal and had to be killed
	Panic  string   `json:"-"` // the goroutine's stack
	File   string   `json:"-"` // first own frame of the panic
	Line   int      `json:"-"`
}

// Live reports that the newest generation answers now. All figures are
// milliseconds; LatencyMS counts from the first file event of the save.
type Live struct {
	LatencyMS int64 `json:"latency_ms"`
	DetectMS  int64 `json:"detect_ms"` // first event to start of the build (or of a command, or the restart)
	BuildMS   int64 `json:"build_ms"`
	CompileMS int64 `json:"compile_ms"` // of BuildMS; 0 if it is not known, as is LinkMS
	LinkMS    int64 `json:"link_ms"`
	StopMS    int64 `json:"stop_ms"`  // stop signal to the whole group gone
	StartMS   int64 `json:"start_ms"` // exec to ready

	First bool `json:"-"` // the first one of this service in the session
	Job   bool `json:"-"` // it has done its work, and ended
}

// Reloaded reports that browsers were asked to reload.
type Reloaded struct {
	Kind    string `json:"kind"` // page | css
	Clients int    `json:"clients"`

	NoProxy bool `json:"-"` // so no browser could be asked
}

// Paused reports that changes are remembered but not built: of the service, or of all.
type Paused struct{}

// Resumed reports that what was changed while paused is built.
type Resumed struct{}

// Undone reports that files have the content again that the running program was built from.
type Undone struct {
	Paths []string `json:"paths"` // absolute, sorted

	Services []string `json:"-"` // as in Changed
}

// Waiting reports why something that could be done is not done yet.
type Waiting struct {
	For    string `json:"for"` // the services that must be live first, or gone; empty: something else
	Reason string `json:"reason"`

	// Of a build that takes long: packages compiled, and those of the program; 0: not known.
	Compiled int `json:"compiled,omitempty"`
	Packages int `json:"packages,omitempty"`

	Kind  WaitKind  `json:"-"`
	What  string    `json:"-"` // Reason without its verb, which is in Kind; empty: as Reason
	Slot  int       `json:"-"` // of the build, for WaitBuild
	Since time.Time `json:"-"` // when the program was started that keeps running, for WaitServing
}

// WaitKind is what is waited for.
type WaitKind int

// Kinds of waiting: for services, for the next try of a program that has ended, for a build
// that takes long, for a restart by a person, for a program that comes up, for one that was
// suspended.
const (
	WaitNeeds WaitKind = iota
	WaitBackoff
	WaitBuild
	WaitStopped
	WaitServing
	WaitSuspended
)

// Held is the older form of Paused, Resumed and Waiting, which it follows.
type Held struct {
	Reason string `json:"reason"`
}

// Proxy reports where the proxy of a service listens, when that has changed while the session runs.
type Proxy struct {
	URL string `json:"url"` // empty: it is gone
}

// Request reports a request that a proxy has passed on, with proxy.inspect.
type Request struct {
	Method     string `json:"method"`
	Path       string `json:"path"`   // without the query
	Status     int    `json:"status"` // 0: there was no answer
	DurationMS int64  `json:"duration_ms"`
	HeldMS     int64  `json:"held_ms"` // of it, before it was given to the program
}

// Console reports what went wrong in a page in the browser: each thing once, until pages load again.
type Console struct {
	Level string `json:"level"` // error (console.error) | uncaught | rejection
	Text  string `json:"text"`
	File  string `json:"file"` // absolute, of the project; else its path on the server, or its URL; empty: not known
	Line  int    `json:"line"` // 0: not known
}

// Problem is something a person should know about; the session continues.
type Problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint"`

	Detail string `json:"-"` // more lines, for the terminal
	Failed bool   `json:"-"` // the newest program of the service does not run for it
	Last   bool   `json:"-"` // the program did not come up, and nothing more happens without a change
	Late   bool   `json:"-"` // the program is not ready in time, and may still become ready
}

// Output is a piece of what the program printed.
type Output struct {
	Stream string `json:"stream"` // stdout | stderr
	Text   string `json:"text"`
}

// SessionEnded is the last event.
type SessionEnded struct {
	Reason string `json:"reason"`
}

func (SessionStarted) Name() string { return "session_started" }
func (Changed) Name() string        { return "changed" }
func (BuildStarted) Name() string   { return "build_started" }
func (BuildCanceled) Name() string  { return "build_canceled" }
func (BuildFinished) Name() string  { return "build_finished" }
func (Started) Name() string        { return "started" }
func (Ready) Name() string          { return "ready" }
func (Exited) Name() string         { return "exited" }
func (Live) Name() string           { return "live" }
func (Reloaded) Name() string       { return "reloaded" }
func (Held) Name() string           { return "held" }
func (Paused) Name() string         { return "paused" }
func (Resumed) Name() string        { return "resumed" }
func (Undone) Name() string         { return "undone" }
func (Waiting) Name() string        { return "waiting" }
func (Proxy) Name() string          { return "proxy" }
func (Request) Name() string        { return "request" }
func (Console) Name() string        { return "console" }
func (Problem) Name() string        { return "problem" }
func (Output) Name() string         { return "output" }
func (SessionEnded) Name() string   { return "session_ended" }

// head holds the fields that every line has.
type head struct {
	Time       string `json:"time"`
	Event      string `json:"event"`
	Service    string `json:"service,omitempty"`
	Generation int    `json:"generation,omitempty"`
}

// MarshalJSON renders one flat object: the common fields first, then the
// body's. Lists are never null.
func (e Event) MarshalJSON() ([]byte, error) {
	switch b := e.Body.(type) {
	case nil:
		return nil, fmt.Errorf("event without a body")
	case SessionStarted:
		b.Services = list(b.Services)
		e.Body = b
	case Changed:
		b.Paths = list(b.Paths)
		e.Body = b
	case Undone:
		b.Paths = list(b.Paths)
		e.Body = b
	case BuildFinished:
		b.Diagnostics = list(b.Diagnostics)
		e.Body = b
	}
	h, err := encode(head{e.Time.Format(time.RFC3339Nano), e.Body.Name(), e.Service, e.Generation})
	if err != nil {
		return nil, err
	}
	b, err := encode(e.Body)
	if err != nil {
		return nil, err
	}
	if len(b) > len("{}") {
		h = append(h[:len(h)-1], ',')
		h = append(h, b[1:]...)
	}
	return h, nil
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func encode(v any) ([]byte, error) {
	line, err := safe.Marshal(v, "")
	return bytes.TrimRight(line, "\n"), err
}

// Line returns the event as one JSON line, newline included.
func (e Event) Line() []byte {
	line, err := e.MarshalJSON()
	if err != nil {
		// Every body is a struct of plain fields, so this is a bug of ours; it
		// must not cost the reader the rest of the stream.
		line = fmt.Appendf(nil, `{"event":"problem","message":%q,"hint":""}`, err.Error())
	}
	return append(line, '\n')
}

// MS rounds a duration to whole milliseconds, the unit of all figures in events.
func MS(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
