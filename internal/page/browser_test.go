package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hotreload/hotreload/internal/chromium"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/places"
	"github.com/hotreload/hotreload/internal/testkit"
)

// tab is the page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openTab(t *testing.T, url string) *tab {
	t.Helper()
	return &tab{t, chromium.ForTest(t, chromedp.EmulateViewport(1200, 900), chromedp.Navigate(url))}
}

func (b *tab) run(a ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testkit.Deadline)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		b.t.Fatal(err)
	}
}

// js evaluates an expression to text.
func (b *tab) js(expr string) string {
	b.t.Helper()
	s, err := b.eval(expr)
	if err != nil {
		b.t.Fatalf("%s: %v", expr, err)
	}
	return s
}

func (b *tab) eval(expr string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, testkit.Deadline)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`String(`+expr+`)`))
}

// sees waits until an expression has a text in it.
func (b *tab) sees(expr, want string) {
	b.t.Helper()
	testkit.Until(b.t, fmt.Sprintf("%q in %s", want, expr), func() bool {
		got, err := b.eval(expr) // an error: what it asks for is not there yet
		return err == nil && strings.Contains(got, want)
	})
}

// session is a page with a control API that knows three services.
type session struct {
	*Page
	url  string
	file string // in the project

	mu     sync.Mutex
	ran    []string // commands of the editor
	cpu    int64
	status int // how often it was asked for
}

