package launch

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/testkit"
	"github.com/hotreload/hotreload/runner"
)

// fakeCompanion is a companion that gives each start the same place.
type fakeCompanion struct {
	companion.Companion
	at  companion.Place
	err error
}

func (b fakeCompanion) Place() (companion.Place, error) { return b.at, b.err }

func newTestProgram(t *testing.T, change func(*config.Service), all ...companion.Companion) *Program {
	t.Helper()
	c := config.Default().ForServices()[0]
	c.Name = "api"
	change(&c)
	root := t.TempDir()
	files := map[string]map[string]string{filepath.Join(root, ".env"): {"A": "file", "B": "file", "C": "file"}}
	h := &Host{Root: root, Env: []string{"PATH=/bin", "A=ours"}, EnvFile: func(path string) (map[string]string, error) {
		if values, ok := files[path]; ok {
			return values, nil
		}
		return nil, errors.New("3: no =")
	}}
	return NewProgram(h, c, filepath.Join(root, "state"), nil, all)
}

// The environment of a program: its env files, below hotreload's own, below run.env, and what a
// companion gives it, which also decides when it is ready.
func TestRunSpec(t *testing.T) {
	p := newTestProgram(t, func(c *config.Service) {
		c.Run.Env = map[string]string{"B": "config"}
		c.Run.Args = []string{"-v"}
	}, fakeCompanion{at: companion.Place{Addr: "127.0.0.1:9", Env: []string{"PORT=9"}, Given: true}})
	s, places, err := p.runSpec(plan.Launch{Generation: 7, Program: plan.Program{Binary: "/bin/api"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range []string{"A=ours", "B=config", "C=file", "PORT=9", "HOTRELOAD_SERVICE=api", "HOTRELOAD_GENERATION=7"} {
		if !slices.Contains(s.Env, kv) {
			t.Errorf("no %s in %q", kv, s.Env)
		}
	}
	if !slices.Equal(s.Args, []string{"/bin/api", "-v"}) || s.Path != "/bin/api" || s.Ready.TCP != "127.0.0.1:9" || len(places) != 1 {
		t.Errorf("%+v, %v", s, places)
	}
	if p.running = 1; !p.RunsWithThis() {
		t.Error("another environment now")
	}
	c := *p.conf.Load()
	c.Run.Env = nil
	if p.Configure(c); p.RunsWithThis() {
		t.Error("the same environment with another config")
	}
}

// Why a program cannot be started, with what to do about it.
func TestRunSpecFails(t *testing.T) {
	built := plan.Launch{Program: plan.Program{Binary: "/bin/api"}}
	for _, c := range []struct {
		name   string
		p      *Program
		l      plan.Launch
		text   string
		hinted bool
	}{
		{"no program", newTestProgram(t, func(*config.Service) {}), plan.Launch{}, "no program to run", true},
		{"env file", newTestProgram(t, func(c *config.Service) { c.Run.EnvFiles = []string{"bad.env"} }), built, "bad.env:3: no =", true},
		{"not on PATH", newTestProgram(t, func(c *config.Service) { c.Run.Command = []string{"no-such-program"} }), built, "not on PATH", true},
		{"no port", newTestProgram(t, func(*config.Service) {}, fakeCompanion{err: errors.New("no free port")}), built, "no free port", false},
	} {
		_, _, err := c.p.runSpec(c.l)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p := Problem("cannot start", err); !p.Failed || p.Message != "cannot start: "+err.Error() || (p.Hint != "") != c.hinted {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

// When a program counts as ready follows from the config, else from what its earlier starts have
// shown.
func TestReadiness(t *testing.T) {
	p := newTestProgram(t, func(c *config.Service) { c.Run.ReadyTimeout = 0 })
	if r := p.readiness("no such file"); !r.Listen || r.Grace != listenGrace || r.Timeout != 0 {
		t.Errorf("unknown: %+v", r)
	}
	p.learnServer(yes)
	if r := p.readiness(""); !r.Listen || r.Timeout != maxListen || !p.isServer() {
		t.Errorf("a server: %+v", r)
	}
	p.learnServer(no)
	if r := p.readiness(""); r != (runner.Ready{After: minUptime}) {
		t.Errorf("no server: %+v", r)
	}
	path := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(path, []byte("[run]\nready = \"tcp:localhost:1\"\nready_timeout = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p.Configure(c.ForServices()[0])
	if r := p.readiness(""); r.TCP != "localhost:1" || r.Timeout != time.Second {
		t.Errorf("config: %+v", r)
	}
}

// Where a program listens that does not listen where it should.
func TestListensElsewhere(t *testing.T) {
	at := func(list ...string) (out []netip.AddrPort) {
		for _, a := range list {
			out = append(out, netip.MustParseAddrPort(a))
		}
		return out
	}
	for _, c := range []struct {
		listeners []netip.AddrPort
		addr      string
		want      string // "": where it should, or nowhere
	}{
		{nil, "127.0.0.1:80", ""},
		{at("127.0.0.1:80"), "127.0.0.1:80", ""},
		{at("127.0.0.1:90", "0.0.0.0:80"), "127.0.0.1:80", ""},
		{at("[::ffff:127.0.0.1]:80"), "127.0.0.1:80", ""},
		{at("10.0.0.1:80"), "localhost:80", ""},
		{at("10.0.0.1:80"), "127.0.0.1:80", "10.0.0.1:80"},
		{at("0.0.0.0:90"), "127.0.0.1:80", "127.0.0.1:90"},
		{at("127.0.0.1:90"), "no address", ""},
	} {
		got, found := listensElsewhere(c.listeners, c.addr)
		if found != (c.want != "") || found && got.String() != c.want {
			t.Errorf("%v of %s: %v %v, want %q", c.listeners, c.addr, got, found, c.want)
		}
	}
}

// What hotreload itself holds an address for.
func TestHeldHere(t *testing.T) {
	p := newTestProgram(t, func(c *config.Service) {
		c.Run.Listen = []config.Socket{{Network: "tcp", Address: ":1"}}
		c.Proxy.Listen = "localhost:2"
	})
	other := config.Service{Name: "web", Run: config.Run{Listen: []config.Socket{{Network: "tcp", Address: ":3"}}}}
	front := config.Service{Name: "front", Proxy: config.Proxy{Listen: "localhost:4"}}
	services := []config.Service{*p.conf.Load(), other, front}
	for port, want := range map[string]string{
		"1": "which hotreload holds open for it", "2": "where hotreload's proxy in front of it listens",
		"3": "which hotreload holds open for web", "4": "where hotreload's proxy in front of front listens",
		"5": "where hotreload's own API listens", "6": "where hotreload itself listens",
	} {
		message, hint := p.heldHere("localhost:"+port, port, services, "127.0.0.1:5")
		if !strings.HasSuffix(message, want) || hint == "" {
			t.Errorf("%s: %q, %q", port, message, hint)
		}
	}
}

// An early end is explained once, by what hotreload gave the program and what its sources mention.
func TestExplain(t *testing.T) {
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cobra, reads := file("cmd.go", `import "github.com/spf13/cobra"`), file("in.go", "bufio.NewReader(os.Stdin)")
	for _, c := range []struct {
		name    string
		noInput bool
		sources []string
		want    string
	}{
		{"no sign", true, []string{file("main.go", "package main"), "no such file.go"}, ""},
		{"commands", true, []string{cobra, reads}, "without arguments"},
		{"input", true, []string{reads}, "its standard input is empty"},
		{"it has an input", false, []string{reads}, ""},
		{"tests do not count", true, []string{file("a_test.go", "os.Stdin"), file("README", "os.Stdin")}, ""},
	} {
		p := newTestProgram(t, func(*config.Service) {})
		found, ok := p.Explain(EndedEarly{noInput: c.noInput}, c.sources)
		if !strings.Contains(found.Message, c.want) || ok != (c.want != "") {
			t.Errorf("%s: %+v, %v", c.name, found, ok)
		}
		if _, again := p.Explain(EndedEarly{noInput: c.noInput}, c.sources); again {
			t.Errorf("%s: explained twice", c.name)
		}
	}
}

// Where the files of the program are not known, those of its package are read, whatever its directory is called. On Windows
// nothing in a glob could escape such a name.
func TestExplainPackage(t *testing.T) {
	p := newTestProgram(t, func(c *config.Service) { c.Build.Package = "cmd/[api]" })
	dir := filepath.Join(p.host.Root, "cmd", "[api]")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "in.go"), []byte("bufio.NewReader(os.Stdin)"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, ok := p.Explain(EndedEarly{noInput: true}, nil); !ok || !strings.Contains(found.Message, "in.go") {
		t.Errorf("%+v, %v", found, ok)
	}
}

// What is reported of the end of a process.
func TestExit(t *testing.T) {
	x := exit(5, runner.Exit{Code: 3, Reason: "exit status 3", Panic: &runner.Panic{Stack: "panic: x", Frame: runner.Frame{File: "a.go", Line: 2}}})
	if x.PID != 5 || x.Code != 3 || x.Signal != "" || x.Panic != "panic: x" || x.File != "a.go" || x.Line != 2 {
		t.Errorf("%+v", x)
	}
	dir := t.TempDir()
	made := filepath.Join(dir, "hi_templ.go")
	testkit.Write(t, made, "package main\n\nvar x = f()\nvar y = Error{FileName: `hi.templ`, Line: 2, Col: 1}\n")
	testkit.Write(t, filepath.Join(dir, "hi.templ"), "package main\nvar x = f() + 1\n")
	x = exit(5, runner.Exit{Code: 2, Reason: "panic: x (" + made + ":3)", Panic: &runner.Panic{Stack: "panic: x", Frame: runner.Frame{File: made, Line: 3}}})
	if want := filepath.Join(dir, "hi.templ"); x.File != want || x.Line != 2 || x.Reason != "panic: x ("+want+":2)" {
		t.Errorf("of generated code: %+v", x)
	}
	x = exit(5, runner.Exit{Code: 0, Signal: 9})
	if x.Code != -1 || x.Signal != "SIGKILL" || x.Number != 9 {
		t.Errorf("%+v", x)
	}
}

// N5 (27): what Windows does not have is said with what works instead, before anything is started.
func TestNoHandover(t *testing.T) {
	defer func(was bool) { unixHandover = was }(unixHandover)
	unixHandover = false
	if s, err := Listen(t.TempDir(), []config.Socket{{Network: "tcp", Address: "127.0.0.1:0"}}, nil); err == nil || !strings.Contains(advice.Hint(err), "run.listen") {
		s.Close()
		t.Errorf("%v, hint %q", err, advice.Hint(err))
	}
	if s, err := Listen(t.TempDir(), nil, nil); err != nil || s == nil {
		t.Error(err)
	}
	p := newTestProgram(t, func(c *config.Service) { c.Run.Ready.Notify = true })
	if _, _, err := p.runSpec(plan.Launch{Generation: 1, Program: plan.Program{Binary: "/bin/api"}}); err == nil || !strings.Contains(advice.Hint(err), "tcp:") {
		t.Errorf("%v, hint %q", err, advice.Hint(err))
	}
}
