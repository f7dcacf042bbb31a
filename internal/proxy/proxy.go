// Package proxy is what the browser opens: a reverse proxy in front of one service that knows
// what hotreload knows. From a save until the new program is live, it holds requests instead of
// refusing them, so that no client sees a closed port or an old answer. When the build fails or
// the program crashes, it shows that in the page. And it reloads open pages.
//
// The state follows the events (Emit), so the proxy never shows anything else than the terminal.
// All of it is in state.go; the rest:
//
//	access.go   who is shown code
//	forward.go  one request on its way to the program and back
//	inject.go   the script element in HTML documents; csp.go makes a policy admit it
//	output.go   what the program has printed about it
//	places.go   the files that a text names, as links
//	report.go   what went wrong, for people: JSON for the overlay, text, a page
//	resend.go   a form that was not sent, or not answered
//	inspect.go  what is kept of requests, and sent again
//	editor.go   a click on a place runs a command
//	console.go  what goes wrong in the pages, for the terminal
//	pages.go    /__hotreload/: the client script and the stream of states
//
// The proxy changes little of what passes through it:
//
//   - Forwarding headers are added.
//   - Accept-Encoding of a page load is narrowed to gzip, because the standard library cannot
//     decode brotli and zstd.
//   - An HTML document gets the script element. So its Content-Length is corrected (left out if
//     it is compressed), its ETag becomes weak (W/ keeps 304 working, and forbids byte ranges,
//     which would be shifted), and its policy is extended by the paths of the script and of its
//     connection if it would refuse them (csp.go).
//   - An error in plain text becomes a page with that element, for a browser that loads a
//     document (wrap.go).
//   - X-Hotreload-Stale marks an answer that is older than the last save.
//   - Cache-Control: no-cache is added to an answer that says nothing about caching (cache.go).
//
// Everything else passes byte for byte, except what net/http cannot pass on: the spelling and
// order of header names, and a custom reason phrase.
package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/proc"
)

// Options of a proxy. The fields are those of the [proxy] table of the config.
type Options struct {
	Listen     string        // host:port; port 0 takes a free one
	Cert, Key  string        // files with which the proxy speaks TLS itself; empty: it does not
	Service    string        // whose events drive it
	Hold       time.Duration // how long a request may wait; zero: not at all
	MaxHeld    int           // requests that may wait at a time; zero: 1000
	Inject     bool          // put the script into HTML documents
	WhenBroken string        // "explain" (also if empty) | "serve"
	Editor     string        // what a place in the code links to, with {file}, {line}, {column}; empty: no links
	// EditorCommand is what a click on a place runs, with the same; nil: Editor. RunEditor starts it.
	EditorCommand []string
	RunEditor     func(argv []string) error
	Dir           string          // project root; files are named relative to it
	Roots         func() []string // more directories of the user's code, to which places may link; nil: none
	Hosts         []string        // more names to answer under in full: "shop.test", or ".ngrok.app" for all below
	Page          http.Handler    // answers for the rest of the paths below /__hotreload/; nil: nothing does
	Notice        func(event.Problem)
	// Output is what the program of a generation has written since then, as far as it is kept. nil:
	// not known.
	Output func(generation int, since time.Time) []byte
	// Requests keeps what passes through, and has it sent again; nil: nothing is kept. Requested
	// reports each of them; nil: nothing does.
	Requests  *inspect.Log
	Requested func(event.Request)

	// Console is called with each report of a page's console, with the generation of the program that
	// answers. nil: pages report nothing.
	Console  func(generation int, c event.Console)
	Listener net.Listener // that listens there already; nil: New opens one

	HeaderTimeout time.Duration // how long a client may take for the head of a request; zero: 10 s
	IdleTimeout   time.Duration // how long a client may keep a connection without a request; zero: 2 min
}

const maxHeld = 1000

// New binds the address at once, so that a taken port is an error before
// anything is built. Run serves it.
func New(o Options) (*Proxy, error) {
	if o.MaxHeld == 0 {
		o.MaxHeld = maxHeld
	}
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.IdleTimeout == 0 { // longer than clients keep connections (Go's 90 s), so that it is they who close
		o.IdleTimeout = 2 * time.Minute
	}
	var certs []tls.Certificate
	if o.Cert != "" || o.Key != "" {
		c, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, advice.With(fmt.Errorf("proxy.cert: %w", err), "proxy.cert and proxy.key name a certificate and its key, in PEM")
		}
		certs = []tls.Certificate{c}
	}
	ln := o.Listener
	if ln == nil {
		var err error
		if ln, err = proc.Listen("proxy.listen", o.Listen); err != nil {
			return nil, err
		}
	}
	var id [8]byte
	var secret [32]byte
	rand.Read(id[:])
	rand.Read(secret[:])
	p := &Proxy{
		opt:     o,
		ln:      ln,
		certs:   certs,
		dial:    new(net.Dialer).DialContext,
		session: hex.EncodeToString(id[:]),
		secret:  secret,
		wake:    make(chan struct{}),
		demand:  demand{pending: true},
		pages:   pages{clients: map[*client]struct{}{}},
	}
	p.base, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Run serves until ctx ends. It returns when every connection is closed and
