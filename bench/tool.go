//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// project is one tool's own copy of a program.
type project struct {
	dir    string
	addr   string // where the program listens, given to it as BENCH_ADDR
	server string // not empty: the build does nothing, and this program is run
	log    string // output of the tool
	events string // where hotreload reports
	env    []string
}

// tool builds and runs a project and does so again after every save.
type tool interface {
	name() string
	what() string // how it is set up, one line
	start(project) (session, error)
}

// session is a tool at work.
type session interface {
	// saved is called right after every save. By hand it builds and restarts; a watching tool needs no call.
	saved(context.Context) error
	// phases tells where the time of the last reload went, if the tool knows.
	phases(context.Context) (phases, bool)
	pid() int // of the tool itself; 0 by hand
	output() string
	close()
}

// phases of one reload, as the tool itself sees them. What whole has above the sum of
// the parts was spent waiting: for a burst of changes to end, mostly.
type phases struct{ detect, build, stop, start, whole time.Duration }

// ---- by hand ----

// byHand is what a script does: build, SIGTERM, wait, start.
type byHand struct {
	label string
	flags []string
}

// devFlags are the flags that hotreload gives go build by default.
var devFlags = []string{"-buildvcs=false", "-pgo=off", "-ldflags=-w -buildid=hotreload/app"}

func (h byHand) name() string { return h.label }

func (h byHand) what() string {
	return strings.TrimSpace("go build "+strings.Join(h.flags, " ")) + ", SIGTERM, wait, start"
}

func (h byHand) start(p project) (session, error) {
	s := &handSession{p: p, flags: h.flags}
	return s, s.saved(context.Background())
}

type handSession struct {
	p     project
	flags []string
	app   *child
	last  phases
}

func (s *handSession) saved(context.Context) error {
	begin := time.Now()
	binary := s.p.server
	if binary == "" {
		binary = filepath.Join(s.p.dir, "app")
		argv := append([]string{"go", "build", "-o", binary}, s.flags...)
		if err := run(append(argv, "."), s.p.dir, s.p.env, s.p.log); err != nil {
			return err
		}
	} else if err := run([]string{"true"}, s.p.dir, s.p.env, s.p.log); err != nil {
		return err
	}
	built := time.Now()
	if s.app != nil {
		s.app.end(syscall.SIGTERM, endGrace)
	}
	stopped := time.Now()
	app, err := start([]string{binary}, s.p.dir, s.p.env, s.p.log)
	if err != nil {
		return err
	}
	s.app = app
	now := time.Now()
	s.last = phases{build: built.Sub(begin), stop: stopped.Sub(built), start: now.Sub(stopped), whole: now.Sub(begin)}
	return nil
}

func (s *handSession) phases(context.Context) (phases, bool) { return s.last, true }
func (s *handSession) pid() int                              { return 0 }
func (s *handSession) output() string                        { return tail(s.p.log) }

func (s *handSession) close() {
	if s.app != nil {
		s.app.end(syscall.SIGTERM, endGrace)
	}
}

// endGrace is how long a tool may take to end its program and itself.
const endGrace = 10 * time.Second

// ---- tools that watch ----

// watching is a tool that runs beside the editor.
type watching struct {
	label, text string
	files       func(project) map[string]string // configuration to write into the project
	argv        func(project) []string
	front       bool          // has a proxy in front of the program, at frontAddr
	reports     bool          // writes hotreload's events
	age         time.Duration // least age of the program at the next edit
	// idle waits for what the tool does for itself after the build that was served since then; may be nil.
	idle func(ctx context.Context, p project, since time.Time) error
}

func (w watching) name() string { return w.label }
func (w watching) what() string { return w.text }

