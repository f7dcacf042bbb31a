// Package page is the page at /__hotreload/: the services, what every save led to and where its
// time went, the errors, and what the programs print. It is served by each proxy, and by the
// control API where that has an address.
//
// Its only state is the Timeline, which it makes from the session's events. Everything else it
// gets from the control API, which it serves below its own path: so the page, the commands and
// scripts cannot disagree, and scripts can get all that the page shows.
//
// It is one document with a script and a style sheet, embedded as they are. A build step was
// rejected: whoever changes the page changes these files. So was a framework: the page shows a
// table, a list and text.
package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/places"
)

// Prefix is the path of the page; all that belongs to it is below.
const Prefix = "/__hotreload/"

//go:embed assets
var assets embed.FS

// Page is the page of one session.
type Page struct {
	Timeline *Timeline
	Requests *inspect.Log
	token    string
	cookie   string   // its name, which no other session has
	secret   [32]byte // signs links that open the editor
	api      atomic.Pointer[http.Handler]
	places   atomic.Pointer[Places]
}

// Places are those to which the page links in what is shown of a service, without what signs the links.
type Places func(ctx context.Context, service string) places.Project

// New is the page of a session that begins.
func New() *Page {
	p := &Page{Timeline: NewTimeline(), Requests: inspect.New(), token: random(), cookie: "hotreload-" + random()[:8]}
	_, _ = rand.Read(p.secret[:]) // never fails
	return p
}

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Serve says what answers below Prefix + "api/": the control API, without its own check of who asks.
// Before, the page answers that the session is starting.
func (p *Page) Serve(api http.Handler) { p.api.Store(&api) }

// LinkTo says where places lead. Before, nothing is a link.
func (p *Page) LinkTo(places Places) { p.places.Store(&places) }

// editPath is where a click on a place goes if a command opens the editor. (A proxy has its own, of
// the service behind it alone.)
const editPath = "edit"

// project is where the places of a service lead.
func (p *Page) project(ctx context.Context, service string) (to places.Project) {
	if f := p.places.Load(); f != nil {
		to = (*f)(ctx, service)
	}
	to.Open, to.Secret = Prefix+editPath+"/"+url.PathEscape(service), p.secret
	return to
}

// Links finds the places in what the programs of a service print.
func (p *Page) Links(ctx context.Context, service string) *places.Finder {
	return p.project(ctx, service).Finder()
}

// edit opens the editor for a place that was clicked. The link is signed, so it needs no cookie.
func (p *Page) edit(w http.ResponseWriter, r *http.Request, service string) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "hotreload: the editor is opened by a click", http.StatusMethodNotAllowed)
	case r.Header.Get("Origin") == "":
		http.Error(w, "hotreload: no Origin", http.StatusForbidden)
	default:
		p.project(r.Context(), service).ServeOpen(w, r)
	}
}

// URL is the address of the page on a server at base ("http://127.0.0.1:8090"), with what its
// buttons need. It is only for the person who started the session.
func (p *Page) URL(base string) string { return base + Prefix + "?token=" + p.token }

// policy: the page loads and connects to nothing but its own server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP answers for paths below Prefix. Who may ask at all is known by the server: it has
// checked Host and Origin (Access).
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	if name, ok := strings.CutPrefix(path, "api/"); ok {
		p.command(w, r, name)
		return
	}
	if service, ok := strings.CutPrefix(path, editPath+"/"); ok {
		p.edit(w, r, service)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "hotreload: only GET", http.StatusMethodNotAllowed)
		return
	}
	switch path {
	case "":
		p.document(w, r)
	case "page.js", "page.css":
		http.ServeFileFS(w, r, assets, "assets/"+path)
	case "saves":
		p.saves(w, r)
	default:
		http.Error(w, "hotreload: there is no such page", http.StatusNotFound)
	}
}

// document is the page itself. With the token it first becomes a cookie, so that the address in the
// browser can be shown and sent to others.
func (p *Page) document(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("token"); token != "" {
		if same(token, p.token) {
			http.SetCookie(w, &http.Cookie{
				Name: p.cookie, Value: p.token, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
			})
		}
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return
	}
	http.ServeFileFS(w, r, assets, "assets/page.html")
}

