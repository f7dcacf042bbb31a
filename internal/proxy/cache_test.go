package proxy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestCaching: only an answer that says nothing about caching is changed (P12).
func TestCaching(t *testing.T) {
	t.Parallel()
	old, now := "Tue, 01 Oct 2024 10:00:00 GMT", "Fri, 11 Oct 2024 10:00:00 GMT"
	var head http.Header
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range head {
			w.Header()[k] = v
		}
		w.WriteHeader(int(head.Get("X-Code")[0]-'0') * 100)
	}))
	for _, tt := range []struct {
		name string
		head http.Header
		want []string
	}{
		{"says nothing", http.Header{}, []string{"no-cache"}},
		{"only a time", http.Header{"Last-Modified": {old}, "Date": {now}}, []string{"no-cache"}},
		{"a time and a tag", http.Header{"Last-Modified": {now}, "Date": {now}, "Etag": {`"a"`}}, []string{"no-cache"}},
		{"saved in this second", http.Header{"Last-Modified": {now}, "Date": {now}}, []string{"no-cache, no-store"}},
		{"max-age", http.Header{"Cache-Control": {"max-age=3600"}}, []string{"max-age=3600"}},
		{"two lines", http.Header{"Cache-Control": {"public", "max-age=1"}}, []string{"public", "max-age=1"}},
		{"an empty one", http.Header{"Cache-Control": {""}}, []string{""}},
		{"Expires", http.Header{"Expires": {now}}, nil},
		{"Pragma", http.Header{"Pragma": {"x"}}, nil},
		{"an error", http.Header{"X-Code": {"5"}}, []string{"no-cache"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head = tt.head
			if head.Get("X-Code") == "" {
				head.Set("X-Code", "2")
			}
			got := r.get("/app.js").Header["Cache-Control"]
			if len(got) != len(tt.want) {
				t.Fatalf("%q, want %q", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Fatalf("%q, want %q", got, tt.want)
				}
			}
		})
	}
}

