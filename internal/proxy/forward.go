package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// use is what a client wants an answer for, as far as it can be known.
type use int

const (
	other use = iota // a program, a fetch of a script, anything
	page             // a document for a person to look at, loaded by GET
	form             // the same, by another method
	asset            // part of a page: style sheet, script, image, font
)

func useOf(r *http.Request) use {
	dest, modern := r.Header["Sec-Fetch-Dest"]
	document := strings.Contains(strings.Join(r.Header["Accept"], ","), "text/html")
	if modern {
		switch dest[0] {
		case "document", "iframe", "frame":
			document = true
		case "", "empty":
			return other
		default:
			return asset
		}
	}
	switch {
	case !document || partial(r.Header):
		return other
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return page
	}
	return form
}

// partial reports whether a script asks for a piece of a page: htmx, Turbo
// frames, Unpoly, PJAX, Inertia, Datastar, jQuery.
func partial(h http.Header) bool {
	for _, k := range []string{
		"Hx-Request", "Turbo-Frame", "X-Requested-With", "X-Up-Version", "X-Pjax", "X-Inertia", "Datastar-Request",
	} {
		if h.Get(k) != "" {
			return true
		}
	}
	return false
}

// upstream is one program that answers.
type upstream struct {
	p        *Proxy
	addr     string // as SetUpstream names it
	at       address
	answered atomic.Pointer[string] // the address of the family on which it has answered
	plain    atomic.Bool            // it has answered without TLS
	origin   int                    // the generation that it was started as, under which its output is kept
	gen      int                    // the newest that is the same program; guarded by Proxy.mu, like all that follows
	pid      int

	inflight int                    // requests that Drain waits for
	streams  map[*exchange]struct{} // WebSockets and event streams
	draining bool
	gone     bool
	idle     chan struct{} // closed when nothing is in flight and nothing will be
	wasIdle  bool

	proxy   *httputil.ReverseProxy
	h1, h2  *http.Transport
	probing sync.Mutex
	probed  bool
	speaks2 bool
}

const (
	// idleTimeout is shorter than the idle time of any server with sense, so
	// that it is this side that closes: a server that closes while a request is
	// on its way would fail a POST, which cannot be sent twice (zero-downtime.md 3.1).
	idleTimeout = 500 * time.Millisecond
	// continueTimeout is how long a program may take to say 100 Continue before
	// the body is sent unasked, for servers that never say it.
	continueTimeout = 5 * time.Second
)

func newUpstream(p *Proxy, addr string, gen, pid int) *upstream {
	u := &upstream{
		p: p, addr: addr, at: parseAddress(addr), origin: gen, gen: gen, pid: pid,
		streams: map[*exchange]struct{}{}, idle: make(chan struct{}),
	}
	transport := func(h2 bool) *http.Transport {
		t := &http.Transport{
			Proxy:                 nil, // HTTP_PROXY is for the world outside
			DialContext:           u.dialPatiently,
			DisableCompression:    true, // Accept-Encoding passes as it came
			MaxIdleConns:          0,
			MaxIdleConnsPerHost:   512,
			IdleConnTimeout:       idleTimeout,
			ExpectContinueTimeout: continueTimeout,
			TLSClientConfig:       u.at.tls(),
			TLSHandshakeTimeout:   tlsTimeout,
			Protocols:             new(http.Protocols),
		}
		t.Protocols.SetHTTP1(!h2 || u.at.secure)
		t.Protocols.SetHTTP2(h2 && u.at.secure)
		t.Protocols.SetUnencryptedHTTP2(h2 && !u.at.secure)
		return t
	}
	u.h1, u.h2 = transport(false), transport(true)
	u.proxy = &httputil.ReverseProxy{
		Rewrite:        u.rewrite,
		Transport:      u,
		FlushInterval:  -1, // at once: the program decides when to write
		ErrorLog:       log.New(io.Discard, "", 0),
		ModifyResponse: func(res *http.Response) error { return of(res.Request).answered(res) },
		ErrorHandler:   func(_ http.ResponseWriter, r *http.Request, err error) { of(r).err = err },
		BufferPool:     buffers,
	}
	return u
}

// answers reports whether requests can be given to it.
func (u *upstream) answers() bool { return u != nil && !u.gone && !u.draining }

func (u *upstream) drain() {
	u.draining = true
	u.cut()
	u.checkIdle()
}

// cut ends streams that would never end.
func (u *upstream) cut() {
	for x := range u.streams {
		x.cut = true
		x.cancel()
	}
}