func newSession(t *testing.T) *session {
	t.Helper()
	dir := t.TempDir()
	s := &session{Page: New(), file: filepath.Join(dir, "main.go")}
	if err := os.WriteFile(s.file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.status++
		s.cpu += 1000
		one := func(name, state string, more map[string]any) map[string]any {
			v := map[string]any{"service": name, "state": state, "pid": 4711, "running": 7, "since": start, "engine": "direct",
				"proxy_url": "http://127.0.0.1:8090", "usage": map[string]any{"cpu_ms": s.cpu, "memory_bytes": 7 << 20}}
			for k, x := range more {
				v[k] = x
			}
			return v
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"version": "v1", "dir": dir, "pid": 4700, "services": []any{
			one("web", "live", map[string]any{"console": []event.Console{{Level: "error", Text: "x"}}}),
			one("api-with-a-long-name", "failed", map[string]any{"stale": true, "error": "1 error in ./internal/some/very/long/directory/name/that/goes/on/main.go"}),
			one("worker", "live", map[string]any{"paused": true, "usage": nil}),
		}})
	})
	api.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"inspect":true,"requests":[{"id":1,"at":"2026-01-02T15:04:05Z","service":"web","method":"POST","path":"/`+strings.Repeat("long/", 30)+`","status":500,"duration_ms":12,"held_ms":900}]}`)
	})
	api.HandleFunc("GET /logs", func(w http.ResponseWriter, r *http.Request) {
		text := "main.go:12: \x1b[31mhello\x1b[0m\nand <b>more</b>\n"
		line, _ := json.Marshal(map[string]any{"service": "web", "generation": 1, "stream": "stderr", "text": text, "time": start,
			"parts": s.Links(r.Context(), "web").Linked("main.go:12: hello\nand <b>more</b>\n")})
		_, _ = w.Write(append(line, '\n'))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s.Serve(api)
	s.LinkTo(func(_ context.Context, service string) places.Project {
		return places.Project{Dir: dir, Command: []string{"ed", "{file}:{line}"}, Run: func(argv []string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ran = append(s.ran, strings.Join(argv, " "))
			return nil
		}}
	})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.url = s.URL(srv.URL)
	play(s.Timeline, changed(1, "rebuild", s.file), gen(1, event.Live{LatencyMS: 100, BuildMS: 60, StartMS: 40}),
		gen(1, event.Console{Level: "uncaught", Text: "x is <not> a function", File: s.file, Line: 3}),
		event.Event{Service: "api", Generation: 1, Body: event.Changed{Paths: []string{"/" + strings.Repeat("long/", 30) + "x.go"}, Effect: "rebuild"}},
		event.Event{Service: "api", Generation: 1, Body: event.BuildFinished{Summary: "1 error", DurationMS: 7, Diagnostics: []event.Diagnostic{
			{File: s.file, Line: 9, Column: 2, Message: "undefined", Frame: []event.SourceLine{{Number: 9, Text: "\tx := " + strings.Repeat("y", 300)}}}}}})
	return s
}

func (s *session) commands() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.ran, "\n")
}

// U1, P18: the page shows errors of the browser with their place, and what each service uses. Each place
// opens the editor. What changes keeps the focus, and moves nothing.
func TestPageInChromium(t *testing.T) {
	s := newSession(t)
	b := openTab(t, s.url)
	b.sees(`document.querySelector('[data-service=web]').textContent`, "1 error in the browser")
	b.sees(`document.querySelector('[data-service=web] .used').textContent`, "7.0 MB")
	b.sees(`document.querySelector('[data-service=web] button').disabled`, "false") // it has the token
	top := b.js(`document.querySelector('#saves').getBoundingClientRect().top`)
	b.js(`document.querySelector('[data-service=web] button').focus()`)
	b.sees(`document.querySelector('[data-service=web] .used').textContent`, " % CPU, 7.0 MB") // needs two answers
	if got := b.js(`document.activeElement.textContent + ' of ' + document.activeElement.closest('.service')?.dataset.service`); got != "Restart of web" {
		t.Errorf("the focus is on %q", got)
	}
	if got := b.js(`document.querySelector('#saves').getBoundingClientRect().top`); got != top {
		t.Errorf("the saves moved from %s to %s", top, got)
	}
	if got := b.js(`document.querySelector('[data-service=worker] .used').textContent`); got != "" {
		t.Errorf("use of a service that is not known: %q", got)
	}

	// The newest is open, because it failed. Another one that a person has opened stays so.
	const web = `document.querySelector('#saves [data-id="1"]')`
	b.sees(`document.querySelector('#saves [data-id="2"] details').open`, "true")
	b.sees(web+`.querySelector('.console').textContent`, "uncaught main.go:3 x is <not> a function")
	b.js(`(` + web + `.querySelector('summary').click(), ` + web + `.querySelector('summary').focus())`)
	for _, c := range []struct{ link, want string }{
		{web + `.querySelector('.console a')`, ":3"},
		{`document.querySelector('#saves [data-id="2"] .message a')`, ":9"},
		{`document.querySelector('#logs a')`, ":12"},
	} {
		b.sees(c.link+`.textContent`, "main.go:")
		b.js(c.link + `.click()`)
		testkit.Until(t, "the editor at "+c.want, func() bool { return strings.HasSuffix(s.commands(), "ed "+s.file+c.want) })
	}
	if got := b.js(`document.querySelector('#logs').textContent`); !strings.Contains(got, "main.go:12: hello\n") || !strings.Contains(got, "and <b>more</b>") {
		t.Errorf("output %q", got)
	}
	b.js(web + `.querySelector('summary').focus()`)
	s.Timeline.Emit(event.Event{Time: start, Service: "web", Generation: 2, Body: event.Changed{Paths: []string{"/new.go"}, Effect: "rebuild"}})
	s.Timeline.Emit(event.Event{Time: start, Service: "web", Generation: 1, Body: event.Console{Level: "error", Text: "another"}})
	b.sees(`document.querySelector('#saves li').textContent`, "new.go")
	b.sees(web+`.querySelector('.console').textContent`, "another")
	if got := b.js(`document.activeElement.closest('li')?.dataset.id + ' ' + ` + web + `.querySelector('details').open`); got != "1 true" {
		t.Errorf("focus on row, and whether it is open: %s", got)
	}
	b.sees(`document.querySelector('#saves [data-id="2"] details').open`, "false") // it is no longer the newest
}

// U1: a page that is open when another session takes over its address shows that session, and nothing of the one before.
func TestPageOfNextSession(t *testing.T) {
	var now atomic.Pointer[Page]
	begin := func(files ...string) {
		p := New()
		p.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"services":[]}`) }))
		for i, file := range files {
			play(p.Timeline, changed(i+1, "rebuild", file))
		}
		now.Store(p)
	}
	begin("/one.go", "/two.go")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	b := openTab(t, srv.URL+Prefix)
	const rows = `[...document.querySelectorAll('#saves .paths')].map(e => e.textContent).join()`
	b.sees(rows, "/two.go,/one.go")
	begin("/three.go")
	srv.CloseClientConnections()
	b.sees("(rows => rows.includes('one') ? 'old' : rows)("+rows+")", "/three.go")
}

