package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/chromium"
	"github.com/hotreload/hotreload/internal/event"
)

// one is the browser of all tests: a start takes longer than most of them.
var one = struct {
	sync.Once
	ctx context.Context
	end func()
	err error
}{end: func() {}}

func endBrowser() { one.end() }

// startBrowser gives the test a separate profile and window of the browser, or skips it.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	one.Do(func() {
		ctx, end, err := chromium.Start(context.Background())
		if one.ctx, one.err = ctx, err; err == nil {
			one.end = end
		}
	})
	if errors.Is(one.err, chromium.ErrMissing) {
		t.Skip(one.err)
	}
	if one.err != nil {
		t.Fatal(one.err)
	}
	profile, end := chromedp.NewContext(one.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Do(profile); err != nil {
		t.Fatal(err)
	}
	return profile
}

// view is a tab.
type view struct {
	t      *testing.T
	ctx    context.Context
	mu     sync.Mutex
	errors []string // exceptions and errors in the console of the page
}

func open(t *testing.T, browser context.Context, url string) *view {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	v := &view{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			d, text := e.ExceptionDetails, e.ExceptionDetails.Text
			if d.Exception != nil {
				text += " " + d.Exception.Description
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			v.errors = append(v.errors, text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	v.run(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(url))
	return v
}

func (v *view) run(a ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, hang)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		v.t.Fatal(err)
	}
}

// js evaluates an expression to text. A page that is just going away gives "".
func (v *view) js(expr string) string {
	ctx, cancel := context.WithTimeout(v.ctx, hang)
	defer cancel()
	s, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`String(`+expr+`)`))
	return s
}

func (v *view) until(expr, want string) {
	v.t.Helper()
	var last string
	defer func() {
		if v.t.Failed() {
			v.t.Logf("%s is %q", expr, last)
		}
	}()
	eventually(v.t, fmt.Sprintf("%s is %q", expr, want), func() bool { last = v.js(expr); return last == want })
}

// quiet: the script never throws.
func (v *view) quiet() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.errors) > 0 {
		v.t.Errorf("exceptions in the page: %q", v.errors)
	}
}

// shot keeps a picture for people, if they want one.
func (v *view) shot(name string) {
	dir := os.Getenv("HOTRELOAD_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err != nil {
			v.t.Fatal(err)
		}
		png, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			v.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), png, 0o644); err != nil {
			v.t.Fatal(err)
		}
	}
}

const (
	overlay = `(document.querySelector('hotreload-overlay')?.shadowRoot.querySelector('.panel')?.textContent ?? '')`
	badge   = `(document.querySelector('hotreload-overlay')?.shadowRoot.querySelector('.badge')?.textContent ?? '')`
	gone    = `document.querySelector('hotreload-overlay') === null`
)

// site is a program of which the test decides what it serves.
type site struct {
	mu    sync.Mutex
	files map[string]string
	head  http.Header
	hits  map[string]int
}

func (s *site) set(path, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = content
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, ok := s.files[r.URL.Path]
	s.hits[r.URL.Path]++
	for k, v := range s.head {
		w.Header()[k] = v
	}
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch filepath.Ext(r.URL.Path) {
	case ".css":
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "max-age=3600")
	case ".svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "max-age=3600")
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	fmt.Fprint(w, content)
}

func newSite(files map[string]string) *site {
	return &site{files: files, hits: map[string]int{}, head: http.Header{}}
}

// frame is an error as the compiler's readers know it.
var frame = event.BuildFinished{OK: false, Summary: "2 errors in ./shop", Diagnostics: []event.Diagnostic{
	{File: "/src/shop/cart.go", Line: 42, Column: 19, Package: "example.com/shop/shop",
		Message: "cannot use order (variable of type *Order) as string value in argument to s.Add\n\thave (*Order)\n\twant (string)",
		Frame: []event.SourceLine{
			{Number: 40, Text: "func (s *Shop) Buy(order *Order) error {"}, {Number: 41, Text: "\tif order.Items[\"<script>alert(1)</script>\"] > 0 {"},
			{Number: 42, Text: "\t\tif err := s.Add(order); err != nil {"}, {Number: 43, Text: "\t\t\treturn fmt.Errorf(\"buy: %w\", err)"}, {Number: 44, Text: "\t\t}"},
		}},
	{File: "/src/shop/price.go", Line: 7, Column: 2, Package: "example.com/shop/shop", Message: "\"math\" imported and not used",
		Frame: []event.SourceLine{{Number: 6, Text: "\t\"fmt\""}, {Number: 7, Text: "\t\"math\""}, {Number: 8, Text: ")"}}},
}}

