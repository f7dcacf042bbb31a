package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// C2: a flag that is given overrides the file, also with the value that it has without being
// given; false and 0 in the file override the defaults.
func TestC2FlagsGiven(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	const file = `[build]
race = true
tags = ["x"]
[run]
stop_timeout = "0s"
[log]
format = "json"
time = false
`
	for name, c := range map[string]struct {
		services string
		args     []string
		want     []string
	}{
		"nothing given": {"", nil, []string{"race = true", `tags = ["x"]`, `format = "json"`, "time = false", `stop_timeout = "0s"`}},
		"zero values":   {"", []string{"--race=false", "--tags="}, []string{"race = false", "tags = []"}},
		"over --set":    {"", []string{"--set", "build.race=true", "--race=false", "--set", `build.tags=["y"]`, "--tags", ""}, []string{"race = false", "tags = []"}},
		"set to zero":   {"", []string{"--set", "run.stop_timeout=0s", "--set", "build.tags=[]", "--set", "log.time=true"}, []string{"tags = []", "time = true"}},
		"of a service": {"[services.a-b]\nbuild.race = true\nbuild.tags = [\"y\"]\n", []string{"--race=false", "--tags="},
			[]string{"[services.a-b.build]\n", "race = false", "tags = []"}},
		"true in one service": {"[services.web]\nbuild.race = false\n", []string{"--race"}, []string{"[services.web.build]\n", "race = true"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(webApp)
			files[".hotreload.toml"] = file + c.services
			a := ask(t, newApp(t, files), append([]string{"check", "--all"}, c.args...)...)
			for _, want := range c.want {
				if a.code != 0 || !strings.Contains(a.out, want+"\n") && !strings.Contains(a.out, want) {
					t.Errorf("no %q in\n%s%s", want, a.out, a.err)
				}
			}
			if c.args != nil && strings.Contains(strings.Join(c.args, " "), "--race=false") && strings.Contains(a.out, "race = true") {
				t.Errorf("race is still true:\n%s", a.out)
			}
		})
	}
	// A session follows them too: the tag of the file would not compile, and the events of
	// --log json would be no words for people.
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = file
	files["x.go"] = "//go:build x\n\npackage main\n\nvar _ = missing\n"
	dir := newApp(t, files)
	for _, args := range [][]string{
		{"--race=false", "--tags=", "--log=text"},
		{"--race=false", "--tags=", "--log=text", "."},
	} {
		w := startWeb(t, dir, args)
		// An edit of the file does not bring back what the flags override.
		write(t, filepath.Join(dir, ".hotreload.toml"), file+fmt.Sprintf("# %d\n[watch]\ndebounce = \"5ms\"\n", len(args)))
		w.setVersion(fmt.Sprint("v", len(args)))
		w.waitFor("live")
		w.stop(syscall.SIGTERM)
		if text := w.err.String(); strings.Contains(text, `"event"`) || !strings.Contains(text, "live ") {
			t.Errorf("--log=text: %s", text)
		}
	}
	for _, args := range [][]string{{"--log="}, {"--log", "xml"}, {"--color", "pink"}} {
		if a := ask(t, dir, append([]string{"run"}, args...)...); a.code != 2 || a.out != "" {
			t.Errorf("%v: %+v", args, a)
		}
	}
}

