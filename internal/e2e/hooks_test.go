package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hookLog is what hooks have written: a line for each, "HOOK SERVICE GENERATION EVENT".
type hookLog struct {
	t    *testing.T
	path string
}

// command is a hook that writes such a line, as a line for the shell.
func (l hookLog) command() string {
	return inShell("hook " + l.path)
}

// lines waits for as many and returns them without the event, which must be one line of JSON.
func (l hookLog) lines(n int) []string {
	l.t.Helper()
	var out []string
	until(l.t, fmt.Sprintf("%d runs of hooks", n), func() bool {
		data, _ := os.ReadFile(l.path)
		return strings.Count(string(data), "\n") >= n
	})
	for line := range strings.Lines(read(l.t, l.path)) {
		w := strings.SplitN(line, " ", 4)
		var e struct {
			Event, Service string
			Generation     int
		}
		if len(w) < 4 {
			l.t.Fatalf("no line of a hook: %q", line)
		}
		if err := json.Unmarshal([]byte(w[3]), &e); err != nil || e.Service != w[1] || fmt.Sprint(e.Generation) != w[2] {
			l.t.Errorf("the hook's input: %v: %s", err, line)
		}
		out = append(out, strings.Join(w[:3], " ")+" "+e.Event)
	}
	return out
}

// Deliverable 9: [hooks] run after a failure, after its repair, and at each live, with the
// event as JSON on their input.
func TestHooks(t *testing.T) {
	t.Parallel()
	log := hookLog{t, filepath.Join(t.TempDir(), "log")}
	files := map[string]string{".hotreload.toml": fmt.Sprintf("[hooks]\nfailed = [%[1]s]\nfixed = [%[2]s]\nlive = [%[1]s]\n", log.command(), does("hook "+log.path))}
	for k, v := range webApp {
		files[k] = v
	}
	w := startWeb(t, newApp(t, files, "web"), nil)
	runs := 0
	expect := func(want ...string) {
		t.Helper()
		got := log.lines(runs + len(want))[runs:]
		slices.Sort(got) // fixed and live run beside each other
		if !slices.Equal(got, want) {
			t.Errorf("hooks %q, want %q\n%s", got, want, w.dump())
		}
		runs += len(got)
	}
	expect("live web 1 live")
	w.edit("lib/lib.go", `"lib1"`, "lib1")
	expect("failed web 2 build_finished")
	w.edit("lib/lib.go", "lib1", "lib2")
	expect("failed web 3 build_finished")
	w.edit("lib/lib.go", "lib2", `"lib3"`)
	expect("fixed web 4 live", "live web 4 live")

	// Undone; and a program that is the same as what runs.
	w.edit("lib/lib.go", `"lib3"`, "lib3")
	expect("failed web 5 build_finished")
	w.edit("lib/lib.go", "lib3", `"lib3"`)
	w.live()
	w.edit("lib/lib.go", "// Name is a name.", "// Name has a comment.")
	w.live()
	got := log.lines(runs + 1)[runs]
	if !strings.HasPrefix(got, "fixed web 6 ") && got != "fixed web 5 changed" {
		t.Errorf("hook %q\n%s", got, w.dump())
	}
	runs++

	// The program ends with an error, and is started again.
	p, err := os.FindProcess(w.answer().pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.wait("its end", func(e ev) bool { return e.Event == "exited" && !e.flag("expected") })
	got = log.lines(runs + 1)[runs]
	if !strings.HasPrefix(got, "failed web ") || !strings.HasSuffix(got, " exited") {
		t.Errorf("hook %q", got)
	}
	runs++
	if out, code := hr(t, w.dir, "restart"); code != 0 {
		t.Fatalf("restart: %s", out)
	}
	for _, l := range log.lines(runs + 2)[runs:] {
		if !strings.HasPrefix(l, "fixed web ") && !strings.HasPrefix(l, "live web ") || !strings.HasSuffix(l, " live") {
			t.Errorf("hook %q", l)
		}
	}
}

// Hooks of an edited config count from now on, and restart nothing.
func TestHooksEdited(t *testing.T) {
	t.Parallel()
	log := hookLog{t, filepath.Join(t.TempDir(), "log")}
	config := "[run]\ncommand = " + does("wait") + "\n"
	s := start(t, shell(t, config), nil)
	s.waitFor("live")
	before := s.pids()
	s.rewrite(config + fmt.Sprintf("[hooks]\nlive = [%s]\n", log.command()))
	s.wait("the config", func(e ev) bool { return e.Event == "changed" && e.str("why") == "the config is applied" })
	if now := s.pids(); now["project"] != before["project"] {
		t.Errorf("restarted for a hook")
	}
	if out, code := hr(t, s.dir, "restart"); code != 0 {
		t.Fatalf("restart: exit %d: %s", code, out)
	}
	if got := log.lines(1); got[0] != "live project 2 live" {
		t.Errorf("%q", got)
	}
}