func (u *upstream) checkIdle() {
	if u.draining && u.inflight == 0 && !u.wasIdle {
		u.wasIdle = true
		close(u.idle)
	}
}

func (u *upstream) closeIdle() {
	u.h1.CloseIdleConnections()
	u.h2.CloseIdleConnections()
}

// send speaks HTTP/2 to the program if the client does (gRPC needs it from
// end to end) and the program understands it.
func (u *upstream) send(r *http.Request) (*http.Response, error) {
	if of(r).q.ProtoMajor == 2 {
		ok, err := u.speaksHTTP2(r.Context())
		if err != nil {
			return nil, err
		}
		if ok {
			return u.h2.RoundTrip(r)
		}
	}
	return u.h1.RoundTrip(r)
}

// speaksHTTP2 asks once, with the connection preface and an empty SETTINGS
// frame (RFC 9113, 3.3 and 3.4): a server of HTTP/2 answers with SETTINGS.
func (u *upstream) speaksHTTP2(ctx context.Context) (bool, error) {
	if u.at.secure {
		return true, nil // the handshake decides
	}
	u.probing.Lock()
	defer u.probing.Unlock()
	if u.probed {
		return u.speaks2, nil
	}
	c, err := u.dial(ctx, "", "")
	if err != nil {
		return false, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	const settings = 4
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err == nil {
		var head [9]byte
		_, err = io.ReadFull(c, head[:])
		u.speaks2 = err == nil && head[3] == settings && [4]byte(head[5:]) == [4]byte{}
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	u.probed = true
	return u.speaks2, nil
}

// rewrite makes the request that the program sees: the one that came, with the
// forwarding headers as usual.
func (u *upstream) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = u.at.url()
	out.URL.RawQuery = in.URL.RawQuery // also what net/url cannot parse
	// The path as it was written, where parsing and printing would change it.
	// (Opaque must not begin with two slashes: that is the form with a host.)
	if raw, _, _ := strings.Cut(in.RequestURI, "?"); strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") &&
		raw != in.URL.EscapedPath() {
		out.URL.Opaque = raw
	}
	out.Trailer = in.Trailer // the same map: it is filled when the body has been read
	for _, k := range []string{"Forwarded", "X-Forwarded-For"} {
		if v, ok := in.Header[k]; ok {
			out.Header[k] = v
		}
	}
	pr.SetXForwarded()
	// A proxy in front of this one (TLS, a tunnel) knows better.
	for _, k := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := in.Header[k]; ok {
			out.Header[k] = v
		}
	}
	if x := of(in); x.injects {
		narrow(out.Header)
	}
}

// exchange is one request that was given to a program.
type exchange struct {
	q        *query
	a        admission
	began    time.Time
	up       *upstream
	cancel   context.CancelFunc
	injects  bool // the answer gets the script, if it is a document
	upgraded bool
	stream   bool // guarded by Proxy.mu, like cut
	cut      bool
	err      error   // there is no answer
	upload   *upload // nil: no body
}

// upload is the body of a request. It remembers what is wrong with it: the transport would say that
// the connection to the program broke.
type upload struct {
	io.ReadCloser
	err  atomic.Pointer[error]
	mu   sync.Mutex
	form *keptForm // nil: not a form

	record *record
}

func (b *upload) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.record.sent(p[:n], err)
	if b.form != nil {
		b.mu.Lock()
		b.form.add(p[:n], err)
		b.mu.Unlock()
	}
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// keptForm is what was read of the form that the program did not answer.
func (x *exchange) keptForm() keptForm {
	if x.upload == nil || x.upload.form == nil {
		return keptForm{}
	}
	x.upload.mu.Lock()
	defer x.upload.mu.Unlock()
	k := *x.upload.form
	k.data = bytes.Clone(k.data)
	return k
}

// invalid is why the request cannot be given to any program; nil if it can.
func (x *exchange) invalid() error {
	if x.upload != nil {
		if err := x.upload.err.Load(); err != nil {
			return *err
		}
	}
	for _, v := range x.q.Header["Upgrade"] {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("invalid Upgrade header")
		}
	}
	return nil
}

type exchangeKey struct{}

