package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hotreload/hotreload/internal/event"
)

const element = `<script src="/__hotreload/client.js"></script>`

// respond runs a body through the injector as the answer to a page load. surely
// says that the browser reported what it loads.
func respond(t testing.TB, body io.Reader, length int64, surely bool, header ...string) (*http.Response, error) {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://localhost:8090/", nil)
	if surely {
		req.Header.Set("Sec-Fetch-Dest", "document")
	}
	res := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: io.NopCloser(body), ContentLength: length}
	if length >= 0 {
		res.Header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	for i := 0; i < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	inject(res, req, func(g granted) string {
		if g.nonce != "" {
			return strings.Replace(element, ">", ` nonce="`+g.nonce+`">`, 1)
		}
		return element
	})
	return res, nil
}

// TestWhereTheElementGoes: | marks the place (P6).
func TestWhereTheElementGoes(t *testing.T) {
	t.Parallel()
	long := "<!--" + strings.Repeat("x", 9000) + "-->"
	for _, tt := range []struct {
		name, page string
		sure       string // where it goes if the browser says that it is a document; "": the same
	}{
		{name: "head", page: "<!doctype html><html lang=en><head>|<title>x</title></head><body>x</body></html>"},
		{name: "head with attributes", page: `<!DOCTYPE html><html><head data-a="a>b" b='>' c = "d>" e>|<meta charset=utf-8>`},
		{name: "upper case", page: "<!DOCTYPE HTML><HTML><HEAD\n>|<TITLE>"},
		{name: "no head", page: "<!doctype html><html>|<body>x"},
		{name: "header is not head", page: "<!doctype html>|<header>x</header>"},
		{name: "only a body", page: "|<body>x</body>"},
		{name: "only a head", page: "<head>|</head>"},
		{name: "only html", page: "<html>|x"},
		{name: "before the first script", page: "<!doctype html>\n|<script>a</script>"},
		{name: "doctype and text", page: "<!doctype html>|Hello"},
		{name: "only a doctype", page: "<!doctype html>|"},
		{name: "comments", page: "\n<!-- <head> > --><!--><!---><!-- a --!><?xml version='1'?><!doctype html><!-- b --><head>|x"},
		{name: "no quirks mode", page: "<!-- x --> \n<!doctype html PUBLIC \"-//W3C//DTD\">\n|<p>"},
		{name: "byte order mark", page: "\xef\xbb\xbf<!doctype html><head>|"},
		{name: "slash", page: "<html/><head/>|<p>"},
		{name: "unfinished tag", page: "<!doctype html>|<head"},
		{name: "unfinished comment", page: "<!doctype html>|<!-- x"},
		{name: "long comment", page: "<!doctype html>|" + long + "<head>x"},
		{name: "fragment", page: "<p>hello</p>", sure: "<p>hello</p>|"},
		{name: "text", page: "hello", sure: "hello|"},
		{name: "title only", page: "<title>x</title><p>a <head> in text", sure: "<title>x</title><p>a <head> in text|"},
		{name: "white space", page: " \n ", sure: " \n |"},
		{name: "long white space", page: strings.Repeat(" ", 9000) + "<p>", sure: strings.Repeat(" ", 9000) + "<p>|"},
		{name: "end tag", page: "</p>", sure: "</p>|"},
		{name: "angle", page: "<", sure: "<|"},
		{name: "UTF-16", page: "\xff\xfe<\x00h\x00t\x00m\x00l\x00", sure: "\xff\xfe<\x00h\x00t\x00m\x00l\x00"},
		{name: "half a mark", page: "\xef", sure: "\xef|"},
	} {
		for _, surely := range []bool{false, true} {
			marked := tt.page
			if surely && tt.sure != "" {
				marked = tt.sure
			}
			t.Run(fmt.Sprintf("%s/%v", tt.name, surely), func(t *testing.T) {
				page := strings.Replace(marked, "|", "", 1)
				wanted := strings.Replace(marked, "|", element, 1)
				readers := map[string]func(io.Reader) io.Reader{
					"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the end": iotest.DataErrReader,
				}
				if len(page) > maxPeek {
					delete(readers, "byte by byte") // slow: each byte looks at all before it
				}
				for name, rd := range readers {
					for _, length := range []int64{int64(len(page)), -1} {
						res, err := respond(t, rd(strings.NewReader(page)), length, surely)
						if err != nil {
							t.Fatal(err)
						}
						got, err := io.ReadAll(res.Body)
						if err != nil || string(got) != wanted {
							t.Fatalf("%s: %v\n%.300q\nwant\n%.300q", name, err, got, wanted)
						}
						if length >= 0 && (res.ContentLength != int64(len(wanted)) || res.Header.Get("Content-Length") != strconv.Itoa(len(wanted))) {
							t.Fatalf("%s: length %d %q, want %d", name, res.ContentLength, res.Header.Get("Content-Length"), len(wanted))
						}
					}
				}
			})
		}
	}
}