// E8: pause and resume of one and of all, in any order: the state that is said, by the
// session and for each service, is the state that is.
func TestE8PauseResume(t *testing.T) {
	t.Parallel()
	dir := shell(t, `[[rules]]
paths = ["conf"]
[services.a]
run.command = `+lives()+`
[services.b]
run.command = `+lives()+`
`)
	s := start(t, dir, nil)
	s.each("live", "a", "b")
	paused := map[string]bool{}
	do := func(what string, service ...string) {
		t.Helper()
		if out, code := hr(t, dir, append([]string{what}, service...)...); code != 0 || out != what+"d\n" {
			t.Fatalf("%s %v: exit %d: %s", what, service, code, out)
		}
		for _, name := range []string{"a", "b"} {
			if len(service) == 0 || service[0] == name {
				paused[name] = what == "pause"
			}
		}
		hr(t, dir, "wait") // what was saved meanwhile: a save while a program starts may be its own, and can wait
		st := s.status()
		if st.Paused != (paused["a"] && paused["b"]) {
			t.Errorf("after %s %v: the session is paused: %t, services %v", what, service, st.Paused, paused)
		}
		before := map[string]int{}
		for _, x := range st.Services {
			if x.Paused != paused[x.Service] {
				t.Errorf("after %s %v: %s is paused: %t, want %t", what, service, x.Service, x.Paused, paused[x.Service])
			}
			before[x.Service] = x.Running
		}
		// It is so: a save restarts those that are not paused, and no other.
		write(t, filepath.Join(dir, "conf"), fmt.Sprint(time.Now().UnixNano()))
		hr(t, dir, "wait")
		for _, x := range s.status().Services {
			if restarted := x.Running != before[x.Service]; restarted == paused[x.Service] {
				t.Errorf("after %s %v: %s was restarted: %t", what, service, x.Service, restarted)
			}
		}
	}
	for _, c := range []string{
		"pause", "resume a", "pause a", "resume", "pause a", "pause b", "resume b", "pause", "resume b", "resume",
	} {
		words := strings.Fields(c)
		do(words[0], words[1:]...)
	}
	// Stopped is no kind of paused.
	hr(t, dir, "stop", "a")
	if out, code := hr(t, dir, "resume", "a"); code != 0 || !strings.Contains(out, "a is stopped: `hotreload restart a` starts it") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// repository has its modules below the root, and no go.work.
func repository(t *testing.T, mains ...string) string {
	files := map[string]string{"README.md": "# shop\n", "frontend/package.json": "{}", "node_modules/x/go.mod": "module x\n", "node_modules/x/main.go": mainGo}
	for _, m := range mains {
		module, pkg, _ := strings.Cut(m, ":")
		files[module+"/go.mod"] = "module example.test/" + strings.ReplaceAll(filepath.Base(module), " ", "") + "\n\ngo 1.25\n"
		files[filepath.Join(module, pkg, "main.go")] = mainGo
	}
	return newApp(t, files)
}

const mainGo = "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n"

// E6: the only module below a root that is in none is run, and every command means it.
func TestE6OneModuleBelow(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := repository(t, "backend:cmd/api")
	write(t, filepath.Join(dir, "backend/lib/lib.go"), "package lib\n")
	backend := filepath.Join(dir, "backend")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"check"}, "# ok: " + backend + " has no config file"},
		{[]string{"why", "backend/cmd/api/main.go"}, "api: rebuild: "},
		{[]string{"why", "backend/lib/lib.go"}, "api: none: "},
		{[]string{"doctor"}, "api, from package ./cmd/api"},
	} {
		if a := ask(t, dir, c.args...); a.code != 0 || !strings.Contains(a.out, c.want) {
			t.Errorf("%v: exit %d, no %q in\n%s%s", c.args, a.code, c.want, a.out, a.err)
		}
	}
	for _, args := range [][]string{nil, {"./backend/cmd/api"}, {"backend/cmd/api"}, {"example.test/backend/cmd/api"}, {"./backend/cmd/api/main.go"}} {
		s := start(t, dir, args)
		if e := s.waitFor("session_started"); e.str("dir") != backend {
			t.Errorf("%v: runs in %s", args, e.str("dir"))
		}
		s.waitFor("started")
		for _, from := range []string{dir, backend} {
			if out, code := hr(t, from, "status"); code != 0 || !strings.Contains(out, "pid ") {
				t.Errorf("status in %s: exit %d: %s", from, code, out)
			}
		}
		if code := s.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d", code)
		}
	}
	a := ask(t, dir, "init")
	if a.code != 0 || !strings.Contains(a.out, "wrote    "+filepath.Join(backend, ".hotreload.toml")) {
		t.Errorf("init: %+v", a)
	}
	s := start(t, backend, nil)
	s.waitFor("started")
}

// E6: a config above the modules: what works is said, also to those who start in the module.
func TestE6ConfigAboveModules(t *testing.T) {
	t.Parallel()
	dir := repository(t, "backend:", "tools:gen")
	write(t, filepath.Join(dir, ".hotreload.toml"), "[run]\nargs = [\"x\"]\n")
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, filepath.Join(dir, "backend")} {
		if a := ask(t, from, "run"); a.code != 2 || !strings.Contains(a.err, "`go work init ./backend ./tools`") {
			t.Errorf("%+v", a)
		}
	}
	cmd := exec.Command("go", "work", "init", "./backend", "./tools")
	cmd.Dir, cmd.Env = dir, cleanEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := start(t, filepath.Join(dir, "backend"), nil)
	s.waitFor("started")
}