// U1: a hidden page asks for nothing.
func TestHiddenPageAsksNothing(t *testing.T) {
	s := newSession(t)
	b := openTab(t, s.url)
	asked := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.status
	}
	testkit.Until(t, "a visible page asks for the status", func() bool { return asked() > 2 })
	hide := func(state string) {
		b.js(`(Object.defineProperty(document, 'visibilityState', {configurable: true, value: '` + state + `'}), 0)`)
	}
	hide("hidden")
	b.js(`(window.ticks = 0, setInterval(() => ticks++, 2000))`)
	n := asked()
	b.sees(`window.ticks >= 2 ? 'passed' : ''`, "passed") // its own timer has fired in the meantime
	if got := asked(); got > n+1 {                        // one may have been under way
		t.Errorf("asked %d times while hidden", got-n)
	}
	hide("visible")
	n = asked()
	testkit.Until(t, "it asks again", func() bool { return asked() > n })
}

// contrast lists the texts of the page that are hard to read.
const contrast = `(() => {
  const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.checkVisibility() || e.closest('button:disabled, script, style, noscript, option')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.add(ratio.toFixed(2) + ' ' + e.localName + '.' + e.className + ' ' + n.data.trim().slice(0, 30));
  }
  return [...found].join('\n');
})()`

// U1: light and dark, wide and narrow: all texts are readable, nothing is cut off, and the keyboard
// reaches what can be pressed and shows where it is.
func TestPageLooks(t *testing.T) {
	s := newSession(t)
	b := openTab(t, s.url)
	for _, scheme := range []string{"light", "dark"} {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{400, 1200} {
			name := fmt.Sprintf("%s, %d", scheme, width)
			b.run(chromedp.EmulateViewport(width, 900), chromedp.Navigate(s.url))
			b.sees(`document.querySelector('[data-service=web] .used')?.textContent`, "MB")
			b.sees(`document.querySelectorAll('.request').length`, "1")
			b.sees(`document.querySelector('#logs').textContent`, "hello")
			b.js(`document.querySelectorAll('details').forEach(d => { d.open = true })`)
			b.js(`document.querySelector('#session').textContent += '/a'.repeat(100) + 'x'.repeat(100)`) // a long path
			if got := b.js(contrast); got != "" {
				t.Errorf("%s: contrast below 4.5:\n%s", name, got)
			}
			if got := b.js(`document.documentElement.scrollWidth`); got != fmt.Sprint(width) && b.js(`document.documentElement.scrollWidth > innerWidth`) == "true" {
				t.Errorf("%s: the page is %s wide", name, got)
			}
			if got := b.js(`[...document.querySelectorAll('.service > *')].filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline').map(e => e.className).join()`); got != "" {
				t.Errorf("%s: cut off: %s", name, got)
			}
			seen := map[string]bool{}
			for range 12 {
				b.run(chromedp.KeyEvent(kb.Tab))
				got := b.js(`(() => { const e = document.activeElement, s = getComputedStyle(e); return e.localName + ' ' + (e.matches(':focus-visible') && s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) })()`)
				if strings.HasSuffix(got, " false") && !strings.HasPrefix(got, "body") {
					t.Errorf("%s: the focus cannot be seen: %s", name, got)
				}
				seen[strings.Fields(got)[0]] = true
			}
			if !seen["button"] || !seen["a"] {
				t.Errorf("%s: the keyboard reaches only %v", name, seen)
			}
		}
	}
}

// U1: the bar of a row that is there already follows its new times. The page's policy refuses style attributes.
func TestBarFollowsInChromium(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	b := openTab(t, s.url)
	for n, ms := range []int64{300, 500} {
		play(s.Timeline, gen(2, event.BuildFinished{Summary: "1 error", DurationMS: ms}))
		b.sees(`document.querySelector('.save .bar').getAttribute('aria-label')`, fmt.Sprintf("build %d ms", ms))
		if got, want := b.js(`document.querySelector('.save .bar .build').style.width`), fmt.Sprintf(" %d ", ms); !strings.Contains(got, want) {
			t.Errorf("round %d: the width is %q, want one with%sms in it", n, got, want)
		}
	}
}
