package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// applied waits until an edit of the config has been applied, and returns its event.
func (s *session) applied() ev {
	s.t.Helper()
	return s.wait("applied", func(e ev) bool { return e.Event == "changed" && e.str("why") == "the config is applied" })
}

// sleeper is a service that does nothing.
func sleeper(name, more string) string {
	return fmt.Sprintf("[services.%s]\nrun.command = %s\nrun.ready = \"log:^up\"\n%s\n", name, does("echo up $*", "wait", "--"), more)
}

// C3: only the services whose settings have changed are touched, and only as far as need be.
func TestC3LeastEffect(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")+sleeper("b", "")+sleeper("c", `needs = ["a"]`)), nil)
	s.each("live", "a", "b", "c")
	before := s.pids()
	for _, c := range []struct {
		what, toml, effect string
		restarted          []string
	}{
		{"arguments of one", sleeper("a", `run.args = ["one"]`) + sleeper("b", "") + sleeper("c", `needs = ["a"]`), "restart", []string{"a"}},
		{"a comment", "# hello\n" + sleeper("a", `run.args = ["one"]`) + sleeper("b", "") + sleeper("c", `needs = ["a"]`), "none", nil},
		{"needs", sleeper("a", `run.args = ["one"]`) + sleeper("b", "") + sleeper("c", `needs = ["b"]`), "none", nil},
		{"what applies to a running program", sleeper("a", "run.args = [\"one\"]\nrun.restart = \"on-failure\"\nrun.on_build_error = \"stop\"\nrules = [{ paths = [\"x\"] }]") +
			sleeper("b", "run.ready_timeout = \"20s\"") + sleeper("c", `needs = ["b"]`), "none", nil},
		{"order", sleeper("c", `needs = ["b"]`) + sleeper("b", "") + sleeper("a", `run.args = ["one"]`), "none", nil},
		{"a table above", "[run]\nenv = { X = \"1\" }\n" + sleeper("c", `needs = ["b"]`) + sleeper("b", "run.env = { X = \"\" }") + sleeper("a", `run.args = ["one"]`), "restart", []string{"a", "b", "c"}},
		{"the same, for one", "[run]\nenv = { X = \"2\" }\n" + sleeper("c", `needs = ["b"]`) + sleeper("b", "run.env = { X = \"\" }") + sleeper("a", "run.args = [\"one\"]\nrun.env = { X = \"1\" }"), "restart", []string{"c"}},
	} {
		s.rewrite(c.toml)
		if e := s.applied(); e.str("effect") != c.effect {
			t.Errorf("%s: %s", c.what, e.line)
		}
		s.live()
		now := s.pids()
		for n, pid := range now {
			if (pid != before[n]) != slices.Contains(c.restarted, n) {
				t.Errorf("%s: %s has pid %d, had %d", c.what, n, pid, before[n])
			}
		}
		before = now
	}
	until(t, "the argument", func() bool { return strings.Contains(s.out.String(), "a | up one") })
}

// C3: a rule that comes by an edit counts at once.
func TestC3Rules(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")+sleeper("b", ""), "data", "1"), nil)
	s.each("live", "a", "b")
	before := s.pids()
	s.rewrite(sleeper("a", "") + sleeper("b", `rules = [{ paths = ["data"] }]`))
	s.applied()
	write(t, filepath.Join(s.dir, "data"), "2")
	s.each("live", "b")
	if now := s.pids(); now["a"] != before["a"] || now["b"] == before["b"] {
		t.Errorf("pids %v, were %v", now, before)
	}
}