// B6: every way to name a package. (What is none is in internal/cli, testdata/script/package.txtar.)
func TestB6NamedPackage(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, map[string]string{"go.mod": "module example.test/app\n\ngo 1.25\n", "main.go": mainGo, "util.go": "package main\n", "cmd/api/main.go": mainGo, "lib/lib.go": "package lib\n", "x.y/main.go": mainGo})
	for _, arg := range []string{".", "./cmd/api", "cmd/api/", "example.test/app/cmd/api", "main.go", "./x.y", filepath.Join(dir, "cmd/api")} {
		s := start(t, dir, []string{arg})
		s.waitFor("started")
		s.stop(syscall.SIGTERM)
	}
}

// E10: wait waits for a session that is starting, and for its first build.
func TestE10WaitForStart(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, webApp)
	for i := range 10 {
		addr := testkit.Address(t)
		s := start(t, dir, nil, withEnv("ADDR="+addr))
		a := ask(t, dir, "wait")
		if a.code != 0 || !strings.Contains(a.out, "web: live, generation 1, ") {
			t.Fatalf("%d: %+v", i, a)
		}
		w := &web{session: s, addr: addr}
		if w.answer().version != "one" {
			t.Errorf("%+v", w.answer())
		}
		if a := ask(t, dir, "stop"); a.code != 0 {
			t.Errorf("%+v", a)
		}
		s.exit()
	}
	// The waiting begins before the session, and the build fails.
	write(t, filepath.Join(dir, "version.go"), "package main\n\nconst Version = missing\n")
	waits := make(chan asked)
	go func() { waits <- ask(t, dir, "wait", "--timeout", "60s") }()
	s := start(t, dir, nil, withEnv("ADDR="+testkit.Address(t)))
	if a := <-waits; a.code != 1 || !strings.Contains(a.out, "version.go:3:17: undefined: missing") {
		t.Errorf("%+v", a)
	}
	s.stop(syscall.SIGTERM)
	// No session, and one that does not begin.
	for _, args := range [][]string{{"wait", "--timeout", "0s"}, {"wait", "--timeout", "50ms"}, {"wait"}} {
		if a := ask(t, dir, args...); a.code != 2 || !strings.Contains(a.err, "no session") || a.out != "" {
			t.Errorf("%v: %+v", args, a)
		}
	}
	// With a mistake in the config there will be none, so its place is the answer. The deadline of the test ends a longer wait.
	config := filepath.Join(dir, ".hotreload.toml")
	write(t, config, "[run]\nstop_timeout = 5\n")
	for _, args := range [][]string{{"wait"}, {"wait", "--timeout", "24h"}, {"wait", "--timeout", "24h", "--json"}} {
		if a := ask(t, dir, args...); a.code != 2 || !strings.Contains(a.err, ".hotreload.toml:2:16: ") || !strings.Contains(a.err, "hint: ") {
			t.Errorf("%v: %+v", args, a)
		}
	}
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	go func() { waits <- ask(t, dir, "wait") }()
	ask(t, dir, "run", "nonexist")
	if a := <-waits; a.code != 2 {
		t.Errorf("%+v", a)
	}
	for _, args := range [][]string{{"wait", "--timeout", "5"}, {"wait", "--timeout=-1s"}} {
		if a := ask(t, dir, args...); a.code != 2 || !strings.Contains(a.err, "hint: --timeout") {
			t.Errorf("%v: %+v", args, a)
		}
	}
}