// codings are the encodings that can be undone, and how.
var codings = map[string]struct {
	header string
	enc    func(io.Writer) io.WriteCloser
	dec    func(io.Reader) (io.Reader, error)
}{
	"gzip": {"gzip", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	"zlib": {"deflate", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
	"bare deflate": {"deflate", func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 5); return f },
		func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil }},
}

func TestCompressedPages(t *testing.T) {
	t.Parallel()
	page := "<!doctype html><head></head>" + strings.Repeat("<p>hello", 10000)
	for name, c := range codings {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := c.enc(&b)
			_, _ = io.WriteString(w, page)
			w.Close()
			res, err := respond(t, iotest.HalfReader(&b), int64(b.Len()), true, "Content-Encoding", c.header, "Etag", `"x"`)
			if err != nil {
				t.Fatal(err)
			}
			if res.Header.Get("Content-Length") != "" || res.ContentLength != -1 || res.Header.Get("Content-Encoding") != c.header || res.Header.Get("Etag") != `W/"x"` {
				t.Fatal(res.Header)
			}
			rd, err := c.dec(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(rd)
			if wanted := strings.Replace(page, "<head>", "<head>"+element, 1); err != nil || string(got) != wanted {
				t.Fatalf("%v %.200q", err, got)
			}
		})
		t.Run(name+" fragment", func(t *testing.T) {
			var b bytes.Buffer
			w := c.enc(&b)
			_, _ = io.WriteString(w, "<p>"+strings.Repeat("hello", 10000))
			w.Close()
			sent := b.String()
			res, _ := respond(t, &b, int64(len(sent)), false, "Content-Encoding", c.header, "Etag", `"x"`)
			got, err := io.ReadAll(res.Body)
			if err != nil || string(got) != sent || res.ContentLength != int64(len(sent)) || res.Header.Get("Etag") != `"x"` {
				t.Fatalf("%v: a fragment was changed: %d bytes of %d, %v", err, len(got), len(sent), res.Header)
			}
		})
	}
	t.Run("broken", func(t *testing.T) {
		res, _ := respond(t, strings.NewReader("<head>no gzip"), 13, true, "Content-Encoding", "gzip")
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != "<head>no gzip" || res.ContentLength != 13 {
			t.Fatalf("%v %q", err, got)
		}
	})
}

// TestEmptyPage: what a template that fails at its beginning leaves comes back when it is repaired,
// and so does an error without a text (P6).
func TestEmptyPage(t *testing.T) {
	for _, tt := range []struct {
		name, dest string
		code       int
		header     []string
		want       string // the end of the body; "-": untouched
	}{
		{name: "page", dest: "document", want: "</script>"},
		{name: "typed page", dest: "iframe", header: []string{"Content-Type", "text/html"}, want: "</script>"},
		{name: "error", dest: "document", code: 500, want: "</script><pre>500 Internal Server Error</pre>"},
		{name: "fetch", dest: "empty", want: "-"},
		{name: "image", dest: "image", want: "-"},
		{name: "unknown client", want: "-"},
		{name: "no content", dest: "document", code: 204, want: "-"},
		{name: "reset", dest: "document", code: 205, want: "-"},
		{name: "text", dest: "document", header: []string{"Content-Type", "text/css"}, want: "-"},
		{name: "download", dest: "document", header: []string{"Content-Disposition", "attachment"}, want: "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != nil {
					w.Header().Set(tt.header[0], tt.header[1])
				}
				if tt.code != 0 {
					w.WriteHeader(tt.code)
				}
			}))
			var header []string
			if tt.dest != "" {
				header = []string{"Sec-Fetch-Dest", tt.dest}
			}
			a := r.get("/", header...)
			if tt.want == "-" {
				if a.body != "" || len(a.Header["Content-Type"]) > 0 && tt.header == nil {
					t.Errorf("%v %q", a.Header, a.body)
				}
				return
			}
			if !strings.HasPrefix(a.body, `<script src="/__hotreload/client.js"`) || !strings.HasSuffix(a.body, tt.want) ||
				a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Content-Length") != strconv.Itoa(len(a.body)) {
				t.Errorf("%v %q", a.Header, a.body)
			}
		})
	}
}

