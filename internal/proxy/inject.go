package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// injectable reports whether the answer to a request can be a document that a
// browser shows. Its media type is not known yet.
func injectable(r *http.Request) bool {
	if r.Method == http.MethodHead || partial(r.Header) {
		return false
	}
	dest, modern := r.Header["Sec-Fetch-Dest"]
	return !modern || dest[0] == "document" || dest[0] == "iframe" || dest[0] == "frame"
}

// narrow asks for an encoding that can be undone: a page load names brotli and
// zstd, for which the standard library has no decoder. Only a request that is a
// page load for certain is changed.
func narrow(h http.Header) {
	_, modern := h["Sec-Fetch-Dest"]
	accept, ok := h["Accept-Encoding"]
	if !ok || !modern && !strings.Contains(h.Get("Accept"), "text/html") {
		return
	}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		name, q, _ := strings.Cut(part, ";")
		q = strings.ReplaceAll(strings.ReplaceAll(q, " ", ""), "\t", "")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.Trim(q, "qQ=0.") != "" || strings.EqualFold(strings.TrimSpace(part), "gzip") {
			h["Accept-Encoding"] = []string{"gzip"}
			return
		}
	}
	h["Accept-Encoding"] = []string{"identity"}
}

func mediaType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// inject puts the script element into the answer if that is an HTML document.
// The head of the answer is changed only where the body is. It returns the encoding of a
// document that a browser is to show, if that cannot be undone.
func inject(res *http.Response, r *http.Request, tag func(granted) string) (coding string) {
	switch c := res.StatusCode; {
	case c < 200, c == http.StatusNoContent, c == http.StatusPartialContent, c >= 300 && c < 400, download(res.Header):
		return ""
	}
	_, surely := r.Header["Sec-Fetch-Dest"]
	if surely && nothing(res) {
		fill(res, tag(allow(res.Header, r.Host)))
		return ""
	}
	if mediaType(res.Header) != "text/html" || !asciiBased(res.Header) || res.ContentLength == 0 {
		return ""
	}
	code := codingOf(res.Header)
	if code == nil {
		if surely {
			return strings.Join(res.Header["Content-Encoding"], ",")
		}
		return ""
	}

	raw := &recorder{r: res.Body, on: true}
	doc, err := code.decode(raw)
	var head []byte
	found := place{nowhere, 0}
	if err == nil {
		head, found, err = peek(doc, surely)
	}
	if found.kind == nowhere {
		raw.on = false
		res.Body = &body{io.MultiReader(bytes.NewReader(raw.seen), failing{res.Body, raw.err}), res.Body}
		return ""
	}
	element := []byte(tag(allow(res.Header, r.Host)))
	if e := res.Header.Get("Etag"); strings.HasPrefix(e, `"`) {
		res.Header.Set("Etag", "W/"+e)
	}
	raw.on, raw.seen = false, nil
	rest := failing{doc, err}
	var out io.Reader
	if found.kind == atEnd {
		out = io.MultiReader(bytes.NewReader(head), rest, bytes.NewReader(element))
	} else {
		out = io.MultiReader(bytes.NewReader(head[:found.at]), bytes.NewReader(element), bytes.NewReader(head[found.at:]), rest)
	}
	if code.encode != nil {
		// How long it becomes is known only at the end.
		res.Header.Del("Content-Length")
		res.ContentLength = -1
		e := &encoder{src: out, raw: raw}
		e.w = code.encode(&e.out)
		out = e
	} else if res.ContentLength > 0 {
		res.ContentLength += int64(len(element))
		res.Header.Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	res.Body = &body{out, res.Body}
	return ""
}

// nothing reports whether an answer is an empty page: what is left of a template that failed at its
// beginning, or of an error without a text.
func nothing(res *http.Response) bool {
	kind, coded := mediaType(res.Header), len(res.Header["Content-Encoding"]) > 0
	return res.ContentLength == 0 && (kind == "" || kind == "text/html") && !coded &&
		(res.StatusCode == http.StatusOK || res.StatusCode >= 400)
}

// download reports whether a browser saves the answer as a file instead of showing it.
func download(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Disposition")), "attachment")
}

// fill makes a page of nothing, which comes back when the program is repaired. A browser shows the
// status of an error only if there is no page.
func fill(res *http.Response, text string) {
	if c := res.StatusCode; c >= 400 {
		text += "<pre>" + html.EscapeString(strings.TrimSpace(fmt.Sprintf("%d %s", c, http.StatusText(c)))) + "</pre>"
	}
	res.Header.Set("Content-Type", "text/html; charset=utf-8")
	res.Header.Set("Content-Length", strconv.Itoa(len(text)))
	res.Header.Del("Etag")
	res.ContentLength = int64(len(text))
	res.Body = &body{strings.NewReader(text), res.Body}
}

// asciiBased reports whether the bytes of the element mean the same in the
// document's encoding.
func asciiBased(h http.Header) bool {
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	c := strings.ToLower(params["charset"])
	return err == nil && !strings.HasPrefix(c, "utf-16") && !strings.HasPrefix(c, "utf-32") &&
		!strings.HasPrefix(c, "iso-2022") && c != "utf-7" && c != "hz-gb-2312"
}

// tag is the element. The numbers say what the page has, so that the script
// sees whether there is something newer. It is not async: so it has connected before a policy in a
// meta element is read, which could forbid it.
func (x *exchange) tag(g granted) string {
	s := fmt.Sprintf(`<script src="%sclient.js" data-page="%s.%d" data-css="%d"`, prefix, x.up.p.session, x.a.page, x.a.css)
	if x.q.Method != http.MethodGet {
		s += fmt.Sprintf(` data-method="%s"`, html.EscapeString(x.q.Method))
	}
	if g.noWorker {
		s += ` data-noworker`
	}
	if x.up.p.opt.Console != nil {
		s += ` data-console`
	}
	if g.nonce != "" {
		s += fmt.Sprintf(` nonce="%s"`, html.EscapeString(g.nonce))
	}
	return s + "></script>"
}

// coding is a Content-Encoding that can be undone and done again.
type coding struct {
	decode func(io.Reader) (io.Reader, error)
	encode func(io.Writer) flusher // nil: nothing to do
}

type flusher interface {
	io.WriteCloser
	Flush() error
}

// codingOf returns nil for what has to stay as it is: brotli, zstd, or several.
func codingOf(h http.Header) *coding {
	switch strings.ToLower(strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))) {
	case "", "identity":
		return &coding{decode: func(r io.Reader) (io.Reader, error) { return r, nil }}
	case "gzip", "x-gzip":
		return &coding{
			decode: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
			encode: func(w io.Writer) flusher { return gzip.NewWriter(w) },
		}
	case "deflate":
		// Officially zlib; some servers send the bare stream.
		c := &coding{}
		c.decode = func(r io.Reader) (io.Reader, error) {
			var head [2]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return nil, err
			}
			r = io.MultiReader(bytes.NewReader(head[:]), r)
			if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
				c.encode = func(w io.Writer) flusher { return zlib.NewWriter(w) }
				return zlib.NewReader(r)
			}
			c.encode = func(w io.Writer) flusher {
				f, _ := flate.NewWriter(w, flate.DefaultCompression)
				return f
			}
			return flate.NewReader(r), nil
		}
		return c
	}
	return nil
}