// C3: services are added, removed and renamed in a running session; the others go on.
func TestC3ServicesComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")), []string{"--color", "never"})
	s.each("live", "a")
	until(t, "output", func() bool { return s.out.String() == "up\n" }) // no name: it is alone
	pid := s.pids()["a"]

	s.rewrite(sleeper("a", "") + sleeper("bb", `needs = ["a"]`))
	s.applied()
	s.each("live", "bb")
	s.live()
	until(t, "output with names", func() bool { return strings.HasSuffix(s.out.String(), "bb | up\n") })

	// Renamed: the old one is gone before the new one starts.
	mark := s.mark()
	s.rewrite(sleeper("a", "") + sleeper("ccc", `needs = ["a"]`))
	s.applied()
	s.each("live", "ccc")
	var order []string
	for _, e := range s.since(mark) {
		if e.Event == "exited" || e.Event == "started" {
			order = append(order, e.Event+" "+e.Service)
		}
	}
	if !slices.Equal(order, []string{"exited bb", "started ccc"}) {
		t.Errorf("%v", order)
	}
	until(t, "output of the renamed one", func() bool { return strings.HasSuffix(s.out.String(), "ccc | up\n") })

	// Removed, and back again while it may still be on its way out.
	s.rewrite(sleeper("a", ""))
	s.applied()
	s.rewrite(sleeper("a", "") + sleeper("ccc", `needs = ["a"]`))
	s.applied()
	s.live()
	now := s.pids()
	if len(now) != 2 || now["a"] != pid || now["ccc"] == 0 {
		t.Errorf("pids %v", now)
	}
	s.rewrite(sleeper("a", ""))
	s.applied()
	s.live()
	if now := s.pids(); len(now) != 1 || now["a"] != pid {
		t.Errorf("pids %v", now)
	}
	until(t, "the removed one is gone", func() bool { return !s.runs("ccc") && !s.runs("bb") && s.runs("a") })
}

// C3: the settings of a build are applied to the service that has them; if its program
// comes out as it was, it is not restarted.
func TestC3Build(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	addr := testkit.Address(t)
	toml := "[services.web]\nbuild.package = \".\"\n" + sleeper("side", "")
	write(t, filepath.Join(dir, "version.go"), "//go:build !two\n\npackage main\n\nconst Version = \"one\"\n")
	write(t, filepath.Join(dir, "version2.go"), "//go:build two\n\npackage main\n\nconst Version = \"two\"\n")
	write(t, filepath.Join(dir, ".hotreload.toml"), toml)
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	s.each("live", "web", "side")
	before := s.pids()
	s.rewrite(strings.Replace(toml, "\".\"\n", "\".\"\nbuild.tags = [\"two\"]\n", 1))
	s.each("live", "web")
	if got := s.get(addr, "/"); !strings.Contains(got, "version=two") {
		t.Errorf("answer %q", got)
	}
	now := s.pids()
	if now["side"] != before["side"] || now["web"] == before["web"] {
		t.Errorf("pids %v, were %v", now, before)
	}
	s.rewrite(strings.Replace(toml, "\".\"\n", "\".\"\nbuild.tags = [\"two\"]\nbuild.timeout = \"10m\"\n", 1))
	s.wait("built", func(e ev) bool { return e.Event == "build_finished" && e.Service == "web" && e.flag("unchanged") })
	s.live()
	if again := s.pids(); again["web"] != now["web"] {
		t.Error("restarted, and the program is the same")
	}
	// A save is built with the new settings, and what is left of the old ones is no harm.
	s.edit("version2.go", `"two"`, `"three"`)
	s.each("live", "web")
	if got := s.get(addr, "/"); !strings.Contains(got, "version=three") {
		t.Errorf("answer %q", got)
	}
}