const long = `<!doctype html><html lang="en"><head><title>%s</title><link rel="stylesheet" href="/a.css"></head>
<body><h1>%[1]s</h1><input id="name" placeholder="Name"><div id="inner" style="height:100px;overflow:auto"><div style="height:2000px">inner</div></div>
<div style="height:5000px">long</div></body></html>`

func page1(title string) string { return fmt.Sprintf(long, title) }

// TestInChromium: what people see (P4, P5, P6, P7, P8).
func TestInChromium(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	rigUp := func(t *testing.T, o Options, s *site) (*rig, *app) {
		o.Inject = true
		o.Editor = "vscode://file/{file}:{line}:{column}"
		return startLive(t, o, s)
	}

	t.Run("reload keeps the scroll position", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		v.until("document.title", "one")
		v.js("window.mark = 1, scrollTo(0, 1234), document.querySelector('#inner').scrollTo(0, 321)")
		v.until("scrollY", "1234")
		v.until("document.querySelector('script') === null", "true") // nothing of ours is left in the page
		s.set("/", page1("two"))
		r.save()
		v.until(badge, "Building…")
		v.until("getComputedStyle(document.querySelector('hotreload-overlay').shadowRoot.querySelector('.badge')).opacity", "1")
		v.shot("building")
		r.goLive(startApp(t, s))
		v.until("document.title", "two")
		v.until("window.mark", "undefined")
		v.until("scrollY", "1234")
		v.until("document.querySelector('#inner').scrollTop", "321")
		v.until(gone, "true")
		if n := s.count("/"); n != 2 {
			t.Errorf("loaded %d times", n)
		}
		v.quiet()
	})

	t.Run("css and images in place", func(t *testing.T) {
		const red, green = `body { color: rgb(255, 0, 0) }`, `body { color: rgb(0, 128, 0) }`
		svg := func(n int) string {
			return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="5"/>`, n)
		}
		s := newSite(map[string]string{
			"/":      `<!doctype html><head><link rel="stylesheet" href="/a.css"><style>@import "/c.css";</style></head><body><input id="name"><img id="i" src="/i.svg?x=1"><img id="o" src="/o.svg"><b>b</b><i>i</i>`,
			"/a.css": `@import "/b.css"; ` + red, "/b.css": `b { font-size: 10px }`, "/c.css": `i { font-size: 10px }`, "/i.svg": svg(10), "/o.svg": svg(10),
		})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		v.until("getComputedStyle(document.body).color", "rgb(255, 0, 0)")
		v.until("document.querySelector('#i').naturalWidth", "10")
		v.js("window.mark = 1, document.querySelector('#name').value = 'typed'")
		s.set("/a.css", `@import "/b.css"; `+green)
		s.set("/b.css", `b { font-size: 20px }`)
		s.set("/c.css", `i { font-size: 20px }`)
		r.emit(event.Changed{Effect: "reload", Paths: []string{"/src/a.css", "/src/b.css", "/src/c.css"}})
		eventually(t, "the browser listens", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.clients) == 1 })
		if n := r.Reload(true); n != 1 {
			t.Errorf("%d browsers", n)
		}
		v.until("getComputedStyle(document.body).color", "rgb(0, 128, 0)")
		v.until("getComputedStyle(document.querySelector('b')).fontSize", "20px")
		v.until("getComputedStyle(document.querySelector('i')).fontSize", "20px")
		v.until("document.querySelectorAll('link').length", "1")
		images := s.count("/i.svg") + s.count("/o.svg")
		s.set("/i.svg", svg(20))
		r.emit(event.Changed{Effect: "reload", Paths: []string{"/src/i.svg"}})
		r.Reload(true)
		v.until("document.querySelector('#i').naturalWidth", "20")
		if n := s.count("/o.svg"); images != 2 || n != 1 {
			t.Errorf("an image that was not changed was fetched again (%d, %d)", images, n)
		}
		v.until("window.mark + document.querySelector('#name').value", "1typed")
		if n := s.count("/"); n != 1 {
			t.Errorf("loaded %d times", n)
		}
		v.quiet()
	})

	t.Run("a broken build", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		v.run(chromedp.SendKeys(chromedp.CSS("#name"), "typed"))
		r.save()
		r.emit(frame)
		v.until(overlay+".includes('cannot use order')", "true")
		v.shot("build")
		const root = `document.querySelector('hotreload-overlay').shadowRoot`
		v.until(root+".querySelector('.panel').getAttribute('role')", "alertdialog")
		v.until(root+".querySelector('a').href", "vscode://file/src/shop/cart.go:42:19")
		v.until(root+".querySelector('a').textContent", "shop/cart.go:42:19")
		v.until(root+".querySelectorAll('script').length", "0") // what looks like markup in the code is text
		v.until(root+".querySelector('.src.hit').textContent.trim()", "if err := s.Add(order); err != nil {")
		// The caret is below the argument: as wide as what comes before it.
		v.until(root+".querySelector('.caret').textContent.length", "19")
		v.until("document.querySelector('#name').value", "typed")
		v.run(chromedp.KeyEvent("\x1b"))
		v.until(overlay, "")
		v.until(badge, "Stale: the build failed")
		v.until("document.activeElement.id", "name")
		v.shot("badge")
		v.js(root + ".querySelector('.badge').click()")
		v.until(overlay+".includes('cannot use order')", "true")
		// Another page load while it is broken: the old page, with the overlay.
		second := open(t, browser, r.URL())
		second.until(overlay+".includes('cannot use order')", "true")
		second.until("document.title", "one")
		// Undone: nothing is loaded again.
		r.emit(event.Undone{})
		v.until(gone, "true")
		v.until("document.querySelector('#name').value", "typed")
		second.until(gone, "true")
		// Broken and fixed.
		r.save()
		r.emit(frame)
		v.until(overlay+".includes('cannot use order')", "true")
		s.set("/", page1("fixed"))
		r.save()
		r.goLive(startApp(t, s))
		v.until("document.title", "fixed")
		v.until(gone, "true")
		second.until("document.title", "fixed")
		v.quiet()
		second.quiet()
	})

	t.Run("hidden stays hidden when the page is loaded", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		r.save()
		r.emit(frame)
		v.until(overlay+".includes('cannot use order')", "true")
		v.run(chromedp.KeyEvent("\x1b"))
		v.until(badge, "Stale: the build failed")
		v.js("window.mark = 1")
		v.run(chromedp.Reload())
		v.until("window.mark", "undefined")
		v.until(badge, "Stale: the build failed")
		v.until(overlay, "")
		r.save() // the next failure is another one
		r.emit(frame)
		v.until(overlay+".includes('cannot use order')", "true")
	})

	t.Run("a broken build with nothing running", func(t *testing.T) {
		r := start(t, Options{Inject: true})
		r.save()
		r.emit(frame)
		v := open(t, browser, r.URL())
		v.until(overlay+".includes('cannot use order')", "true")
		v.shot("first-build")
		s := newSite(map[string]string{"/": page1("works"), "/a.css": ""})
		r.save()
		r.goLive(startApp(t, s))
		v.until("document.title", "works")
		v.until(gone, "true")
		v.quiet()
	})

	t.Run("a crash", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "cart.go")
		if err := os.WriteFile(file, []byte("package main\n\nfunc total(items []int) int {\n\tsum := 0\n\tfor i := range items {\n\t\tsum += items[i+1]\n\t}\n\treturn sum\n}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		r, a := rigUp(t, Options{Dir: dir}, s)
		v := open(t, browser, r.URL())
		v.run(chromedp.SendKeys(chromedp.CSS("#name"), "typed"))
		a.kill()
		r.emit(event.Exited{PID: a.pid, Code: 2, Reason: "panic: runtime error: index out of range [3] with length 3 (cart.go:6)", File: file, Line: 6,
			Panic: "goroutine 1 [running]:\nruntime.goPanicIndex(0x3, 0x3)\n\t/usr/local/go/src/runtime/panic.go:115 +0x74\nmain.total(...)\n\t" + file + ":6\nmain.main()\n\t" + filepath.Join(dir, "main.go") + ":12 +0x1d"})
		v.until(overlay+".includes('index out of range')", "true")
		v.shot("crash")
		const root = `document.querySelector('hotreload-overlay').shadowRoot`
		v.until(root+".querySelector('.stack .hit').textContent.includes('main.total')", "true")
		v.until(root+".querySelector('.src.hit').textContent.trim()", "sum += items[i+1]")
		v.until("document.querySelector('#name').value", "typed")
		v.run(chromedp.Reload()) // its own page now
		v.until("document.querySelector('h1').textContent", "Crashed")
		v.until(overlay+".includes('index out of range')", "true")
		s.set("/", page1("again"))
		r.save()
		r.goLive(startApp(t, s))
		v.until("document.title", "again")
		v.until(gone, "true")
		v.quiet()
	})

	t.Run("serve marks what is stale", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		r, _ := rigUp(t, Options{WhenBroken: "serve"}, s)
		v := open(t, browser, r.URL())
		r.save()
		r.emit(frame)
		v.until(badge, "Stale: the build failed")
		v.until(overlay, "")
		v.js("document.querySelector('hotreload-overlay').shadowRoot.querySelector('.badge').click()")
		v.until(overlay+".includes('cannot use order')", "true")
		v.quiet()
	})

	t.Run("two tabs, one stream", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/b": page1("b one"), "/a.css": ""})
		r, _ := rigUp(t, Options{}, s)
		a, b := open(t, browser, r.URL()), open(t, browser, r.URL()+"/b")
		r.save()
		a.until(badge, "Building…")
		b.until(badge, "Building…")
		r.mu.Lock()
		n := len(r.clients)
		r.mu.Unlock()
		if n != 1 {
			t.Errorf("%d streams", n)
		}
		s.set("/", page1("two"))
		s.set("/b", page1("b two"))
		r.goLive(startApp(t, s))
		a.until("document.title", "two")
		b.until("document.title", "b two")
		if s.count("/") != 2 || s.count("/b") != 2 {
			t.Errorf("loaded %d and %d times", s.count("/"), s.count("/b"))
		}
	})

	t.Run("a page out of the cache is loaded once", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"same"`)
			w.Header().Set("Cache-Control", "no-cache")
			if r.URL.Path == "/" && r.Header.Get("If-None-Match") == `W/"same"` {
				s.mu.Lock()
				s.hits["304"]++
				s.mu.Unlock()
				w.WriteHeader(http.StatusNotModified)
				return
			}
			s.ServeHTTP(w, r)
		})
		r := start(t, Options{Inject: true})
		r.goLive(startApp(t, h))
		v := open(t, browser, r.URL())
		v.js("window.mark = 1")
		r.save()
		r.goLive(startApp(t, h))
		v.until("window.mark", "undefined")
		v.until("document.title", "one")
		// It has taken the state in: the next one shows.
		r.save()
		v.until(badge, "Building…")
		// And again: what the cache has is older by now, compared with the page that was there.
		v.js("window.mark = 1, scrollTo(0, 1234)")
		r.goLive(startApp(t, h))
		v.until("window.mark", "undefined")
		v.until("scrollY", "1234")
		v.until("performance.getEntriesByName(location.origin + '/__hotreload/state').length", "1")
		r.save()
		v.until(badge, "Building…")
		if s.count("304") != 2 || s.count("/") != 1 {
			t.Errorf("304 %d times, 200 %d times", s.count("304"), s.count("/"))
		}
	})

	t.Run("the waiting page loads without a click", func(t *testing.T) {
		r := start(t, Options{Inject: true, Hold: time.Millisecond})
		v := open(t, browser, r.URL())
		v.until(overlay+".includes('not ready after')", "true")
		v.shot("waiting")
		s := newSite(map[string]string{"/": page1("here"), "/a.css": ""})
		r.goLive(startApp(t, s))
		v.until("document.title", "here")
		v.quiet()
	})

	t.Run("the answer to a form is not loaded without a click", func(t *testing.T) {
		var posts atomic.Int32
		s := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.Method == "POST" {
				posts.Add(1)
				fmt.Fprint(w, "<!doctype html><title>sent</title>")
				return
			}
			fmt.Fprint(w, "<!doctype html><title>form</title><form method=post><button id=b>Send</button></form>")
		})
		r, _ := startLive(t, Options{Inject: true}, s)
		v := open(t, browser, r.URL())
		v.run(chromedp.Click(chromedp.CSS("#b")))
		v.until("document.title", "sent")
		r.save()
		r.goLive(startApp(t, s))
		v.until(badge, "Outdated: reload this page")
		v.shot("outdated")
		if posts.Load() != 1 {
			t.Errorf("sent %d times", posts.Load())
		}
	})

	t.Run("a frame leaves it to the page around it", func(t *testing.T) {
		s := newSite(map[string]string{"/": `<!doctype html><title>outer</title><iframe src="/in"></iframe>`, "/in": page1("in"), "/a.css": ""})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		v.until("frames[0].document.title", "in")
		r.save()
		r.emit(frame)
		v.until(overlay+".includes('cannot use order')", "true")
		v.until("frames[0].document.querySelector('hotreload-overlay') === null", "true")
		s.set("/in", page1("in two"))
		r.save()
		r.goLive(startApp(t, s))
		v.until("frames[0].document.title", "in two")
		if s.count("/") != 2 || s.count("/in") != 2 {
			t.Errorf("loaded %d and %d times", s.count("/"), s.count("/in"))
		}
	})

	t.Run("style sheets and images in a frame", func(t *testing.T) {
		in := page1("in") + `<base href="/deep/"><img id=i src="x.png">`
		s := newSite(map[string]string{"/": `<!doctype html><title>outer</title><iframe src="/in"></iframe>`, "/in": in, "/a.css": "h1 { color: rgb(1, 1, 1) }"})
		r, _ := rigUp(t, Options{}, s)
		v := open(t, browser, r.URL())
		const colour = "frames[0].getComputedStyle(frames[0].document.querySelector('h1')).color"
		v.until(colour, "rgb(1, 1, 1)")
		s.set("/a.css", "h1 { color: rgb(2, 2, 2) }")
		r.emit(event.Changed{Paths: []string{"/src/a.css", "/src/x.png"}, Effect: "reload"})
		r.Reload(true)
		v.until(colour, "rgb(2, 2, 2)")
		v.until("new URL(frames[0].document.querySelector('#i').src).pathname", "/deep/x.png")
		v.until("frames[0].document.querySelector('#i').src.includes('hotreload=')", "true")
		if s.count("/") != 1 || s.count("/in") != 1 {
			t.Errorf("loaded %d and %d times", s.count("/"), s.count("/in"))
		}
		v.quiet()
	})

	t.Run("a new session", func(t *testing.T) {
		s := newSite(map[string]string{"/": page1("one"), "/a.css": ""})
		p, err := New(Options{Listen: "127.0.0.1:0", Service: "api", Inject: true, Hold: hang})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		first := &rig{Proxy: p, t: t}
		first.goLive(startApp(t, s))
		v := open(t, browser, p.URL())
		v.until("document.title", "one")
		p.Emit(event.Event{Body: event.SessionEnded{Reason: "quit"}})
		v.until(badge, "hotreload has ended")
		cancel()
		if err := await(t, "Run", done); err != nil {
			t.Fatal(err)
		}
		s.set("/", page1("two"))
		next := start(t, Options{Listen: strings.TrimPrefix(p.URL(), "http://"), Inject: true})
		next.goLive(startApp(t, s))
		v.until("document.title", "two")
	})
}

