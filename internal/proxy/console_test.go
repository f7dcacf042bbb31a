package proxy

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/event"
)

// consoles are the reports of the pages, as lines.
type consoles struct {
	mu   sync.Mutex
	list []event.Console
}

func (c *consoles) take(_ int, e event.Console) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, e)
}

func (c *consoles) lines() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.list {
		out = append(out, fmt.Sprintf("%s %s:%d %s", e.Level, e.File, e.Line, e.Text))
	}
	return out
}

// P18: in a real browser, under a strict policy: what goes wrong in a page is reported once, with the
// line of its source, and again after a save. The page's own console is as without us.
func TestConsoleInChromium(t *testing.T) {
	chromium := startBrowser(t)
	dir := t.TempDir()
	script := `const o = {}; o.self = o;
console.error('plain', 1, {a: [2]}, o, document.body);
console.error('%s has %d%% of %o%c', 'formatted', 5, [1], 'color: red');
console.error(new TypeError('logged'));
for (let i = 0; i < 3; i++) console.error('three times');
function fail() { nothing.here; }
setTimeout(fail, 0);
Promise.reject(new RangeError('rejected'));
Promise.reject('a text');
addEventListener('error', e => { if (e.message.includes('handled')) e.preventDefault(); });
setTimeout(() => { throw new Error('handled by the page'); }, 0);
console.warn('a warning'); console.log('a line');
console.error.call(null, 'last');
`
	if err := os.MkdirAll(filepath.Join(dir, "static"), 0o755); err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(dir, "static", "app.js")
	if err := os.WriteFile(app, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	const page = "<!doctype html><title>x</title><body id=top>\n<script nonce=n>console.error('inline')</script>\n<script nonce=n src=/static/app.js?token=secret></script>"
	h := http.NewServeMux()
	h.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-n'")
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	})
	h.HandleFunc("/static/app.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, app) })
	var got consoles
	r, _ := startLive(t, Options{Inject: true, Dir: dir, Console: got.take}, h)
	v := open(t, chromium, r.URL()+"/")
	want := []string{
		`error /:2 inline`,
		`error ` + app + `:2 plain 1 {"a":[2]} [object Object] <body#top>`,
		`error ` + app + `:3 formatted has 5% of [1]`,
		`error ` + app + `:4 TypeError: logged`,
		`error ` + app + `:5 three times`,
		`error ` + app + `:13 last`,
		`uncaught ` + app + `:6 ReferenceError: nothing is not defined`,
		`rejection ` + app + `:8 RangeError: rejected`,
		`rejection :0 a text`,
	}
	slices.Sort(want)
	reported := func(n int) func() bool {
		return func() bool {
			lines := got.lines()
			slices.Sort(lines)
			return slices.Equal(lines, slices.Sorted(slices.Values(slices.Concat(slices.Repeat([][]string{want}, n)...))))
		}
	}
	defer func() {
		if t.Failed() {
			t.Logf("got\n%s\nwant\n%s", strings.Join(got.lines(), "\n"), strings.Join(want, "\n"))
		}
	}()
	eventually(t, "all are reported", reported(1))

	// Loaded again by hand, and in a second tab: the same things are not reported again. Another thing
	// is, and by then they would have been.
	v.run(chromedp.Reload())
	other := open(t, chromium, r.URL()+"/")
	other.js(`console.error('from the other tab')`)
	eventually(t, "another one", func() bool { return strings.Contains(strings.Join(got.lines(), "\n"), "from the other tab") })
	got.mu.Lock()
	got.list = slices.DeleteFunc(got.list, func(e event.Console) bool { return e.Text == "from the other tab" })
	got.mu.Unlock()
	if !reported(1)() {
		t.Error("reported again")
	}

	// A save: the new pages say what is still wrong.
	r.Reload(false)
	eventually(t, "all are reported again", func() bool {
		return slices.Index(got.lines()[len(want):], want[0]) >= 0 && len(got.lines()) == 2*len(want)
	})
}

// A page that only loads, with the console of others replaced before: nothing is reported when it is off.
func TestConsoleOff(t *testing.T) {
	r, _ := startLive(t, Options{Inject: true}, newSite(map[string]string{"/": "<!doctype html><title>x</title>"}))
	if a := r.get("/", browser...); strings.Contains(a.body, "data-console") {
		t.Errorf("%s", a.body)
	}
	a, err := r.do("POST", "/__hotreload/console", `[{"level":"error","text":"x"}]`, "Origin", r.URL())
	if err != nil || a.StatusCode != http.StatusNotFound {
		t.Errorf("%v, %v", a, err)
	}
}

