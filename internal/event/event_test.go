package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/*.json: a change there breaks every program that reads our events")

// at has a zone and nanoseconds, which both must come through.
var at = time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.FixedZone("", 2*60*60))

// frozen has two examples of every body: with everything, and with nothing. The
// file that holds the second one has the suffix -empty.
var frozen = []Body{
	SessionStarted{Dir: "/p", Config: "/p/.hotreload.toml", Services: []string{"api", "web"}, Backend: "notify", Watches: 12, Version: "v1"},
	SessionStarted{},
	Changed{Paths: []string{"/p/a.go", "/p/<b>&c.go"}, Effect: "rebuild", Why: "Go file of package p"},
	Changed{},
	BuildStarted{},
	BuildCanceled{},
	BuildFinished{
		OK: false, DurationMS: 340, Unchanged: true, Output: "# p\n./a.go:3:5: undefined: x\n",
		Diagnostics: []Diagnostic{
			{File: "/p/a.go", Line: 3, Column: 5, Message: "undefined: x", Package: "p", Frame: []SourceLine{{3, "\tx()"}}},
			{Message: "no place"},
		},
		Summary: "for people", Hint: "for people", OutputFile: "/tmp/log",
	},
	BuildFinished{OK: true},
	Started{PID: 4711},
	Started{},
	Ready{AfterMS: 32},
	Ready{},
	Exited{
		PID: 4711, Code: -1, Signal: "SIGKILL", Expected: true, DurationMS: 5000, Reason: "killed by signal 9",
		Killed: []string{"12 sleep"}, Panic: "for people", File: "/p/a.go", Line: 3,
	},
	Exited{},
	Live{LatencyMS: 400, DetectMS: 5, BuildMS: 340, CompileMS: 120, LinkMS: 150, StopMS: 20, StartMS: 35, First: true},
	Live{},
	Reloaded{Kind: "css", Clients: 2},
	Reloaded{},
	Paused{},
	Resumed{},
	Undone{Paths: []string{"/p/a.go", "/p/b.go"}},
	Undone{},
	Waiting{For: "db", Reason: "waits for db", Compiled: 12, Packages: 310, Kind: WaitBuild, Slot: 1, Since: at},
	Waiting{},
	Held{Reason: "waits for db"},
	Held{},
	Proxy{URL: "http://127.0.0.1:8090"},
	Proxy{},
	Request{Method: "POST", Path: "/login", Status: 303, DurationMS: 12, HeldMS: 3},
	Request{},
	Console{Level: "uncaught", Text: "TypeError: x is not a function", File: "/p/static/app.js", Line: 12},
	Console{},
	Problem{Message: "too many watches", Hint: "sysctl fs.inotify.max_user_watches=524288", Detail: "for people"},
	Problem{},
	Output{Stream: "stderr", Text: "\x1b[31mred\x1b[0m \"quoted\" \u2028 ü\n"},
	Output{},
	SessionEnded{Reason: "Ctrl-C"},
	SessionEnded{},
}

// TestSchema holds M4: the JSON line of every event is what it was when programs
// were written to read it. Fields may be added, with a line in docs/events.md;
// none may be renamed, removed, or change its type.
func TestSchema(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range frozen {
		name := b.Name()
		e := Event{Time: at, Body: b}
		if seen[name] {
			name += "-empty"
		} else {
			e.Service, e.Generation = "api", 3
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			got := e.Line()
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("M4: the schema is frozen\n got %swant %s", got, want)
			}
			var fields map[string]any
			if err := json.Unmarshal(got, &fields); err != nil {
				t.Fatalf("not JSON: %v", err)
			}
			if bytes.Count(got, []byte("\n")) != 1 || !bytes.HasSuffix(got, []byte("\n")) {
				t.Error("not exactly one line")
			}
			if bytes.Contains(got, []byte("null")) || bytes.Contains(got, []byte("for people")) {
				t.Error("null, or a field that is not part of the contract")
			}
		})
	}
	files, _ := filepath.Glob("testdata/*.json")
	for _, f := range files {
		if !seen[strings.TrimSuffix(filepath.Base(f), ".json")] {
			t.Errorf("%s belongs to no event: one was removed or renamed", f)
		}
	}
}

// TestSchemaIsComplete finds every body in the source and demands that it is frozen.
func TestSchemaIsComplete(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	bodies := 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || fn.Name.Name != "Name" {
			continue
		}
		bodies++
		typ := "event." + fn.Recv.List[0].Type.(*ast.Ident).Name
		if !slices.ContainsFunc(frozen, func(b Body) bool { return fmt.Sprintf("%T", b) == typ }) {
			t.Errorf("%s has no golden file", typ)
		}
	}
	if bodies < 19 {
		t.Errorf("found %d bodies, expected the 19 of the contract", bodies)
	}
}

// TestContract holds the golden files against the contract as it is written in
// the design: names and order of the fields of every event.
func TestContract(t *testing.T) {
	contract := map[string]string{
		"session_started": "dir config services backend watches", "changed": "paths effect why",
		"build_started": "", "build_canceled": "", "build_finished": "ok duration_ms unchanged diagnostics output",
		"started": "pid", "ready": "after_ms", "exited": "pid code signal expected duration_ms reason",
		"request": "method path status duration_ms held_ms",
		"live":    "latency_ms detect_ms build_ms compile_ms link_ms stop_ms start_ms", "reloaded": "kind clients",
		"paused": "", "resumed": "", "undone": "paths", "waiting": "for reason compiled packages", "proxy": "url", "console": "level text file line",
		"held": "reason", "problem": "message hint", "output": "stream text", "session_ended": "reason",
	}
	for name, fields := range contract {
		data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		want := append([]string{"time", "event", "service", "generation"}, strings.Fields(fields)...)
		if got := keys(t, data); !slices.Equal(got, want) {
			t.Errorf("%s: %v, the contract says %v", name, got, want)
		}
		if !bytes.HasPrefix(data, []byte(`{"time":"2024-05-06T07:08:09.123456789+02:00","event":"`+name+`","service":"api","generation":3`)) {
			t.Errorf("%s: head is %s", name, data)
		}
	}
	data, _ := os.ReadFile("testdata/build_finished.json")
	var finished struct{ Diagnostics []json.RawMessage }
	if err := json.Unmarshal(data, &finished); err != nil || len(finished.Diagnostics) != 2 {
		t.Fatalf("diagnostics: %v in %s", err, data)
	}
	want := strings.Fields("file line column message package")
	for _, d := range finished.Diagnostics {
		if got := keys(t, d); !slices.Equal(got, want) {
			t.Errorf("diagnostic: %v, the contract says %v", got, want)
		}
	}
}

// keys returns the keys of a JSON object in their order.
func keys(t *testing.T, object []byte) (out []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestNoBody holds that a bug of ours costs one line, not the stream.
func TestNoBody(t *testing.T) {
	line := Event{Time: at}.Line()
	var p struct{ Event, Message string }
	if err := json.Unmarshal(line, &p); err != nil || p.Event != "problem" || p.Message == "" {
		t.Errorf("%q: %v", line, err)
	}
}

// TestLines holds R10 for the record: a line each, long ones in pieces, a last one
// without newline, bad UTF-8 replaced, and a flood counted instead of kept.
func TestLines(t *testing.T) {
	now := at
	var got []string
	l := &Lines{Service: "api", Stream: "stdout", Generation: 2, Now: func() time.Time { return now }}
	l.Emit = func(e Event) {
		if e.Service != "api" || e.Generation != 2 || e.Body.(Output).Stream != "stdout" {
			t.Errorf("wrong head: %+v", e)
		}
		got = append(got, e.Body.(Output).Text)
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %.200q, want %.200q", what, got, want)
		}
		got = nil
	}
	l.Write([]byte("one\ntw"))
	expect("a whole line, and half of one", "one\n")
	l.Write([]byte("o\n\nthree"))
	expect("the other half", "two\n", "\n")
	l.Close()
	expect("no newline at the end", "three")
	l.Close()
	expect("closed twice")

	l.Write([]byte("a\xffb\n"))
	expect("bad UTF-8", "a\uFFFDb\n")

	now = now.Add(time.Hour)
	long := strings.Repeat("x", 2*maxLine+10)
	l.Write([]byte(long + "\n"))
	if joined := strings.Join(got, ""); joined != long+"\n" || len(got) < 3 {
		t.Errorf("a long line: %d pieces, %d bytes", len(got), len(joined))
	}
	got = nil

	now = now.Add(time.Hour)
	for range 3 {
		l.Write(bytes.Repeat([]byte("y"), maxRate/2+1))
	}
	kept := len(strings.Join(got, ""))
	if kept > maxRate {
		t.Errorf("recorded %d bytes in a second", kept)
	}
	got = nil
	now = now.Add(time.Second)
	l.Write([]byte("after\n"))
	if len(got) == 0 || !strings.Contains(got[0], "bytes of output not recorded") || got[len(got)-1] != "after\n" {
		t.Errorf("a flood: then %.200q", got)
	}
}

// TestQueue holds that events keep their order and that Close hands over what there is.
func TestQueue(t *testing.T) {
	var got []int
	gate := make(chan struct{})
	q := NewQueue(sink(func(e Event) {
		<-gate
		got = append(got, e.Generation)
	}))
	for i := range 1000 { // never blocks, though nothing is taken
		q.Emit(Event{Generation: i, Body: Held{}})
	}
	if q.Close(0) {
		t.Error("Close says that all was handed over, and nothing was")
	}
	q.Emit(Event{Generation: 5000, Body: Held{}}) // too late
	close(gate)
	if !q.Close(time.Minute) {
		t.Fatal("not handed over")
	}
	if len(got) != 1000 || !slices.IsSorted(got) {
		t.Errorf("%d events, sorted: %v", len(got), slices.IsSorted(got))
	}
}

type sink func(Event)

func (s sink) Emit(e Event) { s(e) }
