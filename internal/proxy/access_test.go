package proxy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/event"
)

// own are the proxy's own endpoints.
var own = []string{"/__hotreload/client.js", "/__hotreload/worker.js", "/__hotreload/state", "/__hotreload/events"}

// TestAttacks: each of the proxy's own endpoints asks who asks (P9, P19, U4); page.TestAccess has all
// attacks. secret is a line of source code that is part of the state while the build is broken.
func TestAttacks(t *testing.T) {
	t.Parallel()
	const secret = "the_secret_line"
	r, _ := startLive(t, Options{Inject: true, Hosts: []string{"shop.test", ".ngrok.app"}}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><head></head>app")
	}))
	r.save()
	r.emit(event.BuildFinished{OK: false, Diagnostics: []event.Diagnostic{{
		File: "/src/main.go", Line: 1, Message: "undefined: x", Frame: []event.SourceLine{{Number: 1, Text: secret}},
	}}})
	const at = "localhost:1234"
	for _, tt := range []struct {
		name   string
		header []string
		ok     bool
	}{
		{"as it is", nil, true},
		{"own origin", []string{"Host", at, "Origin", "http://" + at}, true},
		{"a name of proxy.hosts", []string{"Host", "shop.test:8090", "Origin", "http://shop.test:8090"}, true},
		{"DNS rebinding (CVE-2025-24010)", []string{"Host", "evil.example"}, false},
		{"a foreign Host that says no Origin, as an event stream or upgrade does (CVE-2025-24010)", []string{"Host", "evil.example", "Upgrade", "websocket", "Connection", "Upgrade"}, false},
		{"any origin is allowed (GHSA-67mh-4wv8-2f99)", []string{"Host", at, "Origin", "https://evil.example"}, false},
		{"an origin by number is trusted (CVE-2025-30360)", []string{"Host", at, "Origin", "http://192.0.2.1:1234"}, false},
		{"another number of this machine (CVE-2025-30360)", []string{"Host", at, "Origin", "http://127.0.0.1:1234"}, false},
		{"a page in a sandbox", []string{"Host", at, "Origin", "null"}, false},
		{"two origins", []string{"Host", at, "Origin", "http://" + at, "Origin", "http://evil.example"}, false},
		{"the script of another site is included (CVE-2025-30359)", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "script"}, false},
		{"Sec-Fetch-Site decides alone (CVE-2026-6402)", []string{"Host", "evil.example", "Sec-Fetch-Site", "same-origin"}, false},
		{"X-Forwarded-For is trusted (CVE-2015-3224)", []string{"Host", "evil.example", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "localhost", "Forwarded", "for=127.0.0.1;host=localhost"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := map[bool]int{true: 200, false: 403}[tt.ok]
			for _, path := range own {
				if tt.ok && path == "/__hotreload/events" {
					continue // it does not end
				}
				a := r.get(path, tt.header...)
				want(t, a, code, "")
				if strings.Contains(a.body, secret) != (tt.ok && path == "/__hotreload/state") {
					t.Errorf("%s: %s", path, a.body)
				}
				if got := a.Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
					t.Errorf("%s: Cross-Origin-Resource-Policy %q", path, got)
				}
				for k := range a.Header {
					if strings.HasPrefix(k, "Access-Control") {
						t.Errorf("%s: %s", path, k)
					}
				}
			}
		})
	}
	t.Run("a file by parameter (CVE-2021-3129)", func(t *testing.T) {
		for _, path := range []string{
			"/__hotreload/", "/__hotreload/../main.go", "/__hotreload/source?file=/etc/passwd", "/__hotreload/open?file=/etc/passwd", "/__hotreload/client.js/../../etc/passwd",
		} {
			want(t, r.get(path), 404, "")
		}
		a := r.get("/__hotreload/state?file=/etc/passwd&id=../../etc/passwd")
		want(t, a, 200, secret)
		if strings.Contains(a.body, "passwd") {
			t.Error(a.body)
		}
	})
	t.Run("other methods", func(t *testing.T) {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			for _, path := range own {
				want(t, must(r.do(method, path, "")), http.StatusMethodNotAllowed, "only GET")
			}
		}
		want(t, must(r.do("CONNECT", "/", "")), http.StatusMethodNotAllowed, "")
	})
}

