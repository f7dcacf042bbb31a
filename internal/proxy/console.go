package proxy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

//go:embed client/console.js
var consoleJS []byte

// What a page reports of its console. A page is not trusted to be brief: scripts of others run in it.
const (
	consoleBody    = 64 << 10 // bytes of one request
	consoleEntries = 20       // reports in one request
	consoleText    = 4 << 10  // bytes of a text
	consoleFile    = 1 << 10  // bytes of a URL
	consoleTimeout = 10 * time.Second

	// As many are reported at once, and then one more per consoleEvery.
	consoleBurst = 30
	consoleEvery = 10 * time.Second
	// As many are remembered, so that each is reported once.
	consoleSeen = 500
	// As many requests wait until it is known whether their pages stay.
	consoleWaiting = 20
)

// console is what was reported of the consoles of the pages.
type console struct {
	mu   sync.Mutex
	page int // version of the pages that seen belongs to
	seen map[[sha256.Size]byte]struct{}
	left int // that may be reported now
	at   time.Time
	full bool // it was reported that there are more

	waiting atomic.Int32
}

// consoleEntry is one report.
type consoleEntry struct {
	Level string `json:"level"`
	Text  string `json:"text"`
	File  string `json:"file"`
	Line  int    `json:"line"`
}

// mayChange reports whether the request may cause something. If not, it is answered; onlyPost is the answer to another method.
func (p *Proxy) mayChange(w http.ResponseWriter, r *http.Request, onlyPost string) bool {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "hotreload: "+onlyPost, http.StatusMethodNotAllowed)
		return false
	}
	if why := p.access().RefuseChange(r); why != "" {
		http.Error(w, "hotreload: refused: "+why, http.StatusForbidden)
		return false
	}
	return true
}

// reportConsole takes what a page reports.
func (p *Proxy) reportConsole(w http.ResponseWriter, r *http.Request) {
	if !p.mayChange(w, r, "only POST") {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(consoleTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, consoleBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, fmt.Sprintf("hotreload: more than %d bytes", consoleBody), http.StatusRequestEntityTooLarge)
		return
	}
	var list []consoleEntry
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil || len(list) > consoleEntries {
		http.Error(w, "hotreload: not a list of reports", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	page := r.URL.Query().Get("page")
	stays, wake := p.stays(page)
	if wake == nil || p.console.waiting.Add(1) > consoleWaiting {
		if wake != nil {
			p.console.waiting.Add(-1)
		}
		if stays {
			p.printConsole(list, r.Host)
		}
		return
	}
	p.handlers.Go(func() {
		defer p.console.waiting.Add(-1)
		for wake != nil {
			select {
			case <-wake:
			case <-p.base.Done():
				return
			}
			stays, wake = p.stays(page)
		}
		if stays {
			p.printConsole(list, r.Host)
		}
	})
}

// stays reports whether browsers keep a page, so far. wake is closed when that may be different; nil if
// it is certain. What goes wrong in a page that is about to be loaded again is mostly the end of the old
// program: its connections break.
func (p *Proxy) stays(page string) (stays bool, wake <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if page != "" && page != fmt.Sprintf("%s.%d", p.session, p.page) {
		return false, nil
	}
	if (p.pending || p.starting) && !p.paused && !p.ended {
		return true, p.wake
	}
	return true, nil
}

// printConsole reports what is new of the entries.
func (p *Proxy) printConsole(list []consoleEntry, host string) {
	p.mu.Lock()
	page, gen := p.page, 0
	if p.current != nil {
		gen = p.current.gen
	}
	p.mu.Unlock()
	for _, e := range list {
		report, full := p.console.take(page, e)
		if report {
			p.opt.Console(gen, p.consoleEvent(e, host))
		}
		if full {
			p.opt.Console(gen, event.Console{Level: "error", Text: "the pages report more errors than are printed here; the browser's console has all of them"})
		}
	}
}

// take reports whether to report an entry; full, that for the first time there are too many. After a
// new program, or a reload for another reason, all are new.
func (c *console) take(page int, e consoleEntry) (report, full bool) {
	switch e.Level {
	case "error", "uncaught", "rejection":
	default:
		return false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.seen == nil || c.page != page || len(c.seen) >= consoleSeen {
		c.seen, c.page = map[[sha256.Size]byte]struct{}{}, page
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%d", e.Level, e.Text, e.File, e.Line))
	if _, known := c.seen[sum]; known {
		return false, false
	}
	c.seen[sum] = struct{}{}
	if c.at.IsZero() {
		c.left, c.at = consoleBurst, now
	}
	if n := int(now.Sub(c.at) / consoleEvery); n > 0 {
		c.left, c.at = min(c.left+n, consoleBurst), c.at.Add(time.Duration(n)*consoleEvery)
	}
	if c.left > 0 {
		c.left--
		c.full = c.full && c.left == 0
		return true, false
	}
	full = !c.full
	c.full = true
	return false, full
}

// consoleEvent is an entry with the file of the project that its URL names, if there is one.
func (p *Proxy) consoleEvent(e consoleEntry, host string) event.Console {
	c := event.Console{Level: e.Level, Text: cut(e.Text, consoleText), Line: max(e.Line, 0)}
	u, err := url.Parse(cut(e.File, consoleFile))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return c
	}
	if c.File = u.Path; !strings.EqualFold(u.Host, host) {
		c.File = u.Scheme + "://" + u.Host + u.EscapedPath() // a query can have secrets
		return c
	}
	if name := strings.TrimPrefix(u.Path, "/"); name != "" && filepath.IsLocal(filepath.FromSlash(name)) {
		if path := p.project().Finder().Path(name); path != "" {
			c.File = path
			if translated[strings.ToLower(filepath.Ext(path))] {
				c.Line = 0
			}
		}
	}
	return c
}

// translated are the sources that no browser runs as they are: a line in what it got is not theirs.
var translated = map[string]bool{".jsx": true, ".ts": true, ".tsx": true, ".mts": true, ".vue": true, ".svelte": true, ".astro": true}

// cut is the beginning of a text as valid UTF-8.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
