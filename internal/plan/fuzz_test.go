package plan

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// This file holds the plan against a small model of the outside world: files
// that people and generators write, a watcher that hears of it late, builds that
// read the files at some moment, processes that live and die. Whatever order
// these take, the rules of the package comment hold after every step, and once
// all is quiet the programs that run are made of the files as they are.

// FuzzStep lets the fuzzer choose what happens next.
func FuzzStep(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 20+r.IntN(400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		steps := min(len(choices)/2, 600)
		i := 0
		choose := func(n int) int {
			if i == len(choices) {
				return 0
			}
			i++
			return int(choices[i-1]) % n
		}
		if _, err := simulate(choose, steps, false); err != nil {
			i = 0
			trace, _ := simulate(choose, steps, true)
			t.Fatalf("%v\n%s", err, trace)
		}
	})
}

var sessions = flag.Uint64("sessions", 20_000, "how many random sessions to play")

// TestRandomSessions is FuzzStep with sessions that are the same every time.
func TestRandomSessions(t *testing.T) {
	n := *sessions
	if testing.Short() {
		n = min(n, 2_000)
	}
	for seed := range n {
		run := func(log bool) (string, error) {
			r := rand.New(rand.NewPCG(seed, 2))
			return simulate(r.IntN, 10+r.IntN(150), log)
		}
		if _, err := run(false); err != nil {
			trace, _ := run(true)
			t.Fatalf("seed %d: %v\n%s", seed, err, trace)
		}
	}
}

// The files of the model. Content is a number; 7 in place of the last octal
// digit does not compile, and the lowest bit is a comment.
type modelFile struct {
	effects map[string]Effect
	content int
	known   int       // what the watcher knows
	at      time.Time // of the last write
	first   time.Time // of the first write that the watcher has not reported
}

type modelJob struct {
	gen       int
	rules     []int
	read      map[string]int // what the compiler, or the rules' commands, have read
	compiling bool
	canceled  bool
	failing   bool // it has failed, and was not reported so far
}

type modelProc struct {
	launch   int
	program  Program
	env      int
	launched bool
	reported bool // whether it is ready or not
	ready    bool
	stop     bool
	ended    bool
	lingers  bool // the group outlives its leader until it is stopped
	live     int  // how often it was said to be live
}

type modelService struct {
	Service
	job        *modelJob
	proc       *modelProc
	old        *modelProc // start-first: what proc takes the place of
	done       *modelProc // of a job: what has done its work
	proven     Program    // what was said to be live last
	making     string     // what the newest build that ended well was made of
	made       [2]string  // ... of those that were reported; the second one was reported before
	launches   int
	gens       int               // highest generation in an event
	programs   map[string]string // binary: what it was made of
	disk       map[string]bool
	open       int  // builds started and neither finished nor canceled
	injected   bool // the newest build or rule commands failed for no reason in the files
	injectedBy string
	downOK     bool // it ended unasked or could not be started, so it need not run
	timers     map[TimerKind]time.Time
	seen       map[int]int // by rule: what its command has read last
	built      map[int]bool
	newest     int // generation of the newest program that was launched
	unsummed   bool
	generates  bool // its build commands write gen.go
	counter    int
	paused     bool
	parked     bool
	leaving    bool
	step       int          // in which its build was asked for
	cancels    int          // builds in a row that were called off
	denied     time.Time    // when the first of them was
	wanted     int          // the newest generation before this step, if that is to be built
	through    map[int]bool // generations that were built to their end though newer were wanted
}

type world struct {
	choose   func(int) int
	st       *State
	now      time.Time
	opt      Options
	files    map[string]*modelFile
	names    []string
	services []*modelService
	burst    bool
	quit     bool
	exits    int
	calm     bool // nothing fails any more
	narrow   bool // little can happen, so the same things meet often
	edited   bool // the config was edited
	varying  bool // generators write something else every time
	log      bool
	trace    strings.Builder
	err      error
	builds   int
	steps    int
	away     []*modelService // that the config has no longer
	deadline time.Time       // of the end; zero: none
	polite   time.Time       // when quit was asked for
}

// simulate plays one session of the given number of steps, then lets it come to rest.
func simulate(choose func(int) int, steps int, log bool) (trace string, err error) {
	w := &world{choose: choose, log: log, now: time.Unix(1_000_000, 0), files: map[string]*modelFile{}}
	w.setUp()
	w.step(Begin{})
	for range steps {
		if w.err != nil || w.exits > 0 {
			break
		}
		w.random()
	}
	w.calm = true
	if w.err == nil && !w.quit && w.choose(4) == 0 {
		w.command(DoQuit)
		if w.choose(3) == 0 {
			w.command(DoQuit)
		}
	}
	if !w.quit {
		w.commandTo(DoResume, "")
		for _, v := range w.services {
			if v.parked {
				w.commandTo(DoRestart, v.Name)
			}
		}
	}
	w.rest()
	if w.err == nil && !w.quit {
		w.settled(false)
		w.repair()
		w.rest()
		w.settled(true)
	}
	if w.err == nil && w.quit && w.exits != 1 {
		w.fail("no Exit after Quit")
	}
	return w.trace.String(), w.err
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
		w.say("!!! %v", w.err)
	}
}

func (w *world) say(format string, args ...any) {
	if w.log {
		fmt.Fprintf(&w.trace, format+"\n", args...)
	}
}

