package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

var update = flag.Bool("update", false, "write what the code does into testdata/plan; read the result before you believe it")

// TestScripts runs testdata/plan/*.txt, one file per behaviour.
//
// A script is read aloud as: this happens (>), so that is done (<). A blank line
// or a line that begins with # is a comment. First come the settings:
//
//	service NAME [needs=A,B] [before] [command] [job] [nobuild] [restart=POLICY] [onerror=POLICY] [group=G] [timeout=D] [later] [startfirst] [rollback]
//	        later: not there at the beginning
//	option [once] [maxbuilds=N]
//	file NAME SERVICE EFFECT [input] [rule=N] [css] [after=DURATION] [signal=NAME] [generated]   (a line per service)
//
//	running SERVICE     begin, build (program a), launch and ready have passed; not shown
//
// Inputs, each optionally preceded by the time that has passed (+20ms):
//
//	> begin
//	> saving FILE OLD NEW [@TIME], ...   an open batch that parses ("half-saving": one that does not)
//	> saved  FILE OLD NEW [@TIME], ...   a batch that closes the burst; "-" is an absent file
//	                                     ("half-saved": one that does not parse);
//	                                     @-5ms: the change was made 5 ms before it was heard of
//	> settled                            the burst closes without further changes ("lost": events were lost)
//	> compiling SERVICE GEN
//	> failing SERVICE GEN
//	> built SERVICE GEN ok [SUM] [wrote FILE] | failed | canceled     without SUM: nothing to compare
//	> rules SERVICE GEN ok | failed | canceled
//	> launched SERVICE#LAUNCH [problem]
//	> ready SERVICE#LAUNCH [problem]
//	> suspended SERVICE#LAUNCH [SIGNAL [problem]]
//	> ended SERVICE#LAUNCH CODE | SIGNAL [NUMBER]
//	> gone SERVICE#LAUNCH
//	> fired SERVICE slow-build [COMPILED PACKAGES] | backoff | loop | shown
//	> touched SERVICE FILE
//	> fired session stop-deadline
//	> restart|rebuild|pause|resume [SERVICE], stop SERVICE, quit, abort
//	> services NAME...          the config has been edited: these are there now
//	> reconfigured SERVICE rebuild|restart|rebuild+restart|nothing [settings as in a service line]
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/plan/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runScript(t, f) })
	}
}

