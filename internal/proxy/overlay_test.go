package proxy

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/event"
)

// TestErrorsOfOnePlace share its code, and each is said (P4).
func TestErrorsOfOnePlace(t *testing.T) {
	p := &Proxy{opt: Options{Service: "api", Dir: "/src"}}
	code := []event.SourceLine{{Number: 3, Text: "x := y + z"}}
	r := (&trouble{p: p, kind: buildFailed, build: event.BuildFinished{Diagnostics: []event.Diagnostic{
		{File: "/src/a.go", Line: 3, Column: 6, Message: "undefined: y", Frame: code},
		{File: "/src/a.go", Line: 3, Column: 10, Message: "undefined: z", Frame: code},
		{File: "/src/a.go", Line: 9, Message: "third"},
		{Message: "no place"}, {Message: "no place either"},
	}}}).report()
	if len(r.Places) != 4 || strings.Join(r.Places[0].Messages, ", ") != "undefined: y, undefined: z" || r.More != 0 {
		t.Errorf("%+v", r.Places)
	}
	if want := "api: Build failed\na.go:3:6: undefined: y\na.go:3:6: undefined: z\na.go:9: third\nno place\nno place either\n"; r.Text != want {
		t.Errorf("%q", r.Text)
	}
}

// TestOverlayInChromium: colours that are only text, the copy button, the time in place of a number,
// and all of it in a wide, a narrow and a dark window (P4).
func TestOverlayInChromium(t *testing.T) {
	chromium := startBrowser(t)
	_, file, _, _ := runtime.Caller(0)
	s := newSite(map[string]string{"/": "<!doctype html><title>x</title><body>x"})
	r, _ := startLive(t, Options{Inject: true, Dir: filepath.Dir(file), Editor: "vscode://file/{file}:{line}"}, s)
	v := open(t, chromium, r.URL())
	const text = "\tif s := \"<b>\\\"x\" + `y`; s == nil { return 'a', 42 } // <i>done</i>"
	r.save()
	r.emit(event.BuildFinished{OK: false, Diagnostics: []event.Diagnostic{{
		File: file, Line: 7, Column: 5, Message: "undefined: s", Frame: []event.SourceLine{{Number: 7, Text: text}, {Number: 8, Text: strings.Repeat("wide ", 100)}},
	}}})
	v.until(overlay+".includes('undefined: s')", "true")
	const root = `document.querySelector('hotreload-overlay').shadowRoot`
	v.until(root+".querySelector('.src.hit').textContent", text)
	v.until("["+root+".querySelectorAll('.src.hit span')].flatMap(l => [...l]).map(e => e.className + ' ' + e.textContent).join('|')",
		"keyword if|string \"<b>\\\"x\"|string `y`|builtin nil|keyword return|string 'a'|number 42|comment // <i>done</i>")
	v.until(root+".querySelectorAll('.src b, .src i').length", "0")

	now := time.Now().Format("15:04")
	who := v.js(root + ".querySelector('.who').textContent")
	if !strings.Contains(who, "you see the program from before") || strings.Contains(who, "generation") ||
		!strings.Contains(who, "Since "+now) && !strings.Contains(who, "Since "+time.Now().Add(-time.Minute).Format("15:04")) {
		t.Errorf("%q", who)
	}

	v.js("navigator.clipboard.writeText = t => (window.copied = t, Promise.resolve()), 0") // the clipboard is the person's
	v.js(root + ".querySelector('.copy').click()")
	v.until(root+".querySelector('.copy').textContent", "Copied")
	v.until("window.copied.includes('overlay_test.go:7:5: undefined: s')", "true")

	// A text that is selected up to outside of the panel stays, and so does the panel. A click there hides it.
	v.run(chromedp.EmulateViewport(1200, 800))
	v.until("innerWidth", "1200")
	at := func(what string) float64 {
		n, err := strconv.ParseFloat(v.js(root+".querySelector('.message').getBoundingClientRect()."+what), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x, y := at("left")+2, at("top")+5
	v.run(chromedp.MouseEvent(chromedp.MousePressed, x+60, y, chromedp.ButtonLeft, chromedp.ClickCount(1)), chromedp.MouseEvent(chromedp.MouseMoved, x, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, 5, y, chromedp.ButtonLeft), chromedp.MouseEvent(chromedp.MouseReleased, 5, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	v.until("getSelection().toString() !== '' && "+overlay+".includes('undefined: s')", "true")
	v.run(chromedp.MouseClickXY(5, y))
	v.until(root+".querySelector('.panel') === null", "true")
	v.run(chromedp.MouseClickXY(1200-40, 800-30)) // the mark in the corner
	v.until(overlay+".includes('undefined: s')", "true")

	for _, width := range []int{1200, 360} {
		for _, scheme := range []string{"light", "dark"} {
			v.run(chromedp.EmulateViewport(int64(width), 800))
			if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			}); err != nil {
				t.Fatal(err)
			}
			v.until("innerWidth", map[int]string{1200: "1200", 360: "360"}[width])
			v.until("getComputedStyle("+root+".querySelector('.panel')).backgroundColor", map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 31)"}[scheme])
			// Nothing sticks out: what is wide scrolls within itself.
			v.until(root+".querySelector('.shade').scrollWidth <= innerWidth && "+root+".querySelector('.panel').getBoundingClientRect().right <= innerWidth", "true")
			v.until("["+root+".querySelector('.close'), "+root+".querySelector('.copy'), "+root+".querySelector('.who')].every(e => e.getBoundingClientRect().right <= innerWidth && e.getBoundingClientRect().width > 0)", "true")
		}
	}
	v.quiet()
}
