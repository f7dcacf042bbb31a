package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// hr runs a hotreload command in the directory and returns its output and exit code.
func hr(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(hotreload, args...)
	cmd.Dir, cmd.Env = dir, cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// M1: wait returns when the edit made just before it is live, or has failed; 2
// without a session.
func TestM1Wait(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	for _, v := range []string{"w1", "w2", "w3"} {
		w.setVersion(v)
		if out, code := hr(t, w.dir, "wait"); code != 0 || !strings.Contains(out, "live") {
			t.Fatalf("exit %d: %s", code, out)
		}
		if a := w.answer(); a.version != v {
			t.Fatalf("wait returned before %s was live: %+v", v, a)
		}
	}
	w.edit("lib/lib.go", `"lib1"`, "lib1")
	if out, code := hr(t, filepath.Join(w.dir, "lib"), "wait"); code != 1 || !strings.Contains(out, "lib.go:5:29: undefined: lib1") {
		t.Errorf("exit %d: %s", code, out)
	}
	w.edit("lib/lib.go", "return lib1", `return "lib9"`)
	if out, code := hr(t, w.dir, "wait", "--json"); code != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
	if a := w.answer(); a.lib != "lib9" {
		t.Errorf("%+v", a)
	}
	if out, code := hr(t, w.dir, "wait", "nobody"); code != 2 || !strings.Contains(out, "nobody") {
		t.Errorf("unknown service: exit %d: %s", code, out)
	}
	w.stop(syscall.SIGTERM)
	if out, code := hr(t, w.dir, "wait"); code != 2 || !strings.Contains(out, "no session") {
		t.Errorf("without a session: exit %d: %s", code, out)
	}
}

// M2: status --json tells services, generations, pids, what is stale, the last
// error and the times.
func TestM2Status(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	pid := w.answer().pid
	st := w.status()
	if len(st.Services) != 1 || st.PID != w.cmd.Process.Pid || st.Dir == "" || st.Watches == 0 {
		t.Fatalf("%+v", st)
	}
	s := st.Services[0]
	if s.Service != "web" || s.State != "live" || s.Stale || s.PID != pid || s.Generation != 1 || s.Live == nil || s.Live.LatencyMS == 0 {
		t.Errorf("%+v", s)
	}
	w.setVersion(`broken" +`)
	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
	hr(t, w.dir, "wait")
	s = w.status().Services[0]
	if s.State != "failed" || !s.Stale || s.PID != pid || s.Error == "" || len(s.Diagnostics) != 1 || s.Diagnostics[0].Line != 3 {
		t.Errorf("%+v", s)
	}
	text, _ := hr(t, w.dir, "status")
	if !strings.Contains(text, "failed (stale)") || !strings.Contains(text, "version.go:3:17: undefined: missing") {
		t.Errorf("%s", text)
	}
}

// M3: commands and signals rebuild and restart, and answer what came of it.
func TestM3Commands(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	api := testkit.Address(t)
	w := startWeb(t, newApp(t, files), []string{"--set", "control.listen=" + api})
	pid := w.answer().pid
	changed := func(what string) {
		t.Helper()
		now := w.answer().pid
		if now == pid {
			t.Errorf("%s: not restarted", what)
		}
		pid = now
	}
	if out, code := hr(t, w.dir, "restart"); code != 0 || !strings.Contains(out, "live") {
		t.Errorf("restart: exit %d: %s", code, out)
	}
	changed("restart")
	if out, code := hr(t, w.dir, "rebuild", "web", "--json"); code != 0 {
		t.Errorf("rebuild: exit %d: %s", code, out)
	}
	changed("rebuild")
	for _, sig := range rebuildSignals {
		w.mu.Lock()
		w.at = len(w.events)
		w.mu.Unlock()
		if err := w.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		w.waitFor("live")
		changed(sig.String())
	}
	// Over TCP, as curl would.
	resp, err := http.Post("http://"+api+"/restart?service=web", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var o control.Outcome
	if err := json.Unmarshal(body, &o); err != nil || !o.OK || resp.StatusCode != 200 {
		t.Errorf("POST: %d %s", resp.StatusCode, body)
	}
	changed("POST")
	for name, change := range map[string]func(*http.Request){
		"foreign origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"foreign host":   func(r *http.Request) { r.Host = "evil.example" },
		"GET":            func(r *http.Request) { r.Method = http.MethodGet },
	} {
		req, _ := http.NewRequest(http.MethodPost, "http://"+api+"/restart", nil)
		change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if now := w.answer().pid; now != pid {
		t.Error("a refused request restarted the program")
	}
	// Paused: noted, not built; resume builds it.
	hr(t, w.dir, "pause")
	mark := w.mark()
	w.setVersion("paused")
	hr(t, w.dir, "wait")
	if n := count(w.since(mark), "build_started"); n != 0 {
		t.Errorf("%d builds while paused", n)
	}
	hr(t, w.dir, "resume")
	if _, code := hr(t, w.dir, "wait"); code != 0 || w.answer().version != "paused" {
		t.Errorf("exit %d, %+v", code, w.answer())
	}
	if out, code := hr(t, w.dir, "stop"); code != 0 {
		t.Errorf("stop: exit %d: %s", code, out)
	}
	if code := w.exit(); code != 0 {
		t.Errorf("session: exit %d", code)
	}
}

// M4: the stream of events over the API is that of --events.
func TestM4EventStream(t *testing.T) {
	t.Parallel()
	api := testkit.Address(t)
	w := startWeb(t, newApp(t, webApp), []string{"--set", "control.listen=" + api})
	resp, err := http.Get("http://" + api + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	w.setVersion("streamed")
	w.waitFor("live")
	hr(t, w.dir, "stop")
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(body)) {
		var e struct{ Event, Reason string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Event == "output" || (e.Event == "held" || e.Event == "waiting") && strings.HasPrefix(e.Reason, "still building") {
			continue // the latter two of a build that takes longer than 3 s
		}
		names = append(names, e.Event)
	}
	want := "changed build_started build_finished exited started ready live exited session_ended"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}
