package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// shop is a running session of examples/shop, on addresses of its own.
type shop struct {
	*session
	api, web string
	calls    func() string // of the go command
}

func copyShop(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shop")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", "shop"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startShop(t *testing.T, args ...string) *shop {
	t.Helper()
	dir := copyShop(t)
	w := &shop{api: testkit.Address(t), web: testkit.Address(t)}
	toml := filepath.Join(dir, ".hotreload.toml")
	write(t, toml, strings.NewReplacer("127.0.0.1:8081", w.api, "127.0.0.1:8082", w.web).Replace(read(t, toml)))
	path, calls := goCalls(t)
	w.calls = calls
	w.session = start(t, dir, args, withEnv("API_ADDR="+w.api, "WEB_ADDR="+w.web, path))
	w.each("live", "api", "worker", "web")
	return w
}

// builds is how often the go command has built.
func (w *shop) builds() int { return strings.Count("\n"+w.calls(), "\nbuild ") }

// each waits until the event has come once for each of the services, in any order.
func (s *session) each(event string, services ...string) map[string]ev {
	s.t.Helper()
	found := map[string]ev{}
	s.wait(fmt.Sprintf("%s of %v", event, services), func(e ev) bool {
		if e.Event == event && slices.Contains(services, e.Service) {
			found[e.Service] = e
		}
		return len(found) == len(services)
	})
	return found
}

// knowsGraphs waits until the import graphs are known: before, every Go file counts for
// every service.
func (w *shop) knowsGraphs() {
	w.t.Helper()
	for i := 0; ; i++ {
		// One file, since each new one is a reason to read the graph again.
		const name = "tools/tool.go"
		write(w.t, filepath.Join(w.dir, name), fmt.Sprintf("package tools\n\nconst X = %d\n", i))
		e := w.wait("a file of no program", func(e ev) bool {
			return e.Event == "changed" && slices.ContainsFunc(e.strs("paths"), func(p string) bool { return strings.HasSuffix(filepath.ToSlash(p), name) })
		})
		w.live()
		if e.str("effect") == "none" {
			return
		}
	}
}

// only are the events of a kind, as "service", in their order.
func only(events []ev, name string) (services []string) {
	for _, e := range events {
		if e.Event == name {
			services = append(services, e.Service)
		}
	}
	return services
}

func (s *session) pids() map[string]int {
	s.t.Helper()
	out := map[string]int{}
	for _, x := range s.status().Services {
		out[x.Service] = x.PID
	}
	return out
}

// rewrite replaces the config, whole.
func (s *session) rewrite(text string) {
	s.t.Helper()
	write(s.t, filepath.Join(s.dir, ".hotreload.toml"), text)
}

// live waits until all edits are live, over the control API.
func (s *session) live() {
	s.t.Helper()
	if out, code := hr(s.t, s.dir, "wait"); code != 0 {
		s.t.Fatalf("wait: exit %d: %s\n%s", code, out, s.dump())
	}
}

// S1: a change of a shared package is one go build; only the services whose program has
// really changed are restarted. A change of its own package concerns no other service.
func TestS1Shared(t *testing.T) {
	t.Parallel()
	w := startShop(t)
	w.knowsGraphs()
	before, builds, mark := w.pids(), w.builds(), w.mark()
	w.edit("catalog/catalog.go", "The corner shop", "The other shop")
	w.each("live", "api")
	w.live()
	after := w.pids()
	if n := w.builds() - builds; n != 1 {
		t.Errorf("%d builds for a save of a shared package:\n%s", n, w.calls())
	}
	if after["api"] == before["api"] {
		t.Errorf("not restarted: %v, was %v", after, before)
	}
	if text := filepath.ToSlash(w.err.String()); strings.Count(text, "changed catalog/catalog.go") != 1 || !strings.Contains(text, "api,worker,web changed catalog/catalog.go\n") {
		t.Errorf("the change is not said once, for all:\n%s", text)
	}
	for _, s := range []string{"worker", "web"} {
		if after[s] != before[s] {
			t.Errorf("%s was restarted, and its program is the same", s)
		}
		unchanged := slices.ContainsFunc(w.since(mark), func(e ev) bool {
			return e.Event == "build_finished" && e.Service == s && e.flag("ok") && e.flag("unchanged")
		})
		if !unchanged {
			t.Errorf("it is not said that %s is the same\n%s", s, w.dump())
		}
	}
	if page := w.get(w.web, "/"); !strings.Contains(page, "The other shop") {
		t.Errorf("page %q", page)
	}

	mark = w.mark()
	w.edit("cmd/worker/main.go", "const pause = time.Second", "const pause = 2 * time.Second")
	w.each("live", "worker")
	w.settle()
	if got := only(w.since(mark), "build_started"); !slices.Equal(got, []string{"worker"}) {
		t.Errorf("built: %v", got)
	}
	now := w.pids()
	if now["worker"] == after["worker"] || now["api"] != after["api"] || now["web"] != after["web"] {
		t.Errorf("restarted the wrong ones: %v, was %v", now, after)
	}
}

// S2: one service does not compile, or cannot even be loaded: the others are built,
// restarted and served, and it is not stopped.
func TestS2OneFails(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startShop(t)
	for i, broken := range []string{"const pause = missing", "import _ \"example.org/shop/none\"\n\nconst pause = time.Second"} {
		before := w.pids()
		w.edit("cmd/worker/main.go", "const pause = time.Second", broken)
		w.edit("catalog/catalog.go", []string{"The corner shop", "Shop 0"}[i], fmt.Sprintf("Shop %d", i))
		w.wait("the failure", func(e ev) bool { return e.Event == "build_finished" && e.Service == "worker" && !e.flag("ok") })
		out, code := hr(t, w.dir, "wait")
		if code != 1 || !strings.Contains(filepath.ToSlash(out), "cmd/worker/main.go:") {
			t.Errorf("wait: exit %d: %s", code, out)
		}
		for _, s := range []string{"api", "web"} {
			if out, code := hr(t, w.dir, "wait", s); code != 0 {
				t.Errorf("wait %s: exit %d: %s", s, code, out)
			}
		}
		if page := w.get(w.web, "/"); !strings.Contains(page, fmt.Sprintf("Shop %d", i)) {
			t.Errorf("page %q", page)
		}
		after := w.pids()
		if after["worker"] != before["worker"] || after["api"] == before["api"] {
			t.Errorf("pids %v, were %v", after, before)
		}
		w.edit("cmd/worker/main.go", broken, "const pause = time.Second")
		w.live()
	}
}

// shell is a project of services that are no Go programs.
func shell(t *testing.T, toml string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	write(t, filepath.Join(dir, ".hotreload.toml"), toml)
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), files[i+1])
	}
	return dir
}