// TestStrangers: under a foreign name the program answers as it does for anyone. It gets neither the
// script nor source code, and the page of the old program is never shown as if it were the new one
// (P19, U4).
func TestStrangers(t *testing.T) {
	t.Parallel()
	const secret = "the_secret_line"
	broken := event.BuildFinished{OK: false, Summary: secret, Output: secret, Diagnostics: []event.Diagnostic{{
		File: "/src/main.go", Line: 1, Message: secret, Frame: []event.SourceLine{{Number: 1, Text: secret}},
	}}}
	html := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = io.WriteString(w, "<!doctype html><head></head>app")
	})
	r, _ := startLive(t, Options{Inject: true, Hosts: []string{"shop.test"}}, html)
	as := func(host string, more ...string) []string {
		return append(append([]string{"Host", host}, browser...), more...)
	}

	a := r.get("/", as("evil.example")...)
	if want(t, a, 200, "app"); a.body != "<!doctype html><head></head>app" || a.Header.Get("Content-Security-Policy") != "default-src 'none'" {
		t.Errorf("%q %q", a.body, a.Header)
	}
	want(t, r.get("/", as("shop.test")...), 200, "client.js")
	r.save()
	r.emit(broken)
	want(t, r.get("/", as("shop.test")...), 200, "client.js")
	for _, header := range [][]string{as("evil.example"), {"Host", "evil.example"}, as("evil.example", "X-Forwarded-For", "127.0.0.1")} {
		for _, method := range []string{"GET", "POST"} {
			a, err := r.do(method, "/", "", header...)
			if err != nil {
				t.Fatal(err)
			}
			want(t, a, 503, "proxy.hosts")
			if text := a.body + fmt.Sprint(a.Header); strings.Contains(text, secret) || strings.Contains(text, "client.js") {
				t.Errorf("%s: %s", method, text)
			}
		}
	}
	for _, host := range []string{"localhost", "shop.test"} {
		a := r.get("/", "Host", host)
		want(t, a, 503, secret)
		if got := a.Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
			t.Errorf("%s: Cross-Origin-Resource-Policy %q", host, got)
		}
	}
}

// TestLinksStayBelowTheRoots: whatever a compiler or a program prints (U4).
func TestLinksStayBelowTheRoots(t *testing.T) {
	t.Parallel()
	p := &Proxy{opt: Options{Dir: "/src", Editor: "vscode://file/{file}:{line}", Roots: func() []string { return []string{"/lib", ""} }}}
	for file, ok := range map[string]bool{
		"/src/main.go": true, "main.go": true, "a/../b.go": true, "/lib/x/y.go": true,
		"/etc/passwd": false, "/src/../etc/passwd": false, "../etc/passwd": false, "/srcs/a.go": false, "/library/a.go": false, "": false,
	} {
		if got := p.project().Link(file, 1, 1); (got != "") != ok || strings.Contains(got, "..") {
			t.Errorf("%q: %q", file, got)
		}
	}
}

// TestTextStaysText: what looks like markup, in every field of a report, is text in the page (U4).
func TestTextStaysText(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	dir := t.TempDir()
	const evil = `"><img src=x onerror="window.evil=1"><script>window.evil=1</script>`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(evil+"\n"+evil+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, a := startLive(t, Options{Inject: true, Dir: dir, Editor: "vscode://file/{file}:{line}"}, newSite(map[string]string{"/": "<!doctype html><title>x</title>"}))
	v := open(t, browser, r.URL())
	r.save()
	r.emit(event.BuildFinished{OK: false, Summary: evil, Hint: evil, Output: evil, Diagnostics: []event.Diagnostic{
		{File: filepath.Join(dir, evil), Line: 1, Message: evil, Package: evil, Frame: []event.SourceLine{{Number: 1, Text: evil}}},
	}})
	v.until(overlay+".includes('onerror')", "true")
	r.save()
	r.goLive(a)
	v.until(gone, "true")
	r.emit(event.Exited{PID: a.pid, Code: 2, Reason: evil, Panic: evil + "\nmain.main()\n\t" + filepath.Join(dir, "main.go") + ":1 +0x1d", File: filepath.Join(dir, "main.go"), Line: 1})
	v.until(overlay+".includes('onerror')", "true")
	const root = `document.querySelector('hotreload-overlay').shadowRoot`
	v.until(root+".querySelectorAll('img, script').length", "0")
	v.run(chromedp.Navigate(r.URL() + "/?" + "x"))
	v.until(overlay+".includes('onerror')", "true")
	v.until("document.querySelectorAll('img, script').length", "0")
	v.until("window.evil", "undefined")
	v.quiet()
}