func (w *world) setUp() {
	policies := []RestartPolicy{RestartNever, RestartOnFailure, RestartAlways}
	names := []string{"a", "b", "c"}[:1+w.choose(3)]
	for i, name := range names {
		v := &modelService{
			programs: map[string]string{}, disk: map[string]bool{}, timers: map[TimerKind]time.Time{},
			seen: map[int]int{}, built: map[int]bool{}, through: map[int]bool{},
		}
		v.Service = Service{
			Name: name, Builds: name != "c", Restart: policies[w.choose(3)], OnError: []OnBuildError{KeepRunning, KeepRunning, StopRunning}[w.choose(3)],
		}
		if name == "a" && w.choose(2) == 0 {
			v.Before, v.generates = true, true
		}
		if i+1 < len(names) && w.choose(2) == 0 {
			v.Needs = []string{names[i+1]}
		}
		v.unsummed = w.choose(5) == 0
		switch w.choose(4) {
		case 0, 1:
			v.StartFirst = true
		case 2:
			v.Rollback = true
		}
		if w.choose(4) == 0 {
			v.Job, v.StartFirst, v.Rollback = true, false, false
		}
		v.Group = []string{"", "g", "g"}[w.choose(3)]
		v.StopTimeout = time.Duration(w.choose(4)) * time.Second
		w.services = append(w.services, v)
		w.opt.Services = append(w.opt.Services, v.Service)
	}
	w.opt.MaxBuilds = 1 + w.choose(2)
	w.varying = w.choose(2) == 0
	// Half of the sessions know few files, few contents and no commands, so that
	// an edit is often the undo of another one.
	w.narrow = w.choose(2) == 0
	add := func(name string, effects map[string]Effect) {
		for s := range effects {
			if !slices.Contains(names, s) {
				delete(effects, s)
			}
		}
		w.files[name] = &modelFile{effects: effects, content: 2, known: 2, at: w.now.Add(-time.Hour)}
		w.names = append(w.names, name)
	}
	input := Effect{Kind: Rebuild, Rule: NoRule, Input: true}
	add("a.go", map[string]Effect{"a": input})
	add("shared.go", map[string]Effect{"a": input, "b": input})
	add("gen.go", map[string]Effect{"a": input})
	add("b.go", map[string]Effect{"b": input})
	add("page.go", map[string]Effect{"b": input})                                     // written by rule 0
	add("page.templ", map[string]Effect{"b": {Kind: Rebuild, Rule: 0}})               // rebuild after a command
	add("data.sql", map[string]Effect{"b": {Kind: Rebuild, Rule: NoRule}})            // part of the build, no input
	add("locale.po", map[string]Effect{"a": {Kind: Restart, Rule: 1}})                // restart after a command
	add("note.txt", map[string]Effect{"a": {Kind: None, Rule: 2}})                    // a command, and nothing else
	add("style.css", map[string]Effect{"a": {Kind: Reload, Rule: NoRule, CSS: true}}) //
	add("hi_templ.txt", map[string]Effect{"a": {Kind: Reload, Rule: NoRule, Texts: true, After: 110 * time.Millisecond}})
	add("tail.css", map[string]Effect{"b": {Kind: Reload, Rule: 3}})                      //
	add("x.conf", map[string]Effect{"a": {Kind: Signal, Rule: NoRule, Signal: "SIGHUP"}}) //
	add(".env", map[string]Effect{
		"a": {Kind: Restart, Rule: NoRule}, "b": {Kind: Restart, Rule: NoRule}, "c": {Kind: Restart, Rule: NoRule},
	})
	for _, v := range w.services {
		for r := range ruleFiles {
			v.seen[r] = 2
		}
	}
	w.st = New(w.opt)
}

// ruleFiles has the one file of every rule.
var ruleFiles = []string{"page.templ", "locale.po", "note.txt", "tail.css"}

// parts are the files that a program is made of.
var parts = map[string][]string{"a": {"a.go", "shared.go", "gen.go"}, "b": {"b.go", "shared.go", "page.go", "data.sql"}, "c": nil}

// meaning is what a program does that was made of these contents, or "" if it
// does not compile.
func meaning(service string, content func(string) int) string {
	var b strings.Builder
	for _, f := range parts[service] {
		c := content(f)
		if c%8 == 7 {
			return ""
		}
		fmt.Fprintf(&b, "%s=%d ", f, c/2)
	}
	return b.String() + service
}

func (w *world) content(name string) int { return w.files[name].content }