// TestFreshInChromium: files that are ten days old, served as net/http does it, with nothing but
// their time: after a save of a script, of a style sheet and of Go code, the page never shows what
// was before (P12).
func TestFreshInChromium(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	dir := t.TempDir()
	write := func(name, content string, age time.Duration) {
		t.Helper()
		path, at := filepath.Join(dir, name), time.Now().Add(-age)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	const days = 240 * time.Hour
	write("index.html", `<!doctype html><head><link rel="stylesheet" href="/app.css"><script src="/app.js"></script></head><body>x</body>`, days)
	write("app.js", "window.version = 1", days)
	write("app.css", "body { color: rgb(1, 1, 1) }", days)
	files := http.FileServer(http.Dir(dir))
	r, _ := startLive(t, Options{Inject: true}, files)
	v := open(t, browser, r.URL())
	v.until("window.version", "1")
	const colour = "getComputedStyle(document.body).color"
	v.until(colour, "rgb(1, 1, 1)")

	write("app.js", "window.version = 2", 0)
	r.Reload(false)
	v.until("window.version", "2")
	write("app.js", "window.version = 3", 0) // within the same second
	r.Reload(false)
	v.until("window.version", "3")

	write("app.css", "body { color: rgb(2, 2, 2) }", 0)
	r.Reload(true)
	v.until(colour, "rgb(2, 2, 2)")
	v.js("window.mark = 1")
	r.save()
	r.goLive(startApp(t, files))
	v.until("window.mark === undefined && window.version", "3")
	v.until(colour, "rgb(2, 2, 2)")
	v.quiet()
}

// P7 in a real browser: saves of a style sheet that come faster than the browser gets it leave one sheet,
// the newest, and at no time none.
func TestSavesOfCSSInChromium(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	var asked atomic.Int32
	answer := make(chan struct{})
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/app.css":
			n := asked.Add(1)
			if n > 1 {
				<-answer
			}
			w.Header().Set("Content-Type", "text/css")
			fmt.Fprintf(w, `@import "/imported.css"; body { color: rgb(%d, 1, 1) }`, n)
		case "/imported.css":
			w.Header().Set("Content-Type", "text/css")
		default:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><head><link rel="stylesheet" href="/app.css"></head><body>x</body>`)
		}
	})
	r, _ := startLive(t, Options{Inject: true}, site)
	v := open(t, browser, r.URL())
	const colour = "getComputedStyle(document.body).color"
	v.until(colour, "rgb(1, 1, 1)")
	v.js("window.unstyled = 0, (function look() { if (" + colour + " === 'rgb(0, 0, 0)') unstyled++; setTimeout(look) })()")
	for n := range int32(3) {
		r.Reload(true)
		eventually(t, "the browser asks for the sheet", func() bool { return asked.Load() > n+1 })
	}
	v.until("document.querySelectorAll('link').length", "2") // the one that is shown, and the newest
	close(answer)
	v.until("document.querySelectorAll('link').length", "1")
	v.until(colour, "rgb(4, 1, 1)")
	r.Reload(true)
	v.until(colour, "rgb(5, 1, 1)")
	v.until("document.querySelectorAll('link').length", "1")
	v.until("unstyled", "0")
	v.quiet()
}

// P7: a file that is empty because it is just being written is asked for again; one that stays empty,
// or is so for long, is an answer.
func TestFileBeingWritten(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var filled int32
	modified := ""
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Last-Modified", modified)
		if asked.Add(1) >= filled {
			fmt.Fprint(w, "h1 {}")
		}
	}))
	now, old := time.Now().UTC().Format(http.TimeFormat), "Tue, 01 Oct 2024 10:00:00 GMT"
	style := []string{"Sec-Fetch-Dest", "style"}
	for _, tt := range []struct {
		name     string
		modified string
		filled   int32 // the request that finds the content
		header   []string
		asked    int32
		body     string
	}{
		{"content", now, 1, style, 1, "h1 {}"},
		{"a moment later", now, 3, style, 3, "h1 {}"},
		{"stays empty", now, 1000, style, int32(1 + len(fillTimes)), ""},
		{"long empty", old, 3, style, 1, ""},
		{"says no time", "", 3, style, 1, ""},
		{"fetch of a script", now, 3, []string{"Sec-Fetch-Dest", "empty"}, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked.Store(0)
			modified, filled = tt.modified, tt.filled
			a := r.get("/app.css", tt.header...)
			if a.body != tt.body || asked.Load() != tt.asked {
				t.Errorf("%q after %d requests, want %q after %d", a.body, asked.Load(), tt.body, tt.asked)
			}
		})
	}
}

// P7 in a real browser: a sheet that is truncated when the page is loaded, and when it is swapped, and
// written a moment later, leaves the page at no time without styles.
func TestTruncatedCSSInChromium(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	path := filepath.Join(t.TempDir(), "app.css")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Error(err)
		}
	}
	write("body { color: rgb(1, 1, 1) }")
	var asked atomic.Int32
	r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app.css" {
			http.ServeFile(w, r, path)
			if n := asked.Add(1); n%2 == 0 { // it found the file empty
				write(fmt.Sprintf("body { color: rgb(%d, 1, 1) }", n))
			}
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><head><link rel="stylesheet" href="/app.css"></head><body>x<script>
			let unstyled = 0;
			(function look() { if (getComputedStyle(document.body).color === 'rgb(0, 0, 0)') unstyled++; setTimeout(look) })()
		</script></body>`)
	}))
	v := open(t, browser, r.URL())
	const colour = "getComputedStyle(document.body).color"
	v.until(colour, "rgb(1, 1, 1)")
	write("")
	r.Reload(true)
	v.until(colour, "rgb(2, 1, 1)")
	v.until("unstyled", "0")
	asked.Store(3)
	write("")
	r.Reload(false)
	v.until(colour, "rgb(4, 1, 1)")
	v.until("unstyled", "0")
	v.quiet()
}