// P12: htmx keeps copies of pages for the button Back. None from before a save is shown after it.
func TestCopiesOfHtmx(t *testing.T) {
	chromium := startBrowser(t)
	r, _ := startLive(t, Options{Inject: true}, newSite(map[string]string{"/": "<!doctype html><title>x</title><p>x"}))
	v := open(t, chromium, r.URL()+"/")
	const kept = `[...Object.keys(sessionStorage), ...Object.keys(localStorage)].filter(k => !k.startsWith('hotreload:')).sort()`
	v.js(`sessionStorage.setItem('htmx-history-cache', '[]'), sessionStorage.setItem('htmx-history-12', '{}'), sessionStorage.setItem('mine', ''),
		localStorage.setItem('htmx-history-cache', '[]'), localStorage.setItem('theirs', ''), window.before = true`)
	const all = "htmx-history-12,htmx-history-cache,htmx-history-cache,mine,theirs"
	v.until(kept, all)
	v.run(chromedp.Reload()) // by hand, and nothing was saved
	v.until(`[window.before, document.readyState]`, ",complete")
	v.until(kept, all)
	r.Reload(false)
	v.until(kept, "mine,theirs")
	v.quiet()
}

// P3 in a real browser: a link that is clicked and a form that is sent while the next program is built.
// The page is loaded again for the program, and the click is not lost by that.
func TestClickDuringBuild(t *testing.T) {
	chromium := startBrowser(t)
	var sent atomic.Int32
	site := func() http.Handler {
		h := http.NewServeMux()
		page := func(title string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				if r.URL.Path == "/file" {
					w.Header().Set("Content-Disposition", "attachment")
				}
				if r.Method == "POST" {
					sent.Add(1)
				}
				fmt.Fprintf(w, "<!doctype html><title>%s</title><link rel=icon href=data:,><a id=link href=/next>x</a> <a id=file href=/file>x</a><form method=post action=/sent><button id=send>x</button></form>", title)
			}
		}
		h.HandleFunc("/{$}", page("home"))
		h.HandleFunc("/next", page("next"))
		h.HandleFunc("/file", page("file"))
		h.HandleFunc("POST /sent", page("sent"))
		return h
	}
	r, _ := startLive(t, Options{Inject: true}, site())
	held := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.held > 0
	}
	v := open(t, chromium, r.URL()+"/")
	for _, c := range []struct{ click, title string }{{"#link", "next"}, {"#send", "sent"}} {
		v.run(chromedp.Navigate(r.URL() + "/"))
		r.save()
		// The browser does not answer before the navigation has ended.
		go v.js(`setTimeout(() => document.querySelector('` + c.click + `').click()), ''`)
		eventually(t, "the click waits", held)
		r.goLive(startApp(t, slow(site())))
		v.until(`[document.title, document.readyState]`, c.title+",complete")
	}
	if n := sent.Load(); n != 1 {
		t.Errorf("the form was sent %d times", n)
	}

	// What leads to no other page does not keep this one.
	v.run(chromedp.Navigate(r.URL() + "/"))
	v.js(`window.before = true`)
	r.save()
	go v.js(`setTimeout(() => document.querySelector('#file').click()), ''`)
	eventually(t, "the click waits", held)
	r.goLive(startApp(t, site()))
	v.until(`[document.title, window.before, document.readyState]`, "home,,complete")
	v.quiet()
}

