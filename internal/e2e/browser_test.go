package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/chromium"
)

// tab is a page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openTab shows the address in a headless Chromium; without one the test is skipped.
func openTab(t *testing.T, url string) *tab {
	t.Helper()
	return &tab{t, chromium.ForTest(t, chromedp.Navigate(url))}
}

// js evaluates an expression to text; "" while the page is loading again.
func (b *tab) js(expr string) string {
	ctx, cancel := context.WithTimeout(b.ctx, deadline)
	defer cancel()
	s, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`String(`+expr+`)`))
	return s
}

// sees waits until the expression contains the text.
func (b *tab) sees(expr, text string) {
	b.t.Helper()
	var last string
	defer func() {
		if b.t.Failed() {
			b.t.Logf("%s: %q", expr, last)
		}
	}()
	until(b.t, fmt.Sprintf("%s shows %q", expr, text), func() bool { last = b.js(expr); return strings.Contains(last, text) })
}

const (
	bodyText = `document.body.innerText`
	overlay  = `(document.querySelector('hotreload-overlay')?.shadowRoot.querySelector('.panel')?.textContent ?? 'none')`
	color    = `getComputedStyle(document.body).color`
)

// shownApp is a site with a template that it reads at its start, a style sheet that it
// reads at every request, and a way to crash it.
var shownApp = map[string]string{
	"go.mod": "module example.test/shown\n\ngo 1.25\n",
	"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	template, err := os.ReadFile("templates/page.html")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, string(template), Version)
	})
	http.Handle("/static/", http.FileServer(http.Dir(".")))
	http.HandleFunc("/crash", func(w http.ResponseWriter, r *http.Request) {
		go func() { panic("crashed on purpose") }()
		select {}
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
`,
	"version.go":          "package main\n\nconst Version = \"one\"\n",
	"templates/page.html": "<!doctype html><html><head><title>t</title><link rel=stylesheet href=/static/site.css></head><body><h1>version %s</h1><p>first text</p><div style=height:4000px></div></body></html>",
	"static/site.css":     "body { color: rgb(1, 2, 3) }\n",
	".hotreload.toml": `[[rules]]
paths = ["templates/**"]
effect = "restart"

[[rules]]
paths = ["static/**"]
effect = "reload"
`,
}

// P11: a real browser shows each edit: Go, template, style sheet; a broken build, its
// repair, a crash. Nothing is loaded by hand.
func TestP11InChromium(t *testing.T) {
	t.Parallel()
	w := startProxy(t, shownApp)
	b := openTab(t, "http://"+w.addr+"/")
	b.sees(bodyText, "version one")

	b.js(`window.scrollTo(0, 700)`)
	w.setVersion("two")
	b.sees(bodyText, "version two")
	b.sees(`scrollY`, "700")

	w.edit("templates/page.html", "first text", "second text")
	b.sees(bodyText, "second text")

	b.js(`window.kept = "yes"`)
	w.edit("static/site.css", "rgb(1, 2, 3)", "rgb(200, 100, 50)")
	b.sees(color, "rgb(200, 100, 50)")
	if got := b.js(`window.kept`); got != "yes" {
		t.Errorf("the page was loaded again for a stylesheet: %q", got)
	}

	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
	b.sees(overlay, "undefined: missing")
	b.sees(overlay, "version.go:3:17")
	b.sees(bodyText, "version two") // below the overlay, nothing is lost
	w.setVersion("three")
	b.sees(bodyText, "version three")
	b.sees(overlay, "none")

	b.js(`fetch("/crash").catch(() => {})`)
	b.sees(overlay, "crashed on purpose")
	b.sees(overlay, "main.go:")
	w.setVersion("four")
	b.sees(bodyText, "version four")
	b.sees(overlay, "none")
	w.stop(syscall.SIGTERM)
}