// place is where the element goes.
type place struct {
	kind placeKind
	at   int
}

type placeKind int

const (
	unknown placeKind = iota // more has to be read
	nowhere
	within
	atEnd
)

// maxPeek bounds what is looked at before the decision. What comes before the
// head is a document type and perhaps a comment.
const maxPeek = 8 << 10

// peek reads until it is clear where the element goes. It returns what it has
// read, and the error that comes after that.
func peek(r io.Reader, surely bool) (head []byte, found place, err error) {
	buf := make([]byte, 0, 1<<10)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):min(cap(buf), maxPeek)])
		buf = buf[:len(buf)+n]
		last := err != nil || len(buf) >= maxPeek
		found := locate(buf, last, surely)
		if found.kind == unknown && last {
			found.kind = nowhere
		}
		if err != nil && err != io.EOF {
			found.kind = nowhere // broken: passed on as it is
		}
		if found.kind != unknown {
			return buf, found, err
		}
	}
}

// locate finds the place in the beginning of a document: after the start tag of
// head, or where the parser would imply it, but never before a document type,
// which would put the browser into quirks mode. A text without a document type,
// html, head or body is a fragment, and untouched, unless the browser said that
// it surely loads a document; then the element goes to its end.
// last says that no more will be read.
func locate(b []byte, last, surely bool) place {
	if bytes.HasPrefix(b, []byte{0xfe, 0xff}) || bytes.HasPrefix(b, []byte{0xff, 0xfe}) {
		return place{kind: nowhere} // UTF-16
	}
	l := locator{b: b, last: last, surely: surely}
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		l.at = 3
	}
	for {
		if found, done := l.token(); done {
			return found
		}
	}
}

// locator reads the beginning of a document, token by token.
type locator struct {
	b            []byte
	at           int
	document     bool // it has a document type, html, head or body
	last, surely bool // see locate
}

// token reads the next token. It passes over those behind which the place may be.
func (l *locator) token() (found place, done bool) {
	for l.at < len(l.b) && isSpace(l.b[l.at]) {
		l.at++
	}
	rest := l.b[l.at:]
	switch {
	case l.cut(rest):
		return l.stuck(), true
	case rest[0] != '<':
		return l.decide(), true
	case rest[1] == '!' || rest[1] == '?':
		n, doctype := declaration(rest)
		if n == 0 {
			return l.stuck(), true
		}
		l.document = l.document || doctype
		l.at += n
		return place{}, false
	}
	return l.tag(rest)
}

