package e2e

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What the page shows, by CSS selector.
func shownText(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.textContent).join(' / ')`, selector)
}

const (
	newestSave = `(document.querySelector('#saves li')?.dataset.state ?? '') + ' ' + (document.querySelector('#saves li')?.textContent ?? '')`
	manySaves  = `document.querySelectorAll('#saves li').length`
)

// press clicks the button of a service with this text.
func (b *tab) press(text string) {
	b.t.Helper()
	click := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll('.buttons button')].find(e => e.textContent === %q && !e.disabled); e?.click(); return e ? 'yes' : 'no' })()`, text)
	until(b.t, "a button "+text, func() bool { return b.js(click) == "yes" })
}

// U1: in a real browser, the page shows the service, each save with what it led to, the code around
// an error, and the output. Its buttons work. It is right after a save, a failed one, its repair, a
// crash, a restart and a pause.
func TestU1Page(t *testing.T) {
	w := startProxy(t, shownApp)
	page := w.status().PageURL
	if !strings.HasPrefix(page, "http://"+w.addr+"/__hotreload/?token=") {
		t.Fatalf("the page is at %q", page)
	}
	b := openTab(t, page)
	service := shownText(".service")
	b.sees(service, "live")
	b.sees(newestSave, "live ")
	if got := b.js(`location.search`); got != "" {
		t.Errorf("the token stays in the address: %q", got)
	}

	w.setVersion("two")
	b.sees(newestSave, "live ")
	b.sees(newestSave, "version.go")
	b.sees(`document.querySelector('#saves .bar').getAttribute('aria-label')`, "link")
	b.sees(manySaves, "2")

	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing // <img src=x onerror=alert(1)>\n")
	b.sees(newestSave, "failed ")
	b.sees(newestSave, "undefined: missing")
	b.sees(shownText(".frame .hit"), "<img src=x")
	b.sees(service, "failed")
	b.sees(service, "older than the last save")
	if got := b.js(`document.querySelectorAll('img').length`); got != "0" {
		t.Error("source code became an element of the page")
	}
	w.setVersion("three")
	b.sees(newestSave, "live ")
	b.sees(service, "live")

	pid := w.status().Services[0].PID
	b.press("Restart")
	until(t, "another process", func() bool { s := w.status().Services[0]; return s.State == "live" && s.PID != pid })
	b.sees(newestSave, "started or restarted")
	b.press("Pause")
	b.sees(service, "paused")
	b.press("Resume")
	until(t, "resumed", func() bool { return !w.status().Paused })

	write(t, filepath.Join(w.dir, "README.md"), "nothing\n")
	b.js(`document.querySelector('#ignored').click()`)
	b.sees(newestSave, "ignored ")
	b.sees(newestSave, "README.md")

	go http.Get("http://" + w.addr + "/crash")
	b.sees(shownText("#saves"), "crashed")
	b.sees(shownText("#saves"), "crashed on purpose")
	b.sees(shownText("#logs"), "crashed on purpose")
	b.sees(shownText("#logs .mark"), "generation")

	b.js(`(() => { const e = document.querySelector('#log-search'); e.value = 'goroutine'; e.dispatchEvent(new Event('input')) })()`)
	b.sees(`[...document.querySelectorAll('#logs span:not(.mark):not(.hidden)')].every(e => e.textContent.includes('goroutine'))`, "true")
}

// U1, U4: without the token, the page shows all and changes nothing. It fits a narrow window.
func TestU1PageReadOnly(t *testing.T) {
	w := startProxy(t, shownApp)
	b := openTab(t, "http://"+w.addr+"/__hotreload/")
	b.sees(shownText(".service"), "live")
	b.sees(newestSave, "live ")
	if got := b.js(`[...document.querySelectorAll('.buttons button')].every(e => e.disabled) && !document.querySelector('#readonly').hidden`); got != "true" {
		t.Errorf("the buttons can be pressed: %s", got)
	}
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(360, 640)); err != nil {
		t.Fatal(err)
	}
	b.sees(`document.documentElement.scrollWidth <= 360`, "true")
	resp, err := http.Get("http://" + w.addr + "/__hotreload/api/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(body), "token") {
		t.Errorf("%v, %s: %s", err, resp.Status, body)
	}
}