// C3: a broken edit keeps the old config, is shown once with its place, and is made good
// by the repair; a config that is deleted stays in force.
func TestC3Broken(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")+sleeper("b", "")), nil)
	s.each("live", "a", "b")
	before := s.pids()
	mark := s.mark()
	s.rewrite(sleeper("a", "run.argz = []") + sleeper("b", ""))
	s.wait("the problem", func(e ev) bool { return e.Event == "problem" && strings.Contains(e.str("message"), "config") })
	until(t, "the place", func() bool {
		return strings.Contains(s.err.String(), ".hotreload.toml:4:5") && strings.Contains(s.err.String(), `did you mean "args"?`)
	})
	s.settle()
	if n := count(s.since(mark), "problem"); n != 1 {
		t.Errorf("shown %d times", n)
	}
	s.rewrite(sleeper("a", `run.args = ["fixed"]`) + sleeper("b", ""))
	s.applied()
	s.each("live", "a")
	if now := s.pids(); now["b"] != before["b"] || now["a"] == before["a"] {
		t.Errorf("pids %v, were %v", now, before)
	}
	before = s.pids()
	path := filepath.Join(s.dir, ".hotreload.toml")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.wait("the warning", func(e ev) bool { return e.Event == "problem" && strings.Contains(e.str("message"), "was deleted") })
	s.settle()
	if now := s.pids(); now["a"] != before["a"] || now["b"] != before["b"] {
		t.Errorf("pids %v, were %v", now, before)
	}
	s.rewrite(sleeper("a", `run.args = ["back"]`) + sleeper("b", ""))
	s.applied()
	s.each("live", "a")
	// An address that is taken is a mistake of the edit too.
	busy := testkit.Address(t)
	s.rewrite(sleeper("a", `run.args = ["back"]`) + sleeper("b", "") + sleeper("c", `run.listen = ["999.0.0.1:`+busy[strings.LastIndex(busy, ":")+1:]+`"]`))
	s.wait("the problem", func(e ev) bool { return e.Event == "problem" })
	s.settle()
	if now := s.pids(); len(now) != 2 {
		t.Errorf("pids %v", now)
	}
}

// C3: a config that is empty for a moment, as it is while many editors save, ends nothing;
// one that stays empty is an edit like any other.
func TestC3Empty(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")), nil)
	s.each("live", "a")
	pid := s.pids()["a"]
	mark := s.mark()
	s.rewrite("")
	s.settle()
	s.rewrite("# the same\n" + sleeper("a", ""))
	if e := s.applied(); e.str("effect") != "none" {
		t.Errorf("%s", e.line)
	}
	for _, e := range s.since(mark) {
		if e.Event == "problem" || e.Event == "exited" {
			t.Errorf("unwanted: %s", e.line)
		}
	}
	s.rewrite("")
	s.wait("the word on an empty config where there is no program", func(e ev) bool {
		return e.Event == "problem" && strings.Contains(e.str("message"), "config is not applied")
	})
	if now := s.pids()["a"]; now != pid {
		t.Errorf("pid %d, was %d", now, pid)
	}
}

// C3: [watch] is applied live, and no save is missed while one watcher takes the place of
// another.
func TestC3Watch(t *testing.T) {
	t.Parallel()
	dir := shell(t, "", "data/now", "start")
	config := func(watch string) string {
		return "[watch]\n" + watch + "\n" + sleeper("a", `rules = [{ paths = ["data/*"] }]`)
	}
	write(t, filepath.Join(dir, ".hotreload.toml"), config(""))
	s := start(t, dir, nil)
	s.each("live", "a")
	for i, watch := range []string{
		`backend = "poll"` + "\npoll_interval = \"20ms\"", `backend = "notify"`, `gitignore = false`, `exclude = ["*.tmp"]`, `debounce = "1ms"`,
		`backend = "poll"` + "\npoll_interval = \"10ms\"", ``,
	} {
		s.rewrite(config(watch))
		// Saves before, during and after the exchange; the last one has to be live.
		for j := range 20 {
			exchange(t, filepath.Join(dir, "data", fmt.Sprintf("file%d", j)), fmt.Sprint(i, j))
		}
		mark := s.mark()
		s.live()
		write(t, filepath.Join(dir, "data/now"), fmt.Sprint("last ", i))
		s.wait("the save", func(e ev) bool {
			return e.Event == "changed" && e.Service == "a" && slices.Contains(e.strs("paths"), filepath.Join(dir, "data/now"))
		})
		s.live()
		reported := map[string]int{}
		for _, e := range append(s.since(0)[:mark:mark], s.since(mark)...) {
			if e.Event == "changed" && e.Service == "a" {
				for _, p := range e.strs("paths") {
					reported[filepath.Base(p)]++
				}
			}
		}
		for j := range 20 {
			if n := reported[fmt.Sprintf("file%d", j)]; n != i+1 {
				t.Errorf("%q: file%d was reported %d times, saved %d times", watch, j, n, i+1)
			}
		}
		if t.Failed() {
			return
		}
	}
	if b := s.status().Backend; b != "notify" {
		t.Errorf("backend %s", b)
	}
	// What is excluded from now on does nothing.
	s.rewrite(config(`exclude = ["data"]`))
	s.applied()
	until(t, "the exclusion", func() bool {
		mark := s.mark()
		write(t, filepath.Join(dir, "data/now"), fmt.Sprint("excluded ", mark, s.pids()))
		s.settle()
		return count(s.since(mark), "changed") == 1
	})
}

