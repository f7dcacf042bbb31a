package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/inspect"
)

// record is what is kept of one request for the page (proxy.inspect).
type record struct {
	began time.Time

	mu    sync.Mutex
	rec   inspect.Record
	given time.Time // when it was given to the program; zero: it was not
	over  bool      // the record was handed over
}

// keep begins to keep a request, if that is asked for. Its answer is written to the returned writer.
func (p *Proxy) keep(w http.ResponseWriter, q *query) http.ResponseWriter {
	if p.opt.Requests == nil {
		return w
	}
	r := q.Request
	k := &record{began: time.Now()}
	k.rec = inspect.Record{Service: p.opt.Service, At: k.began, Request: inspect.Request{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto, Remote: r.RemoteAddr, TLS: r.TLS != nil, Length: r.ContentLength,
		Header: r.Header.Clone(), Body: inspect.Body{Whole: r.Body == nil || r.Body == http.NoBody},
	}}
	if len(r.Trailer) > 0 {
		k.rec.Unfit = "it has trailers"
	}
	q.record = k
	return &statusWriter{w, k}
}

// reportRequest hands the record over, once.
func (p *Proxy) reportRequest(k *record) {
	if k == nil {
		return
	}
	k.mu.Lock()
	over, now := k.over, time.Now()
	k.over = true
	k.rec.Answer.Duration = now.Sub(k.began)
	if k.given.IsZero() {
		k.given = now
	}
	k.rec.Held = k.given.Sub(k.began)
	rec := k.rec
	k.mu.Unlock()
	if over {
		return
	}
	if ev, ok := p.opt.Requests.Add(rec); ok && p.opt.Requested != nil {
		p.opt.Requested(ev)
	}
}

// passed notes that the request is given to the program now.
func (k *record) passed() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.given = time.Now()
}

// sent notes a piece of the request's body.
func (k *record) sent(p []byte, err error) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return // a stream
	}
	k.rec.Request.Body.Add(p)
	k.rec.Request.Body.Whole = k.rec.Request.Body.Whole || err == io.EOF
}

// answered notes the head of the program's answer as it came, and its body while it is read.
func (k *record) answered(x *exchange, res *http.Response) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rec.Answer.Status, k.rec.Answer.Header, k.rec.Answer.Generation = res.StatusCode, res.Header.Clone(), x.up.gen
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &keptBody{res.Body, k}
	}
}

// endless notes that the exchange has no end: it is shown at once.
func (p *Proxy) endless(k *record, upgraded bool) {
	if k == nil {
		return
	}
	k.mu.Lock()
	k.rec.Unfit = "its response is an event stream"
	if upgraded {
		k.rec.Unfit = "it became a connection of another protocol, such as a WebSocket"
	}
	k.mu.Unlock()
	p.reportRequest(k)
}

// keptBody is the body of an answer that is kept while it is read.
type keptBody struct {
	io.ReadCloser
	k *record
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.k.mu.Lock()
	defer b.k.mu.Unlock()
	if !b.k.over {
		b.k.rec.Answer.Body.Add(p[:n])
		b.k.rec.Answer.Body.Whole = b.k.rec.Answer.Body.Whole || err == io.EOF
	}
	return n, err
}

// statusWriter notes the status of an answer that the proxy gives itself.
type statusWriter struct {
	http.ResponseWriter
	k *record
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(code int) {
	if code >= 200 {
		w.k.mu.Lock()
		if w.k.rec.Answer.Status == 0 {
			w.k.rec.Answer.Status = code
		}
		w.k.mu.Unlock()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.k.mu.Lock()
	if w.k.rec.Answer.Status == 0 {
		w.k.rec.Answer.Status = http.StatusOK
	}
	w.k.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// Errors of a replay.
var (
	errNotLive = errors.New("the newest program is not live, so the request was not sent")
	errEndless = errors.New("the answer has no end, so it is not kept")
)

// Replay implements inspect.Sender. The request passes through here like the first one, so that the
// program gets the same; only its answer goes nowhere.
func (p *Proxy) Replay(ctx context.Context, r *inspect.Request, generation int) (inspect.Answer, error) {
	if !p.enter() {
		return inspect.Answer{}, errNotLive
	}
	defer p.handlers.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.base, cancel)()
	req, err := p.again(ctx, r)
	if err != nil {
		return inspect.Answer{}, err
	}
	q := &query{Request: req, use: useOf(req), record: new(record), replayed: true}
	for attempt := 0; ; {
		a, err := p.admitReplay(ctx, q, generation)
		if err != nil {
			return inspect.Answer{}, err
		}
		q.record.began = time.Now()
		req.Body = io.NopCloser(bytes.NewReader(r.Body.Data))
		if len(r.Body.Data) == 0 {
			req.Body = http.NoBody
		}
		x := p.forward(&discard{header: http.Header{}}, q, a)
		switch {
		case ctx.Err() != nil:
			return inspect.Answer{}, ctx.Err()
		case x.err != nil && x.undelivered() && attempt < 7:
			p.settled(ctx, a.wake, 10*time.Millisecond<<attempt)
			attempt++
			continue
		case x.err != nil:
			return inspect.Answer{}, x.err
		}
		k := q.record
		k.mu.Lock()
		defer k.mu.Unlock()
		k.rec.Answer.Duration = time.Since(k.began)
		return k.rec.Answer, nil
	}
}

// again is the request as the server had made it of what came.
func (p *Proxy) again(ctx context.Context, r *inspect.Request) (*http.Request, error) {
	u, err := url.ParseRequestURI(r.Target)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{
		Method: r.Method, URL: u, RequestURI: r.Target, Host: r.Host, RemoteAddr: r.Remote, Header: r.Header.Clone(),
		Proto: r.Proto, ContentLength: r.Length,
	}).WithContext(ctx)
	req.ProtoMajor, req.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	if r.TLS {
		req.TLS = new(tls.ConnectionState)
	}
	return req, nil
}

// admitReplay waits until the newest program answers. While nothing is built, or nothing can be, it
// does not wait.
func (p *Proxy) admitReplay(ctx context.Context, q *query, generation int) (admission, error) {
	expired := time.NewTimer(p.opt.Hold)
	defer expired.Stop()
	defer p.leave(q)
	for {
		a := p.admit(q)
		switch {
		case a.verdict == forward && a.stale == "" && a.up.gen >= generation:
			return a, nil
		case a.verdict == forward:
			p.done(&exchange{up: a.up, cancel: func() {}})
			if a.stale != "" && generation == 0 {
				return a, errNotLive
			}
		case a.verdict != wait:
			return a, errNotLive
		}
		select {
		case <-a.wake:
		case <-expired.C:
			return a, errNotLive
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

// discard is a writer of an answer that nothing reads.
type discard struct{ header http.Header }

func (n *discard) Header() http.Header         { return n.header }
func (n *discard) WriteHeader(int)             {}
func (n *discard) Write(p []byte) (int, error) { return len(p), nil }