// E10: a session that is starting has its control socket; the time to wait can be over first.
func TestE10Timeout(t *testing.T) {
	t.Parallel()
	files := maps.Clone(webApp)
	gate := filepath.Join(t.TempDir(), "gate")
	files[".hotreload.toml"] = "[build]\nbefore = [" + does("await "+gate) + "]\n"
	dir := newApp(t, files)
	s := start(t, dir, nil, withEnv("ADDR="+testkit.Address(t)))
	var a asked
	until(t, "there is a session", func() bool { a = ask(t, dir, "wait", "--timeout", "300ms"); return a.code != 2 })
	if a.code != 1 || !strings.Contains(a.err, "not live within 300ms") || a.out != "" && !strings.HasPrefix(a.out, "web: building") && !strings.HasPrefix(a.out, "web: idle") {
		t.Errorf("%+v", a)
	}
	s.waitFor("build_started")
	if a = ask(t, dir, "wait", "--timeout", "1ms", "--json"); a.code != 1 || decode[control.Outcome](t, a).OK {
		t.Errorf("%+v", a)
	}
	write(t, gate, "")
	if a = ask(t, dir, "wait", "--timeout", "1m"); a.code != 0 {
		t.Errorf("%+v", a)
	}
	// T12: a second session is refused, with the command that ends the first.
	if a = ask(t, dir, "run", "."); a.code != 1 || !strings.Contains(a.err, fmt.Sprintf("(pid %d)", s.cmd.Process.Pid)) ||
		!strings.Contains(a.err, "`hotreload stop`") || !strings.Contains(a.err, "[services.NAME]") || strings.Contains(a.err, "kill") {
		t.Errorf("%+v", a)
	}
}

// C8: why and doctor speak of the session that runs, with its package, config, tags and --set;
// their own flags count instead.
func TestC8FollowSession(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := map[string]string{
		"go.mod": "module example.test/app\n\ngo 1.25\n", "cmd/api/main.go": mainGo, "cmd/worker/main.go": mainGo,
		"cmd/api/dev.go": "//go:build dev\n\npackage main\n", "conf/other.toml": "[[rules]]\npaths = [\"views/**\"]\neffect = \"signal\"\n",
	}
	dir := newApp(t, files)
	s := start(t, filepath.Join(dir, "cmd"), []string{"-c", "../conf/other.toml", "--tags", "dev", "--set", "watch.exclude=[\"secret\"]", "--set", "run.env.TOKEN=hush", "./api"})
	s.waitFor("started")
	for _, from := range []string{dir, filepath.Join(dir, "cmd", "worker")} {
		for path, want := range map[string]string{
			"cmd/api/dev.go": "api: rebuild: ", "cmd/api/main.go": "api: rebuild: ", "cmd/worker/main.go": "api: none: ",
			"views/x.html": "api: signal: ", "secret/x.go": "api: none: ",
		} {
			if a := ask(t, from, "why", filepath.Join(dir, path)); a.code != 0 || !strings.HasPrefix(a.out, want) {
				t.Errorf("%s: %+v, want %s", path, a, want)
			}
		}
		a := ask(t, from, "doctor")
		if !strings.Contains(a.out, "api, from package ./cmd/api\n") || !strings.Contains(a.out, filepath.Join(dir, "conf/other.toml")+"\n") {
			t.Errorf("%s%s", a.out, a.err)
		}
	}
	if a := ask(t, filepath.Join(dir, "cmd"), "why", "api/main.go"); !strings.HasPrefix(a.out, "api: rebuild: ") {
		t.Errorf("%+v", a)
	}
	if a := ask(t, dir, "why", "--package", "./cmd/worker", "cmd/worker/main.go"); !strings.HasPrefix(a.out, "worker: rebuild: ") {
		t.Errorf("%+v", a)
	}
	if a := ask(t, dir, "status", "--json"); strings.Contains(a.out, "hush") {
		t.Errorf("%+v", a)
	}
	s.stop(syscall.SIGTERM)
	if a := ask(t, dir, "why", "cmd/api/main.go"); a.code != 2 || !strings.Contains(a.err, "hotreload run ./cmd/worker") || !strings.Contains(a.err, "--package") {
		t.Errorf("without a session: %+v", a)
	}
}

// C8: doctor fails for a module, or one that it needs, that wants a newer Go than there is.
func TestC8DoctorNewerGo(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"the module": {"go.mod": "module example.test/app\n\ngo 1.999\n", "main.go": mainGo},
		"a need": {"go.mod": "module example.test/app\n\ngo 1.25\n\nrequire example.test/a v0.0.0\n\nreplace example.test/a => ./a\n", "a/go.mod": "module example.test/a\n\ngo 1.999\n", "a/a.go": "package a\n",
			"main.go": "package main\n\nimport _ \"example.test/a\"\n\nfunc main() {}\n"},
	} {
		cmd := exec.Command(hotreload, "doctor")
		cmd.Dir, cmd.Env = newApp(t, files), append(cleanEnv(), "GOTOOLCHAIN=local")
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "requires go >= 1.999") || !strings.Contains(string(out), "GOTOOLCHAIN=auto") {
			t.Errorf("%s: %s", name, out)
		}
	}
}
