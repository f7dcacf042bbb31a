package page

import (
	"encoding/json"
	"sync"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/places"
	"github.com/hotreload/hotreload/internal/safe"
)

// shown is a row of the page as JSON. It is made once, however many pages are open.
type shown struct {
	once sync.Once
	json []byte
}

// linkedDiagnostic is a message with the link of its place.
type linkedDiagnostic struct {
	Diagnostic
	Link string `json:"link,omitempty"`
}

// linkedConsole is an error of a page with the link of its place.
type linkedConsole struct {
	event.Console
	Link string `json:"link,omitempty"`
}

// row is the save as the page gets it: what is text there comes in parts, of which some are links.
func (s Save) row(p places.Project) ([]byte, error) {
	type plain Save
	r := struct {
		plain
		Output      []places.Span      `json:"output,omitempty"`
		Error       []places.Span      `json:"error,omitempty"`
		Diagnostics []linkedDiagnostic `json:"diagnostics,omitempty"`
		Console     []linkedConsole    `json:"console,omitempty"`
	}{plain: plain(s)}
	if r.Paths == nil {
		r.Paths = []string{} // a list where there are none, too
	}
	r.Output, r.Error = p.Linked(safe.Plain(s.Output)), p.Linked(safe.Plain(s.Error))
	for _, d := range s.Diagnostics {
		r.Diagnostics = append(r.Diagnostics, linkedDiagnostic{d, p.Link(d.File, d.Line, d.Column)})
	}
	for _, c := range s.Console {
		l := linkedConsole{Console: c}
		if p.Known(c.File) { // else it is a path on the server
			l.Link = p.Link(c.File, c.Line, 1)
		}
		r.Console = append(r.Console, l)
	}
	return json.Marshal(r)
}