// mayCommand reports whether the browser has the cookie of this session.
func (p *Page) mayCommand(r *http.Request) bool {
	c, err := r.Cookie(p.cookie)
	return err == nil && same(c.Value, p.token)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// commands is what the page has of the control API. The rest is not for browsers: how the session
// was started may have secrets.
var commands = map[string]string{
	"status": http.MethodGet, "logs": http.MethodGet,
	"restart": http.MethodPost, "rebuild": http.MethodPost, "pause": http.MethodPost, "resume": http.MethodPost,
	"stop": http.MethodPost, "reload": http.MethodPost,
}

// requests are the commands below "requests". What others have sent is for the person who started
// the session alone: it needs the cookie also to be seen.
var requests = regexp.MustCompile(`^requests(/[0-9]+(/replay|/repeat)?)?$`)

// methodOf is how a command is asked for; private says that it needs the cookie.
func methodOf(name string) (method string, private, known bool) {
	if m := requests.FindStringSubmatch(name); m != nil {
		if m[2] != "" {
			return http.MethodPost, true, true
		}
		return http.MethodGet, true, true
	}
	method, known = commands[name]
	return method, method != http.MethodGet, known
}

// command passes a request on to the control API. What changes something needs the cookie, and the
// Origin that a browser sends with every POST.
func (p *Page) command(w http.ResponseWriter, r *http.Request, name string) {
	api := p.api.Load()
	switch method, private, known := methodOf(name); {
	case !known || method != r.Method:
		http.Error(w, "hotreload: there is no such page", http.StatusNotFound)
		return
	case api == nil:
		http.Error(w, "hotreload: the session is starting", http.StatusServiceUnavailable)
		return
	case private && !p.mayCommand(r):
		http.Error(w, "hotreload: open the page at the address that `hotreload status` prints", http.StatusForbidden)
		return
	case method != http.MethodGet && r.Header.Get("Origin") == "":
		http.Error(w, "hotreload: no Origin", http.StatusForbidden)
		return
	}
	to := r.Clone(r.Context())
	to.URL.Path, to.URL.RawPath = "/"+name, ""
	(*api).ServeHTTP(w, to)
}

// saves is the timeline as a stream of server-sent events, each with the saves that have changed.
func (p *Page) saves(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	rc := http.NewResponseController(w)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	send := func(format string, args ...any) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && rc.Flush() == nil
	}
	for seq, news := -1, true; ; {
		requests := p.Requests.Changed()
		saves, newest, changed := p.Timeline.Since(seq)
		if news || newest != seq {
			rows, upTo := p.rows(r.Context(), saves, newest)
			if !send("data: {\"session\":%q,\"may\":%t,\"saves\":[%s]}\n\n", p.cookie, p.mayCommand(r), bytes.Join(rows, []byte(","))) {
				return
			}
			seq, news = upTo, false
			if upTo != newest {
				continue
			}
		}
		select {
		case <-changed:
		case <-requests: // the page asks for them; not more often than it can show them
			news = true
			select {
			case <-changed:
			case <-time.After(requestsPause):
			case <-r.Context().Done():
				return
			}
		case <-tick.C:
			if !send(": \n\n") {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

const (
	writeTimeout  = 10 * time.Second // how long a browser may not read
	requestsPause = 200 * time.Millisecond
	heartbeat     = 15 * time.Second // finds browsers that are gone without a word
	together      = 128 << 10        // bytes of rows in one event, about: a browser that does not read keeps no more
)

// rows are saves as JSON, in the order of their changes: as many as one event has, and the newest change in them.
func (p *Page) rows(ctx context.Context, saves []Save, newest int) (rows [][]byte, upTo int) {
	slices.SortFunc(saves, func(a, b Save) int { return a.Seq - b.Seq })
	size := 0
	for _, s := range saves {
		if size > together {
			return rows, upTo
		}
		s.shown.once.Do(func() {
			s.shown.json, _ = s.row(p.project(context.WithoutCancel(ctx), s.Service)) // a struct of plain fields
		})
		rows = append(rows, s.shown.json)
		size, upTo = size+len(s.shown.json), s.Seq
	}
	return rows, newest
}