// cut reports whether too little of a token is there to know its kind. At the very
// beginning, it may be that of a byte order mark.
func (l *locator) cut(rest []byte) bool {
	switch len(rest) {
	case 0:
		return true
	case 1, 2:
		return len(rest) == 1 && rest[0] == '<' ||
			l.at == 0 && (rest[0] == 0xef || rest[0] == 0xff || rest[0] == 0xfe)
	}
	return false
}

func (l *locator) tag(rest []byte) (found place, done bool) {
	name, n := tagName(rest)
	if n == 0 {
		return l.stuck(), true
	}
	switch name {
	case "html", "head":
		l.document = true
		end := startTag(rest, n)
		if end == 0 {
			return l.stuck(), true
		}
		l.at += end
		return place{within, l.at}, name == "head"
	case "body":
		l.document = true
	}
	return l.decide(), true
}

// decide is for the first thing that is neither white space, comment, document type nor
// the start tag of html or head.
func (l *locator) decide() place {
	switch {
	case l.document:
		return place{within, l.at}
	case l.surely:
		return place{kind: atEnd}
	}
	return place{kind: nowhere}
}

// stuck is for a token whose end is not there yet.
func (l *locator) stuck() place {
	if l.last {
		return l.decide()
	}
	return place{}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

// declaration measures what begins with <! or <? as the HTML standard's
// tokenizer does; 0 if it is not all there.
func declaration(b []byte) (n int, doctype bool) {
	const comment, dt = "<!--", "<!doctype"
	if prefixOf(b, comment) {
		return 0, false // it may become a comment
	}
	if bytes.HasPrefix(b, []byte(comment)) {
		switch rest := b[len(comment):]; {
		case bytes.HasPrefix(rest, []byte(">")):
			return len(comment) + 1, false
		case bytes.HasPrefix(rest, []byte("->")):
			return len(comment) + 2, false
		}
		for i := len(comment); i < len(b); i++ {
			if bytes.HasPrefix(b[i:], []byte("-->")) {
				return i + 3, false
			}
			if bytes.HasPrefix(b[i:], []byte("--!>")) {
				return i + 4, false
			}
		}
		return 0, false
	}
	i := bytes.IndexByte(b, '>')
	if i < 0 {
		return 0, false
	}
	return i + 1, i >= len(dt) && strings.EqualFold(string(b[:len(dt)]), dt)
}

// prefixOf reports whether b is a proper beginning of s.
func prefixOf(b []byte, s string) bool { return len(b) < len(s) && strings.HasPrefix(s, string(b)) }

// tagName returns the name of the tag that b begins with, in lower case, and
// where it ends; 0 if that is not there.
func tagName(b []byte) (string, int) {
	for i := 1; i < len(b); i++ {
		if c := b[i]; isSpace(c) || c == '/' && i > 1 || c == '>' {
			return strings.ToLower(string(b[1:i])), i
		}
		if i > 16 {
			return "", i // longer than any that matters
		}
	}
	return "", 0
}

// startTag returns the length of the tag, whose attributes begin at i; 0 if its
// end is not there. A > in a quoted value is none.
func startTag(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case '>':
			return i + 1
		case '=':
			i++
			for i < len(b) && isSpace(b[i]) {
				i++
			}
			if i < len(b) && (b[i] == '"' || b[i] == '\'') {
				end := bytes.IndexByte(b[i+1:], b[i])
				if end < 0 {
					return 0
				}
				i += end + 2
			}
		default:
			i++
		}
	}
	return 0
}

// body reads one thing and closes another.
type body struct {
	io.Reader
	close io.Closer
}

func (b *body) Close() error { return b.close.Close() }

// failing is a reader of which the next error may already be known.
type failing struct {
	r   io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.Read(p)
}

// recorder keeps what was read, so that it can be passed on as it was.
type recorder struct {
	r    io.Reader
	on   bool
	seen []byte
	err  error
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.on {
		r.seen = append(r.seen, p[:n]...)
		r.err = err
	}
	return n, err
}

// encoder compresses what it reads, piece by piece, so that what the program
// has flushed is passed on at once.
type encoder struct {
	src io.Reader
	raw io.Reader
	w   flusher
	out bytes.Buffer
	err error
	buf [32 << 10]byte
}

func (e *encoder) Read(p []byte) (int, error) {
	for e.out.Len() == 0 {
		if e.err != nil {
			return 0, e.err
		}
		n, err := e.src.Read(e.buf[:])
		_, _ = e.w.Write(e.buf[:n]) // to memory
		switch {
		case err == io.EOF:
			_ = e.w.Close()
			// To its own end, where the trailers are.
			_, _ = io.Copy(io.Discard, e.raw)
			e.err = io.EOF
		case err != nil:
			_ = e.w.Flush()
			e.err = err
		case n > 0:
			_ = e.w.Flush()
		}
	}
	return e.out.Read(p)
}
