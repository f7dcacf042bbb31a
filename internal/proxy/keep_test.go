package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestFormWhileBroken: a form that is sent while the build is broken: the page says what is wrong and
// offers to send it again when the program is live. Nothing is sent without the click (P16).
func TestFormWhileBroken(t *testing.T) {
	browser := startBrowser(t)
	var mu sync.Mutex
	var posts []string
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.Method == "POST" {
			b, _ := io.ReadAll(r.Body)
			mu.Lock()
			posts = append(posts, r.URL.String()+" "+string(b))
			mu.Unlock()
			fmt.Fprint(w, "<!doctype html><title>sent</title>")
			return
		}
		fmt.Fprint(w, `<!doctype html><title>form</title><form method=post action="/buy?x=1"><input id=n name=name value="a b"><button id=b>Send</button></form>`)
	})
	sent := func() int { mu.Lock(); defer mu.Unlock(); return len(posts) }
	const button = `document.querySelector('hotreload-overlay').shadowRoot.querySelector('.send')`
	for _, was := range []string{"running", "nothing running"} {
		t.Run(was, func(t *testing.T) {
			posts = nil
			r, a := startLive(t, Options{Inject: true}, app)
			v := open(t, browser, r.URL())
			r.save()
			r.emit(frame)
			if was != "running" {
				r.exited(a, true)
			}
			v.until(overlay+".includes('cannot use order')", "true")
			v.run(chromedp.KeyEvent("\x1b"), chromedp.Click(chromedp.CSS("#b")))
			v.until("location.pathname", "/buy")
			v.until(overlay+".includes('cannot use order')", "true")
			v.until(button+".textContent", "Send it again")
			v.until(button+".disabled", "true")
			v.until("getComputedStyle(document.documentElement).overflow", "hidden") // no second scroll bar, of the text behind
			v.shot("form")
			r.save() // another attempt, which fails too
			r.emit(frame)
			v.until(button+".disabled", "true")
			if sent() != 0 {
				t.Fatal("it was sent while the build was broken")
			}
			r.save()
			r.goLive(startApp(t, app))
			v.until(button+".disabled", "false")
			v.until(overlay+".includes('cannot use order')", "true") // what it was about is still there; the title says that it is over
			v.until("document.title + "+overlay+".includes('Build failed')", "The program answers againfalse")
			if sent() != 0 {
				t.Fatal("it was sent without a click")
			}
			v.js(button + ".click()")
			v.until("document.title", "sent")
			mu.Lock()
			defer mu.Unlock()
			if len(posts) != 1 || posts[0] != "/buy?x=1 name=a+b" {
				t.Errorf("%q", posts)
			}
			v.quiet()
		})
	}
}

// TestFormWithFile: what is sent again is what was sent: fields in their order, and files (P16).
func TestFormWithFile(t *testing.T) {
	browser := startBrowser(t)
	got := make(chan string, 10)
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.Method == "POST" {
			mr, err := r.MultipartReader()
			if err != nil {
				t.Error(err)
				return
			}
			text := ""
			for {
				part, err := mr.NextPart()
				if err != nil {
					break
				}
				b, _ := io.ReadAll(part)
				text += fmt.Sprintf("%s|%s|%s|%q\n", part.FormName(), part.FileName(), part.Header.Get("Content-Type"), b)
			}
			got <- text
			if text == "" || strings.Contains(r.URL.RawQuery, "panic") {
				panic(http.ErrAbortHandler)
			}
			fmt.Fprint(w, "<!doctype html><title>sent</title>")
			return
		}
		fmt.Fprint(w, `<!doctype html><title>form</title><form method=post enctype="multipart/form-data"><textarea name="a">one
two "<b></textarea><input type=file name=f id=f><input type=file name=none><input name="submit" value="ü"><button id=b>Send</button></form>`)
	})
	r, _ := startLive(t, Options{Inject: true}, app)
	v := open(t, browser, r.URL())
	v.js(`(() => { const d = new DataTransfer(); d.items.add(new File([new Uint8Array([0, 255, 13, 10, 1])], 'a "b".bin', {type: 'image/png'})); f.files = d.files; })()`)
	v.run(chromedp.Click(chromedp.CSS("#b")))
	first := await(t, "the form", got)
	v.until("document.title", "sent")
	v.run(chromedp.Navigate(r.URL() + "/"))
	v.js(`(() => { const d = new DataTransfer(); d.items.add(new File([new Uint8Array([0, 255, 13, 10, 1])], 'a "b".bin', {type: 'image/png'})); f.files = d.files; })()`)
	r.save()
	r.emit(frame)
	v.until(overlay+".includes('cannot use order')", "true")
	v.run(chromedp.KeyEvent("\x1b"), chromedp.Click(chromedp.CSS("#b")))
	const button = `document.querySelector('hotreload-overlay').shadowRoot.querySelector('.send')`
	v.until(button+".disabled", "true")
	r.save()
	r.goLive(startApp(t, app))
	v.until(button+".disabled", "false")
	v.js(button + ".click()")
	if again := await(t, "the form again", got); again != first || !strings.Contains(first, "image/png") {
		t.Errorf("sent\n%s\nthe second time\n%s", first, again)
	}
	v.until("document.title", "sent")
}

