package proxy

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// project writes files into a new directory.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTextErrors: an error in plain text becomes a page where a browser loads a document; everyone
// else gets the bytes as they are (P13).
func TestTextErrors(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n", "views/index.html": "x\n"})
	const text = "main.go:1:2: <b>bad</b>\ntemplate: index.html:1:5: no field\n/etc/passwd:1: no link\n"
	for _, tt := range []struct {
		name   string
		method string
		code   int
		header map[string]string // of the answer
		req    []string
		page   bool
	}{
		{name: "document", req: browser, page: true},
		{name: "document, not found", req: browser, code: 404, page: true},
		{name: "a browser that does not say what it loads", req: []string{"Accept", "text/html,*/*;q=0.8"}, page: true},
		{name: "a form", method: "POST", req: browser, page: true},
		{name: "compressed", req: browser, header: map[string]string{"Content-Encoding": "gzip"}, page: true},
		{name: "curl", req: []string{"Accept", "*/*"}},
		{name: "fetch", req: []string{"Accept", "*/*", "Sec-Fetch-Dest", "empty"}},
		{name: "fetch of a page", req: []string{"Accept", "text/html", "Sec-Fetch-Dest", "empty"}},
		{name: "htmx", req: []string{"Accept", "text/html", "Hx-Request", "true"}},
		{name: "a frame", req: []string{"Accept", "text/html", "Sec-Fetch-Dest", "iframe"}},
		{name: "an image", req: []string{"Accept", "text/html", "Sec-Fetch-Dest", "image"}},
		{name: "HEAD", method: "HEAD", req: browser},
		{name: "no error", req: browser, code: 200},
		{name: "a redirect", req: browser, code: 302},
		{name: "JSON", req: browser, header: map[string]string{"Content-Type": "application/json"}},
		{name: "a download", req: browser, header: map[string]string{"Content-Disposition": `attachment; filename="x.txt"`}},
		{name: "UTF-16", req: browser, header: map[string]string{"Content-Type": "text/plain; charset=utf-16"}},
		{name: "brotli", req: browser, header: map[string]string{"Content-Encoding": "br"}},
		{name: "a foreign name", req: append([]string{"Host", "evil.example"}, browser...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent strings.Builder
			_, _ = io.WriteString(&sent, text)
			if tt.header["Content-Encoding"] == "gzip" {
				sent.Reset()
				w := gzip.NewWriter(&sent)
				_, _ = io.WriteString(w, text)
				w.Close()
			}
			r, _ := startLive(t, Options{Inject: true, Dir: dir, Editor: "ed://{file}:{line}:{column}"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Content-Type", "text/plain; charset=utf-8")
				h.Set("X-Content-Type-Options", "nosniff")
				for k, v := range tt.header {
					h.Set(k, v)
				}
				if tt.code == 0 {
					tt.code = 500
				}
				w.WriteHeader(tt.code)
				_, _ = io.WriteString(w, sent.String())
			}))
			method := tt.method
			if method == "" {
				method = "GET"
			}
			a, err := r.do(method, "/", "", tt.req...)
			if err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != tt.code {
				t.Error(a.Status)
			}
			if !tt.page {
				want := sent.String()
				if method == "HEAD" {
					want = ""
				}
				if a.body != want || a.Header.Get("Content-Type") == "text/html; charset=utf-8" {
					t.Errorf("%q %q", a.Header, a.body)
				}
				return
			}
			if a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Content-Encoding") != "" {
				t.Error(a.Header)
			}
			for _, part := range []string{
				"<title>500 Internal Server Error</title>", `src="/__hotreload/client.js"`, "&lt;b&gt;bad&lt;/b&gt;", "\n/etc/passwd:1: no link\n</pre>",
				`<a href="ed:/` + dir + `/main.go:1:2">main.go:1:2</a>: `, `<a href="ed:/` + dir + `/views/index.html:1:5">index.html:1:5</a>: `,
			} {
				if tt.code != 500 && strings.Contains(part, "<title>") {
					part = "<title>404 Not Found</title>"
				}
				if !strings.Contains(a.body, part) {
					t.Errorf("no %q in\n%s", part, a.body)
				}
			}
		})
	}
}

// TestTextErrorsStream: an error that comes piece by piece is shown as it comes, and a line without
// end is not kept (P13).
func TestTextErrorsStream(t *testing.T) {
	more, end := make(chan struct{}), make(chan struct{})
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(500)
		fmt.Fprintln(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-more
		fmt.Fprint(w, strings.Repeat("x", 3*maxLine))
		_ = http.NewResponseController(w).Flush()
		<-end
	}))
	c, br := r.dialRaw()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n")
	seen := ""
	for !strings.Contains(seen, "first") {
		line, err := br.ReadString('\n')
		if err != nil {
			t.Fatal(err, seen)
		}
		seen += line
	}
	close(more)
	some := make([]byte, maxLine)
	if _, err := io.ReadFull(br, some); err != nil {
		t.Fatal(err)
	}
	close(end)
	rest, err := io.ReadAll(br)
	rest = append(some, rest...)
	if n := strings.Count(string(rest), "x"); err != nil || n != 3*maxLine || !strings.Contains(string(rest), "</pre>") {
		t.Fatal(err, n)
	}
}

// TestErrorPageComesBack: http.Error in a handler, then a repair: the page follows without a key
// press. Without JavaScript it has the same text and the same links (P13).
func TestErrorPageComesBack(t *testing.T) {
	browser := startBrowser(t)
	dir := project(t, map[string]string{"views/index.html": "one\n"})
	failing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		http.Error(w, "template: index.html:1:5: <b>no</b> field", http.StatusInternalServerError)
	})
	r, _ := startLive(t, Options{Inject: true, Dir: dir, Editor: "vscode://file/{file}:{line}:{column}"}, failing)
	v := open(t, browser, r.URL())
	plain := open(t, browser, "about:blank")
	if _, err := chromedp.Call(plain.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	plain.run(chromedp.Navigate(r.URL()))
	for _, v := range []*view{v, plain} {
		v.until("document.title", "500 Internal Server Error")
		v.until("document.querySelector('pre').textContent.trim()", "template: index.html:1:5: <b>no</b> field")
		v.until("document.querySelector('a').href", "vscode://file"+dir+"/views/index.html:1:5")
		v.until("getComputedStyle(document.querySelector('pre')).whiteSpace", "pre-wrap")
	}
	r.save()
	r.goLive(startApp(t, newSite(map[string]string{"/": "<!doctype html><title>works</title>"})))
	v.until("document.title", "works")
	v.until(gone, "true")
	v.quiet()
}