// every goroutine it started has ended.
func (p *Proxy) Run(ctx context.Context) error {
	if !loopback(p.ln.Addr()) && p.opt.Notice != nil {
		p.opt.Notice(event.Problem{
			Message: fmt.Sprintf("the proxy listens on %s: everyone who reaches this machine reaches the program, and sees its errors with code", p.ln.Addr()),
			Hint:    `proxy.listen = "127.0.0.1:PORT" is reachable only from this machine`,
		})
	}
	srv := &http.Server{
		Handler:     http.HandlerFunc(p.serve),
		ErrorLog:    log.New(io.Discard, "", 0), // only ui prints
		BaseContext: func(net.Listener) context.Context { return p.base },
		// Nothing limits a body or an answer: uploads, event streams and slow handlers take their time.
		ReadHeaderTimeout: p.opt.HeaderTimeout,
		IdleTimeout:       p.opt.IdleTimeout,
		Protocols:         new(http.Protocols),
		// OPTIONS * is for the program to answer.
		DisableGeneralOptionsHandler: true,
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)

	serve := srv.Serve
	if p.certs != nil {
		srv.Protocols.SetHTTP2(true)
		srv.TLSConfig = &tls.Config{Certificates: p.certs}
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	if p.opt.Requests != nil {
		defer p.opt.Requests.Attach(p.opt.Service, p)()
	}
	served := make(chan error, 1)
	go func() { served <- serve(p.ln) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("the proxy on %s has stopped: %w", p.ln.Addr(), err)
	}
	p.end()
	// What waits is answered and what is being answered may finish, for a
	// moment: by now the program has been stopped.
	grace, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	_ = srv.Shutdown(grace)
	stop()
	p.cancel()
	_ = srv.Close()
	if err == nil {
		<-served
	}
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.handlers.Wait()
	p.mu.Lock()
	for _, u := range append([]*upstream{p.current}, p.retired...) {
		if u != nil {
			u.closeIdle()
		}
	}
	p.mu.Unlock()
	return err
}

// Close gives the address back without serving it, for a session that ends
// before Run.
func (p *Proxy) Close() error { p.cancel(); return p.ln.Close() }

// URL is what to open in a browser.
func (p *Proxy) URL() string {
	a := p.ln.Addr().(*net.TCPAddr)
	host, _, _ := net.SplitHostPort(p.opt.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if p.certs != nil {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, fmt.Sprint(a.Port)))
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// serve is the way of every request.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		panic(http.ErrAbortHandler) // to return would be an empty 200
	}
	defer p.handlers.Done()
	if strings.HasPrefix(r.URL.Path, prefix) {
		p.internal(w, r)
		return
	}
	if r.Method == http.MethodConnect {
		http.Error(w, "hotreload: CONNECT is for forward proxies, and this is not one", http.StatusMethodNotAllowed)
		return
	}
	q := &query{Request: r, use: useOf(r), stranger: p.stranger(r)}
	w = p.keep(w, q)
	defer p.reportRequest(q.record)
	var expired <-chan time.Time
	for attempt := 0; ; {
		a := p.admit(q)
		switch a.verdict {
		case wait:
			// Nothing of the body has been read, and a client that waits for
			// 100-continue has not even begun to send it.
			if expired == nil {
				t := time.NewTimer(p.opt.Hold)
				defer t.Stop()
				expired = t.C
			}
			select {
			case <-a.wake:
			case <-expired:
				p.leave(q)
				p.explain(w, q, p.waiting(), http.StatusServiceUnavailable)
				return
			case <-r.Context().Done():
				p.leave(q)
				panic(http.ErrAbortHandler)
			}
		case full:
			w.Header().Set("Retry-After", "1")
			http.Error(w, fmt.Sprintf("hotreload: %d requests are already waiting for the build", p.opt.MaxHeld), http.StatusServiceUnavailable)
			return
		case explain:
			p.explain(w, q, a.trouble, http.StatusServiceUnavailable)
			return
		case forward:
			x := p.forward(w, q, a)
			switch {
			case x.err == nil || x.upgraded:
				return
			case r.Context().Err() != nil:
				panic(http.ErrAbortHandler)
			case x.invalid() != nil:
				// Not the program's fault, whatever it made of the beginning.
				w.Header().Set("Connection", "close")
				http.Error(w, "hotreload: the request is not valid HTTP: "+x.invalid().Error(), http.StatusBadRequest)
				return
			case errors.Is(x.err, errNoPage):
				p.explain(w, q, a.trouble, http.StatusServiceUnavailable)
				return
			case x.undelivered() && attempt < 7:
				// Nothing listens: a server that was reported ready a moment too
				// early, or one that has just ended. Not a byte of the request has
				// been read, so it may wait and be sent again: for 1.3 s in all.
				p.settled(r.Context(), a.wake, 10*time.Millisecond<<attempt)
				attempt++
				continue
			}
			// The program may have worked on it, so it is not sent again. Its end
			// is reported a moment after its connections break.
			p.settled(r.Context(), a.wake, exitReport)
			q.kept = x.keptForm()
			p.explain(w, q, p.unanswered(x), http.StatusBadGateway)
			return
		}
	}
}

// exitReport is how long the report of a process's end takes, with room: the
// runner reads the rest of its output first, for up to 100 ms.
const exitReport = 400 * time.Millisecond

// enter counts a request that Run has to wait for.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.handlers.Add(1)
	return true
}

// settled waits until the state is another than the one with that wake channel,
// but no longer than most.
func (p *Proxy) settled(ctx context.Context, wake <-chan struct{}, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	case <-ctx.Done():
	}
}