// P3: so it is with a click that htmx answers, here by what htmx does: a request by script, a class
// meanwhile, and another address.
func TestClickOfHtmxDuringBuild(t *testing.T) {
	chromium := startBrowser(t)
	const home = `<!doctype html><title>%s</title><link rel=icon href=data:,><a id=link>x</a><a id=never>x</a><script>
for (const [id, path] of [['link', '/next'], ['never', '/never']]) document.getElementById(id).onclick = async e => {
  e.target.className = 'htmx-request';
  const r = await fetch(path, {headers: {'HX-Request': 'true'}});
  document.title = await r.text();
  history.pushState(null, '', path);
  e.target.className = '';
}</script>`
	hits := func() http.Handler {
		s := newSite(map[string]string{"/": fmt.Sprintf(home, "home"), "/next": fmt.Sprintf(home, "next")})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/never" {
				<-r.Context().Done()
				return
			}
			s.ServeHTTP(w, r)
		})
	}
	r, _ := startLive(t, Options{Inject: true}, hits())
	held := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.held > 0
	}
	v := open(t, chromium, r.URL()+"/")
	r.save()
	v.js(`document.querySelector('#link').click()`)
	eventually(t, "the click waits", held)
	r.goLive(startApp(t, slow(hits())))
	v.until(`[location.pathname, document.title, document.readyState]`, "/next,next,complete")

	// What is not answered does not keep the page.
	v.js(`window.before = true`)
	r.save()
	v.js(`document.querySelector('#never').click()`)
	eventually(t, "the click waits", held)
	r.goLive(startApp(t, hits()))
	v.until(`[location.pathname, document.title, window.before, document.readyState]`, "/next,next,,complete")
	v.quiet()
}

// slow answers so late that whoever is faster than the answer would be.
func slow(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(300 * time.Millisecond)
		h.ServeHTTP(w, r)
	})
}
