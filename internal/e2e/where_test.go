//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// C2: a flag that is given overrides the file, also with the value that it has without being
// given; false and 0 in the file override the defaults.
func TestC2FlagsGiven(t *testing.T) {
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
run.command = ["sh", "-c", `+lives+`]
[services.b]
run.command = ["sh", "-c", `+lives+`]
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