func runScript(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{files: map[string]Change{}, now: time.Unix(1_000_000, 0)}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if !strings.HasPrefix(lines[0], "# ") {
		t.Errorf("%s:1: the first line names the behaviour: # L2: ...", path)
	}
	var out []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out = append(out, line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "> "):
			got, err := s.step(line[2:])
			if err != nil {
				t.Fatalf("%s:%d: %s: %v", path, i+1, line, err)
			}
			var want []string
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "< ") {
				i++
				want = append(want, lines[i])
			}
			if d := diff(want, got); d != "" && !*update {
				t.Errorf("%s:%d:\n  %s\n%s", path, i+1-len(want), line, d)
			}
			out = append(out, got...)
		default:
			if err := s.setting(line); err != nil {
				t.Fatalf("%s:%d: %s: %v", path, i+1, line, err)
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// diff shows what is missing (-) and what is too much (+), or nothing.
func diff(want, got []string) string {
	if slices.Equal(want, got) {
		return ""
	}
	// Longest common subsequence; the lists are a few lines long.
	n := make([][]int, len(want)+1)
	for i := range n {
		n[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	var b strings.Builder
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			fmt.Fprintf(&b, "    %s\n", want[i])
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && n[i+1][j] >= n[i][j+1]:
			fmt.Fprintf(&b, "  - %s\n", want[i])
			i++
		default:
			fmt.Fprintf(&b, "  + %s\n", got[j])
			j++
		}
	}
	return b.String()
}

// script is a session that a file tells.
type script struct {
	opt   Options
	all   []Service         // also those that come later
	files map[string]Change // Path and Effects of every file
	state *State
	now   time.Time
}

func (s *script) setting(line string) error {
	w := strings.Fields(line)
	switch w[0] {
	case "running":
		for _, in := range []string{"begin", "+10ms compiling " + w[1] + " 1", "+490ms built " + w[1] + " 1 ok a", "+2ms launched " + w[1] + "#1"} {
			if _, err := s.step(in); err != nil {
				return err
			}
		}
		out, err := s.step("+8ms ready " + w[1] + "#1")
		if err == nil && (len(out) != 2 || !strings.Contains(out[1], ": live after 510ms")) {
			err = fmt.Errorf("is not live: %q", out)
		}
		return err
	case "option":
		for _, o := range w[1:] {
			k, v, _ := strings.Cut(o, "=")
			switch k {
			case "once":
				s.opt.Once = true
			case "maxbuilds":
				s.opt.MaxBuilds, _ = strconv.Atoi(v)
			default:
				return fmt.Errorf("unknown option %q", k)
			}
		}
	case "service":
		v := Service{Name: w[1], Builds: true}
		words := slices.DeleteFunc(slices.Clone(w[2:]), func(o string) bool { return o == "later" })
		if err := serviceSettings(&v, words); err != nil {
			return err
		}
		s.all = append(s.all, v)
		if len(words) == len(w)-2 {
			s.opt.Services = append(s.opt.Services, v)
		}
	case "file":
		c, ok := s.files[w[1]]
		if !ok {
			c = Change{Path: w[1], Effects: map[string]Effect{}}
		}
		if w[2] == "-" {
			c.Why = strings.Join(w[3:], " ")
			s.files[w[1]] = c
			return nil
		}
		e := Effect{Rule: NoRule, Why: "its rule"}
		kind := slices.IndexFunc([]Kind{None, Reload, Signal, Restart, Rebuild}, func(k Kind) bool { return k.String() == w[3] })
		if kind < 0 {
			return fmt.Errorf("unknown effect %q", w[3])
		}
		e.Kind = Kind(kind)
		for _, o := range w[4:] {
			k, v, _ := strings.Cut(o, "=")
			switch k {
			case "input":
				e.Input, e.Why = true, "Go file"
			case "rule":
				e.Rule, _ = strconv.Atoi(v)
			case "css":
				e.CSS = true
			case "after":
				e.After, _ = time.ParseDuration(v)
			case "signal":
				e.Signal = v
			case "generated":
				c.Generated = true
			default:
				return fmt.Errorf("unknown word %q", k)
			}
		}
		c.Effects[w[2]] = e
		s.files[w[1]] = c
	default:
		return fmt.Errorf("unknown setting %q", w[0])
	}
	return nil
}

func serviceSettings(v *Service, words []string) error {
	for _, o := range words {
		k, val, _ := strings.Cut(o, "=")
		switch k {
		case "needs":
			v.Needs = strings.Split(val, ",")
		case "before":
			v.Before = true
		case "job":
			v.Job = true
		case "startfirst":
			v.StartFirst = true
		case "rollback":
			v.Rollback = true
		case "nobuild":
			v.Builds = false
		case "restart":
			policies := []RestartPolicy{RestartNever, RestartOnFailure, RestartAlways}
			i := slices.IndexFunc(policies, func(p RestartPolicy) bool { return p.String() == val })
			if i < 0 {
				return fmt.Errorf("unknown policy %q", val)
			}
			v.Restart = policies[i]
		case "onerror":
			switch val {
			case "keep":
				v.OnError = KeepRunning
			case "stop":
				v.OnError = StopRunning
			default:
				return fmt.Errorf("unknown policy %q", val)
			}
		case "group":
			v.Group = val
		case "timeout":
			d, err := time.ParseDuration(val)
			if err != nil {
				return err
			}
			v.StopTimeout = d
		default:
			return fmt.Errorf("unknown word %q", k)
		}
	}
	return nil
}

// step carries out one line and returns the actions as lines.
func (s *script) step(line string) ([]string, error) {
	if s.state == nil {
		s.state = New(s.opt)
	}
	if strings.HasPrefix(line, "+") {
		passed, rest, _ := strings.Cut(line, " ")
		d, err := time.ParseDuration(passed)
		if err != nil {
			return nil, err
		}
		s.now, line = s.now.Add(d), rest
	}
	in, err := s.input(line)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range s.state.Step(s.now, in) {
		out = append(out, "< "+show(a))
	}
	return out, nil
}

func (s *script) input(line string) (Input, error) {
	verb, rest, _ := strings.Cut(line, " ")
	w := strings.Fields(rest)
	word := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	number := func(i int) int { n, _ := strconv.Atoi(word(i)); return n }
	proc := func() (string, int) {
		name, n, _ := strings.Cut(word(0), "#")
		i, _ := strconv.Atoi(n)
		return name, i
	}
	problem := func() *event.Problem {
		if word(1) == "" {
			return nil
		}
		return &event.Problem{Message: strings.Join(w[1:], " ")}
	}
	switch verb {
	case "begin":
		return Begin{}, nil
	case "saving", "half-saving", "saved", "half-saved", "settled", "lost":
		torn := strings.HasPrefix(verb, "half-")
		in := Files{First: s.now, Open: strings.HasSuffix(verb, "saving"), Solid: !torn, Lost: verb == "lost"}
		if rest == "" {
			return in, nil
		}
		for _, one := range strings.Split(rest, ",") {
			f := strings.Fields(one)
			if len(f) < 3 {
				return nil, fmt.Errorf("want FILE OLD NEW: %q", one)
			}
			c, ok := s.files[f[0]]
			if !ok {
				return nil, fmt.Errorf("no file setting for %s", f[0])
			}
			c.Old, c.New, c.At, c.Torn = content(f[1]), content(f[2]), s.now, torn
			if len(f) > 3 {
				d, err := time.ParseDuration(strings.TrimPrefix(f[3], "@"))
				if err != nil {
					return nil, err
				}
				c.At = s.now.Add(d)
				in.First = c.At
			}
			in.Changes = append(in.Changes, c)
		}
		return in, nil
	case "compiling":
		return Compiling{Service: word(0), Generation: number(1)}, nil
	case "failing":
		return Failing{Service: word(0), Generation: number(1)}, nil
	case "built":
		b := BuildDone{Service: word(0), Generation: number(1), OK: word(2) == "ok", Canceled: word(2) == "canceled"}
		if b.OK {
			b.Program = Program{Generation: b.Generation, Binary: fmt.Sprintf("%s-%d", word(0), b.Generation)}
			copy(b.Program.Sum[:], word(3))
		}
		if word(4) == "wrote" {
			b.Wrote = w[5:]
		}
		return b, nil
	case "rules":
		return RulesDone{Service: word(0), Generation: number(1), OK: word(2) == "ok", Canceled: word(2) == "canceled"}, nil
	case "launched":
		name, n := proc()
		return Launched{Service: name, Launch: n, PID: 100 + n, Problem: problem()}, nil
	case "ready":
		name, n := proc()
		return ReadyIs{Service: name, Launch: n, Problem: problem()}, nil
	case "ended":
		name, n := proc()
		x := event.Exited{PID: 100 + n, Code: number(1), Reason: "exit code " + word(1)}
		if strings.HasPrefix(word(1), "SIG") {
			x.Code, x.Signal, x.Number, x.Reason = -1, word(1), number(2), "killed by "+word(1)
			x.Killed = w[min(len(w), 3):]
		}
		return Ended{Service: name, Launch: n, Exit: x}, nil
	case "suspended":
		name, n := proc()
		in := Suspended{Service: name, Launch: n, Signal: word(1)}
		if len(w) > 2 {
			in.Problem = &event.Problem{Message: strings.Join(w[2:], " ")}
		}
		return in, nil
	case "gone":
		name, n := proc()
		return Gone{Service: name, Launch: n}, nil
	case "fired":
		t := Timer{Service: word(0), What: SlowBuild}
		switch word(1) {
		case "backoff":
			t.What = Backoff
		case "loop":
			t.What = Loop
		case "shown":
			t.What = Shown
		case "stop-deadline":
			t = Timer{What: StopDeadline}
		}
		return Fired{Timer: t, Compiled: number(2), Packages: number(3)}, nil
	case "touched":
		return Touched{Service: word(0), Paths: w[1:], Why: "newer than the build", At: s.now}, nil
	case "services":
		s.opt.Services = nil
		for _, v := range s.all {
			if slices.Contains(w, v.Name) {
				s.opt.Services = append(s.opt.Services, v)
			}
		}
		return Reconfigured{Services: s.opt.Services}, nil
	case "restart", "rebuild", "pause", "resume", "stop", "quit", "abort":
		do := map[string]Do{"stop": DoStop, "restart": DoRestart, "rebuild": DoRebuild, "pause": DoPause, "resume": DoResume, "quit": DoQuit, "abort": DoAbort}
		return Command{Do: do[verb], Service: word(0), Why: "asked"}, nil
	case "reconfigured":
		services := slices.Clone(s.opt.Services)
		i := slices.IndexFunc(services, func(v Service) bool { return v.Name == word(0) })
		if i < 0 || len(w) < 2 {
			return nil, fmt.Errorf("want SERVICE and what changed")
		}
		if err := serviceSettings(&services[i], w[2:]); err != nil {
			return nil, err
		}
		s.opt.Services = services
		what := strings.Split(w[1], "+")
		return Reconfigured{
			services, map[string]bool{w[0]: slices.Contains(what, "rebuild")}, map[string]bool{w[0]: slices.Contains(what, "restart")},
		}, nil
	}
	return nil, fmt.Errorf("unknown input %q", verb)
}

func content(word string) (s Sum) {
	if word != "-" {
		copy(s[:], word)
	}
	return s
}

// show says an action in a line.
func show(a Action) string {
	switch a := a.(type) {
	case Build:
		return fmt.Sprintf("build %s %d", a.Service, a.Generation)
	case CancelBuild:
		return fmt.Sprintf("cancel %s %d", a.Service, a.Generation)
	case KillBuilds:
		return "kill builds"
	case RunRules:
		var rules []string
		for _, r := range a.Rules {
			rules = append(rules, fmt.Sprintf("%d (%s)", r, strings.Join(a.Changed[r], " ")))
		}
		return fmt.Sprintf("run rules of %s %d: %s", a.Service, a.Generation, strings.Join(rules, ", "))
	case Launch:
		p := a.Program.Binary
		if p == "" {
			p = "no binary"
		}
		return fmt.Sprintf("launch %s#%d for generation %d: %s", a.Service, a.Launch, a.Generation, p)
	case Stop:
		if a.Now {
			return fmt.Sprintf("kill %s#%d", a.Service, a.Launch)
		}
		return fmt.Sprintf("stop %s#%d", a.Service, a.Launch)
	case Promote:
		return fmt.Sprintf("promote %s#%d", a.Service, a.Launch)
	case SendSignal:
		return fmt.Sprintf("signal %s#%d %s", a.Service, a.Launch, a.Signal)
	case ReloadPages:
		if a.CSS {
			return fmt.Sprintf("reload css of %s", a.Service)
		}
		return fmt.Sprintf("reload pages of %s", a.Service)
	case Arm:
		return fmt.Sprintf("arm %s %s", timerName(a.Timer), a.After)
	case Disarm:
		return "disarm " + timerName(a.Timer)
	case Discard:
		return "discard " + a.Binary
	case Forget:
		return "forget " + a.Service
	case Exit:
		return fmt.Sprintf("exit %d (%s)", a.Code, a.Reason)
	case Say:
		who := "session"
		if a.Event.Service != "" {
			who = fmt.Sprintf("%s %d", a.Event.Service, a.Event.Generation)
		}
		return strings.TrimSpace(fmt.Sprintf("say %s: %s %s", who, a.Event.Body.Name(), showBody(a.Event.Body)))
	}
	return fmt.Sprintf("unknown action %T", a)
}

func timerName(t Timer) string {
	switch t.What {
	case Backoff:
		return t.Service + " backoff"
	case Loop:
		return t.Service + " loop"
	case Shown:
		return t.Service + " shown"
	case StopDeadline:
		return "session stop-deadline"
	}
	return t.Service + " slow-build"
}

func showBody(b event.Body) string {
	switch b := b.(type) {
	case event.Changed:
		return strings.TrimSpace(fmt.Sprintf("%s %s (%s)", b.Effect, strings.Join(b.Paths, " "), b.Why))
	case event.BuildFinished:
		switch {
		case !b.OK:
			return "failed"
		case b.Unchanged:
			return "ok, unchanged"
		}
		return "ok"
	case event.Started:
		return fmt.Sprintf("pid %d", b.PID)
	case event.Ready:
		return fmt.Sprintf("after %dms", b.AfterMS)
	case event.Exited:
		how := "unasked"
		if b.Expected {
			how = "as asked"
		}
		return fmt.Sprintf("%s, %s", how, b.Reason)
	case event.Live:
		first := ""
		if b.First {
			first = " (first)"
		}
		return fmt.Sprintf("after %dms: detect %d, build %d, stop %d, start %d%s", b.LatencyMS, b.DetectMS, b.BuildMS, b.StopMS, b.StartMS, first)
	case event.Held:
		return b.Reason
	case event.Waiting:
		how := ""
		if b.Compiled > 0 {
			how = fmt.Sprintf(" (compiled %d, packages %d)", b.Compiled, b.Packages)
		}
		return strings.TrimSpace(fmt.Sprintf("[%s] %s%s", b.For, b.Reason, how))
	case event.Undone:
		return strings.Join(b.Paths, " ")
	case event.Problem:
		return b.Message
	case event.SessionEnded:
		return b.Reason
	}
	return ""
}
