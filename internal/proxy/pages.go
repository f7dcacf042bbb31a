package proxy

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// prefix is where the proxy's own pages are. Nothing below it reaches the program.
const prefix = "/__hotreload/"

//go:embed client/client.js
var clientJS []byte

//go:embed client/worker.js
var workerJS []byte

// fullClient is the script of every page. The console comes first: it is to see what goes wrong in
// the rest.
var fullClient = ignored(slices.Concat(consoleJS, openJS, clientJS))

// ignored adds a source map that maps each line to itself and asks the developer tools to ignore the
// script: so the place of a console.error is where the page calls it, and not our console.
func ignored(script []byte) []byte {
	text := fmt.Sprintf(`{"version":3,"sources":["client.js"],"names":[],"mappings":"AAAA%s","ignoreList":[0]}`,
		strings.Repeat(";AACA", bytes.Count(script, []byte("\n"))-1))
	return append(script, "//# sourceMappingURL=data:application/json;base64,"+base64.StdEncoding.EncodeToString([]byte(text))+"\n"...)
}

const (
	// writeTimeout is how long a browser may not read before its stream is
	// closed; it connects again and gets the newest state.
	writeTimeout = 10 * time.Second
	// heartbeat finds browsers that are gone without saying so.
	heartbeat = 15 * time.Second
)

// ours marks an answer that the proxy itself gives: not kept, not guessed at, and of no use to the
// page of another origin.
func ours(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (p *Proxy) internal(w http.ResponseWriter, r *http.Request) {
	ours(w.Header())
	h := w.Header()
	if why := p.access().Refuse(r); why != "" {
		http.Error(w, "hotreload: refused: "+why, http.StatusForbidden)
		return
	}
	var answer http.HandlerFunc
	name := strings.TrimPrefix(r.URL.Path, prefix)
	switch {
	case name == "console" && p.opt.Console != nil:
		p.reportConsole(w, r)
		return
	case name == openPath && p.opt.EditorCommand != nil:
		p.openEditor(w, r)
		return
	}
	switch name {
	case "client.js":
		// The same for everyone: a script can be included by any page, the state (it has code)
		// cannot be read by another origin.
		answer = script(fullClient)
	case "worker.js":
		answer = script(workerJS)
	case "state":
		answer = p.newest
	case "events":
		answer = p.events
	default:
		if p.opt.Page != nil {
			p.opt.Page.ServeHTTP(w, r)
			return
		}
		http.Error(w, "hotreload: there is no such page", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "hotreload: only GET", http.StatusMethodNotAllowed)
		return
	}
	answer(w, r)
}

// script answers with a script that is embedded here.
func script(text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(text)
	}
}

// newest answers with the newest state.
func (p *Proxy) newest(w http.ResponseWriter, _ *http.Request) {
	state, _, _ := p.snapshot()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(state)
}

// state is what a browser has to know. It is complete: a browser that missed
// some needs only the newest.
type state struct {
	Session    string   `json:"session"`
	Seq        int      `json:"seq"`
	Service    string   `json:"service"`
	Page       int      `json:"page"`
	CSS        int      `json:"css"`
	Files      []string `json:"files"`  // what the newest CSS changed, base names; null: unknown
	Status     string   `json:"status"` // live | building | paused | broken | ended
	Answers    bool     `json:"answers"`
	Generation int      `json:"generation"` // that answers
	Since      int64    `json:"since"`      // when it was left behind by a save, in ms of Unix time; 0: it was not
	Serve      bool     `json:"serve"`      // what answers is meant to be used though something is wrong
	Trouble    *report  `json:"trouble"`
}

const ended = "ended" // Status

// snapshot is the state as JSON, its number, and whether it is the last one.
func (p *Proxy) snapshot() (text []byte, seq int, last bool) {
	p.mu.Lock()
	s := state{
		Session: p.session, Seq: p.seq, Service: p.opt.Service, Page: p.page, CSS: p.css, Files: p.cssFiles,
		Answers: p.current.answers(), Status: "live",
	}
	if p.current != nil {
		s.Generation = p.current.gen
	}
	if !p.behind.IsZero() {
		s.Since = p.behind.UnixMilli()
	}
	t := p.trouble
	switch {
	case p.ended:
		s.Status = ended
	case p.halted() != nil:
		t, s.Status, s.Answers = p.halted(), "broken", false
	case p.pending && p.paused && s.Answers:
		s.Status = "paused"
	case p.pending || p.starting || t == nil && !s.Answers:
		s.Status = "building"
	case t != nil && !t.note:
		s.Status = "broken"
	}
	s.Serve = t != nil && s.Answers && (t.note || t.kind != buildFailed || p.opt.WhenBroken == "serve")
	p.mu.Unlock()
	if t != nil {
		s.Trouble = t.report()
	}
	b, err := json.Marshal(s)
	if err != nil {
		b = []byte("null") // strings and numbers only: does not happen
	}
	return b, s.Seq, s.Status == ended
}

// client is one stream of states. It has no queue: it learns that there is
// something new, and takes the newest when it can. So a browser that does not
// read delays no other, and uses no memory.
type client struct{ news chan struct{} }

func (c *client) kick() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (p *Proxy) events(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	if r.Method == http.MethodHead {
		return
	}
	c := &client{news: make(chan struct{}, 1)}
	c.kick()
	p.mu.Lock()
	p.clients[c] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.clients, c)
		p.mu.Unlock()
	}()
	send := func(format string, args ...any) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return rc.Flush() == nil
	}
	if !send("retry: 500\n\n") {
		return
	}
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for sent := -1; ; {
		select {
		case <-c.news:
			b, seq, last := p.snapshot()
			if seq == sent {
				continue // it was already in the one before
			}
			sent = seq
			if !send("data: %s\n\n", b) || last {
				return
			}
		case <-t.C:
			if !send(": still here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