// P18: a page that is about to be loaded again is not heard: its connections break because the old
// program ends. One that stays is, also if that is known only later.
func TestConsoleOfOldPage(t *testing.T) {
	var got consoles
	r, _ := startLive(t, Options{Inject: true, Dir: t.TempDir(), Console: got.take}, newSite(map[string]string{"/": "<!doctype html><title>x</title>"}))
	page := func() string {
		_, rest, _ := strings.Cut(r.get("/", browser...).body, `data-page="`)
		version, _, _ := strings.Cut(rest, `"`)
		return version
	}
	send := func(page, text string) {
		t.Helper()
		a, err := r.do("POST", "/__hotreload/console?page="+page, fmt.Sprintf(`[{"level":"error","text":%q}]`, text), "Origin", r.URL())
		if err != nil || a.StatusCode != 204 {
			t.Fatalf("%v, %v", a, err)
		}
	}
	reported := func() string { return strings.Join(got.lines(), "|") }
	first := page()
	send(first, "while it lives")
	want := "error :0 while it lives"
	if reported() != want {
		t.Errorf("%q", reported())
	}

	r.save()
	send(first, "while it is built")
	if reported() != want || r.console.waiting.Load() != 1 {
		t.Errorf("%q, %d wait", reported(), r.console.waiting.Load())
	}
	r.fail()
	want += "|error :0 while it is built"
	eventually(t, "the page stays", func() bool { return reported() == want })

	r.save()
	send(first, "broken connection")
	r.goLive(startApp(t, newSite(map[string]string{"/": "<!doctype html><title>y</title>"})))
	eventually(t, "the page goes", func() bool { return r.console.waiting.Load() == 0 })
	send(first, "late")
	second := page()
	send(second, "new page")
	want += "|error :0 new page"
	if second == first || reported() != want {
		t.Errorf("%q, page %s", reported(), second)
	}

	// More than some do not wait.
	r.save()
	for i := range consoleWaiting + 1 {
		send(second, fmt.Sprint("many ", i))
	}
	if want += fmt.Sprintf("|error :0 many %d", consoleWaiting); reported() != want {
		t.Errorf("%q", reported())
	}
	r.emit(event.Paused{})
	eventually(t, "nothing is built, so the page stays", func() bool { return r.console.waiting.Load() == 0 })
}

// P18 in a real browser: a page that prints an error when its stream of events breaks. A save breaks it,
// and is not the page's fault.
func TestConsoleOfRestart(t *testing.T) {
	chromium := startBrowser(t)
	site := func(title string) http.Handler {
		h := http.NewServeMux()
		h.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><title>"+title+"</title><script>new EventSource('/stream').onerror = () => console.error('the stream broke'); console.error('loaded "+title+"')</script>")
		})
		h.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		return h
	}
	var got consoles
	r, old := startLive(t, Options{Inject: true, Dir: t.TempDir(), Console: got.take}, site("one"))
	v := open(t, chromium, r.URL()+"/")
	has := func(text string) func() bool {
		return func() bool { return strings.Contains(strings.Join(got.lines(), "\n"), text) }
	}
	eventually(t, "the first page", has("loaded one"))
	r.save()
	r.Drain(t.Context(), old.pid)
	eventually(t, "the page has seen the end of its stream", func() bool { return r.console.waiting.Load() > 0 })
	r.goLive(startApp(t, site("two")))
	v.until(`document.title`, "two")
	eventually(t, "the second page", has("loaded two"))
	r.Reload(false)
	eventually(t, "the third page", func() bool { return strings.Count(strings.Join(got.lines(), "\n"), "loaded two") == 2 })
	v.run(chromedp.Navigate(r.URL() + "/?again")) // by hand
	v.js(`console.error('the end')`)
	eventually(t, "the page that came by hand", has("the end"))
	if has("the stream broke")() {
		t.Errorf("%q", got.lines())
	}
	v.quiet()
}