// TestResend: for what it is offered (P16).
func TestResend(t *testing.T) {
	const urlencoded = "application/x-www-form-urlencoded"
	r := start(t, Options{Inject: true})
	r.save()
	r.fail()
	own := r.URL()
	for _, tt := range []struct {
		name, method, kind, body string
		header                   []string
		want                     string // part of the page; "": it is not offered
	}{
		{name: "a form", body: "a=1&b=%22%3Cx%3E+%0D%0A&a=2&c", want: `name="a" value="1">` + "\n" + `<input type="hidden" name="b" value="&#34;&lt;x&gt; ` + "\r\n" + `">` + "\n" + `<input type="hidden" name="a" value="2">` + "\n" + `<input type="hidden" name="c" value="">`},
		{name: "of our origin", body: "a=1", header: []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, want: `name="a"`},
		{name: "of another origin", body: "a=1", header: []string{"Origin", "https://evil.example"}},
		{name: "of another site", body: "a=1", header: []string{"Sec-Fetch-Site", "cross-site"}},
		{name: "PUT", method: "PUT", body: "a=1"},
		{name: "JSON", kind: "application/json", body: "{}"},
		{name: "broken", body: "a=%zz"},
		{name: "not UTF-8", body: "a=%ff"},
		{name: "large", body: "a=" + strings.Repeat("x", maxForm)},
		{name: "not large", body: "a=" + strings.Repeat("x", maxForm-2), want: `name="a"`},
		{name: "multipart that breaks off", kind: "multipart/form-data; boundary=x", body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb"},
		{name: "multipart", kind: "multipart/form-data; boundary=x", body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", want: `name="a" value="b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, kind := "POST", urlencoded
			if tt.method != "" {
				method = tt.method
			}
			if tt.kind != "" {
				kind = tt.kind
			}
			a := must(r.do(method, "/buy", tt.body, append([]string{"Content-Type", kind, "Accept", "text/html"}, tt.header...)...))
			want(t, a, 503, "The form was not sent")
			if offered := strings.Contains(a.body, "<form"); offered != (tt.want != "") || !strings.Contains(a.body, tt.want) {
				t.Errorf("%.2000s", a.body)
			}
			if strings.Contains(a.body, "Go back") == strings.Contains(a.body, "<form") {
				t.Errorf("%.2000s", a.body)
			}
		})
	}
	t.Run("a handler that panics", func(t *testing.T) {
		r, _ := startLive(t, Options{Inject: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			panic(http.ErrAbortHandler)
		}))
		a := must(r.do("POST", "/buy", "a=1", "Content-Type", urlencoded, "Accept", "text/html"))
		want(t, a, 502, `name="a" value="1"`)
		want(t, a, 502, "may or may not")
	})
}