// S3: services start when those that they need are ready; one that waits for a failed
// need says so.
func TestS3Needs(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, `
[services.web]
run.command = `+lives()+`
run.ready = "log:^up"
needs = ["api"]

[services.api]
run.command = `+lives()+`
run.ready = "log:^up"
needs = ["db"]

[services.db]
run.command = `+does("script db.txt")+`
run.ready = "log:^up"
rules = [{ paths = ["db.txt"], effect = "restart" }]
`, "db.txt", "echo no disk\nexit 3\n"), nil)
	held := s.wait("held", func(e ev) bool {
		return e.Event == "held" && e.Service == "api" && strings.Contains(e.str("reason"), "ended")
	})
	if got := held.str("reason"); got != "waits for db, which has ended (exit code 3)" {
		t.Errorf("held: %q", got)
	}
	if out, code := hr(t, s.dir, "wait", "web"); code != 1 || !strings.Contains(out, "waits for api") {
		t.Errorf("wait: exit %d: %s", code, out)
	}
	if n := only(s.since(0), "started"); !slices.Equal(n, []string{"db"}) {
		t.Errorf("started: %v", n)
	}
	// In one step: what runs while it is empty would be one more start.
	replaceFile(t, filepath.Join(s.dir, "db.txt"), "echo up\nwait\n")
	s.each("live", "db", "api", "web")
	var order []string
	for _, e := range s.since(0) {
		if e.Event == "ready" || e.Event == "started" {
			order = append(order, e.Event+" "+e.Service)
		}
	}
	want := []string{"started db", "started db", "ready db", "started api", "ready api", "started web", "ready web"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

// S4: each line has its service's name in front, whole, in its order and on its stream,
// whatever pieces the programs write it in.
func TestS4Prefixes(t *testing.T) {
	t.Parallel()
	const lines = 3000
	var toml strings.Builder
	names := []string{"a", "longer", "ccc"}
	for _, n := range names {
		fmt.Fprintf(&toml, "[services.%s]\nrun.command = %s\n", n, does(fmt.Sprint("lines ", lines)))
	}
	s := start(t, shell(t, toml.String()), []string{"--color", "never"})
	s.each("exited", names...)
	// The end waits only for a moment for a reader that is slow, as this test is on a busy machine.
	until(t, "all is printed", func() bool {
		return strings.Count(s.out.String(), "last of ") == len(names) && strings.Count(s.err.String(), fmt.Sprintf("-%d\n", lines-1)) == len(names)
	})
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for stream, text := range map[string]string{"stdout": s.out.String(), "stderr": s.err.String()} {
		next := map[string]int{}
		last := 0
		// A program that was held up between its two writes has half a line shown, as if it
		// were a prompt; that lines come whole otherwise is TestPrefixNotMixed's.
		begun := map[string]bool{}
		half := regexp.MustCompile(`^(a     |longer|ccc   ) \| (?:(\w+)-|(\d+))$`)
		line := regexp.MustCompile(`^(a     |longer|ccc   ) \| (E?)(\w+)-(\d+)$`)
		for l := range strings.Lines(text) {
			l = strings.TrimSuffix(l, "\n")
			if h := half.FindStringSubmatch(l); h != nil && stream == "stdout" {
				name := strings.TrimSpace(h[1])
				if h[2] == name && !begun[name] {
					begun[name] = true
					continue
				}
				if h[3] != "" && begun[name] {
					begun[name] = false
					l = h[1] + " | " + name + "-" + h[3]
				}
			}
			m := line.FindStringSubmatch(l)
			switch {
			case m == nil && strings.Contains(l, " | last of "):
				if n := strings.Fields(l)[0]; l != fmt.Sprintf("%-6s | last of %s", n, n) {
					t.Errorf("%q", l)
				}
				last++
			case m == nil && stream == "stderr": // hotreload's own
				if strings.Contains(l, "|") || strings.Contains(l, "E") {
					t.Errorf("mixed line: %q", l)
				}
			case m == nil:
				t.Errorf("mixed line: %q", l)
			case strings.TrimSpace(m[1]) != m[3] || m[2] == "E" != (stream == "stderr"):
				t.Errorf("wrong name or stream: %q on %s", l, stream)
			default:
				if i, _ := strconv.Atoi(m[4]); i != next[m[3]] {
					t.Errorf("%q after %d", l, next[m[3]]-1)
				}
				next[m[3]]++
			}
		}
		for _, n := range names {
			if next[n] != lines {
				t.Errorf("%s: %d lines of %s", stream, next[n], n)
			}
		}
		if stream == "stdout" && (last != len(names) || !strings.HasSuffix(text, "\n")) {
			t.Errorf("%d unfinished last lines; the end is %q", last, text[max(0, len(text)-40):])
		}
	}
}

// S4: a prompt without an end of line is shown soon; a colour tells the services apart.
func TestS4PromptAndColour(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, `
[services.asks]
run.command = `+does("print name? ", "wait")+`
[services.other]
run.command = `+lives()+`
`), []string{"--color", "always"})
	s.each("live", "asks", "other")
	until(t, "the prompt", func() bool { return strings.Contains(s.out.String(), "name? ") })
	until(t, "the other's line", func() bool { return strings.Contains(s.out.String(), "up") })
	until(t, "an own line", func() bool { return strings.Contains(s.err.String(), "masks ") })
	out := s.out.String()
	prompt := regexp.MustCompile("\x1b\\[0m\x1b\\[(\\d+)masks \x1b\\[\\d+(?:;\\d+)*m \\| name\\? ").FindStringSubmatch(out)
	up := regexp.MustCompile("\x1b\\[0m\x1b\\[(\\d+)mother\x1b\\[\\d+(?:;\\d+)*m \\| up\n").FindStringSubmatch(out)
	if prompt == nil || up == nil || prompt[1] == up[1] {
		t.Errorf("%q", out)
	}
	if own := s.err.String(); prompt != nil && !strings.Contains(own, "\x1b["+prompt[1]+"masks ") {
		t.Errorf("hotreload's own lines have another colour: %q", own)
	}
}

