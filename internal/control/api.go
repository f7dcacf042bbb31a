package control

import (
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// Status is what `hotreload status --json` prints and GET /status answers.
type Status struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	Dir     string `json:"dir"`
	Config  string `json:"config"` // empty: none
	Backend string `json:"backend"`
	Watches int    `json:"watches"`
	Paused  bool   `json:"paused"`
	PageURL string `json:"page_url,omitempty"` // of the page, with what its buttons need; only over the socket

	Goroutines int `json:"goroutines"` // of hotreload itself, to see that they stay few

	Services []ServiceStatus `json:"services"`
}

// ServiceStatus is one service of a Status.
type ServiceStatus struct {
	Service    string    `json:"service"`
	Generation int       `json:"generation"` // newest wanted state
	State      string    `json:"state"`      // live, building, starting, stopping, waiting, failed, ended, stopped, suspended, idle
	Stale      bool      `json:"stale"`      // something older than the last save is answering
	PID        int       `json:"pid"`        // 0: none runs
	Running    int       `json:"running"`    // generation of what runs
	Since      time.Time `json:"since,omitzero"`
	WaitsFor   string    `json:"waits_for,omitempty"`
	Paused     bool      `json:"paused,omitempty"`      // changes are only noted
	NewerTexts bool      `json:"newer_texts,omitempty"` // the program reads texts of templ that the next build takes in
	Engine     string    `json:"engine,omitempty"`      // which one made the newest build: go or direct
	ProxyURL   string    `json:"proxy_url,omitempty"`

	Usage   *Usage          `json:"usage,omitempty"`   // of the processes of the program; missing where the system does not say it
	Console []event.Console `json:"console,omitempty"` // errors of its pages in the browser, since they were loaded

	Error       string             `json:"error,omitempty"` // one line: why it is not live
	Diagnostics []event.Diagnostic `json:"diagnostics,omitempty"`
	Output      string             `json:"output,omitempty"` // of the failed build
	Exit        *event.Exited      `json:"exit,omitempty"`
	Live        *event.Live        `json:"live,omitempty"` // timings of the last time that it was live
	LiveGen     int                `json:"live_generation"`

	Direct *DirectStatus `json:"direct,omitempty"` // where the config asks for the direct engine
}

// Usage is what the processes of a program take of the machine.
type Usage struct {
	CPUMS  int64 `json:"cpu_ms"`       // processor time since they began
	Memory int64 `json:"memory_bytes"` // now
}

// DirectStatus is what the direct engine says of itself.
type DirectStatus struct {
	Ready    bool      `json:"ready"`              // the next build can be direct
	Reason   string    `json:"reason,omitempty"`   // why it cannot
	Fallback string    `json:"fallback,omitempty"` // why the newest build was left to go build
	Off      string    `json:"off,omitempty"`      // why the engine is off for this project: it made something else than go build
	Checked  time.Time `json:"checked,omitzero"`   // when what it made was last found to be what go build makes
	Packages int       `json:"packages"`           // of the program
	Local    int       `json:"local"`              // of them, those that can be compiled directly
	Lean     int       `json:"lean"`               // of them, those linked without the debug information that is left out of the program
}

// Outcome is what came of a wish: GET /wait and the POSTs answer it.
type Outcome struct {
	OK       bool            `json:"ok"` // every service concerned is live (or has done its work and ended well)
	Services []ServiceStatus `json:"services"`
}

// OKState reports whether the service is as the files want it.
func (s ServiceStatus) OKState() bool {
	switch s.State {
	case "live":
		return !s.Stale
	case "stopped":
		return true // as asked for
	case "ended":
		return s.Exit == nil || s.Exit.Code == 0
	}
	return false
}

// Invocation is how the session was started: GET /invocation answers it, over the socket alone,
// so that `why` and `doctor` speak of what runs.
type Invocation struct {
	Dir     string   `json:"dir"`     // current directory, or that of -C
	Config  string   `json:"config"`  // of --config; empty: found by looking
	Set     []string `json:"set"`     // KEY=VALUE, of --set
	Flags   []string `json:"flags"`   // KEY=VALUE, of the flags that stand for a key
	Package string   `json:"package"` // named on the command line; empty: none
	Proxy   string   `json:"proxy"`   // address of the proxy, if the config names none; empty: it has none then
}