// TestWithoutJavaScript: the page says what is wrong, with links, and loads again; that of a
// form does not, because it would be sent (P4, P13, P16).
func TestWithoutJavaScript(t *testing.T) {
	browser := startBrowser(t)
	r := start(t, Options{Inject: true, Editor: "vscode://file/{file}:{line}:{column}"})
	r.save()
	r.emit(frame)
	v := open(t, browser, "about:blank")
	if _, err := chromedp.Call(v.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	v.run(chromedp.Navigate(r.URL()))
	v.until("document.querySelector('h1').textContent", "Build failed")
	v.until("document.querySelector('pre').textContent.includes('shop/cart.go:42:19: cannot use order')", "true")
	v.until("document.querySelector('hotreload-overlay') === null", "true")
	r.save()
	r.goLive(startApp(t, newSite(map[string]string{"/": "<!doctype html><title>works</title>"})))
	v.until("document.title", "works")

	r.save()
	r.emit(frame)
	a := must(r.do("POST", "/", "x=1", "Accept", "text/html", "Sec-Fetch-Dest", "document"))
	want(t, a, 503, "The form was not sent")
	if strings.Contains(a.body, "http-equiv") {
		t.Error("the page of a form would send it again without a click")
	}
}

// TestKeptOverReload: what a person has entered, opened and scrolled to is there after a reload, and
// what is secret is not kept (P17).
func TestKeptOverReload(t *testing.T) {
	browser := startBrowser(t)
	page := func(title string) string {
		return `<!doctype html><html><head><title>` + title + `</title></head><body>
<form><input id="byid"><input name="n" value="x"><input name="n" value="y"><textarea name="text">old</textarea>
<input type="checkbox" name="c"><input type="checkbox" name="c" checked><input type="radio" name="r" value="1" checked><input type="radio" name="r" value="2">
<select name="s"><option>a<option>b</select><select name="m" multiple><option>a<option>b<option>c</select>
<input id="pw" type="password"><input id="cc" autocomplete="cc-number"><input id="hid" type="hidden" value="h"><input id="unseen" style="display:none"><input id="file" type="file">
<input id="server" value="` + title + `"></form>
<details id="d1"><summary>one</summary><input id="in"></details><details open><summary>two</summary>x</details>
<div style="height:4000px"></div></body></html>`
	}
	s := newSite(map[string]string{"/": page("one")})
	r, _ := startLive(t, Options{Inject: true}, s)
	v := open(t, browser, r.URL())
	v.until("document.title", "one")
	// A browser keeps some of it over a reload. This is about what the client does.
	v.js(`(document.querySelector('form').autocomplete = 'off',
		byid.value = 'typed', document.querySelectorAll('[name=n]')[1].value = 'second', document.querySelector('textarea').value = 'two\nlines',
		document.querySelectorAll('[name=c]')[0].checked = true, document.querySelectorAll('[name=c]')[1].checked = false, document.querySelectorAll('[name=r]')[1].checked = true,
		document.querySelector('[name=s]').value = 'b', [...document.querySelector('[name=m]').options].forEach(o => o.selected = o.value !== 'b'),
		pw.value = 'secret', cc.value = 'secret', hid.value = 'secret', unseen.value = 'secret',
		d1.open = true, document.querySelectorAll('details')[1].open = false, document.querySelector('#in').value = 'inside',
		byid.focus({preventScroll: true}), byid.setSelectionRange(1, 3), scrollTo(0, 1234))`)
	v.until("scrollY", "1234")
	s.set("/", page("two"))
	r.save()
	r.goLive(startApp(t, s))
	v.until("document.title", "two")
	for expr, want := range map[string]string{
		"byid.value": "typed",
		"[...document.querySelectorAll('[name=n]')].map(e => e.value)":              "x,second",
		"document.querySelector('textarea').value":                                  "two\nlines",
		"[...document.querySelectorAll('[name=c]')].map(e => e.checked)":            "true,false",
		"[...document.querySelectorAll('[name=r]')].map(e => e.checked)":            "false,true",
		"document.querySelector('[name=s]').value":                                  "b",
		"[...document.querySelector('[name=m]').selectedOptions].map(o => o.value)": "a,c",
		"[...document.querySelectorAll('details')].map(e => e.open)":                "true,false",
		"document.querySelector('#in').value":                                       "inside",
		"document.activeElement.id":                                                 "byid",
		"byid.selectionStart + '-' + byid.selectionEnd":                             "1-3",
		"scrollY":      "1234",
		"pw.value":     "",
		"cc.value":     "",
		"hid.value":    "h",
		"unseen.value": "",
		"server.value": "two", // what was not typed is the program's
		"JSON.stringify({...sessionStorage}).includes('secret')": "false",
	} {
		v.until(expr, want)
	}
	v.quiet()
}

// TestFocusStays: the overlay takes the focus only if nothing has it (P17).
func TestFocusStays(t *testing.T) {
	browser := startBrowser(t)
	for _, field := range []string{`<input id="f">`, `<textarea id="f"></textarea>`, `<div id="f" contenteditable>x</div>`, `<select id="f"><option>a</select>`} {
		t.Run(field, func(t *testing.T) {
			s := newSite(map[string]string{"/": `<!doctype html><title>one</title><body>` + field})
			r, _ := startLive(t, Options{Inject: true}, s)
			v := open(t, browser, r.URL())
			v.run(chromedp.Focus(chromedp.CSS("#f")))
			v.until("document.activeElement.id", "f")
			r.save()
			r.emit(frame)
			v.until(overlay+".includes('cannot use order')", "true")
			v.until("document.activeElement.id", "f")
			if field == `<input id="f">` {
				v.run(chromedp.KeyEvent("still typing"))
				v.until("f.value", "still typing")
			}
			v.run(chromedp.KeyEvent("\x1b")) // and Esc still hides it
			v.until(overlay, "")
			v.until("document.activeElement.id", "f")
		})
	}
	t.Run("nothing has it", func(t *testing.T) {
		s := newSite(map[string]string{"/": `<!doctype html><title>one</title><body>x`})
		r, _ := startLive(t, Options{Inject: true}, s)
		v := open(t, browser, r.URL())
		r.save()
		r.emit(frame)
		const root = `document.querySelector('hotreload-overlay').shadowRoot`
		v.until(root+".activeElement === "+root+".querySelector('.panel')", "true")
	})
}
