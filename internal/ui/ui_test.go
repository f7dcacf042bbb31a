package ui

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/event"
)

var at = time.Date(2026, 3, 1, 14, 3, 22, 0, time.UTC)

func text(o TextOptions) *Text {
	o.Dir = "/home/user/shop"
	return NewText(NewScreen(&bytes.Buffer{}, &bytes.Buffer{}, false, nil), o)
}

func render(t *Text, service string, bodies ...event.Body) string {
	var s strings.Builder
	for _, b := range bodies {
		s.WriteString(string(t.Render(event.Event{Time: at, Service: service, Generation: 3, Body: b})))
	}
	return s.String()
}

var compileError = event.BuildFinished{
	DurationMS: 320, Summary: "1 error in ./api",
	Diagnostics: []event.Diagnostic{{
		File: "/home/user/shop/api/main.go", Line: 12, Column: 3, Message: "undefined: foo\nhave bar", Package: "shop/api",
		Frame: []event.SourceLine{{Number: 11, Text: "func main() {"}, {Number: 12, Text: "\t\tfoo(1)"}, {Number: 13, Text: "}"}},
	}},
	Hint: "see the manual",
}

func many(lines ...int) []event.Diagnostic {
	var out []event.Diagnostic
	for _, n := range lines {
		out = append(out, event.Diagnostic{File: "/home/user/shop/a.go", Line: n, Message: "bad", Frame: []event.SourceLine{{Number: n, Text: "x"}}})
	}
	return out
}

