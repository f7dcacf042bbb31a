package page

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/places"
)

var start = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// play feeds events of service "web" to a timeline, 100 ms apart.
func play(t *Timeline, events ...event.Event) {
	for i, e := range events {
		if e.Service == "" {
			e.Service = "web"
		}
		e.Time = start.Add(time.Duration(i) * 100 * time.Millisecond)
		t.Emit(e)
	}
}

func gen(n int, b event.Body) event.Event { return event.Event{Generation: n, Body: b} }

func changed(n int, effect string, paths ...string) event.Event {
	return gen(n, event.Changed{Paths: paths, Effect: effect, Why: "because"})
}

// summary is one line per save: generation, state, paths and what is wrong.
func summary(t *Timeline) string {
	saves, _, _ := t.Since(-1)
	var b strings.Builder
	for _, s := range saves {
		fmt.Fprintf(&b, "%s %d %s %s", s.Service, s.Generation, s.State, strings.Join(s.Paths, ","))
		if s.LatencyMS != 0 {
			fmt.Fprintf(&b, " %d=%d+%d+%d+%d", s.LatencyMS, s.DetectMS, s.BuildMS, s.StopMS, s.StartMS)
		}
		if s.Error != "" {
			fmt.Fprintf(&b, " %q", s.Error)
		}
		for _, c := range s.Console {
			fmt.Fprintf(&b, " %s:%d %s", c.File, c.Line, c.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// U1: each save is one row, which ends in what came of it.
func TestTimeline(t *testing.T) {
	live := event.Live{LatencyMS: 10, DetectMS: 1, BuildMS: 2, StopMS: 3, StartMS: 4}
	failed := event.BuildFinished{Summary: "1 error", DurationMS: 7, Diagnostics: []event.Diagnostic{
		{File: "/a.go", Line: 3, Message: "undefined", Frame: []event.SourceLine{{Number: 3, Text: "x"}}}}}
	for name, c := range map[string]struct {
		events []event.Event
		want   string
	}{
		"first build": {[]event.Event{gen(1, event.BuildStarted{}), gen(1, event.BuildFinished{OK: true}), gen(1, event.Started{}), gen(1, live)},
			"web 1 live  10=1+2+3+4\n"},
		"a save": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.BuildStarted{}), gen(2, event.BuildFinished{OK: true}), gen(2, event.Started{}), gen(2, live)},
			"web 2 live /a.go 10=1+2+3+4\n"},
		"two files of a burst": {[]event.Event{changed(2, "rebuild", "/a.go"), changed(2, "rebuild", "/b.go"), gen(2, event.BuildStarted{})},
			"web 2 building /a.go,/b.go\n"},
		"a newer save": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.BuildStarted{}), changed(3, "rebuild", "/a.go"), gen(2, event.BuildCanceled{}), gen(3, event.BuildStarted{})},
			"web 2 canceled /a.go\nweb 3 building /a.go\n"},
		"canceled and built again": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.BuildStarted{}), gen(2, event.BuildCanceled{}), gen(2, event.BuildStarted{}), gen(2, event.BuildFinished{OK: true})},
			"web 2 starting /a.go\n"},
		"a newer save while a command of a rule runs": {[]event.Event{changed(2, "rebuild", "/a.templ"), changed(3, "rebuild", "/a.templ"), gen(3, event.BuildStarted{}), gen(3, event.BuildFinished{OK: true})},
			"web 2 canceled /a.templ\nweb 3 starting /a.templ\n"},
		"a mistake and its fix": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.BuildStarted{}), gen(2, failed), changed(3, "rebuild", "/a.go"), gen(3, event.BuildStarted{}), gen(3, event.BuildFinished{OK: true, Unchanged: true})},
			"web 2 failed /a.go \"1 error\"\nweb 3 same /a.go\n"},
		"undone": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.BuildStarted{}), gen(2, event.Changed{Paths: []string{"/a.go"}, Effect: "none", Undone: true}), gen(2, event.Undone{}), gen(2, event.BuildCanceled{})},
			"web 2 undone /a.go\n"},
		"cannot matter": {[]event.Event{gen(1, live), changed(0, "none", "/README"), changed(0, "none", "/x_test.go")},
			"web 1 live  10=1+2+3+4\nweb 0 ignored /README\nweb 0 ignored /x_test.go\n"},
		"only the browser": {[]event.Event{changed(2, "reload", "/a.css"), gen(2, event.Reloaded{Kind: "css", Clients: 2})},
			"web 2 reloaded /a.css 100=0+0+0+0\n"},
		"dies before it is ready": {[]event.Event{changed(2, "rebuild", "/a.go"), gen(2, event.Started{}), gen(2, event.Exited{Code: 2, Reason: "exit code 2"})},
			"web 2 crashed /a.go \"exit code 2\"\n"},
		"crashes later": {[]event.Event{gen(1, live), gen(1, event.Exited{Signal: "SIGSEGV", Code: -1, Reason: "SIGSEGV"})},
			"web 1 crashed  10=1+2+3+4 \"SIGSEGV\"\n"},
		"ends as it should": {[]event.Event{gen(1, live), gen(1, event.Exited{Reason: "exit code 0"})},
			"web 1 restarted  10=1+2+3+4 \"exit code 0\"\n"},
		"is stopped": {[]event.Event{gen(1, live), gen(1, event.Exited{Expected: true, Code: 1})}, "web 1 live  10=1+2+3+4\n"},
		"cannot start": {[]event.Event{gen(1, event.Started{}), gen(1, event.Problem{Message: "cannot start", Failed: true})},
			"web 1 failed  \"cannot start\"\n"},
		"a notice":        {[]event.Event{gen(1, live), gen(1, event.Problem{Message: "something else"})}, "web 1 live  10=1+2+3+4\n"},
		"late, then live": {[]event.Event{gen(1, event.Problem{Message: "not ready", Failed: true}), gen(1, live)}, "web 1 live  10=1+2+3+4\n"},
		"the config":      {[]event.Event{gen(1, event.Changed{Config: event.ConfigApplied})}, ""},
		// P18: in the row of what the browser shows, not of what does not build.
		"an error in the browser": {[]event.Event{gen(1, live), changed(2, "rebuild", "/a.go"), gen(2, failed), gen(1, event.Console{Text: "x", File: "/app.js", Line: 3})},
			"web 1 live  10=1+2+3+4 /app.js:3 x\nweb 2 failed /a.go \"1 error\"\n"},
		"an error after a reload": {[]event.Event{gen(1, live), changed(2, "reload", "/app.js"), gen(2, event.Reloaded{Kind: "page"}), gen(1, event.Console{Text: "x", File: "/app.js", Line: 3})},
			"web 1 live  10=1+2+3+4\nweb 2 reloaded /app.js 100=0+0+0+0 /app.js:3 x\n"},
		"an error of the other service": {[]event.Event{gen(1, live), {Service: "api", Generation: 1, Body: live}, gen(1, event.Console{Text: "x"})},
			"web 1 live  10=1+2+3+4 :0 x\napi 1 live  10=1+2+3+4\n"},
		"two services": {[]event.Event{changed(2, "rebuild", "/a.go"), {Service: "api", Generation: 2, Body: event.Changed{Paths: []string{"/a.go"}, Effect: "rebuild"}}, gen(2, live)},
			"web 2 live /a.go 10=1+2+3+4\napi 2 building /a.go\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tl := NewTimeline()
			play(tl, c.events...)
			if diff := cmp.Diff(c.want, summary(tl)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Since gives what has changed since, and its channel says when to ask again.
func TestSince(t *testing.T) {
	tl := NewTimeline()
	none, seq, more := tl.Since(0)
	if len(none) != 0 || seq != 0 {
		t.Fatalf("%v, %d", none, seq)
	}
	play(tl, changed(1, "rebuild", "/a"), changed(2, "rebuild", "/b"))
	<-more
	first, seq, more := tl.Since(seq)
	if len(first) != 2 || seq != 2 {
		t.Fatalf("%v, %d", first, seq)
	}
	play(tl, gen(1, event.BuildStarted{}))
	<-more
	if second, seq, _ := tl.Since(seq); len(second) != 1 || second[0].Generation != 1 || seq != 3 {
		t.Errorf("%v, %d", second, seq)
	}
}

// U2: what is kept is bounded, however many saves, paths and messages there are.
func TestBounded(t *testing.T) {
	tl := NewTimeline()
	huge := strings.Repeat("x", 10<<20)
	for n := range 10_000 {
		paths := make([]string, 100)
		for i := range paths {
			paths[i] = fmt.Sprintf("/%d/%d", n, i)
		}
		play(tl, changed(n, "rebuild", paths...), gen(n, event.BuildFinished{Output: huge}))
		for i := 0; n%100 == 0 && i < 3*maxConsole; i++ {
			play(tl, gen(n, event.Console{Text: "x"}))
		}
	}
	saves, _, _ := tl.Since(-1)
	if len(saves) != maxSaves || saves[0].Generation != 10_000-maxSaves {
		t.Fatalf("%d saves, the first of generation %d", len(saves), saves[0].Generation)
	}
	if s := saves[0]; len(s.Paths) != maxPaths || s.More != 50 || len(s.Output) != maxOutput || len(s.Console) > maxConsole {
		t.Errorf("%d paths and %d more, %d bytes of output, %d errors of pages", len(s.Paths), s.More, len(s.Output), len(s.Console))
	}
}

// The code around an error is in the JSON; a save without files has an empty list.
func TestSaveJSON(t *testing.T) {
	tl := NewTimeline()
	play(tl, gen(1, event.BuildFinished{Summary: "1 error", Diagnostics: []event.Diagnostic{
		{File: "/a.go", Line: 3, Message: "undefined", Frame: []event.SourceLine{{Number: 3, Text: "x"}}}}}))
	saves, _, _ := tl.Since(-1)
	b, err := saves[0].row(places.Project{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"paths":[]`, `"state":"failed"`, `"file":"/a.go","line":3`, `"frame":[{"Number":3,"Text":"x"}]`, `"error":[{"text":"1 error"}]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}

// U1, U4: the places that a row names are links, in the project alone; a path on the server is none.
func TestRowLinks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tl := NewTimeline()
	play(tl, gen(1, event.Live{}), gen(1, event.Exited{Code: 2, Reason: "panic in main.go:7", File: file, Line: 7, Panic: "goroutine 1\n\t" + file + ":7 +0x1\n\t/etc/hosts.go:1"}),
		gen(1, event.Console{Text: "x", File: file, Line: 3}), gen(1, event.Console{Text: "y", File: "/main.go", Line: 4}),
		gen(1, event.Console{Text: "z", File: "https://cdn.example/x.js", Line: 5}))
	saves, _, _ := tl.Since(-1)
	b, err := saves[0].row(places.Project{Dir: dir, Editor: "ed://{file}:{line}"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Error, Output []places.Span
		Diagnostics   []struct{ Link string }
		Console       []struct{ Text, Link string }
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	at := "ed:/" + filepath.ToSlash(file)
	if want := []places.Span{{Text: "panic in "}, {Text: "main.go:7", Link: at + ":7"}}; !slices.Equal(got.Error, want) {
		t.Errorf("error %q", got.Error)
	}
	if want := []places.Span{{Text: "goroutine 1\n\t"}, {Text: file + ":7", Link: at + ":7"}, {Text: " +0x1\n\t/etc/hosts.go:1"}}; !slices.Equal(got.Output, want) {
		t.Errorf("output %q", got.Output)
	}
	if len(got.Diagnostics) != 1 || got.Diagnostics[0].Link != at+":7" {
		t.Errorf("diagnostics %q", got.Diagnostics)
	}
	if len(got.Console) != 3 || got.Console[0].Link != at+":3" || got.Console[1].Link != "" || got.Console[2].Link != "" {
		t.Errorf("console %q", got.Console)
	}
}