// S5: a service that is no Go program runs beside, and is restarted by its rules alone.
func TestS5NoGoProgram(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	addr := testkit.Address(t)
	write(t, filepath.Join(dir, ".hotreload.toml"), `
[services.web]
build.package = "."

[services.side]
run.command = `+does("script side.txt", "--", "{name}")+`
run.env = { COLOR = "blue" }
run.dir = "scripts"
rules = [{ paths = ["scripts/*.txt"], effect = "restart" }]
`)
	write(t, filepath.Join(dir, "scripts/side.txt"), "echo side one $COLOR $DIR $HOTRELOAD_SERVICE\nwait\n")
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	s.each("live", "web", "side")
	s.settle()
	before := s.pids()
	mark := s.mark()
	write(t, filepath.Join(dir, "scripts/side.txt"), "echo side two\nwait\n")
	s.each("live", "side")
	s.edit("version.go", `"one"`, `"two"`)
	s.each("live", "web")
	s.settle()
	after := s.pids()
	if after["side"] == before["side"] || after["web"] == before["web"] {
		t.Errorf("pids %v, were %v", after, before)
	}
	if got := only(s.since(mark), "started"); !slices.Equal(got, []string{"side", "web"}) {
		t.Errorf("started: %v", got)
	}
	until(t, "the output", func() bool { return strings.Contains(s.out.String(), "side | side two") })
	if out := s.out.String(); !strings.Contains(out, "side | side one blue scripts side") {
		t.Errorf("%q", out)
	}
}