// TestRender holds the words of every line: people read them all day.
func TestRender(t *testing.T) {
	panicked := event.Exited{PID: 7, Code: 2, DurationMS: 1500, Reason: "panic: boom (/home/user/shop/api/main.go:9)", File: "/home/user/shop/api/main.go", Line: 9}
	for _, c := range []struct {
		name   string
		opt    TextOptions
		bodies []event.Body
		want   string
	}{
		{"one save", TextOptions{Time: true}, []event.Body{
			event.Changed{Paths: []string{"/home/user/shop/main.go"}, Effect: "rebuild", Why: "Go file of package shop"},
			event.BuildStarted{},
			event.BuildFinished{OK: true, DurationMS: 412},
			event.Exited{Expected: true, Reason: "exit code 0"},
			event.Started{PID: 7},
			event.Ready{AfterMS: 12},
			event.Live{LatencyMS: 455, DetectMS: 2, BuildMS: 412, StopMS: 3, StartMS: 12},
		}, `14:03:22 changed main.go
14:03:22 built   412 ms
14:03:22 live    455 ms  detect 2 + build 412 + stop 3 + start 12
`},
		{"many files", TextOptions{}, []event.Body{event.Changed{
			Paths: []string{"/home/user/shop/a.go", "/home/user/shop/b.go", "/home/user/shop/c.go", "/home/user/lib/d.go", "/home/user/shop/e.go"}, Effect: "rebuild"}},
			"changed a.go, b.go, c.go, and 2 more\n"},
		{"B1 compile error and B3 its repair", TextOptions{}, []event.Body{
			compileError,
			event.BuildFinished{OK: true, DurationMS: 400},
			event.BuildFinished{OK: true, DurationMS: 1234},
		}, `failed  1 error in ./api (320 ms)
  api/main.go:12:3: undefined: foo
    have bar
     11 | func main() {
     12 |         foo(1)
        |         ^
     13 | }
  hint: see the manual
waiting for a fix; shop is not running
fixed   400 ms
built   1.23 s
`},
		{"many errors show the code of the first few lines", TextOptions{}, []event.Body{event.BuildFinished{Summary: "5 errors", Diagnostics: many(1, 1, 2, 3, 4)}}, `failed  5 errors (0 ms)
  a.go:1: bad
      1 | x
  a.go:1: bad
  a.go:2: bad
      2 | x
  a.go:3: bad
      3 | x
  a.go:4: bad
waiting for a fix; shop is not running
`},
		{"error without a place", TextOptions{}, []event.Body{event.BuildFinished{Output: "go: updates to go.mod needed\n", OutputFile: "/tmp/log"}}, `failed  the build failed (0 ms)
    go: updates to go.mod needed
  hint: the full output is in /tmp/log
waiting for a fix; shop is not running
`},
		{"a reason is said once", TextOptions{Once: true}, []event.Body{
			event.BuildFinished{Summary: "no Go files in /x", Output: "no Go files in /x\n", Hint: "name it"},
			event.BuildFinished{Summary: "no Go files in /x", Output: "package a/b: no Go files in /x\n"},
			event.BuildFinished{Summary: "no Go files in /x", Output: "there are no Go files in /x\n"},
			event.BuildFinished{Summary: "no Go files in /x", Output: "warning\nx: no Go files in /x\n"},
			event.BuildFinished{Output: "bad\n"},
		}, `failed  no Go files in /x (0 ms)
  hint: name it
failed  no Go files in /x (0 ms)
failed  no Go files in /x (0 ms)
    there are no Go files in /x
failed  no Go files in /x (0 ms)
    warning
    x: no Go files in /x
failed  the build failed (0 ms)
    bad
`},
		{"a file that is right again", TextOptions{}, []event.Body{
			event.Changed{Paths: []string{"/home/user/shop/.env"}, Effect: "none", Why: "fixed", Fixed: true},
			event.Changed{Paths: []string{"/home/user/shop/a.txt"}, Effect: "none", Why: "fixed"},
		}, "fixed   .env\n"},
		{"a failure says what runs", TextOptions{}, []event.Body{
			event.BuildFinished{Summary: "1 error", Serving: at.Add(-time.Hour)}, event.BuildFinished{Summary: "1 error", Serving: at.Add(-24 * time.Hour)},
		}, `failed  1 error (0 ms)
waiting for a fix; shop, started at 13:03:22, keeps running
failed  1 error (0 ms)
waiting for a fix; shop, started at 2026-02-28 14:03:22, keeps running
`},
		{"long lines are cut around the error", TextOptions{Width: func() int { return 40 }}, []event.Body{event.BuildFinished{
			Summary: "1 error", Diagnostics: []event.Diagnostic{{File: "/home/user/shop/a.go", Line: 2, Column: 51, Message: "bad",
				Frame: []event.SourceLine{{Number: 1, Text: "short"}, {Number: 2, Text: strings.Repeat("0123456789", 8)}}}},
		}}, `failed  1 error (0 ms)
  a.go:2:51: bad
      1 | 
      2 | …789012345678901234567890123…
        |               ^
waiting for a fix; shop is not running
`},
		{"once", TextOptions{Once: true}, []event.Body{event.SessionStarted{Dir: "/home/user/shop"}, event.Exited{Reason: "exit code 0"}, event.Exited{Code: 3, Reason: "exit code 3"}},
			"hotreload runs /home/user/shop once\nexited  exit code 3 (after 0 ms)\n"},
		{"L10 same program", TextOptions{}, []event.Body{event.BuildFinished{OK: true, DurationMS: 90, Unchanged: true}},
			"built   90 ms: the program is the same, not restarted\n"},
		{"L6 undo", TextOptions{}, []event.Body{
			event.Changed{Paths: []string{"/home/user/shop/main.go"}, Effect: "none", Why: "same as the running program", Undone: true},
			event.Undone{Paths: []string{"/home/user/shop/main.go"}},
		},
			"changed main.go\nundone  same as the running program\n"},
		{"L12 compiled twice", TextOptions{Verbose: true}, []event.Body{event.BuildFinished{OK: true, DurationMS: 700, Again: []string{"/home/user/shop/main.go"}}},
			"built   700 ms, compiled twice, because of a write during the build: main.go\n"},
		{"template", TextOptions{}, []event.Body{event.Changed{Paths: []string{"/home/user/shop/t.html"}, Effect: "restart", Why: "rule *.html"}},
			"changed t.html: rule *.html -> restart\n"},
		{"R8 panic", TextOptions{}, []event.Body{panicked},
			"exited  panic: boom api/main.go:9 (after 1.50 s; waiting for a change)\n"},
		{"R9", TextOptions{}, []event.Body{event.Exited{Code: 1, DurationMS: 20, Reason: "exit code 1", Again: true}},
			"exited  exit code 1 (after 20 ms)\n"},
		{"R3 killed", TextOptions{}, []event.Body{event.Exited{Expected: true, Killed: []string{"7 app"}}},
			"killed  7 app did not stop in time (stop_timeout)\n"},
		{"what is waited for", TextOptions{}, []event.Body{
			event.Waiting{For: "api", Reason: "waits for api, which does not build", What: "for api, which does not build"}, event.Held{Reason: "waits for api, which does not build"},
			event.Waiting{Reason: `starts again in 500ms (restart = "always")`, What: `in 500ms (restart = "always")`, Kind: event.WaitBackoff},
			event.Waiting{Reason: "still building after 6s", Kind: event.WaitBuild},
			event.Waiting{Reason: "still building after 12s", Kind: event.WaitBuild, Compiled: 143},
			event.Waiting{Reason: "still building after 48s", Kind: event.WaitBuild, Compiled: 210, Packages: 310},
			event.Waiting{Reason: "stopped until it is restarted", Kind: event.WaitStopped},
			event.Waiting{Reason: "generation 1 keeps serving", Kind: event.WaitServing, Since: at.Add(-time.Minute)},
			event.Paused{}, event.Held{Reason: "paused"}, event.Resumed{},
		}, `waiting for api, which does not build
restart in 500ms (restart = "always")
build   still building after 6s
build   still building after 12s: 143 packages compiled
build   still building after 48s: 210 packages compiled (310 in all)
stopped until ` + "`hotreload restart shop`" + `
waiting for a fix; shop, started at 14:02:22, keeps running, because the new program did not become ready
paused  changes are remembered but not built
resumed changes are built again
`},
		{"asked for", TextOptions{}, []event.Body{event.Changed{Effect: "restart", Why: "key r"}, event.Changed{Effect: "rebuild", Why: "SIGUSR1"}},
			"restart (key r)\nrebuild (SIGUSR1)\n"},
		{"a rule without effect", TextOptions{}, []event.Body{
			event.Changed{Paths: []string{"/home/user/shop/a.css"}, Effect: "none", Why: "rule *.css", Command: true},
			event.Changed{Paths: []string{"/home/user/shop/a.md"}, Effect: "none", Why: "rule *.md"},
			event.Changed{Paths: []string{"/home/user/shop/a.conf"}, Effect: "signal", Why: "rule *.conf"},
		}, "command a.css: rule *.css\nsignal  a.conf: rule *.conf\n"},
		{"the config", TextOptions{}, []event.Body{
			event.Changed{Paths: []string{"/home/user/shop/.hotreload.toml"}, Effect: "none", Why: "the config is applied", Config: event.ConfigApplied},
			event.Changed{Paths: []string{"/home/user/shop/.hotreload.toml"}, Effect: "restart", Why: "the config is applied", Config: event.ConfigApplied},
			event.Changed{Paths: []string{"/home/user/shop/.hotreload.toml"}, Effect: "none", Why: "the config is applied", Config: event.ConfigFixed},
		}, `config  .hotreload.toml: the config is applied
changed .hotreload.toml: the config is applied -> restart
fixed   .hotreload.toml: the config is applied
`},
		{"P21 the proxy's address", TextOptions{}, []event.Body{event.Proxy{URL: "http://127.0.0.1:8090"}, event.Proxy{}},
			"open    http://127.0.0.1:8090\nclosed  the proxy is closed\n"},
		{"P20 on the first live line", TextOptions{}, []event.Body{
			event.SessionStarted{Dir: "/x", Services: []string{"api", "shop"}, URLs: []string{"", "http://127.0.0.1:8090"}, Watches: 1},
			event.Live{LatencyMS: 5}, event.Live{LatencyMS: 6},
		}, "hotreload watches /x (1 directory); Ctrl-C quits\nlive    5 ms  http://127.0.0.1:8090\nlive    6 ms\n"},
		{"P20 nothing was live yet", TextOptions{Once: false}, []event.Body{
			event.SessionStarted{Dir: "/x", Services: []string{"shop"}, URLs: []string{"http://127.0.0.1:8090"}, Watches: 1},
			event.BuildFinished{DurationMS: 3, Summary: "1 error"}, event.BuildFinished{DurationMS: 4, Summary: "2 errors"}, event.Live{LatencyMS: 6},
		}, `hotreload watches /x (1 directory); Ctrl-C quits
failed  1 error (3 ms)
waiting for a fix; shop is not running
open    http://127.0.0.1:8090
failed  2 errors (4 ms)
waiting for a fix; shop is not running
live    6 ms
`},
		{"P20 ended at its start", TextOptions{}, []event.Body{
			event.SessionStarted{Dir: "/x", Services: []string{"shop"}, URLs: []string{"http://127.0.0.1:8090"}, Watches: 1}, panicked,
		}, "hotreload watches /x (1 directory); Ctrl-C quits\nexited  panic: boom api/main.go:9 (after 1.50 s; waiting for a change)\nopen    http://127.0.0.1:8090\n"},
		{"P18 the page's console", TextOptions{Quiet: true}, []event.Body{
			event.Console{Level: "error", Text: "two\nlines \x1b[31m", File: "/home/user/shop/static/app.js", Line: 12},
			event.Console{Level: "uncaught", Text: "TypeError: x", File: "/static/\x1b[2Japp.js", Line: 3},
			event.Console{Level: "rejection", Text: "a text"},
		}, "console static/app.js:12: two\n    lines \\x1b[31m\nconsole /static/\\x1b[2Japp.js:3: uncaught TypeError: x\nconsole unhandled rejection: a text\n"},
		{"browsers", TextOptions{}, []event.Body{
			event.Reloaded{Kind: "page", NoProxy: true}, event.Reloaded{Kind: "css", NoProxy: true},
			event.Reloaded{Kind: "css", Clients: 2}, event.Reloaded{Kind: "page"},
		}, `reload  there is no proxy, so no browser is reloaded
  hint: with ` + "`hotreload run --proxy`" + `, or proxy.listen in the config, pages reload automatically
reload  styles, in 2 browsers
reload  page; no browser tab is open
`},
		{"problem", TextOptions{}, []event.Body{event.Problem{Message: "too many watches", Hint: "raise it\nlike so", Detail: "more\n"}}, `problem too many watches
    more
  hint: raise it
        like so
`},
		{"problem, and what follows", TextOptions{}, []event.Body{event.Problem{Message: "cannot start", Last: true}, event.Problem{Message: "not ready within 10s", Late: true}}, `problem cannot start
waiting for a change
problem not ready within 10s
waiting until it is ready, or for a change
`},
		{"quiet", TextOptions{Quiet: true}, []event.Body{
			event.SessionStarted{Dir: "/x"}, event.Changed{Effect: "rebuild", Paths: []string{"/x/a"}}, event.BuildFinished{OK: true},
			event.Live{}, event.Held{Reason: "x"}, event.Reloaded{Kind: "css"}, event.Exited{Reason: "exit code 0"}, panicked,
		}, "exited  panic: boom api/main.go:9 (after 1.50 s; waiting for a change)\n"},
		{"verbose", TextOptions{Verbose: true}, []event.Body{
			event.BuildStarted{}, event.BuildCanceled{}, event.Started{PID: 7}, event.Ready{AfterMS: 3},
			event.Exited{Expected: true, PID: 7, Reason: "exit code 0"}, event.SessionEnded{Reason: "Ctrl-C"},
		}, `build   started
build   canceled: no longer needed
started pid 7
ready   after 3 ms
stopped pid 7, exit code 0
end     Ctrl-C
`},
		{"names that would break the line", TextOptions{}, []event.Body{event.Changed{Paths: []string{"/home/user/shop/a\nb\x1b[2J.go"}, Effect: "rebuild"}},
			"changed \"a\\nb\\x1b[2J.go\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, render(text(c.opt), "shop", c.bodies...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestIgnored holds that a change that concerns no service is printed only on request.
func TestIgnored(t *testing.T) {
	b := event.Changed{Paths: []string{"/home/user/shop/a_test.go"}, Effect: "none", Why: "test file"}
	if got := render(text(TextOptions{}), "", b); got != "" {
		t.Errorf("%q", got)
	}
	if got := render(text(TextOptions{Verbose: true}), "", b); got != "ignored a_test.go: test file\n" {
		t.Errorf("%q", got)
	}
}

// TestColour holds that colour is only ever a matter of the option: the words are
// the same (T6).
func TestColour(t *testing.T) {
	plain := render(text(TextOptions{Time: true}), "shop", compileError)
	coloured := render(text(TextOptions{Time: true, Color: true}), "shop", compileError)
	if strings.Contains(plain, "\x1b") {
		t.Errorf("escape sequences without colour: %q", plain)
	}
	if !strings.Contains(coloured, "\x1b[") {
		t.Errorf("no colour: %q", coloured)
	}
	var stripped strings.Builder
	for rest := coloured; rest != ""; {
		before, after, found := strings.Cut(rest, "\x1b[")
		stripped.WriteString(before)
		if !found {
			break
		}
		_, rest, _ = strings.Cut(after, "m")
	}
	if diff := cmp.Diff(plain, stripped.String()); diff != "" {
		t.Errorf("colour changes the words:\n%s", diff)
	}
}

// TestScreen holds R10: bytes pass unchanged, and an own line starts on its own line.
func TestScreen(t *testing.T) {
	var out, err bytes.Buffer
	s := NewScreen(&out, &err, false, nil)
	s.App("web", false, []byte("half"))
	s.Own("own 1\n")
	s.App("web", true, []byte("err half"))
	s.Own("own 2\n")
	s.App("web", false, []byte(" line\n\x00\xff"))
	s.Own("own 3\n")
	if diff := cmp.Diff("half line\n\x00\xff", out.String()); diff != "" {
		t.Errorf("stdout was changed:\n%s", diff)
	}
	if diff := cmp.Diff("own 1\nerr half\nown 2\nown 3\n", err.String()); diff != "" {
		t.Errorf("stderr:\n%s", diff)
	}
	var tty bytes.Buffer
	s = NewScreen(&tty, &tty, true, nil)
	s.App("web", false, []byte("prompt> "))
	s.Own("own\n")
	s.App("web", false, []byte("more\n"))
	s.Own("own\n")
	if diff := cmp.Diff("prompt> \x1b[0m\nown\nmore\n\x1b[0mown\n", tty.String()); diff != "" {
		t.Errorf("terminal:\n%s", diff)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestScreenClosed holds T6: output that is not read ends the session, once.
func TestScreenClosed(t *testing.T) {
	closed := make(chan struct{}, 2)
	s := NewScreen(brokenPipe{}, brokenPipe{}, false, func() { closed <- struct{}{} })
	s.App("web", false, []byte("x"))
	s.Own("y\n")
	<-closed
	select {
	case <-closed:
		t.Error("reported twice")
	default:
	}
}

type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	f.n++
	return 0, errors.New("disk full")
}

// TestLog holds that a failing event file stops nothing and is not tried again.
func TestLog(t *testing.T) {
	f := &failing{}
	l := NewLog(f)
	for range 3 {
		l.Emit(event.Event{Time: at, Body: event.BuildStarted{}})
	}
	if f.n != 1 || l.Err() == nil {
		t.Errorf("%d writes, error %v", f.n, l.Err())
	}
}

// Fault 30: a program that has the terminal can switch off what a newline does. What passes unchanged stays unchanged.
func TestRawTerminal(t *testing.T) {
	var tty bytes.Buffer
	raw := false
	s := NewScreen(&tty, &tty, true, nil)
	s.Raw(func() bool { return raw })
	s.App("", false, []byte("a\nb"))
	raw = true
	s.Own("one\ntwo\n")
	s.App("", false, []byte("c\n"))
	raw = false
	s.Own("three\n")
	if got, want := tty.String(), "a\nb\x1b[0m\r\none\r\ntwo\r\nc\n\x1b[0mthree\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRemarks holds that what the tools of a good build print is shown when it is new, once for services that are built
// together, and of other tools than compilers only with -v.
func TestRemarks(t *testing.T) {
	const warning = "# shop/c\nc.go:7: warning: unused\n"
	good := func(warnings string) event.BuildFinished {
		return event.BuildFinished{OK: true, DurationMS: 7, Output: "generated\n" + warnings, Warnings: warnings}
	}
	shown := "    # shop/c\n    c.go:7: warning: unused\n"
	long := strings.Repeat("a warning\n", 60)
	for _, c := range []struct {
		name   string
		opt    TextOptions
		builds []event.BuildFinished
		want   string
	}{
		{"once", TextOptions{}, []event.BuildFinished{good(warning), good(""), good(warning)}, "built   7 ms\n" + shown + "built   7 ms\nbuilt   7 ms\n"},
		{"another one", TextOptions{}, []event.BuildFinished{good(warning), good("x\n")}, "built   7 ms\n" + shown + "built   7 ms\n    x\n"},
		{"verbose", TextOptions{Verbose: true}, []event.BuildFinished{good(warning), good(warning), good("")},
			"built   7 ms\n    generated\n" + shown + "built   7 ms\nbuilt   7 ms\n    generated\n"},
		{"quiet", TextOptions{Quiet: true}, []event.BuildFinished{good(warning)}, ""},
		{"unchanged", TextOptions{}, []event.BuildFinished{{OK: true, Unchanged: true, DurationMS: 7, Warnings: "x\n"}},
			"built   7 ms: the program is the same, not restarted\n    x\n"},
		{"long", TextOptions{}, []event.BuildFinished{good(long)},
			"built   7 ms\n" + strings.Repeat("    a warning\n", 40) + "    ... and 20 more lines\n"},
	} {
		r := text(c.opt)
		got := ""
		for _, b := range c.builds {
			got += render(r, "shop", b)
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
	r := text(TextOptions{})
	if got := render(r, "api", good(warning)) + render(r, "web", good(warning)); strings.Count(got, shown) != 1 {
		t.Errorf("two services:\n%s", got)
	}
}
