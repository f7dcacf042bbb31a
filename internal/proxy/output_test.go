package proxy

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// terminal is what a program has written.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *terminal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *terminal) read(int, time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.text.Bytes())
}

// TestLastWords: what a program says before it ends is shown with its end (P14).
func TestLastWords(t *testing.T) {
	dir := project(t, map[string]string{"config.yaml": "a: b\n"})
	began := time.Now()
	var asked []time.Time
	said := strings.Repeat("noise\n", 100) + "\x1b[31mERROR\x1b[0m\tcannot reach <redis> \x1b]0;title\a\x07\r\nconfig.yaml:1:4: bad\n"
	r := start(t, Options{Inject: true, Dir: dir, Editor: "ed://{file}:{line}", Output: func(gen int, since time.Time) []byte {
		asked = append(asked, since)
		if gen != 1 {
			t.Errorf("generation %d", gen)
		}
		return []byte(said)
	}})
	r.save()
	r.emit(event.BuildFinished{OK: true})
	r.emit(event.Started{PID: 7})
	r.emit(event.Exited{PID: 7, Code: 1, Reason: "exit code 1", DurationMS: 1000})
	a := r.get("/")
	want(t, a, 503, "ERROR\tcannot reach <redis> \\a\nconfig.yaml:1:4: bad\n")
	if n := strings.Count(a.body, "noise"); n > lastLines {
		t.Errorf("%d lines", n)
	}
	if !asked[0].Before(began) || asked[0].Before(began.Add(-time.Minute)) {
		t.Errorf("asked for what was written since %v; it has run for 1 s", asked[0])
	}
	want(t, r.get("/", browser...), 503, `<a href="ed:/`+dir+`/config.yaml:1">config.yaml:1:4</a>`)
	s := r.state()
	if n := len(s.Trouble.Words); n != 3 || s.Trouble.Words[1].Text != "config.yaml:1:4" || s.Trouble.Words[1].Link == "" {
		t.Errorf("%+v", s.Trouble.Words)
	}
}

// TestNotReadyShowsOutput: so does a program that runs and does not get ready (P14).
func TestNotReadyShowsOutput(t *testing.T) {
	r := start(t, Options{Output: func(int, time.Time) []byte { return []byte("waiting for postgres\n") }})
	r.save()
	r.emit(event.BuildFinished{OK: true})
	r.emit(event.Started{PID: 7})
	r.emit(event.Problem{Message: "not ready after 10s", Failed: true})
	want(t, r.get("/"), 503, "waiting for postgres")
}

// panicking is a program whose handler panics, with the log of net/http.
func panicking(t *testing.T, out *terminal) *app {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{addr: ln.Addr().String(), srv: &http.Server{
		ErrorLog: log.New(out, "", log.LstdFlags),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fine" {
				return
			}
			var items []int
			_ = items[len(r.URL.Path)+41] // the line that panics
		}),
	}}
	go func() { _ = a.srv.Serve(ln) }()
	t.Cleanup(a.kill)
	return a
}

// TestHandlerPanic: net/http breaks the connection and prints the stack; the page shows it, with
// the first frame of the user (P14).
func TestHandlerPanic(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	var out terminal
	r := start(t, Options{Inject: true, Dir: filepath.Dir(file), Editor: "ed://{file}:{line}", Output: out.read})
	r.goLive(panicking(t, &out))
	for _, header := range [][]string{nil, browser} {
		a := r.get("/", header...)
		want(t, a, 502, "A handler panicked")
		for _, part := range []string{"panic: runtime error: index out of range [42] with length 0", "output_test.go:", "the line that panics", "goroutine "} {
			if part == "the line that panics" && header == nil {
				continue // code is for people
			}
			if !strings.Contains(a.body, part) {
				t.Errorf("no %q in\n%s", part, a.body)
			}
		}
	}
	want(t, r.get("/fine"), 200, "")
}

