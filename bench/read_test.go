//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseAnswer(t *testing.T) {
	a, err := parseAnswer("v1 - 42\n")
	if err != nil || a != (answer{"v1", "-", 42}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, bad := range []string{"", "v1 42", "v1 - x", "<html> <body> hello </body>"} {
		if _, err := parseAnswer(bad); err == nil {
			t.Errorf("%q was taken for an answer", bad)
		}
	}
}

func TestEventLogReadsCompleteLinesOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	l := &eventLog{file: file}
	if got, err := l.next(); err != nil || len(got) != 0 {
		t.Fatalf("no file yet: %v, %v", got, err)
	}
	add := func(s string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	add(`{"event":"started","pid":1}` + "\n" + `{"event":"ready"}` + "\n" + `{"event":"live","latency_ms":120,"build`)
	if got, err := l.next(); err != nil || len(got) != 2 || got[0].Event != "started" || got[1].Event != "ready" {
		t.Fatalf("%+v, %v", got, err)
	}
	add(`_ms":100,"detect_ms":2,"stop_ms":8,"start_ms":10}` + "\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := l.wait(ctx, "live")
	want := phases{detect: 2 * msec, build: 100 * msec, stop: 8 * msec, start: 10 * msec, whole: 120 * msec}
	if err != nil || e.phases() != want {
		t.Fatalf("%+v, %v", e.phases(), err)
	}
	if got, err := l.next(); err != nil || len(got) != 0 {
		t.Fatalf("read twice: %+v, %v", got, err)
	}
	add("nonsense\n")
	if _, err := l.next(); err == nil {
		t.Fatal("a line that is no JSON went unnoticed")
	}
}

func TestMarkdownTable(t *testing.T) {
	tb := &table{Title: "T", Head: []string{"tool", "ms"}, Notes: []string{"a note"}}
	tb.row("by hand", "791")
	tb.row("größer", "8")
	var b strings.Builder
	tb.markdown(&b)
	want := `### T

| tool    |  ms |
|:------- | ---:|
| by hand | 791 |
| größer  |   8 |

- a note

`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ms(0), "0"}, {ms(1500 * time.Microsecond), "1.5"}, {ms(12345 * time.Microsecond), "12"}, {ms(-300 * time.Microsecond), "-0.3"},
		{times(0), ""}, {times(0.704), "0.70"}, {thousands(999), "999"}, {thousands(50000), "50,000"},
		{slug("air, delay 1 ms"), "air-delay-1-ms"}, {slug("CompileDaemon"), "compiledaemon"},
		{stampedVersion("/bin/air: go1.26\n\tpath\tx\n\tmod\texample.com/air\tv1.2.3\th1:x\n"), "v1.2.3"},
		{stampedVersion(""), "unknown version"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestMarkersAreUniqueAndOfOneLength(t *testing.T) {
	b := &bench{run: "abc"}
	seen := map[string]bool{}
	for range 1000 {
		m := b.marker()
		if seen[m] || len(m) != len("vabc-000001") {
			t.Fatalf("marker %q", m)
		}
		seen[m] = true
	}
}

func TestEnvironmentIsCleared(t *testing.T) {
	got := environment([]string{"A=1", "GOFLAGS=-x", "GOCACHE=/old", "LISTEN_FDS=1", "PORT=1"}, "/new")
	if strings.Join(got, " ") != "A=1 GOCACHE=/new" {
		t.Errorf("%v", got)
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-short", "-tools", "hand, hotreload"})
	if err != nil || o.n != 3 || wanted(o.groups, "large") || !wanted(o.groups, "small") || wanted(o.tools, "air") || !wanted(o.tools, ours) {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := parse([]string{"-short", "-n", "9", "-groups", "own"}); err != nil || o.n != 9 || wanted(o.groups, "small") {
		t.Errorf("-short overrode what was asked for: %+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-groups", "smal"}, {"-tools", "fresh"}, {"-n", "0"}, {"-pause", "-1s"}, {"word"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