func (w *world) find(name string) *modelService {
	for _, v := range w.services {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// write changes a file. Of a file that has returned to what the watcher knows before it has
// looked, nothing is said: the builder notices what its compiler has read; for all others the
// watcher looks first.
func (w *world) write(name string, content int) {
	f := w.files[name]
	if content == f.content {
		return
	}
	if content == f.known && slices.ContainsFunc(slices.Collect(maps.Values(f.effects)), func(e Effect) bool { return e.Kind != Rebuild || e.Rule != NoRule }) {
		w.deliver(false)
	}
	w.say("* %s: %d -> %d", name, f.content, content)
	if f.content == f.known {
		f.first = w.now
	}
	f.content, f.at = content, w.now
}

// hidden reports whether there is something that the watcher has not reported.
func (f *modelFile) hidden() bool { return f.content != f.known }

// deliver hands over what the watcher sees.
func (w *world) deliver(open bool) {
	var in Files
	in.First = w.now
	if w.burst && open {
		open = false
	}
	changed := slices.ContainsFunc(w.names, func(n string) bool { return w.files[n].hidden() })
	if open && !changed {
		return
	}
	for _, n := range w.names {
		f := w.files[n]
		if !f.hidden() {
			continue
		}
		sum := func(c int) (s Sum) {
			copy(s[:], fmt.Sprint(c))
			return s
		}
		c := Change{Path: n, Old: sum(f.known), New: sum(f.content), At: f.at, Effects: f.effects, Torn: f.content&7 == 7}
		in.Changes = append(in.Changes, c)
		f.known = f.content
		if f.first.Before(in.First) {
			in.First = f.first
		}
	}
	if len(in.Changes) == 0 && !(w.burst && !open) {
		return
	}
	in.Open, w.burst = open, open
	in.Solid = w.choose(4) != 0
	in.Lost = w.choose(40) == 0
	w.step(in)
}

func (w *world) command(do Do) {
	service := ""
	if w.choose(2) == 0 {
		service = w.services[w.choose(len(w.services))].Name
	}
	w.commandTo(do, service)
}

func (w *world) commandTo(do Do, service string) {
	switch do {
	case DoPause, DoResume:
		for _, v := range slices.Concat(w.services, w.away) {
			if service == "" || v.Name == service {
				v.paused = do == DoPause
			}
		}
	case DoQuit, DoAbort:
		if !w.quit {
			w.polite = w.now
		}
		w.quit = true
	}
	for _, v := range w.services {
		if service != "" && service != v.Name || v.leaving {
			continue
		}
		switch do {
		case DoStop:
			v.parked = true
		case DoRestart, DoRebuild:
			v.parked = false
		}
	}
	w.step(Command{Do: do, Service: service, Why: "asked"})
}

// edit is an edit of the config: services come and go.
func (w *world) edit() {
	if w.quit {
		return
	}
	var list []Service
	gone := ""
	if len(w.services) > 1 && w.choose(2) == 0 {
		gone = w.services[w.choose(len(w.services))].Name
	}
	for _, v := range w.services {
		for _, d := range w.services {
			if slices.Contains(d.Needs, gone) && d.Name != gone && !d.leaving {
				gone = "" // the config refuses that
			}
		}
		if !v.leaving && v.Name != gone {
			list = append(list, v.Service)
		}
	}
	if len(list) == 0 {
		return
	}
	for _, v := range w.services {
		v.leaving = v.leaving || v.Name == gone
	}
	// Those that leave come last.
	slices.SortStableFunc(w.services, func(a, b *modelService) int {
		switch {
		case a.leaving == b.leaving:
			return 0
		case a.leaving:
			return 1
		}
		return -1
	})
	if n := len(w.away); n > 0 && w.choose(2) == 0 {
		v := w.away[n-1]
		w.away = w.away[:n-1]
		v.Needs = slices.DeleteFunc(v.Needs, func(n string) bool {
			return !slices.ContainsFunc(list, func(s Service) bool { return s.Name == n })
		})
		for r, n := range ruleFiles {
			v.seen[r] = w.files[n].known // what was reported while it was away is not reported again
		}
		w.services = slices.Insert(w.services, len(list), v)
		list = append(list, v.Service)
	}
	w.step(Reconfigured{Services: list})
}

// random lets something happen.
func (w *world) random() {
	w.now = w.now.Add(time.Duration(1+w.choose(30)) * time.Millisecond)
	v := w.services[w.choose(len(w.services))]
	switch n := w.choose(64); {
	case n < 16:
		if w.narrow {
			w.write([]string{"a.go", "shared.go", "data.sql", ".env"}[w.choose(4)], 2+2*w.choose(3)+w.choose(20)/18)
			return
		}
		w.write(w.names[w.choose(len(w.names))], 2+w.choose(6))
	case n < 22:
		w.deliver(true)
	case n < 30:
		w.deliver(false)
	case n < 42:
		w.progress(v)
	case n < 54:
		w.life(v)
	case w.narrow && n >= 54 && w.choose(8) != 0:
		w.progress(v)
	case n == 54:
		w.command(DoPause)
	case n == 55, n == 56:
		w.command(DoResume)
	case n == 57:
		w.command(DoRestart)
	case n == 58:
		w.command([]Do{DoRebuild, DoStop}[w.choose(2)])
	case n == 59:
		w.fire(v, Backoff)
	case n == 60:
		if !w.fire(v, Loop) && !w.fire(v, Shown) {
			w.fire(v, SlowBuild)
		}
	case n == 61:
		if v.Builds {
			w.step(Touched{Service: v.Name, Paths: []string{"new.go"}, At: w.now})
		}
	case n == 62 && w.choose(2) == 0:
		w.edit()
	case n == 62:
		if v.leaving {
			return
		}
		w.opt.Services = nil
		for _, v := range w.services {
			if !v.leaving {
				w.opt.Services = append(w.opt.Services, v.Service)
			}
		}
		in := Reconfigured{Services: w.opt.Services, Rebuild: map[string]bool{}, Restart: map[string]bool{}}
		in.Rebuild[v.Name] = w.choose(2) == 0
		in.Restart[v.Name] = !in.Rebuild[v.Name]
		w.step(in)
	case n == 63 && w.choose(16) == 0:
		w.command([]Do{DoQuit, DoQuit, DoAbort}[w.choose(3)])
	}
}

// progress takes the service's job a step further, and reports whether there is one.
func (w *world) progress(v *modelService) bool {
	j := v.job
	if j == nil {
		return false
	}
	canceled := j.canceled && w.choose(4) != 0 // or it is too late for that
	if j.rules != nil {
		if !j.compiling { // half-way
			j.compiling = true
			if slices.Contains(j.rules, 0) {
				w.generate(v, "page.go", j.read["page.templ"])
			}
			return true
		}
		v.job = nil
		in := RulesDone{Service: v.Name, Generation: j.gen, Canceled: canceled, OK: !canceled && (w.calm || w.choose(6) != 0)}
		if !canceled {
			for _, r := range j.rules {
				v.seen[r] = j.read[ruleFiles[r]]
			}
			if !v.injected || v.injectedBy == "rule" { // only a build makes up for a build
				v.injected, v.injectedBy = !in.OK, "rule"
			}
		}
		w.step(in)
		return true
	}
	if !j.compiling && !canceled {
		if v.generates {
			w.generate(v, "gen.go", w.content("a.go"))
			if !w.calm && w.choose(12) == 0 {
				v.job = nil
				v.injected, v.injectedBy = true, "before"
				w.step(BuildDone{Service: v.Name, Generation: j.gen})
				return true
			}
			w.now = w.now.Add(time.Duration(w.choose(3)) * time.Millisecond)
		}
		j.compiling = true
		j.read = map[string]int{}
		for _, f := range parts[v.Name] {
			j.read[f] = w.content(f)
		}
		w.step(Compiling{Service: v.Name, Generation: j.gen, At: w.now})
		w.now = w.now.Add(time.Millisecond)
		return true
	}
	in := BuildDone{Service: v.Name, Generation: j.gen, Canceled: canceled}
	if !canceled {
		early := false
		for _, f := range parts[v.Name] {
			// It was read only now; or, since it was written meanwhile, once more.
			if !j.failing && (w.choose(2) == 0 || !w.files[f].hidden()) {
				j.read[f] = w.content(f)
			}
			early = early || j.read[f] != w.files[f].known
		}
		if early { // what the compiler may have read is reported first
			w.deliver(w.choose(2) == 0)
		}
	}
	v.job = nil
	if !canceled {
		if v.generates {
			in.Wrote = []string{"gen.go"}
		}
		m := meaning(v.Name, func(f string) int { return j.read[f] })
		if m == "" && !j.failing && w.choose(2) == 0 {
			j.failing, v.job = true, j
			w.step(Failing{Service: v.Name, Generation: j.gen})
			return true
		}
		v.injected = false
		if m != "" {
			in.OK = true
			in.Program = Program{Generation: j.gen, Binary: w.freeName(v)}
			if !v.unsummed {
				in.Program.Sum = sha256.Sum256([]byte(m))
			}
			v.programs[in.Program.Binary], v.making = m, m
			v.disk[in.Program.Binary] = true
			v.built[j.gen] = true
		}
	}
	w.step(in)
	return true
}

// freeName is the first name that no binary has, as the builder gives them. A few are enough: the good one, the two that run,
// the proven one, the one that waits, the new one.
func (w *world) freeName(v *modelService) string {
	for letter := 'a'; letter <= 'f'; letter++ {
		if name := v.Name + "-" + string(letter); !v.disk[name] {
			return name
		}
	}
	w.fail("%s: no name is free: %v", v.Name, slices.Sorted(maps.Keys(v.disk)))
	return ""
}

// generate is what a command writes.
func (w *world) generate(v *modelService, file string, from int) {
	if w.varying {
		v.counter++
		from = 1000 + 8*v.counter
	} else {
		from = from &^ 1 & 6
		if from == 6 {
			from = 8
		}
	}
	w.write(file, from)
}

func (v *modelService) procs() []*modelProc {
	return slices.DeleteFunc([]*modelProc{v.old, v.proc}, func(p *modelProc) bool { return p == nil })
}

func (p *modelProc) up() bool { return p.ready && !p.ended && !p.stop }

// up reports whether the service answers, or has done its work.
func (v *modelService) up() bool {
	return v.done != nil || slices.ContainsFunc(v.procs(), (*modelProc).up)
}

// drop takes out a process of which nothing is left.
func (v *modelService) drop(p *modelProc) {
	if p == v.proc {
		v.proc = v.old
	}
	v.old = nil
}

// life takes a process of the service a step further, and reports whether there was one to take.
func (w *world) life(v *modelService) bool {
	switch procs := v.procs(); len(procs) {
	case 0:
		return false
	case 2:
		first := w.choose(2)
		return w.lifeOf(v, procs[first]) || w.lifeOf(v, procs[1-first])
	default:
		return w.lifeOf(v, procs[0])
	}
}

func (w *world) lifeOf(v *modelService, p *modelProc) bool {
	switch {
	case !p.launched:
		if !w.calm && w.choose(12) == 0 {
			v.drop(p)
			v.downOK = v.downOK || !v.up()
			w.step(Launched{Service: v.Name, Launch: p.launch, Problem: &event.Problem{Message: "no"}})
			return true
		}
		p.launched = true
		w.step(Launched{Service: v.Name, Launch: p.launch, PID: 100 + p.launch})
	case p.ended && (!p.lingers || p.stop):
		v.drop(p)
		w.step(Gone{v.Name, p.launch})
	case p.ended:
		return false
	case p.stop || !w.calm && w.choose(4) == 0 || w.calm && v.Job:
		p.ended, p.lingers = true, w.choose(2) == 0
		x := event.Exited{PID: 100 + p.launch, Code: w.choose(3), Reason: "so"}
		if w.calm && v.Job {
			x.Code = 0
		}
		if !p.stop && v.Job && x.Code == 0 {
			if p.ready = true; w.st.find(v.Name).wants.start == noStart {
				v.done = p
			}
		} else if !p.stop {
			v.downOK = true // also if nothing else comes up in its place
			if v.Restart == RestartAlways || v.Restart == RestartOnFailure && x.Code != 0 {
				v.downOK = false
			}
		}
		if w.choose(4) == 0 {
			w.now = w.now.Add(20 * time.Second)
		}
		w.step(Ended{v.Name, p.launch, x})
	case v.Job:
		return false
	case !p.reported:
		p.reported = true
		if !w.calm && w.choose(8) == 0 {
			w.step(ReadyIs{Service: v.Name, Launch: p.launch, Problem: &event.Problem{Message: "not ready"}})
			return true
		}
		p.ready = true
		w.step(ReadyIs{Service: v.Name, Launch: p.launch})
	default:
		return false
	}
	return true
}

func (w *world) fire(v *modelService, k TimerKind) bool {
	due, armed := v.timers[k]
	if !armed {
		return false
	}
	delete(v.timers, k)
	if w.now.Before(due) {
		w.now = due
	}
	w.step(Fired{Timer: Timer{v.Name, k}})
	return true
}

// expire lets the time to end be over.
func (w *world) expire() {
	if w.now.Before(w.deadline) {
		w.now = w.deadline
	}
	w.deadline = time.Time{}
	w.step(Fired{Timer: Timer{What: StopDeadline}})
}

// rest lets everything come to its end, without anything new.
func (w *world) rest() {
	builds := w.builds
	for range 300 {
		if w.err != nil || w.exits > 0 {
			return
		}
		w.now = w.now.Add(5 * time.Millisecond)
		busy := false
		if !w.quit {
			diff := slices.ContainsFunc(w.names, func(n string) bool { return w.files[n].hidden() })
			if busy = diff || w.burst; busy {
				w.deliver(false)
			}
		}
		for _, v := range slices.Clone(w.services) {
			busy = w.progress(v) || busy
			busy = w.life(v) || busy
			busy = w.fire(v, Backoff) || busy
			busy = w.fire(v, Loop) || busy
			busy = w.fire(v, Shown) || busy
		}
		if w.quit && !w.deadline.IsZero() && w.choose(3) == 0 {
			busy = true
			w.expire()
		}
		if !busy {
			// L4, L14: the build under way, the newest, one for what a generator wrote.
			if n := w.builds - builds; n > 5*len(w.services) {
				w.fail("%d builds after all was quiet", n)
			}
			return
		}
	}
	w.fail("does not come to rest")
}

// repair fixes everything that was broken, by saves alone.
func (w *world) repair() {
	for _, n := range w.names {
		if w.content(n)%8 == 7 {
			w.write(n, 4)
		}
	}
	for r, n := range ruleFiles {
		for _, v := range w.services {
			if _, ok := w.files[n].effects[v.Name]; ok && v.injected {
				w.write(ruleFiles[r], 40+w.content(n)%2)
			}
		}
	}
	w.deliver(false)
	w.rest()
	for _, v := range w.services {
		if v.injected || !v.up() || w.st.find(v.Name).failed.start {
			w.write(".env", 50+w.content(".env")%5)
			if v.Builds {
				w.write(map[string]string{"a": "a.go", "b": "b.go"}[v.Name], 52+w.builds%2*8)
			}
		}
	}
	w.deliver(false)
}

// settled checks what must be true once all is quiet. Mended means that nothing
// is an excuse any more.
func (w *world) settled(repaired bool) {
	if w.err != nil {
		return
	}
	reports := w.st.Reports()
	unready := map[string]bool{} // services that do not run, for reasons seen already
	for _, v := range w.services {
		if !v.up() || v.OnError == StopRunning && w.st.find(v.Name).failed.build {
			unready[v.Name] = true
		}
		if v.old != nil {
			w.fail("%s: all is quiet, and two processes are there", v.Name)
		}
	}
	for i, v := range w.services {
		in := w.st.find(v.Name)
		if v.job != nil || in.wants.build || in.wants.restart || in.programs.result != nil || len(in.wants.rules) > 0 || len(in.wants.signals) > 0 || in.wants.oneMore {
			w.fail("%s: something is pending: %+v", v.Name, *in)
		}
		if v.open != 0 {
			w.fail("%s: a build was started and never closed", v.Name)
		}
		for r, n := range ruleFiles {
			if _, ok := w.files[n].effects[v.Name]; ok && v.seen[r] != w.content(n) {
				w.fail("%s: the command of rule %d has not seen %s = %d", v.Name, r, n, w.content(n))
			}
		}
		for f := range v.disk {
			if in.programs.good != nil && in.programs.good.Binary == f || v.proc != nil && v.proc.program.Binary == f || v.Rollback && v.proven.Binary == f {
				continue
			}
			w.fail("%s: %s is kept for nothing", v.Name, f)
		}
		report := reports[i]
		if !report.Settled {
			w.fail("%s: all is quiet, and the report is not: %+v", v.Name, report)
		}
		held := slices.ContainsFunc(v.Needs, func(n string) bool { return unready[n] })
		p := v.proc
		runs := p != nil && !p.ended
		if v.Job {
			p, runs = v.done, v.done != nil
		}
		now := meaning(v.Name, w.content)
		switch {
		case v.Builds && now == "":
			if repaired {
				w.fail("%s: not repaired", v.Name)
			}
			if !in.failed.build {
				w.fail("%s: does not compile, and is not known to", v.Name)
			}
			if v.OnError == StopRunning && runs && !v.Job {
				w.fail("%s: runs, though on_build_error is stop", v.Name)
			}
			continue
		case v.injected && !repaired:
			continue
		case v.injected:
			w.fail("%s: not repaired", v.Name)
		case in.failed.build:
			w.fail("%s: is held for broken", v.Name)
		case held && (!runs || in.waits.names != ""):
			if repaired {
				w.fail("%s: waits for what it needs", v.Name)
			}
			continue
		case !runs && v.downOK && !repaired:
			continue
		case in.failed.start && !repaired:
			if !v.StartFirst && !v.Rollback {
				w.fail("%s: an older program runs, which was not asked for", v.Name)
			}
			if runs && p.ready && (report.State != StateFailed || !report.Stale) {
				w.fail("%s: an older program runs, and is reported as %q, stale %v", v.Name, report.State, report.Stale)
			}
			continue
		case in.failed.start:
			w.fail("%s: an older program runs still", v.Name)
		case !runs:
			w.fail("%s: does not run", v.Name)
			return
		}
		if w.err != nil {
			return
		}
		if m := v.programs[p.program.Binary]; v.Builds && m != now {
			w.fail("%s: runs %q, the files say %q", v.Name, m, now)
		}
		if in.failed.missedRestart == 0 && p.env != w.content(".env") {
			w.fail("%s: started with .env = %d, it is %d", v.Name, p.env, w.content(".env"))
		}
		if p.ready && p.live == 0 && in.failed.missedRestart == 0 {
			w.fail("%s: is live, and it was not said", v.Name)
		}
		if p.ready && in.failed.missedRestart == 0 && (report.State != StateLive || report.Stale) {
			w.fail("%s: is live, and reported as %q, stale %v", v.Name, report.State, report.Stale)
		}
		if report.State == StateLive && !p.ready {
			w.fail("%s: reported as live, and is not ready", v.Name)
		}
		if repaired && !p.ready {
			w.fail("%s: is not ready", v.Name)
		}
	}
}

// step feeds one input and checks every action against the world.
func (w *world) step(in Input) {
	if w.err != nil {
		return
	}
	if _, ok := in.(Reconfigured); ok {
		w.edited = true
	}
	if w.log {
		w.say("> %s %s", w.now.Format("05.000"), showInput(in))
	}
	before := w.exits
	for _, v := range w.services {
		v.wanted = 0
		if in := w.st.find(v.Name); in != nil && in.wants.build {
			v.wanted = in.gen
		}
	}
	actions := w.st.Step(w.now, in)
	if before > 0 && len(actions) > 0 {
		w.fail("actions after Exit: %v", actions)
	}
	for _, a := range actions {
		w.say("  < %s", show(a))
		w.act(a)
	}
	w.steps++
	type slot struct {
		group string
		step  int
	}
	jobs := map[slot]bool{}
	for _, v := range w.services {
		if v.job == nil {
			continue
		}
		s := slot{v.Group, v.step}
		if v.Group == "" || v.job.rules != nil {
			s.group = v.Name
		}
		jobs[s] = true
	}
	if len(jobs) > w.opt.MaxBuilds {
		w.fail("%d builds at a time", len(jobs))
	}
	if !w.quit {
		w.pauses()
	}
}

// pauses checks that what is said of pauses is what was asked for last, in whatever order (E8).
func (w *world) pauses() {
	said := map[string]bool{}
	for _, r := range w.st.Reports() {
		said[r.Service] = r.Paused
	}
	all, some := true, false
	for _, v := range w.services {
		if v.leaving {
			continue
		}
		all, some = all && v.paused, true
		if said[v.Name] != v.paused {
			w.fail("%s: paused is %t, and it says %t", v.Name, v.paused, said[v.Name])
		}
	}
	if some && w.st.Paused() != all {
		w.fail("all are paused is %t, and the session says %t", all, w.st.Paused())
	}
}

func (w *world) act(a Action) {
	starts := func() { // nothing is started after Quit
		if w.quit {
			w.fail("started after Quit: %s", show(a))
		}
	}
	switch a := a.(type) {
	case Build:
		starts()
		v := w.find(a.Service)
		w.builds++
		if v.job != nil {
			w.fail("%s: two builds", v.Name)
		}
		if !v.Builds || v.paused || v.parked || v.leaving {
			w.fail("%s: has nothing to build, or is paused", v.Name)
		}
		v.step = w.steps
		if in := w.st.find(v.Name); a.Generation != in.gen {
			w.fail("%s: build of generation %d, wanted is %d", v.Name, a.Generation, in.gen)
		}
		v.job = &modelJob{gen: a.Generation}
	case RunRules:
		starts()
		v := w.find(a.Service)
		if v.job != nil || v.paused || v.parked || v.leaving {
			w.fail("%s: commands beside a build, or while paused", v.Name)
		}
		v.job = &modelJob{gen: a.Generation, rules: slices.Clone(a.Rules), read: map[string]int{}}
		for _, f := range ruleFiles {
			v.job.read[f] = w.content(f)
		}
		sort.Ints(a.Rules)
		if len(slices.Compact(a.Rules)) != len(v.job.rules) {
			w.fail("%s: a command twice: %v", v.Name, v.job.rules)
		}
		for _, r := range a.Rules {
			if !slices.Equal(a.Changed[r], []string{ruleFiles[r]}) && !w.edited {
				w.fail("%s: command %d is to hear of %v", v.Name, r, a.Changed[r])
			}
		}
	case KillBuilds:
	case CancelBuild:
		v := w.find(a.Service)
		if v.job == nil || v.job.gen != a.Generation || v.job.canceled {
			w.fail("%s: nothing to cancel: %s", v.Name, show(a))
			return
		}
		v.job.canceled = true
		if v.cancels++; v.denied.IsZero() {
			v.denied = w.now
		}
	case Launch:
		starts()
		w.launch(w.find(a.Service), a)
	case Stop:
		v := w.find(a.Service)
		i := slices.IndexFunc(v.procs(), func(p *modelProc) bool { return p.launch == a.Launch })
		if i < 0 {
			w.fail("%s: stops what is gone", v.Name)
			return
		}
		p := v.procs()[i]
		if p.stop && !a.Now {
			w.fail("%s: stopped twice", v.Name)
		}
		if p == v.old && !p.ended && !w.quit && !v.parked && !v.leaving && !v.proc.up() && !(v.OnError == StopRunning && w.st.find(v.Name).failed.build) {
			w.fail("%s: the old program is stopped before the new one is ready", v.Name)
		}
		p.stop = true
		if w.quit && a.Now && w.polite.Add(lastGrace).After(w.now) && v.StopTimeout > 0 && !w.killed() {
			w.fail("%s: killed before its time", v.Name)
		}
		if (w.quit || v.leaving) && !a.Now {
			for _, d := range w.services {
				for _, p := range d.procs() {
					if (!p.stop || w.quit && !w.killed()) && (w.quit || d.leaving) && slices.Contains(d.Needs, v.Name) {
						w.fail("%s: stopped before %s, which needs it", v.Name, d.Name)
					}
				}
			}
		}
	case SendSignal:
		starts()
		v := w.find(a.Service)
		if !slices.ContainsFunc(v.procs(), func(p *modelProc) bool { return p.launch == a.Launch && p.launched && !p.stop && !p.ended }) {
			w.fail("%s: signal without a receiver", v.Name)
		}
	case Promote:
		starts()
		if v := w.find(a.Service); v.old == nil || v.proc.launch != a.Launch || !v.proc.up() {
			w.fail("%s: takes over from no process, or is not ready", v.Name)
		}
	case ReloadPages:
		starts()
		if _, armed := w.find(a.Service).timers[Shown]; armed {
			w.fail("%s: reloaded before the pages show what they are reloaded for", a.Service)
		}
	case Arm:
		if a.Timer.What == StopDeadline {
			if !w.quit || a.After > max(lastGrace, 3*time.Second) {
				w.fail("a deadline of %s", a.After)
			}
			w.deadline = w.now.Add(a.After)
			return
		}
		starts()
		if a.After <= 0 || a.Timer.What == Backoff && a.After > maxBackoff {
			w.fail("%s: timer of %s", a.Timer.Service, a.After)
		}
		w.find(a.Timer.Service).timers[a.Timer.What] = w.now.Add(a.After)
	case Disarm:
		if a.Timer.What == StopDeadline {
			w.deadline = time.Time{}
			return
		}
		delete(w.find(a.Timer.Service).timers, a.Timer.What)
	case Discard:
		v := w.find(a.Service)
		if !v.disk[a.Binary] {
			w.fail("%s: discards %s twice", v.Name, a.Binary)
		}
		delete(v.disk, a.Binary)
		for _, p := range v.procs() {
			if p.program.Binary == a.Binary {
				w.fail("%s: discards %s, which runs", v.Name, a.Binary)
			}
		}
		if in := w.st.find(v.Name); in != nil && in.programs.good != nil && in.programs.good.Binary == a.Binary {
			w.fail("%s: discards %s, the last good one", v.Name, a.Binary)
		}
	case Forget:
		v := w.find(a.Service)
		if !v.leaving || v.job != nil || v.proc != nil || len(v.disk) > 0 || v.open != 0 {
			w.fail("%s: forgotten too early", v.Name)
		}
		w.services = slices.DeleteFunc(slices.Clone(w.services), func(d *modelService) bool { return d == v })
		w.away = append(w.away, v)
		v.leaving, v.parked, v.downOK, v.injected, v.done = false, false, false, false, nil // a pause outlives it
		clear(v.timers)
	case Exit:
		w.exits++
		if !w.quit || w.exits > 1 {
			w.fail("Exit unasked, or twice")
		}
		for _, v := range w.services {
			if v.job != nil || v.proc != nil {
				w.fail("Exit while %s has a build or a process", v.Name)
			}
			if v.open != 0 {
				w.fail("%s: a build was started and never closed", v.Name)
			}
		}
	case Say:
		w.said(a.Event)
	}
}

// killed reports whether the second quit, or the deadline, has come.
func (w *world) killed() bool { return w.st.end.code == 130 || w.st.end.stage >= overTime }

func (w *world) launch(v *modelService, a Launch) {
	in := w.st.find(v.Name)
	if v.parked || v.leaving {
		w.fail("%s: started, and was stopped or is leaving", v.Name)
	}
	if p := v.proc; p != nil && (!v.StartFirst || v.old != nil || !p.up()) {
		w.fail("%s: one process too many", v.Name)
	}
	if a.Launch != v.launches+1 {
		w.fail("%s: launch %d after %d", v.Name, a.Launch, v.launches)
	}
	v.launches = a.Launch
	through := v.through[a.Generation]
	if v.job != nil && !through {
		w.fail("%s: started while something newer is built", v.Name)
	}
	if v.Builds {
		if !v.disk[a.Program.Binary] || !v.built[a.Program.Generation] {
			w.fail("%s: starts %q, which is not there", v.Name, a.Program.Binary)
		}
		back := in.failed.start && v.Rollback
		if back && a.Program != v.proven {
			w.fail("%s: falls back to generation %d, live last was %d", v.Name, a.Program.Generation, v.proven.Generation)
		}
		// An older one may be what the newest build came out as once more, or the one
		// before, if a change came before the newest one was taken.
		if m := v.programs[a.Program.Binary]; a.Program.Generation < v.newest && !back && m != v.made[0] && m != v.made[1] {
			w.fail("%s: starts generation %d after %d", v.Name, a.Program.Generation, v.newest)
		}
		v.newest = max(v.newest, a.Program.Generation)
		if in.failed.build && v.OnError == StopRunning {
			w.fail("%s: starts though on_build_error is stop", v.Name)
		}
	}
	want := in.gen
	if in.wants.build && !v.paused { // the one more build, asked for in the same step, after the launch
		want--
	}
	if in.programs.good != nil && (in.failed.build || v.paused && in.wants.build) {
		want = in.programs.good.Generation
	}
	if in.failed.start || through {
		want = a.Program.Generation
	}
	if a.Generation != want {
		w.fail("%s: started for generation %d, not %d", v.Name, a.Generation, want)
	}
	for _, n := range v.Needs {
		d, in := w.find(n), w.st.find(n)
		if !d.up() || d.done != nil && (in.wants.build || in.wants.restart || in.wants.start != noStart) && !d.paused {
			w.fail("%s: started before %s is ready", v.Name, n)
		}
	}
	v.downOK, v.done = false, nil
	v.old, v.proc = v.proc, &modelProc{launch: a.Launch, program: a.Program, env: w.content(".env")}
}

func (w *world) said(e event.Event) {
	v := w.find(e.Service)
	if v == nil {
		return
	}
	switch b := e.Body.(type) {
	case event.BuildStarted:
		v.open++
	case event.BuildCanceled:
		v.open--
	case event.BuildFinished:
		build := v.open > 0 // else it tells of a rule's command
		if build {
			v.open--
		}
		if b.OK {
			v.made = [2]string{v.making, v.made[0]}
		}
		if build && e.Generation < v.wanted {
			if v.cancels < maxOvertaken && w.now.Sub(v.denied) < maxFailing {
				w.fail("%s: the build of generation %d counts, wanted is %d", v.Name, e.Generation, v.wanted)
			}
			if b.OK {
				v.through[e.Generation] = true
			}
		}
		if build || !b.OK {
			v.denied = time.Time{}
		}
		if build {
			v.cancels = 0
		}
	case event.Live:
		p := v.proc
		if v.done != nil {
			p = v.done
		}
		if p == nil || !p.ready || (p.ended || p.stop) && p != v.done {
			w.fail("%s: said to be live, and is not", v.Name)
			return
		}
		if p.live++; p.live > 1 {
			w.fail("%s: said to be live twice", v.Name)
		}
		for _, part := range []int64{b.DetectMS, b.BuildMS, b.StopMS, b.StartMS, b.LatencyMS - b.DetectMS - b.BuildMS - b.StopMS - b.StartMS} {
			if part < 0 {
				w.fail("%s: the phases do not add up: %+v", v.Name, b)
			}
		}
		v.proven = p.program
		in := w.st.find(v.Name)
		if v.Builds && (in.failed.build || in.wants.build || in.programs.good == nil || in.programs.good.Binary != p.program.Binary) {
			w.fail("%s: said to be live, and something newer is wanted", v.Name)
		}
		if e.Generation != in.gen {
			w.fail("%s: live for generation %d of %d", v.Name, e.Generation, in.gen)
		}
	}
	if v.open < 0 || v.open > 1 {
		w.fail("%s: %d builds are open", v.Name, v.open)
	}
	if _, ok := e.Body.(event.Changed); ok {
		if e.Generation < v.gens {
			w.fail("%s: generation %d after %d", v.Name, e.Generation, v.gens)
		}
		v.gens = e.Generation
	}
}

func showInput(in Input) string {
	f, ok := in.(Files)
	if b, ok := in.(BuildDone); ok {
		return fmt.Sprintf("BuildDone %s %d ok=%v canceled=%v %s", b.Service, b.Generation, b.OK, b.Canceled, b.Program.Binary)
	}
	if b, ok := in.(RulesDone); ok {
		return fmt.Sprintf("RulesDone %s %d ok=%v canceled=%v", b.Service, b.Generation, b.OK, b.Canceled)
	}
	if !ok {
		return fmt.Sprintf("%T%+v", in, in)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Files open=%v solid=%v lost=%v", f.Open, f.Solid, f.Lost)
	for _, c := range f.Changes {
		fmt.Fprintf(&b, " %s:%s>%s@%s", c.Path, strings.Trim(string(c.Old[:]), "\x00"), strings.Trim(string(c.New[:]), "\x00"), c.At.Format("05.000"))
	}
	return b.String()
}
