package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// TestPolicy: what a policy becomes: the client's own paths are admitted, and nothing else (P15).
func TestPolicy(t *testing.T) {
	t.Parallel()
	const (
		script  = "localhost:8090/__hotreload/client.js"
		worker  = "worker-src localhost:8090/__hotreload/worker.js"
		connect = "connect-src localhost:8090/__hotreload/"
	)
	for _, tt := range []struct{ name, in, want, nonce string }{
		{"of other things", "img-src 'none'; style-src x", "img-src 'none'; style-src x", ""},
		{"self", "default-src 'self'", "default-src 'self'", ""},
		{"any", "default-src *", "default-src *", ""},
		{"http", "script-src http:", "script-src http:", ""},
		{"nonce", "script-src 'nonce-abc'; object-src 'none'", "script-src 'nonce-abc'; object-src 'none'; worker-src 'nonce-abc' localhost:8090/__hotreload/worker.js", "abc"},
		{"nonce and strict-dynamic", "script-src 'strict-dynamic' 'nonce-abc' https:", "script-src 'strict-dynamic' 'nonce-abc' https:", "abc"},
		{"nothing", "default-src 'none'; img-src *", "default-src 'none'; img-src *; " + worker + "; " + connect + "; script-src " + script, ""},
		{"nothing but a nonce", "default-src 'none'; script-src 'nonce-x'", "default-src 'none'; script-src 'nonce-x'; worker-src 'nonce-x' localhost:8090/__hotreload/worker.js; " + connect, "x"},
		{"other hosts", "script-src https://cdn.example 'unsafe-inline'; img-src *",
			"script-src https://cdn.example 'unsafe-inline' " + script + "; img-src *; worker-src https://cdn.example 'unsafe-inline' localhost:8090/__hotreload/worker.js", ""},
		{"script-src none", "img-src *; script-src 'none'", "img-src *; script-src " + script + "; " + worker, ""},
		{"script-src empty", "script-src", "script-src " + script + "; " + worker, ""},
		{"elements decide", "script-src 'self'; script-src-elem 'none'", "script-src 'self'; script-src-elem " + script, ""},
		{"the first of two counts", "script-src 'none'; script-src 'self'", "script-src " + script + "; script-src 'self'; " + worker, ""},
		{"two policies", "script-src 'nonce-abc' 'self', script-src 'nonce-def' 'self'", "script-src 'nonce-abc' 'self', script-src 'nonce-def' 'self'", "abc"},
		{"two nonces", "worker-src *; script-src 'nonce-abc', worker-src *;script-src 'nonce-def'", "worker-src *; script-src 'nonce-abc', worker-src *;script-src 'nonce-def' " + script, "abc"},
		{"upper case", "Script-Src 'SELF'", "Script-Src 'SELF'", ""},
		{"connections", "connect-src https://api.example", "connect-src https://api.example localhost:8090/__hotreload/", ""},
		{"no connections", "connect-src 'none'", connect, ""},
		{"no workers", "worker-src 'none'", worker, ""},
		{"child-src decides for workers", "child-src 'none'; default-src *", "child-src 'none'; default-src *; " + worker, ""},
		{"styles do not matter", "style-src 'none'; style-src-elem 'none'; style-src-attr 'none'", "style-src 'none'; style-src-elem 'none'; style-src-attr 'none'", ""},
	} {
		for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				h := http.Header{name: {tt.in}}
				g := allow(h, "localhost:8090")
				if got := h.Get(name); got != tt.want || g.nonce != tt.nonce {
					t.Errorf("%q, nonce %q\nwant %q, nonce %q", got, g.nonce, tt.want, tt.nonce)
				}
				allow(h, "localhost:8090")
				if got := h.Get(name); got != tt.want {
					t.Errorf("the second time %q", got)
				}
			})
		}
	}
	t.Run("none", func(t *testing.T) {
		h := http.Header{}
		if g := allow(h, "localhost"); g != (granted{}) || len(h) != 0 {
			t.Error(g, h)
		}
	})
	t.Run("several headers", func(t *testing.T) {
		h := http.Header{"Content-Security-Policy": {"script-src 'self'", "connect-src 'none'", "img-src 'none'"}}
		allow(h, "localhost:8090")
		if got := h["Content-Security-Policy"]; !slices.Equal(got, []string{"script-src 'self'", connect, "img-src 'none'"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("strict-dynamic without a nonce", func(t *testing.T) {
		for _, p := range []string{"script-src 'strict-dynamic' 'sha256-x'", "script-src 'self' 'strict-dynamic' 'sha256-x'"} {
			h := http.Header{"Content-Security-Policy": {p}}
			g := allow(h, "localhost")
			if got := h.Get("Content-Security-Policy"); g.nonce == "" || got != p+" 'nonce-"+g.nonce+"'" {
				t.Error(got)
			}
		}
	})
	t.Run("trusted types", func(t *testing.T) {
		h := http.Header{"Content-Security-Policy": {"require-trusted-types-for 'script'; default-src 'none'"}}
		if g := allow(h, "localhost:8090"); !g.noWorker || !strings.Contains(h.Get("Content-Security-Policy"), connect) {
			t.Error(g, h)
		}
	})
	t.Run("IPv6", func(t *testing.T) {
		h := http.Header{"Content-Security-Policy": {"script-src-elem 'none'"}}
		allow(h, "[::1]:8090")
		if got := h.Get("Content-Security-Policy"); got != "script-src-elem 'self'" {
			t.Fatal(got)
		}
	})
	t.Run("the nonce is quoted", func(t *testing.T) {
		r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", `script-src 'nonce-a"><b'`)
			fmt.Fprint(w, "<!doctype html>")
		}))
		want(t, r.get("/", browser...), 200, ` nonce="a&#34;&gt;&lt;b"></script>`)
	})
}