// TestReadErrorPasses: a page that breaks off breaks off for the client too (P6).
func TestReadErrorPasses(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"", "<!doc", "<!doctype html><head>x", "<p>x"} {
		rd := io.MultiReader(strings.NewReader(page), iotest.ErrReader(io.ErrUnexpectedEOF))
		res, _ := respond(t, rd, -1, true)
		got, err := io.ReadAll(res.Body)
		if err != io.ErrUnexpectedEOF || strings.Replace(string(got), element, "", 1) != page {
			t.Errorf("%q: %q %v", page, got, err)
		}
		if strings.HasSuffix(string(got), element) && !strings.HasSuffix(page, "<head>") {
			t.Errorf("%q: the element after a broken end: %q", page, got)
		}
	}
}

// TestUntouched: what is no document, or cannot be changed, passes byte for byte
// with its headers (P6).
func TestUntouched(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><html><head></head><body>x</body></html>"
	doc := []string{"Sec-Fetch-Dest", "document"}
	for _, tt := range []struct {
		name   string
		method string
		req    []string
		code   int
		header map[string]string
		change bool
	}{
		{name: "document", req: doc, change: true},
		{name: "iframe", req: []string{"Sec-Fetch-Dest", "iframe"}, change: true},
		{name: "no Sec-Fetch-Dest", change: true},
		{name: "POST", method: "POST", req: doc, change: true},
		{name: "404 page", req: doc, code: 404, change: true},
		{name: "500 page", req: doc, code: 500, change: true},
		{name: "xhtml", req: doc, header: map[string]string{"Content-Type": "application/xhtml+xml"}},
		{name: "text", req: doc, header: map[string]string{"Content-Type": "text/plain"}},
		{name: "json", req: doc, header: map[string]string{"Content-Type": "application/json"}},
		{name: "UTF-16", req: doc, header: map[string]string{"Content-Type": "text/html; charset=UTF-16LE"}},
		{name: "brotli", req: doc, header: map[string]string{"Content-Encoding": "br"}},
		{name: "zstd", req: doc, header: map[string]string{"Content-Encoding": "zstd"}},
		{name: "download", req: doc, header: map[string]string{"Content-Disposition": "Attachment; filename=a.html"}},
		{name: "shown under a name", req: doc, header: map[string]string{"Content-Disposition": "inline; filename=a.html"}, change: true},
		{name: "two encodings", req: doc, header: map[string]string{"Content-Encoding": "gzip, br"}},
		{name: "part", req: doc, code: 206},
		{name: "fetch", req: []string{"Sec-Fetch-Dest", "empty"}},
		{name: "frame of Turbo", req: []string{"Turbo-Frame", "x"}},
		{name: "htmx", req: []string{"Hx-Request", "true"}},
		{name: "jQuery", req: []string{"X-Requested-With", "XMLHttpRequest"}},
		{name: "HEAD", method: "HEAD", req: doc},
		{name: "redirect", req: doc, code: 302},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h := w.Header()
				h.Set("Content-Type", "text/html; charset=utf-8")
				h.Set("Etag", `"1"`)
				h.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
				h.Set("Accept-Ranges", "bytes")
				h.Set("Content-Length", strconv.Itoa(len(page)))
				h.Set("Content-Security-Policy", "script-src 'none'")
				for k, v := range tt.header {
					h.Set(k, v)
				}
				if tt.code != 0 {
					w.WriteHeader(tt.code)
				}
				_, _ = io.WriteString(w, page)
			}))
			method := "GET"
			if tt.method != "" {
				method = tt.method
			}
			a, err := r.do(method, "/", "", tt.req...)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Contains(a.body, "/__hotreload/client.js")
			if changed != tt.change {
				t.Fatalf("changed: %v\n%s", changed, a.body)
			}
			h := a.Header
			if !changed && (a.body != page && method != "HEAD" || h.Get("Etag") != `"1"` || h.Get("Content-Length") != strconv.Itoa(len(page)) || h.Get("Content-Security-Policy") != "script-src 'none'") {
				t.Fatalf("%v %q", h, a.body)
			}
			if changed && (h.Get("Etag") != `W/"1"` || h.Get("Content-Length") != strconv.Itoa(len(a.body)) || h.Get("Last-Modified") == "" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "script-src 127.0.0.1:")) {
				t.Fatalf("%v %q", h, a.body)
			}
			for k := range h {
				if strings.HasPrefix(k, "Access-Control") {
					t.Fatalf("%s was added", k)
				}
			}
		})
	}
	t.Run("inject = false", func(t *testing.T) {
		r, _ := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "<!doctype html>%s", r.Header.Get("Accept-Encoding"))
		}))
		want(t, r.get("/", browser...), 200, "<!doctype html>gzip, deflate, br, zstd")
	})
}