func of(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// forward gives the request to the program and passes the answer on. If there
// is none, nothing has been written, and the exchange says why.
func (p *Proxy) forward(w http.ResponseWriter, q *query, a admission) *exchange {
	ctx, cancel := context.WithCancel(q.Context())
	x := &exchange{q: q, a: a, began: time.Now(), up: a.up, cancel: cancel}
	x.injects = p.opt.Inject && !q.stranger && injectable(q.Request)
	r := q.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if r.Body != nil && r.Body != http.NoBody {
		x.upload = &upload{ReadCloser: r.Body, record: q.record}
		if q.given = true; q.use == form {
			x.upload.form = new(keptForm)
		}
		r.Body = x.upload
	}
	q.record.passed()
	defer p.done(x) // also when the answer breaks off (http.ErrAbortHandler)
	a.up.proxy.ServeHTTP(&exact{w}, r)
	return x
}

func (p *Proxy) done(x *exchange) {
	x.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	u := x.up
	if x.stream {
		delete(u.streams, x)
	} else {
		u.inflight--
		u.checkIdle()
	}
	if u.draining || u.gone || u != p.current {
		u.closeIdle()
	}
}

// errNoPage says that a page was asked for while the build is broken, and that
// what the old program has is no page: nothing that an overlay could mark.
var errNoPage = errors.New("not an HTML document")

// answered looks at the head of the answer.
func (x *exchange) answered(res *http.Response) error {
	p := x.up.p
	x.fill(res)
	x.q.record.answered(x, res)
	switch upgrade, events := res.StatusCode == http.StatusSwitchingProtocols, mediaType(res.Header) == "text/event-stream"; {
	case (upgrade || events) && x.q.replayed:
		return errEndless
	case upgrade:
		x.upgraded = true
		x.lasts()
		p.endless(x.q.record, true)
		return nil
	case events:
		x.lasts()
		p.endless(x.q.record, false)
		res.Body = &stream{res.Body, x}
	}
	revalidate(res.Header)
	x.relocate(res.Header)
	if x.a.stale != "" {
		if t := x.a.trouble; p.opt.WhenBroken != "serve" && t != nil && t.kind == buildFailed && x.q.use == page &&
			res.StatusCode == http.StatusOK && mediaType(res.Header) != "text/html" {
			return errNoPage
		}
		res.Header.Set("X-Hotreload-Stale", x.a.stale)
	}
	switch {
	case x.wraps(res):
		x.wrap(res)
	case x.injects:
		if coding := inject(res, x.q.Request, x.tag); coding != "" && x.up.p.opt.Notice != nil {
			x.up.p.encoded.Do(func() {
				x.up.p.opt.Notice(event.Problem{
					Message: fmt.Sprintf("pages do not reload: the program sends them encoded as %q, though the proxy did not ask for that", coding),
					Hint:    "make it respect Accept-Encoding, or not compress pages while HOTRELOAD is set",
				})
			})
		}
	}
	return nil
}

// lasts makes the exchange one that Drain does not wait for.
func (x *exchange) lasts() {
	p, u := x.up.p, x.up
	p.mu.Lock()
	defer p.mu.Unlock()
	x.stream = true
	u.streams[x] = struct{}{}
	u.inflight--
	u.checkIdle()
	if u.draining || p.ended {
		x.cut = true
		x.cancel()
	}
}

// undelivered reports whether the program cannot have seen any of the request.
func (x *exchange) undelivered() bool {
	var op *net.OpError
	return errors.As(x.err, &op) && op.Op == "dial"
}

// stream is the body of an event stream. When it is cut it ends in order, so
// that clients see the end of a stream and not a broken answer.
type stream struct {
	io.ReadCloser
	x *exchange
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		p := s.x.up.p
		p.mu.Lock()
		defer p.mu.Unlock()
		if s.x.cut {
			err = io.EOF
		}
	}
	return n, err
}

// exact keeps net/http from adding headers that the program did not send: a
// Content-Type that it guesses, a Date.
type exact struct{ http.ResponseWriter }

func (w *exact) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *exact) WriteHeader(code int) {
	if code == http.StatusContinue {
		return // net/http says it when the body is read, which the program's own 100 starts
	}
	if code >= 200 {
		h := w.Header()
		for _, k := range []string{"Content-Type", "Date"} {
			if _, ok := h[k]; !ok {
				h[k] = nil
			}
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

// buffers are what bodies are copied through.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ sync.Pool }

func (b *bufferPool) Get() []byte  { return b.Pool.Get().(*[32 << 10]byte)[:] }
func (b *bufferPool) Put(p []byte) { b.Pool.Put((*[32 << 10]byte)(p)) }