// N5 (40): where nothing is built, no go command is needed: not for the start, not for rules and their commands, not for `why`.
func TestS5WithoutGo(t *testing.T) {
	t.Parallel()
	dir, bin := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, ".hotreload.toml"), `
[run]
command = `+does("echo runs", "wait")+`
[[rules]]
paths = ["*.txt"]
command = `+does("write out.log|by the rule")+`
effect = "restart"
`)
	write(t, filepath.Join(dir, "data.txt"), "1")
	env := "PATH=" + bin
	s := start(t, dir, nil, withEnv(env))
	s.waitFor("live")
	write(t, filepath.Join(dir, "data.txt"), "2")
	s.waitFor("live")
	if got := read(t, filepath.Join(dir, "out.log")); got != "by the rule\n" {
		t.Errorf("the rule's command wrote %q", got)
	}
	if a := askWith(t, []string{env}, dir, "why", "data.txt"); a.code != 0 || !strings.Contains(a.out, "restart") {
		t.Errorf("why: %+v", a)
	}
	s.stop(syscall.SIGTERM)
}

// S6: Ctrl-C with ten services: all end in the reverse order of need, those that do not
// need each other at the same time.
func TestS6StopInOrder(t *testing.T) {
	t.Parallel()
	var toml strings.Builder
	var names []string
	for i := range 10 {
		n := fmt.Sprintf("s%d", i)
		names = append(names, n)
		fmt.Fprintf(&toml, "[services.%s]\nrun.command = %s\nrun.ready = \"log:^up\"\n", n, lives())
		switch {
		case i >= 1 && i < 4: // a chain of four
			fmt.Fprintf(&toml, "needs = [\"s%d\"]\n", i-1)
		case i >= 4 && i < 7: // three that need its end
			toml.WriteString("needs = [\"s3\"]\n")
		}
	}
	s := start(t, shell(t, toml.String()), nil)
	s.each("live", names...)
	if code := s.stop(syscall.SIGINT); code != 0 {
		t.Errorf("exit code %d", code)
	}
	order := only(s.since(0), "exited")
	if len(order) != 10 {
		t.Fatalf("exited: %v", order)
	}
	at := func(n string) int { return slices.Index(order, n) }
	for _, pair := range [][2]string{{"s4", "s3"}, {"s5", "s3"}, {"s6", "s3"}, {"s3", "s2"}, {"s2", "s1"}, {"s1", "s0"}} {
		if at(pair[0]) > at(pair[1]) {
			t.Errorf("%s ended before %s, which needs it: %v", pair[1], pair[0], order)
		}
	}
	for _, n := range names {
		if !strings.Contains(s.out.String(), n+" | bye") {
			t.Errorf("%s was not asked", n)
		}
	}
}