// exchange puts a new file in the place of another, so that no reader sees it half written: a
// file that is seen empty on a busy machine was changed twice.
func exchange(t *testing.T, path, content string) {
	t.Helper()
	part := filepath.Join(t.TempDir(), "part")
	write(t, part, content)
	rename(t, part, path)
}

// C3: [log] and [control] are applied live.
func TestC3LogAndControl(t *testing.T) {
	t.Parallel()
	one, two := testkit.Address(t), testkit.Address(t)
	s := start(t, shell(t, "[control]\nlisten = \""+one+"\"\n[log]\ntime = false\n"+sleeper("a", "")), nil)
	s.each("live", "a")
	pid := s.pids()["a"]
	status := func(addr string) error {
		resp, err := http.Get("http://" + addr + "/status")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := status(one); err != nil {
		t.Error(err)
	}
	s.rewrite("[control]\nlisten = \"" + two + "\"\n[log]\nformat = \"json\"\n" + sleeper("a", ""))
	s.applied()
	if err := status(two); err != nil {
		t.Error(err)
	}
	if status(one) == nil {
		t.Error("the old address answers still")
	}
	text := len(s.err.String())
	s.command("restart", "a")
	until(t, "JSON", func() bool { return strings.Contains(s.err.String()[text:], `"event":"live"`) })
	for l := range strings.Lines(s.err.String()[text:]) {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %q", l)
		}
	}
	if s.pids()["a"] == pid {
		t.Error("not restarted")
	}
	s.rewrite(sleeper("a", ""))
	s.applied()
	if status(two) == nil {
		t.Error("the address that was removed answers still")
	}
	text = len(s.err.String())
	s.command("restart", "a")
	until(t, "text with the time of day", func() bool {
		_, line, _ := strings.Cut(s.err.String()[text:], "\n")
		return len(line) > 9 && line[2] == ':' && strings.Contains(line, " live ")
	})
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// C3: other addresses of the proxy or of sockets: the service leaves, and comes back with
// them; its generations go on, and the others are not touched.
func TestC3Addresses(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, portApp(true))
	one, two := testkit.Address(t), testkit.Address(t)
	config := func(name, more string) string {
		return "[services." + name + "]\nbuild.package = \".\"\n" + more + "\n" + sleeper("side", "")
	}
	write(t, filepath.Join(dir, ".hotreload.toml"), config("web", "proxy.listen = \""+one+"\""))
	s := start(t, dir, nil)
	s.each("live", "web", "side")
	before := s.pids()
	if got := s.get(one, "/"); !strings.Contains(got, "version=one") {
		t.Errorf("answer %q", got)
	}
	generation := s.status().Services[0].Generation
	// The same address with other settings, and another address.
	for _, more := range []string{"proxy.listen = \"" + one + "\"\nproxy.hold = \"10s\"", "proxy.listen = \"" + two + "\""} {
		s.rewrite(config("web", more))
		s.applied()
		s.live()
		addr := strings.Split(more, `"`)[1]
		if got := s.get(addr, "/"); !strings.Contains(got, "version=one") {
			t.Errorf("answer %q", got)
		}
		if g := s.status().Services[0].Generation; g <= generation {
			t.Errorf("generation %d after %d", g, generation)
		}
	}
	// Another name takes the address over.
	s.rewrite(config("shop", "proxy.listen = \""+two+"\""))
	s.applied()
	s.live()
	if got := s.get(two, "/"); !strings.Contains(got, "version=one") {
		t.Errorf("answer %q", got)
	}
	now := s.pids()
	if now["side"] != before["side"] || len(now) != 2 || now["shop"] == 0 {
		t.Errorf("pids %v, were %v", now, before)
	}
}
