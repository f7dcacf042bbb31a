package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hotreload/hotreload/internal/places"
	"github.com/hotreload/hotreload/internal/safe"
)

// LogPiece is a line of GET /logs: what a program has written in one go, which may be several
// lines, or a part of one.
type LogPiece struct {
	Time       time.Time `json:"time"`
	Service    string    `json:"service"`
	Generation int       `json:"generation"`
	Stream     string    `json:"stream"` // stdout or stderr
	Text       string    `json:"text"`
	Raw        []byte    `json:"raw,omitempty"`  // base64 of the bytes, where text cannot be them: they are no UTF-8
	Lost       int64     `json:"lost,omitempty"` // bytes before it that the reader was too slow for

	Parts []places.Span `json:"parts,omitempty"` // of Text, if some are links; for the page
}

// NewLogPiece sets Text, and Raw where it is needed.
func NewLogPiece(at time.Time, service string, generation int, stderr bool, text []byte, lost int64) LogPiece {
	p := LogPiece{Time: at, Service: service, Generation: generation, Stream: "stdout", Text: string(text), Lost: lost}
	if stderr {
		p.Stream = "stderr"
	}
	if !utf8.Valid(text) {
		p.Raw = text // the encoder puts U+FFFD into Text
	}
	return p
}

// Bytes are those that the program has written.
func (p LogPiece) Bytes() []byte {
	if p.Raw != nil {
		return p.Raw
	}
	return []byte(p.Text)
}

// logs answers GET /logs: one JSON object per line, with follow until the session ends.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	service, follow := q.Get("service"), q.Get("follow") == "1" || q.Get("follow") == "true"
	lines := -1
	if n := q.Get("lines"); n != "" {
		var err error
		if lines, err = strconv.Atoi(n); err != nil || lines < 0 {
			refuse(w, http.StatusBadRequest, fmt.Errorf("lines=%q is not a number of lines", n))
			return
		}
	}
	if !s.known(w, r, service) {
		return
	}
	link := func(*LogPiece) {}
	if q.Get("links") == "1" {
		link = s.linker(r)
	}
	rc, begun := http.NewResponseController(w), false
	err := s.b.Logs(r.Context(), service, lines, follow, func(pieces []LogPiece) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.WriteHeader(http.StatusOK)
		}
		for _, p := range pieces {
			link(&p)
			if _, err := w.Write(encode(p)); err != nil {
				return err
			}
		}
		return rc.Flush()
	})
	if !begun {
		refuse(w, unavailable(err), err)
	}
}

// linker makes links of the places in what the programs print.
func (s *Server) linker(r *http.Request) func(*LogPiece) {
	finders := map[string]*places.Finder{}
	return func(p *LogPiece) {
		f := finders[p.Service]
		if f == nil {
			f = s.page.Links(r.Context(), p.Service)
			finders[p.Service] = f
		}
		if parts := f.Linked(safe.Plain(p.Text)); len(parts) > 1 || len(parts) == 1 && parts[0].Link != "" {
			p.Parts = parts
		}
	}
}

// known reports whether there is such a service, or none was named; else it has refused.
func (s *Server) known(w http.ResponseWriter, r *http.Request, service string) bool {
	if service == "" {
		return true
	}
	st, err := s.b.Status(r.Context())
	if err != nil {
		refuse(w, unavailable(err), err)
		return false
	}
	if err := knows(st, service); err != nil {
		refuse(w, http.StatusNotFound, err)
		return false
	}
	return true
}

// Reloaded is the answer to POST /reload.
type Reloaded struct {
	OK      bool `json:"ok"`
	Clients int  `json:"clients"` // browsers whose tabs were reloaded
}

// reload answers POST /reload.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	service := r.URL.Query().Get("service")
	if !s.known(w, r, service) {
		return
	}
	n, err := s.b.Reload(r.Context(), service)
	switch {
	case errors.Is(err, ErrNoProxy):
		refuse(w, http.StatusConflict, err)
	case err != nil:
		refuse(w, unavailable(err), err)
	default:
		answer(w, http.StatusOK, Reloaded{true, n})
	}
}