// S6: services that do not end take one deadline, not one each along the chain.
func TestS6OneDeadline(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	var toml strings.Builder
	fmt.Fprintf(&toml, "[run]\nstop_timeout = %q\nready = \"log:^up\"\n", timeout)
	const chain = 6
	var names []string
	for i := range chain {
		names = append(names, fmt.Sprintf("s%d", i))
		script := does("ignore", "echo up", "wait")
		if i == 0 {
			script = lives() // at the end of the chain; it is still asked
		}
		fmt.Fprintf(&toml, "[services.s%d]\nrun.command = %s\n", i, script)
		if i > 0 {
			fmt.Fprintf(&toml, "needs = [\"s%d\"]\n", i-1)
		}
	}
	s := start(t, shell(t, toml.String()), nil)
	s.each("live", names...)
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// Those that do not end are killed together. One by one, the first and the last would be some timeouts apart.
	var ends []time.Time
	for _, e := range s.since(0) {
		if e.Event == "exited" && e.Service != "s0" {
			end, err := time.Parse(time.RFC3339Nano, e.str("time"))
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
	}
	if len(ends) != chain-1 {
		t.Fatalf("%d ends\n%s", len(ends), s.dump())
	}
	if took := ends[len(ends)-1].Sub(ends[0]); took > (chain-2)*timeout*2/3 {
		t.Errorf("%s from the first end to the last, with a timeout of %s", took, timeout)
	}
	for _, name := range names[1:] {
		if text := s.err.String(); !regexp.MustCompile(" " + name + " .*did not stop in time").MatchString(text) {
			t.Errorf("%s was killed and is not named:\n%s", name, text)
		}
	}
	if !strings.Contains(s.out.String(), "s0 | bye") {
		t.Error("s0 was not asked")
	}
}

// M3: commands for one service; a service that is stopped stays so until it is restarted,
// and an edit made meanwhile is built then.
func TestM3OneService(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startShop(t)
	before := w.pids()
	if out, code := hr(t, w.dir, "restart", "worker"); code != 0 || !strings.Contains(out, "worker: live") || strings.Contains(out, "api") {
		t.Errorf("restart: exit %d: %s", code, out)
	}
	now := w.pids()
	if now["worker"] == before["worker"] || now["api"] != before["api"] || now["web"] != before["web"] {
		t.Errorf("restart: pids %v, were %v", now, before)
	}
	if out, code := hr(t, w.dir, "stop", "api"); code != 0 || !strings.Contains(out, "api: stopped") {
		t.Errorf("stop: exit %d: %s", code, out)
	}
	if _, err := http.Get("http://" + w.api + "/healthz"); err == nil {
		t.Error("the api answers, and is stopped")
	}
	w.knowsGraphs()
	builds := w.builds()
	w.edit("cmd/api/main.go", "Thank you!", "Thanks!")
	w.live() // a service that was stopped is no failure
	stopped := w.pids()
	if stopped["api"] != 0 || stopped["worker"] != now["worker"] || stopped["web"] != now["web"] || w.builds() != builds {
		t.Errorf("stop: pids %v, were %v; %d builds", stopped, now, w.builds()-builds)
	}
	if out, _ := hr(t, w.dir, "status"); !regexp.MustCompile(`api +stopped`).MatchString(out) {
		t.Errorf("status: %s", out)
	}
	if out, code := hr(t, w.dir, "restart", "api"); code != 0 {
		t.Errorf("restart: exit %d: %s", code, out)
	}
	if w.builds() == builds {
		t.Error("the edit made meanwhile was not built")
	}
	hr(t, w.dir, "pause", "web")
	mark := w.mark()
	w.edit("catalog/catalog.go", "The corner shop", "Paused")
	w.each("live", "api")
	if out, code := hr(t, w.dir, "wait"); code != 1 || !strings.Contains(out, "web: waiting: paused") {
		t.Errorf("wait: exit %d: %s", code, out)
	}
	if got := only(w.since(mark), "build_started"); slices.Contains(got, "web") {
		t.Errorf("built while paused: %v", got)
	}
	hr(t, w.dir, "resume", "web")
	w.each("build_started", "web")
	w.live()
}

// Bad input: clear errors.
func TestS0BadInput(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, "[services.api]\nrun.command = "+does("wait")+"\n[services.web]\nrun.command = "+does("wait")+"\n"), nil)
	s.each("live", "api", "web")
	for _, verb := range []string{"wait", "restart", "rebuild", "stop", "pause", "resume", "status"} {
		if out, code := hr(t, s.dir, verb, "nobody"); code != 2 || !strings.Contains(out, `no such service: "nobody"; there is api, web`) {
			t.Errorf("%s nobody: exit %d: %s", verb, code, out)
		}
	}
	if n := count(s.since(0), "session_ended"); n != 0 {
		t.Error("the session ended")
	}
	// The socket of a session that was killed: no session, and the next one works.
	_ = s.cmd.Process.Kill()
	s.exit()
	if out, code := hr(t, s.dir, "status"); code != 2 || !strings.Contains(out, "no session") {
		t.Errorf("dead socket: exit %d: %s", code, out)
	}
	until(t, "the services are ended", func() bool { return len(s.left()) == 0 })
	again := start(t, s.dir, nil)
	again.each("live", "api", "web")

	for name, c := range map[string]struct {
		toml string
		args []string
		want []string
	}{
		"unknown need":  {"[services.a]\nneeds = [\"bb\"]\n[services.b]\n", nil, []string{":2:", `there is no service "bb"`, `did you mean "b"?`}},
		"circular":      {"[services.a]\nneeds = [\"b\"]\n[services.b]\nneeds = [\"a\"]\n", nil, []string{"services wait for each other: a -> b -> a"}},
		"one address":   {"[services.a]\nrun.listen = [\"127.0.0.1:7001\"]\n[services.b]\nrun.listen = [\"127.0.0.1:7001\"]\n", nil, []string{":4:", "127.0.0.1:7001 is taken by services.a.run.listen"}},
		"one proxy":     {"[services.a]\nproxy.listen = \"127.0.0.1:7001\"\n[services.b]\nproxy.listen = \":7001\"\n", nil, []string{":4:", "7001 is taken by services.a.proxy.listen"}},
		"one for all":   {"[run]\nlisten = [\"127.0.0.1:7001\"]\n[services.a]\n[services.b]\n", nil, []string{":2:", "127.0.0.1:7001"}},
		"control":       {"[control]\nlisten = \"127.0.0.1:7001\"\n[services.a]\nproxy.listen = \"127.0.0.1:7001\"\n", nil, []string{"127.0.0.1:7001", "control.listen"}},
		"one name":      {"[services.a]\n[services.a]\n", nil, []string{":2:", "table a already exists", "hint: a key or table can be set only once"}},
		"arguments":     {"[run]\ncommand = [\"true\"]\n[services.a]\n[services.b]\n", []string{"--", "x"}, []string{"arguments after --", "a, b", "run.args"}},
		"package":       {"[run]\ncommand = [\"true\"]\n[services.a]\n[services.b]\n", []string{"."}, []string{"a, b", "package cannot be named"}},
		"which program": {"[services.one]\n[services.two]\n", nil, []string{"services.one", "run.command"}},
	} {
		out, code := hr(t, shell(t, c.toml), append([]string{"run"}, c.args...)...)
		if code != 2 {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in: %s", name, w, out)
			}
		}
	}
}

