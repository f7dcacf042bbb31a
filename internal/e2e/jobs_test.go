package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/control"
)

// S3: a service with ready = "exit" is a job: what needs it starts when it has ended well, and
// goes on when it does its work again; a failure is explained, and keeps the new program waiting
// while the old one runs.
func TestS3NeedsAJob(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, `
[services.web]
run.command = `+does("script web.txt")+`
run.ready = "log:^up"
needs = ["migrate"]
rules = [{ paths = ["web.txt"], effect = "restart" }]

[services.migrate]
run.command = `+does("script migrate.txt")+`
run.ready = "exit"
rules = [{ paths = ["migrate.txt"], effect = "restart" }]
`, "migrate.txt", "echo no table\nexit 3\n", "web.txt", "echo up\nwait\n"), nil)
	held := s.wait("held", func(e ev) bool {
		return e.Event == "held" && e.Service == "web" && strings.Contains(e.str("reason"), "ended")
	})
	if got := held.str("reason"); got != "waits for migrate, which has ended (exit code 3)" {
		t.Errorf("held: %q", got)
	}
	if out, code := hr(t, s.dir, "wait"); code != 1 || !strings.Contains(out, "migrate: ended: exit code 3") || !strings.Contains(out, "web: waiting: waits for migrate") {
		t.Errorf("wait: exit %d: %s", code, out)
	}
	if got := only(s.since(0), "started"); !slices.Equal(got, []string{"migrate"}) {
		t.Errorf("started: %v", got)
	}

	replaceFile(t, filepath.Join(s.dir, "migrate.txt"), "echo migrated\n")
	s.live()
	web := s.pids()["web"]
	if web == 0 {
		t.Fatalf("web does not run\n%s", s.dump())
	}
	var o control.Outcome
	out, code := hr(t, s.dir, "wait", "migrate", "--json")
	if err := json.Unmarshal([]byte(out), &o); err != nil || code != 0 || o.Services[0].State != "live" || o.Services[0].PID != 0 {
		t.Errorf("wait: exit %d: %s", code, out)
	}
	if out, _ := hr(t, s.dir, "restart", "migrate"); !strings.HasPrefix(out, "migrate: done, generation 3 (") {
		t.Errorf("restart: %q", out)
	}
	if now := s.pids()["web"]; now != web {
		t.Errorf("web was restarted for a job")
	}

	// Both change, and the job fails: the old program goes on.
	write(t, filepath.Join(s.dir, "migrate.txt"), "exit 4\n")
	s.wait("the failure", func(e ev) bool { return e.Event == "exited" && e.num("code") == 4 })
	write(t, filepath.Join(s.dir, "web.txt"), "echo up again\nwait\n")
	if out, code := hr(t, s.dir, "wait", "web"); code != 1 || !strings.Contains(out, "web: waiting: waits for migrate, which has ended (exit code 4)") {
		t.Errorf("wait: exit %d: %s", code, out)
	}
	st := s.status()
	if w := st.Services[0]; w.PID != web || !w.Stale {
		t.Errorf("web: %+v", w)
	}
	write(t, filepath.Join(s.dir, "migrate.txt"), "exit 0\n")
	s.live()
	if now := s.pids()["web"]; now == web {
		t.Errorf("web was not restarted after the job")
	}
	if out := s.err.String(); !strings.Contains(out, "migrate done ") {
		t.Errorf("not said to be done: %s", out)
	}
}

// S3: a job that hotreload builds runs again only if its program has changed.
func TestS3BuiltJob(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod": "module example.test/jobs\n\ngo 1.25\n",
		".hotreload.toml": `
[services.job]
build.package = "."
run.ready = "exit"
`,
		"main.go": "package main\n\nfunc main() { println(\"one\") }\n",
	})
	s := start(t, dir, nil)
	s.waitFor("live")
	mark := s.mark()
	s.edit("main.go", "}\n", "}\n\n// A comment.\n")
	s.live()
	s.waitFor("build_finished") // wait can return before the events are read
	if e := s.since(mark); count(e, "started") != 0 || count(e, "build_finished") != 1 {
		t.Errorf("a comment lets the job run again\n%s", s.dump())
	}
	s.edit("main.go", "one", "two")
	s.live()
	s.waitFor("started")
	if e := s.since(mark); count(e, "started") != 1 {
		t.Errorf("the job did not run again\n%s", s.dump())
	}
}

// T13: --once runs the jobs, then what needs them, and ends when nothing is left to run.
func TestT13OnceJobs(t *testing.T) {
	t.Parallel()
	jobs := `
[services.first]
run.command = ` + does("echo first") + `
run.ready = "exit"

[services.second]
run.command = ` + does("echo second") + `
run.ready = "exit"
needs = ["first"]
`
	s := start(t, shell(t, jobs), []string{"--once"})
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := only(s.since(0), "live"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("done: %v\n%s", got, s.dump())
	}
	s = start(t, shell(t, jobs+`
[services.third]
run.command = `+does("exit 7")+`
needs = ["second"]
`), []string{"--once"})
	if code := s.exit(); code != 7 {
		t.Errorf("exit code %d\n%s", code, s.dump())
	}
}

// S5, fault 37: helpers that end when their input does (tailwindcss --watch, esbuild --watch)
// go on; a job, and stdin = "none", have the end of input at once.
func TestS5InputStaysOpen(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, `
[services.helper]
run.command = `+does("cat", "echo input has ended")+`

[services.none]
run.command = `+does("cat", "echo input has ended")+`
run.stdin = "none"

[services.job]
run.command = `+does("cat", "echo input has ended")+`
run.ready = "exit"
`), nil)
	seen := map[string]bool{}
	s.wait("the helper to live, the others to end", func(e ev) bool {
		seen[e.Event+" "+e.Service] = true
		return seen["live helper"] && seen["exited none"] && seen["live job"]
	})
	if seen["exited helper"] || s.pids()["helper"] == 0 {
		t.Errorf("the helper has ended\n%s", s.dump())
	}
	before := s.pids()["helper"]
	if out, code := hr(t, s.dir, "restart", "helper"); code != 0 || s.pids()["helper"] == before {
		t.Errorf("restart: exit %d: %s", code, out)
	}
	if code := s.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, e := range s.since(0) {
		if e.Event == "output" && e.Service == "helper" {
			t.Errorf("the helper's input has ended: %s", e.line)
		}
	}
}