// TestPoliciesInChromium: the overlay is shown and the page reloads under each, nothing is reported
// to the program, and what the policy forbids the page stays forbidden (P15).
func TestPoliciesInChromium(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	const probe = `<script nonce="abc">
addEventListener('securitypolicyviolation', e => (window.reported = window.reported || []).push(e.violatedDirective + ' ' + e.blockedURI));
</script>`
	for i, tt := range []struct {
		name, enforce, report, meta string
		open                        bool // the page's own connections are not forbidden
	}{
		{name: "self", enforce: "default-src 'self'", open: true},
		{name: "nonce and strict-dynamic", enforce: "script-src 'nonce-abc' 'strict-dynamic'", open: true},
		{name: "no scripts", enforce: "script-src 'none'", open: true},
		{name: "nothing", enforce: "default-src 'none'"},
		{name: "nothing but a nonce", enforce: "default-src 'none'; script-src 'nonce-abc'"},
		{name: "hashes", enforce: "default-src 'none'; script-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"},
		{name: "hashes and strict-dynamic", enforce: "default-src 'none'; script-src 'strict-dynamic' 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"},
		{name: "trusted types", enforce: "require-trusted-types-for 'script'; trusted-types 'none'", open: true},
		{name: "trusted types and nothing", enforce: "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
		{name: "connections elsewhere", enforce: "connect-src https://api.example; worker-src 'none'; style-src 'none'"},
		{name: "in a meta element", meta: "default-src 'none'"},
		{name: "trusted types in a meta element", meta: "default-src 'none'; script-src 'nonce-abc'; require-trusted-types-for 'script'"},
		{name: "reported only", report: "default-src 'none'; script-src 'nonce-abc'; img-src *", open: true},
		{name: "several", enforce: "script-src 'nonce-abc', connect-src 'none'", report: "worker-src 'none'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if i%3 != 0 {
				testkit.Slow(t)
			}
			page := func(title string) string {
				meta := ""
				if tt.meta != "" {
					meta = `<meta http-equiv="Content-Security-Policy" content="` + tt.meta + `">`
				}
				return `<!doctype html><html><head><title>` + title + `</title>` + meta + probe + `</head><body>x</body></html>`
			}
			s := newSite(map[string]string{"/": page("one"), "/data": "x"})
			if tt.enforce != "" {
				s.head.Set("Content-Security-Policy", tt.enforce)
			}
			if tt.report != "" {
				s.head.Set("Content-Security-Policy-Report-Only", tt.report)
			}
			r, _ := startLive(t, Options{Inject: true}, s)
			r.save()
			r.emit(frame)
			v := open(t, browser, r.URL())
			v.until(overlay+".includes('cannot use order')", "true")
			const panel = `document.querySelector('hotreload-overlay').shadowRoot.querySelector('.panel')`
			v.until("getComputedStyle("+panel+").borderTopWidth", "4px") // its style needs no permission
			v.until("window.reported", "undefined")
			v.js("void fetch('/data').then(() => window.data = 'open', () => window.data = 'refused')")
			v.until("window.data", map[bool]string{true: "open", false: "refused"}[tt.open])
			s.set("/", page("two"))
			r.save()
			r.goLive(startApp(t, s))
			v.until("document.title", "two")
			v.until(gone, "true")
			v.until("window.reported", "undefined")
			v.quiet()
		})
	}
}