// P18, U4: what another site, a script without end, or a client that is no browser can send.
func TestConsoleAttacks(t *testing.T) {
	var got consoles
	r, _ := startLive(t, Options{Inject: true, Dir: t.TempDir(), Console: got.take}, says("x"))
	const one = `[{"level":"error","text":"x"}]`
	for name, c := range map[string]struct {
		method, body string
		header       []string
		code         int
	}{
		"foreign Origin":         {"POST", one, []string{"Origin", "http://evil.test"}, 403},
		"Origin of another port": {"POST", one, []string{"Origin", "http://127.0.0.1:1"}, 403},
		"Origin null":            {"POST", one, []string{"Origin", "null"}, 403},
		"no Origin":              {"POST", one, nil, 403},
		"rebound name":           {"POST", one, []string{"Host", "evil.test", "Origin", "http://evil.test"}, 403},
		"another site":           {"POST", one, []string{"Origin", r.URL(), "Sec-Fetch-Site", "cross-site"}, 403},
		"GET":                    {"GET", "", []string{"Origin", r.URL()}, 405},
		"huge":                   {"POST", `[{"level":"error","text":"` + strings.Repeat("a", consoleBody) + `"}]`, []string{"Origin", r.URL()}, 413},
		"no JSON":                {"POST", "level=error", []string{"Origin", r.URL()}, 400},
		"not a list":             {"POST", `{"level":"error"}`, []string{"Origin", r.URL()}, 400},
		"many in one":            {"POST", "[" + strings.Repeat("{},", consoleEntries) + "{}]", []string{"Origin", r.URL()}, 400},
		"a level of its own":     {"POST", `[{"level":"panic","text":"x"}]`, []string{"Origin", r.URL()}, 204},
	} {
		a, err := r.do(c.method, "/__hotreload/console", c.body, c.header...)
		if err != nil || a.StatusCode != c.code {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		if a != nil && a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: answers other origins", name)
		}
	}
	if lines := got.lines(); len(lines) != 0 {
		t.Fatalf("reported: %q", lines)
	}

	send := func(text, file string, line int) {
		t.Helper()
		a, err := r.do("POST", "/__hotreload/console", fmt.Sprintf(`[{"level":"error","text":%q,"file":%q,"line":%d}]`, text, file, line), "Origin", r.URL())
		if err != nil || a.StatusCode != 204 {
			t.Fatalf("%v, %v", a, err)
		}
	}
	for _, c := range []struct{ file, want string }{
		{r.URL() + "/../../etc/passwd?a=b#c", "/../../etc/passwd"},
		{r.URL() + "//evil.test/x", "//evil.test/x"},
		{"http://user:secret@cdn.test/lib.js?key=secret", "http://cdn.test/lib.js"},
		{"file:///etc/passwd", ""},
		{"javascript:alert(1)", ""},
		{"http://[", ""},
	} {
		send(c.file, c.file, -1)
		if last := got.lines()[len(got.lines())-1]; !strings.HasPrefix(last, "error "+c.want+":0 ") {
			t.Errorf("%s: %q", c.file, last)
		}
	}
	send(strings.Repeat("ä", consoleText), "", 1)
	if last := got.list[len(got.list)-1]; len(last.Text) > consoleText+len("\uFFFD") {
		t.Errorf("%d bytes of text", len(last.Text))
	}

	// A flood: some are reported, then that there are more, once, and nothing is kept without bound.
	before := len(got.lines())
	for i := range 3 * consoleSeen / consoleEntries {
		var list []string
		for j := range consoleEntries {
			list = append(list, fmt.Sprintf(`{"level":"uncaught","text":"%d.%d"}`, i, j))
		}
		if a, err := r.do("POST", "/__hotreload/console", "["+strings.Join(list, ",")+"]", "Origin", r.URL()); err != nil || a.StatusCode != 204 {
			t.Fatalf("%v, %v", a, err)
		}
	}
	lines := got.lines()[before:]
	more := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, "more errors than are printed") })
	if len(lines) > 2*consoleBurst || len(more) < 1 || len(more) > 2 {
		t.Errorf("%d reports of a flood, %d times that there are more", len(lines), len(more))
	}
	r.console.mu.Lock()
	defer r.console.mu.Unlock()
	if len(r.console.seen) > consoleSeen {
		t.Errorf("%d are remembered", len(r.console.seen))
	}
}

// The developer tools are asked to look through our console to the line of the page that calls it.
// Whether they do is seen in their window alone, which no protocol tells of: so this tests the form.
func TestConsoleIsIgnoredByTools(t *testing.T) {
	r, _ := startLive(t, Options{Inject: true}, says("x"))
	script := r.get("/__hotreload/client.js").body
	code, comment, ok := strings.Cut(script, "//# sourceMappingURL=data:application/json;base64,")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(comment))
	var m struct {
		Version    int
		Sources    []string
		Mappings   string
		IgnoreList []int
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if lines := strings.Count(m.Mappings, ";") + 1; err != nil || !ok || m.Version != 3 || !slices.Equal(m.Sources, []string{"client.js"}) ||
		!slices.Equal(m.IgnoreList, []int{0}) || lines != strings.Count(code, "\n") {
		t.Errorf("%t, %v: %d lines of %d in %s", ok, err, lines, strings.Count(code, "\n"), text)
	}
}

// What is found in the project is named by its file, and only that.
func TestConsoleFile(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"web/static/app.js", "a/twice.js", "b/twice.js"} {
		if err := cmp.Or(os.MkdirAll(filepath.Join(dir, filepath.Dir(f)), 0o755), os.WriteFile(filepath.Join(dir, f), nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	p := &Proxy{opt: Options{Dir: dir}}
	for url, want := range map[string]string{
		"http://h/static/app.js":     filepath.Join(dir, "web/static/app.js"),
		"http://h/twice.js":          "/twice.js",
		"http://h/none.js":           "/none.js",
		"http://h/":                  "/",
		"https://cdn/static/app.js":  "https://cdn/static/app.js",
		"http://h/%2e%2e/secret.txt": "/../secret.txt",
	} {
		if got := p.consoleEvent(consoleEntry{File: url, Line: 3}, "h"); got.File != want || got.Line != 3 {
			t.Errorf("%s: %+v, want %s", url, got, want)
		}
	}
	// The browser runs what a bundler made of it, with other lines.
	app := filepath.Join(dir, "web/src/App.tsx")
	if err := cmp.Or(os.MkdirAll(filepath.Dir(app), 0o755), os.WriteFile(app, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	p = &Proxy{opt: Options{Dir: dir}}
	if got := p.consoleEvent(consoleEntry{File: "http://h/src/App.tsx?t=1", Line: 9}, "h"); got.File != app || got.Line != 0 {
		t.Errorf("%+v, want %s without a line", got, app)
	}
}