// TestAcceptEncoding: a page load asks for what can be undone; nothing else is
// changed (P6).
func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header["Accept-Encoding"])
	}))
	for _, tt := range []struct{ dest, accept, encoding, want string }{
		{"document", "", "gzip, deflate, br, zstd", `["gzip"]`},
		{"document", "", "br, gzip;q=0.8", `["gzip"]`},
		{"document", "", "br, gzip;q=0.000", `["identity"]`},
		{"document", "", "GZIP", `["gzip"]`},
		{"document", "", "br", `["identity"]`},
		{"document", "", "", `[]`},
		{"", "text/html", "gzip, br", `["gzip"]`},
		{"", "*/*", "gzip, br", `["gzip, br"]`},
		{"style", "text/css", "gzip, br", `["gzip, br"]`},
		{"empty", "text/html", "gzip, br", `["gzip, br"]`},
	} {
		var h []string
		for k, v := range map[string]string{"Sec-Fetch-Dest": tt.dest, "Accept": tt.accept, "Accept-Encoding": tt.encoding} {
			if v != "" {
				h = append(h, k, v)
			}
		}
		if a := r.get("/", h...); !strings.HasPrefix(a.body, tt.want) {
			t.Errorf("%+v: %s", tt, a.body)
		}
	}
}

// FuzzInject: whatever a program sends, in whatever pieces, comes out as it was,
// but for the element in one place (P6).
func FuzzInject(f *testing.F) {
	for _, s := range []string{
		"<!doctype html><html><head><title>x</title>", "<p>x", "<!-- a --><body>", "\xff\xfe<", "\xef\xbb\xbf<html>", "<!doctype html><head a='>' b=\">\">x", "<", "<!", "<!-",
	} {
		for _, coding := range []uint8{0, 1, 2, 3, 4} {
			f.Add([]byte(s), uint16(3), coding, true)
			f.Add([]byte(s), uint16(0), coding, false)
		}
	}
	names := []string{"gzip", "zlib", "bare deflate"}
	f.Fuzz(func(t *testing.T, page []byte, step uint16, how uint8, surely bool) {
		sent, header := page, []string{}
		var dec func(io.Reader) (io.Reader, error)
		switch how %= 5; {
		case how < 3:
			c := codings[names[how]]
			var b bytes.Buffer
			w := c.enc(&b)
			_, _ = w.Write(page)
			w.Close()
			sent, header, dec = b.Bytes(), []string{"Content-Encoding", c.header}, c.dec
		case how == 3:
			header = []string{"Content-Encoding", "gzip"} // it lies
		}
		res, err := respond(t, &pieces{sent, int(step)}, int64(len(sent)), surely, header...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if res.Header.Get("Content-Length") != "" && res.Header.Get("Content-Length") != strconv.Itoa(len(got)) {
			t.Fatalf("Content-Length %s of %d", res.Header.Get("Content-Length"), len(got))
		}
		if bytes.Equal(got, sent) && err == nil {
			return // untouched
		}
		if how == 3 {
			return // what looked like gzip to the end of its beginning; broken for a browser as well
		}
		if err != nil {
			t.Fatal(err)
		}
		if dec != nil {
			rd, err := dec(bytes.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			if got, err = io.ReadAll(rd); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i+len(element) <= len(got); i++ {
			if string(got[i:i+len(element)]) == element && string(got[:i])+string(got[i+len(element):]) == string(page) {
				return
			}
		}
		t.Fatalf("%q became %q", page, got)
	})
}

// pieces reads in steps that vary.
type pieces struct {
	rest []byte
	step int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	p.step = (p.step*31 + 7) % 1009
	n := min(len(b), len(p.rest), 1+p.step%11)
	copy(b, p.rest[:n])
	p.rest = p.rest[n:]
	return n, nil
}

// A program that sends pages in an encoding that was not asked for gets them through as they are,
// and why they do not reload is said once.
func TestEncodedPages(t *testing.T) {
	t.Parallel()
	said := make(chan event.Problem, 8)
	r, _ := startLive(t, Options{Inject: true, Notice: func(p event.Problem) { said <- p }}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/br" {
			w.Header().Set("Content-Encoding", "br")
		}
		_, _ = io.WriteString(w, "<head></head>")
	}))
	get := func(path, dest string) {
		req, _ := http.NewRequest("GET", r.URL()+path, nil)
		req.Header.Set("Sec-Fetch-Dest", dest)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	get("/", "document")
	get("/br", "empty")
	if len(said) != 0 {
		t.Errorf("said %+v", <-said)
	}
	get("/br", "document")
	get("/br", "document")
	if len(said) != 1 {
		t.Fatalf("said %d times", len(said))
	}
	if p := <-said; !strings.Contains(p.Message, `"br"`) || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}