func (w watching) start(p project) (session, error) {
	if w.files != nil {
		for name, text := range w.files(p) {
			if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
	}
	if w.reports {
		if err := os.Remove(p.events); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	c, err := start(w.argv(p), p.dir, p.env, p.log)
	if err != nil {
		return nil, err
	}
	s := &watchSession{child: c}
	if w.reports {
		s.events = &eventLog{file: p.events}
	}
	return s, nil
}

type watchSession struct {
	child  *child
	events *eventLog
}

func (s *watchSession) saved(context.Context) error { return nil }
func (s *watchSession) pid() int                    { return s.child.pid() }
func (s *watchSession) output() string              { return s.child.tail() }
func (s *watchSession) close()                      { s.child.end(syscall.SIGINT, endGrace) }

// phases waits for the report of the reload that has just been seen from outside: it
// may come a moment after the answer.
func (s *watchSession) phases(ctx context.Context) (phases, bool) {
	if s.events == nil {
		return phases{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	live, err := s.events.wait(ctx, "live")
	if err != nil {
		return phases{}, false
	}
	return live.phases(), true
}

// ---- the field ----

const (
	hand      = "by hand"
	handFlags = "by hand, hotreload's flags"
	ours      = "hotreload"
	goEngine  = "hotreload, go engine"
)

// onlyBuilds says that a tool differs from another one in how it builds, so that it has nothing to say where nothing is built.
func onlyBuilds(name string) bool { return name == handFlags || name == goEngine }

func hotreloadTool(binary string) watching {
	return watching{
		label: ours, text: "defaults, no configuration file; with a build of nothing: build.command and run.command only", reports: true,
		idle: func(ctx context.Context, p project, since time.Time) error {
			return selfChecked(ctx, binary, p, since)
		},
		files: func(p project) map[string]string {
			if p.server == "" {
				return nil
			}
			return map[string]string{".hotreload.toml": fmt.Sprintf("[build]\ncommand = [\"true\"]\n[run]\ncommand = [%q]\n", p.server)}
		},
		argv: func(p project) []string { return []string{binary, "run", "--events", p.events} },
	}
}

// goEngineTool is hotreload without the direct engine.
func goEngineTool(binary string) watching {
	return watching{
		label: goEngine, text: `engine = "go" in the section [build], no other setting`, reports: true,
		files: func(project) map[string]string {
			return map[string]string{".hotreload.toml": "[build]\nengine = \"go\"\n"}
		},
		argv: func(p project) []string { return []string{binary, "run", "--events", p.events} },
	}
}

// selfChecked waits until the direct engine has a plan and has compared what it built last with what go build makes of it:
// that takes processor time, which must not fall into another tool's turn. Without the direct engine it returns at once.
func selfChecked(ctx context.Context, binary string, p project, since time.Time) error {
	for {
		c := exec.CommandContext(ctx, binary, "status", "--json")
		c.Dir, c.Env = p.dir, p.env
		out, err := c.Output()
		if err != nil {
			return fmt.Errorf("hotreload status: %w", err)
		}
		var status struct {
			Services []struct {
				Engine string `json:"engine"`
				Direct *struct {
					Ready   bool      `json:"ready"`
					Off     string    `json:"off"`
					Checked time.Time `json:"checked"`
				} `json:"direct"`
			} `json:"services"`
		}
		if err := json.Unmarshal(out, &status); err != nil {
			return fmt.Errorf("hotreload status: %w in %q", err, out)
		}
		done := true
		for _, s := range status.Services {
			if d := s.Direct; d != nil && d.Off == "" {
				done = done && d.Ready && (s.Engine != "direct" || d.Checked.After(since))
			}
		}
		if done {
			return nil
		}
		select {
		case <-time.After(settleStep):
		case <-ctx.Done():
			return fmt.Errorf("the direct engine has not checked itself: %w", ctx.Err())
		}
	}
}

// builds are the commands that build and run the program of a project.
func builds(p project, out string) (build, binary string) {
	if p.server != "" {
		return "true", p.server
	}
	return "go build -o " + out + " .", out
}

// script is both commands as one line of a shell.
func script(p project, out string) string {
	build, binary := builds(p, out)
	return build + " && exec " + binary
}

// templWatch is templ that builds and runs the program of a project.
func templWatch(p project, more ...string) []string {
	return append([]string{"templ", "generate", "--watch", "--cmd=" + script(p, "./app")}, more...)
}

// peers are set up as their own documentation does it for "build this program and run
// it". Where a delay can be configured, a second variant takes the smallest one, so that
// no tool suffers from its default.
func peers() map[string][]watching {
	air := func(label, text, more string) watching {
		return watching{label: label, text: text,
			files: func(p project) map[string]string {
				build, binary := builds(p, "./tmp/main")
				return map[string]string{".air.toml": fmt.Sprintf("root = \".\"\ntmp_dir = \"tmp\"\n\n[build]\ncmd = %q\nentrypoint = [%q]\n%s", build, binary, more)}
			},
			argv: func(project) []string { return []string{"air", "-c", ".air.toml"} },
		}
	}
	return map[string][]watching{
		"air": {
			air("air", "cmd and entrypoint only; its delay is 1000 ms", ""),
			air("air, delay 1 ms", "the same with delay = 1, the smallest that it does not take for unset", "delay = 1\n"),
		},
		"wgo": {
			{label: "wgo", text: "wgo run . (debounce 300 ms)", argv: func(p project) []string {
				if p.server != "" {
					return []string{"wgo", "-file", ".go", p.server}
				}
				return []string{"wgo", "run", "."}
			}},
			{label: "wgo, debounce 1 ms", text: "the same with -debounce 1ms", argv: func(p project) []string {
				if p.server != "" {
					return []string{"wgo", "-debounce", "1ms", "-file", ".go", p.server}
				}
				return []string{"wgo", "run", "-debounce", "1ms", "."}
			}},
		},
		"CompileDaemon": {{label: "CompileDaemon", text: "-build and -command", argv: func(p project) []string {
			build, binary := builds(p, "./app")
			return []string{"CompileDaemon", "-build=" + build, "-command=" + binary}
		}}},
		"reflex": {{label: "reflex", text: `reflex -r '\.go$' -s -- sh -c 'go build -o app . && exec ./app'`, argv: func(p project) []string {
			return []string{"reflex", "-r", `\.go$`, "-s", "--", "sh", "-c", script(p, "./app")}
		}}},
		// A daemon that ended within 8 s makes modd wait longer before the next start, up to
		// 8 s: it takes a restart for a crash. Nobody saves that often for long, so it is spared that.
		"modd": {{label: "modd", text: "prep: go build, daemon +sigterm; edited only when the program is older than 8 s, else modd backs off", age: 8500 * time.Millisecond,
			files: func(p project) map[string]string {
				build, binary := builds(p, "./app")
				return map[string]string{"modd.conf": fmt.Sprintf("**/*.go {\n    prep: %s\n    daemon +sigterm: %s\n}\n", build, binary)}
			},
			argv: func(project) []string { return []string{"modd", "-f", "modd.conf"} },
		}},
		"templ": {{label: "templ", text: "templ generate --watch --cmd='go build -o ./app . && exec ./app'", argv: func(p project) []string { return templWatch(p) }}},
	}
}

// peerOrder is the order in which peers appear in tables.
var peerOrder = []string{"air", "wgo", "CompileDaemon", "reflex", "modd", "templ"}

// findPeers takes the peers that are on PATH and says which are not.
func findPeers(ctx context.Context) (found []tool, versions []fact, missing []string) {
	all := peers()
	for _, name := range peerOrder {
		path, err := exec.LookPath(name)
		if err != nil {
			missing = append(missing, name+": not on PATH (bench/README.md says how to install it)")
			continue
		}
		versions = append(versions, fact{name, peerVersion(ctx, path)})
		for _, w := range all[name] {
			found = append(found, w)
		}
	}
	return found, versions, missing
}

// defaults are the tools that watch, without their variants, which differ in nothing but a delay.
func defaults(tools []tool) []watching {
	var out []watching
	for _, t := range tools {
		if w, ok := t.(watching); ok && !strings.Contains(w.label, ",") {
			out = append(out, w)
		}
	}
	return out
}
