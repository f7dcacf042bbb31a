//go:build unix

package builder

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What go build writes about its steps becomes the times of each program; what is not as expected
// gives none.
func TestPhases(t *testing.T) {
	const steps = `[
		{"ID":0,"Mode":"build","Deps":[1,3],"TimeStart":"0001-01-01T00:00:00Z","TimeDone":"0001-01-01T00:00:00Z"},
		{"ID":1,"Mode":"link-install","Target":"/tmp/out/api","Deps":[2],"TimeStart":"2026-01-01T00:00:03Z","TimeDone":"2026-01-01T00:00:03Z"},
		{"ID":2,"Mode":"link","Target":"/w/b001/exe/a.out","Deps":[5],"TimeStart":"2026-01-01T00:00:02Z","TimeDone":"2026-01-01T00:00:02.25Z"},
		{"ID":3,"Mode":"link-install","Target":"/tmp/out/web","Deps":[4]},
		{"ID":4,"Mode":"link","Deps":[5],"TimeStart":"2026-01-01T00:00:01.5Z","TimeDone":"2026-01-01T00:00:03Z"},
		{"ID":5,"Mode":"build","Deps":[6],"TimeStart":"2026-01-01T00:00:01Z","TimeDone":"2026-01-01T00:00:02Z"},
		{"ID":6,"Mode":"build check cache","TimeStart":"2026-01-01T00:00:00Z","TimeDone":"2026-01-01T00:00:01Z"}
	]`
	file := filepath.Join(t.TempDir(), "actions.json")
	read := func(text string) map[string]phases {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readPhases(file)
	}
	got := read(steps)
	for name, want := range map[string]phases{"api": {time.Second, 250 * time.Millisecond}, "web": {500 * time.Millisecond, 1500 * time.Millisecond}} {
		if got[name] != want {
			t.Errorf("%s: %+v, want %+v", name, got[name], want)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "x", "another shape": `{"a":1}`, "no actions": "[]",
		"no times":    `[{"Mode":"link-install","Target":"/a","Deps":[1]},{"Mode":"link"}]`,
		"wrong index": `[{"Mode":"link-install","Target":"/a","Deps":[7]}]`,
		"backwards":   `[{"Mode":"link-install","Target":"/a","Deps":[1]},{"Mode":"link","TimeStart":"2026-01-01T00:00:02Z","TimeDone":"2026-01-01T00:00:01Z"},{"Mode":"build","TimeStart":"2026-01-01T00:00:00Z"}]`,
	} {
		if got := read(text); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := readPhases(filepath.Join(t.TempDir(), "none")); len(got) != 0 {
		t.Errorf("no file: %v", got)
	}
}

// The times of a real go build are known, also of several programs that are built together; those of
// a build command are not.
func TestPhasesOfBuilds(t *testing.T) {
	plausible := func(name string, r Result) {
		t.Helper()
		if !r.OK || r.Compile <= 0 || r.Link <= 0 || r.Compile+r.Link > r.Duration {
			t.Errorf("%s: ok %v, compile %s, link %s, all %s", name, r.OK, r.Compile, r.Link, r.Duration)
		}
	}
	dir := shop(t)
	list := builders(t, dir, Options{}, "api", "web")
	plausible("alone", build(t, list[0], 1))
	for name, r := range buildTogether(t, 2, list...) {
		plausible(name, r)
	}
	own := newBuilder(t, Options{Dir: dir, Name: "own", Command: Step{Shell: "true"}})
	if r := build(t, own, 1); !r.OK || r.Compile != 0 || r.Link != 0 {
		t.Errorf("%+v", r)
	}
}