// TestHandlerPanicAfterUndo: so it does in a program that a later build, or an edit that was undone,
// found to be the same; its output is kept under the generation that it was started as (P14).
func TestHandlerPanicAfterUndo(t *testing.T) {
	for name, same := range map[string]func(*rig){
		"undone": func(r *rig) {
			r.emit(event.BuildFinished{Summary: "1 error in main.go"})
			r.emit(event.Undone{})
		},
		"unchanged": func(r *rig) { r.emit(event.BuildFinished{OK: true, Unchanged: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			_, file, _, _ := runtime.Caller(0)
			var out terminal
			var started int
			r := start(t, Options{Dir: filepath.Dir(file), Output: func(gen int, since time.Time) []byte {
				if gen != started {
					return nil
				}
				return out.read(gen, since)
			}})
			r.goLive(panicking(t, &out))
			started = r.gen
			r.save()
			same(r)
			want(t, r.get("/"), 502, "A handler panicked")
			if s := r.state(); s.Generation != r.gen {
				t.Errorf("generation %d answers, not %d", s.Generation, r.gen)
			}
		})
	}
}

// TestFindHandlerPanic: the forms in which it is printed (P14).
func TestFindHandlerPanic(t *testing.T) {
	const stack = "goroutine 34 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/src/net/http/server.go:1943 +0xd3\npanic({0x1, 0x2})\n\t/go/src/runtime/panic.go:783 +0x132\n" +
		"main.(*Shop).Buy(...)\n\t/src/shop.go:12\nmain.main.func1({0x1, 0x2}, 0x3)\n\t/src/main.go:7 +0x1d\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/go/src/net/http/server.go:3493 +0x4b\n"
	own := func(file string) bool { return strings.HasPrefix(file, "/src/") }
	for _, tt := range []struct {
		name, text, message, at string
	}{
		{"none", "hello\npanic: x\n" + stack, "", ""},
		{"plain", "2024/01/01 10:00:00 http: panic serving 127.0.0.1:1: boom\n" + stack + "more\n", "boom", "/src/shop.go:12"},
		{"IPv6, HTTP/2", "http2: panic serving [::1]:1: boom\n" + stack, "boom", "/src/shop.go:12"},
		{"several lines", "http: panic serving 127.0.0.1:1: a\nb\n" + stack, "a\nb", "/src/shop.go:12"},
		{"the last of two", "http: panic serving 127.0.0.1:1: a\n" + stack + "http: panic serving 127.0.0.1:1: b\n" + strings.Replace(stack, "shop.go:12", "cart.go:3", 1), "b", "/src/cart.go:3"},
		{"no stack", "http: panic serving 127.0.0.1:1: boom\nother", "boom", ""},
		{"nothing of the user", "http: panic serving 127.0.0.1:1: boom\n" + strings.ReplaceAll(stack, "/src/", "/lib/"), "boom", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := findHandlerPanic(tt.text, own)
			if h == nil {
				h = &handlerPanic{}
			}
			at := ""
			if h.file != "" {
				at = fmt.Sprintf("%s:%d", h.file, h.line)
			}
			if h.message != tt.message || at != tt.at || strings.Contains(h.stack, "more") {
				t.Errorf("%q at %q, want %q at %q\n%s", h.message, at, tt.message, tt.at, h.stack)
			}
		})
	}
}

// TestTemplateErrors: a template that fails at the start is shown with its line (P14).
func TestTemplateErrors(t *testing.T) {
	dir := project(t, map[string]string{"main.go": "package main\n", "views/index.html": "<p>\n{{ .A\n}}", "a/same.html": "x", "b/same.html": "x"})
	p := &Proxy{opt: Options{Service: "api", Dir: dir, Editor: "ed://{file}:{line}:{column}"}}
	for _, tt := range []struct{ text, file, link string }{
		{"panic: template: index.html:2: unexpected } in operand\n\ngoroutine 1 [running]:\n", "views/index.html", "ed:/" + dir + "/views/index.html:2:1"},
		{`template: index.html:2:4: executing "index.html" at <.A>: no field`, "views/index.html", "ed:/" + dir + "/views/index.html:2:5"},
		{"html/template: index.html:2:4: no such template", "views/index.html", "ed:/" + dir + "/views/index.html:2:5"},
		{"template: same.html:1: which one", "", ""},
		{"template: gone.html:1: not there", "", ""},
	} {
		x := event.Exited{Code: 2, Reason: tt.text, Panic: tt.text}
		r := (&trouble{p: p, kind: crashed, exit: x}).report()
		if tt.file == "" {
			if len(r.Places) != 0 {
				t.Errorf("%q: %+v", tt.text, r.Places)
			}
			continue
		}
		if len(r.Places) != 1 || r.Places[0].File != tt.file || r.Places[0].Link != tt.link || len(r.Places[0].Code) != 3 {
			t.Errorf("%q: %+v", tt.text, r.Places)
		}
	}
}