// The schema is JSON and knows the services.
func TestC8Schema(t *testing.T) {
	t.Parallel()
	out, code := hr(t, t.TempDir(), "schema")
	if code != 0 || !strings.HasPrefix(out, "{") || !strings.Contains(out, `"patternProperties"`) || !strings.Contains(out, `"stop_timeout"`) {
		t.Errorf("exit %d: %s", code, out)
	}
}

// C8: why answers for every service, with the chain of imports.
func TestC8WhySeveral(t *testing.T) {
	t.Parallel()
	dir := copyShop(t)
	out, code := hr(t, dir, "why", "cmd/web/page.html")
	lines := bufio.NewScanner(strings.NewReader(out))
	var effects []string
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), " ") {
			effects = append(effects, strings.Join(strings.SplitN(lines.Text(), ": ", 3)[:2], " "))
		}
	}
	if want := []string{"api none", "worker none", "web rebuild"}; code != 0 || !slices.Equal(effects, want) {
		t.Errorf("exit %d: %v, want %v\n%s", code, effects, want, out)
	}
	out, _ = hr(t, dir, "why", "catalog/catalog.go")
	if !strings.Contains(out, "example.org/shop/cmd/worker -> example.org/shop/catalog -> catalog.go") {
		t.Errorf("%s", out)
	}
}