// TestGenerated: an error in the code that templ has made belongs to the .templ file (P14).
func TestGenerated(t *testing.T) {
	dir := project(t, map[string]string{
		"hi.templ": "package main\n\ntempl hi(name string) {\n\t<p>Hi { nam }</p>\n}\n\nfunc total(a int) string { return a }\n",
		"hi_templ.go": `// Code generated by templ - DO NOT EDIT.

package main

import "github.com/a-h/templ"

func total(a int) string { return a }

func hi(name string) templ.Component {
	return templruntime.GeneratedTemplate(func(templ_7745c5c3_Input templruntime.GeneratedComponentInput) (templ_7745c5c3_Err error) {
		templ_7745c5c3_Err = templruntime.WriteString(templ_7745c5c3_Buffer, 1, "<p>Hi ")
		if templ_7745c5c3_Err != nil {
			return templ_7745c5c3_Err
		}
		var templ_7745c5c3_Var2 string
		templ_7745c5c3_Var2, templ_7745c5c3_Err = templ.JoinStringErrs(nam)
		if templ_7745c5c3_Err != nil {
			return templ.Error{Err: templ_7745c5c3_Err, FileName: ` + "`hi.templ`" + `, Line: 4, Col: 13}
		}
		return nil
	})
}
`,
		"other_templ.go": "package main\n",
	})
	p := &Proxy{opt: Options{Service: "api", Dir: dir, Editor: "ed://{file}:{line}"}}
	for _, tt := range []struct {
		file string
		line int
		want string
	}{
		{"hi_templ.go", 16, "hi.templ:4"},
		{"hi_templ.go", 18, "hi.templ:4"},
		{"hi_templ.go", 7, "hi.templ:7"}, // copied as it is
		{"hi_templ.go", 5, "hi_templ.go:5"},
		{"hi_templ.go", 900, "hi_templ.go:900"},
		{"other_templ.go", 1, "other_templ.go:1"}, // there is no source
	} {
		c := p.place(event.Diagnostic{File: filepath.Join(dir, tt.file), Line: tt.line, Column: 66, Message: "undefined: nam"})
		if got := fmt.Sprintf("%s:%d", c.File, c.Line); got != tt.want {
			t.Errorf("%s:%d belongs to %s, want %s", tt.file, tt.line, got, tt.want)
		}
		if want := "ed:/" + dir + "/" + tt.want; c.Link != want {
			t.Errorf("link %s, want %s", c.Link, want)
		}
		marked := 0
		for _, l := range c.Code {
			if l.Marked {
				marked++
			}
		}
		if tt.line != 900 && marked != 1 {
			t.Errorf("%+v", c.Code)
		}
	}
	if got := p.project().Linked("hi_templ.go:16:3: bad")[0]; got.Link != "ed:/"+dir+"/hi.templ:4" {
		t.Errorf("%+v", got)
	}
}

// TestLastWordsInChromium: each is in the overlay, with links (P14).
func TestLastWordsInChromium(t *testing.T) {
	browser := startBrowser(t)
	_, file, _, _ := runtime.Caller(0)
	const root = `document.querySelector('hotreload-overlay').shadowRoot`

	t.Run("an end at the start", func(t *testing.T) {
		r := start(t, Options{Inject: true, Dir: filepath.Dir(file), Editor: "vscode://file/{file}:{line}", Output: func(int, time.Time) []byte {
			return []byte("proxy.go:3: cannot reach redis\n")
		}})
		r.save()
		r.emit(event.BuildFinished{OK: true})
		r.emit(event.Started{PID: 7})
		r.emit(event.Exited{PID: 7, Code: 1, Reason: "exit code 1"})
		v := open(t, browser, r.URL())
		v.until(overlay+".includes('cannot reach redis')", "true")
		v.until(root+".querySelector('pre a').href", "vscode://file"+filepath.Dir(file)+"/proxy.go:3")
		v.shot("last-words")
		v.quiet()
	})
	t.Run("a handler panics", func(t *testing.T) {
		var out terminal
		r := start(t, Options{Inject: true, Dir: filepath.Dir(file), Editor: "vscode://file/{file}:{line}", Output: out.read})
		r.goLive(panicking(t, &out))
		v := open(t, browser, r.URL())
		v.until(overlay+".includes('index out of range [42]')", "true")
		v.until(root+".querySelector('.src.hit').textContent.includes('the line that panics')", "true")
		v.until(root+".querySelectorAll('.stack .hit').length > 0", "true")
		v.shot("handler-panic")
		r.save()
		r.goLive(startApp(t, newSite(map[string]string{"/": "<!doctype html><title>works</title>"})))
		v.until("document.title", "works")
		v.quiet()
	})
}
