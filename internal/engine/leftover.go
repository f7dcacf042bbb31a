package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/runner"
)

// toldOnce are the things that are worth one line in a session, not one at each restart.
type toldOnce struct{ stillRuns, leftBehind, earlyEnd sync.Once }

// leftoverGrace is how long what a program has started may take to end after it.
const leftoverGrace = time.Second

// remark reports something about a program that has ended.
func (v *service) remark(gen int, p event.Problem) {
	v.engine.note(event.Event{Time: time.Now(), Service: v.name, Generation: gen, Body: p})
}

// stillRuns reports what a program that has ended without being asked has left running. It may be
// the server itself, which a start script has put into the background, so it is not ended.
func (v *service) stillRuns(gen int, p *runner.Process) {
	if left := p.Remaining(); len(left) > 0 {
		v.told.stillRuns.Do(func() {
			v.remark(gen, event.Problem{
				Message: v.name + " has ended, and what it started still runs: " + strings.Join(left, ", "),
				Hint:    "hotreload ends it before the next start and when it ends itself",
			})
		})
	}
}

// leftBehind reports what had to be ended outside the program's process group.
func (v *service) leftBehind(gen int, p *runner.Process) {
	if left := p.LeftBehind(); len(left) > 0 {
		v.told.leftBehind.Do(func() {
			v.remark(gen, event.Problem{Message: "ended what " + v.name + " had left behind: " + strings.Join(left, ", ")})
		})
	}
}

// slowStop is how long a program may take to end without a word of it.
const slowStop = time.Second

// stopProcess asks a program to end.
func (v *service) stopProcess(p *runner.Process) {
	p.Stop()
	time.AfterFunc(slowStop, func() {
		select {
		case <-p.Gone():
		default:
			v.waitsFor(fmt.Sprintf("%s to stop, at most %s", v.name, v.conf.Load().Run.StopTimeout))
		}
	})
}

// waitsForCommand reports that a canceled command takes its time to end.
func (v *service) waitsForCommand(command string) { v.waitsFor("`" + command + "` to stop") }

func (v *service) waitsFor(what string) {
	v.engine.post(func() {
		if v.engine.state.Quitting() {
			what += "; Ctrl-C again kills it"
		}
		reason := "waits for " + what
		for _, b := range []event.Body{event.Waiting{Reason: reason, What: "for " + what}, event.Held{Reason: reason}} {
			v.engine.note(event.Event{Time: time.Now(), Service: v.name, Body: b})
		}
	})
}

// atOnce is the longest life of a program that found nothing to do.
const atOnce = 2 * time.Second

var (
	readsInput = regexp.MustCompile(`\b(os\.Stdin|fmt\.Scan|InOrStdin\(|syscall\.Stdin)`)
	// subcommands are the libraries whose programs print their help when they get no arguments.
	subcommands = regexp.MustCompile(`"github\.com/(spf13/cobra|urfave/cli(/v\d+)?|mitchellh/cli|alecthomas/kong|peterbourgon/ff/v\d+/ffcli|google/subcommands)"`)
)

// earlyEnd is an end that is explained when the import graph is there.
type earlyEnd struct {
	spec runner.Spec
	gen  int
	exit runner.Exit
}

func (v *service) explainWithGraph() {
	if end := v.early.Swap(nil); end != nil {
		v.explainEarlyEnd(end.spec, end.gen, end.exit)
	}
}

// explainEarlyEnd gives the likely reason why a program ended at once and without an error: it
// got no arguments, or nothing on its standard input. What its sources mention is no proof that
// this run came there, so only what hotreload gave it is said as a fact.
func (v *service) explainEarlyEnd(s runner.Spec, gen int, x runner.Exit) {
	if x.Asked || x.Code != 0 || x.Signal != 0 || x.Duration > atOnce || v.isServer() {
		return
	}
	if len(s.Args) > 1 { // it was given something to do, and has done it
		return
	}
	if v.graph.Load() == nil && v.conf.Load().GoBuilds() { // the first build is over before its sources are known
		v.early.Store(&earlyEnd{s, gen, x})
		if v.graph.Load() == nil || v.early.Swap(nil) == nil {
			return
		}
	}
	empty := s.Stdin == nil && v.conf.Load().Run.Stdin == config.StdinKeys
	commands, reader := v.searchSources()
	problem := event.Problem{Message: v.name + " ended at once"}
	switch {
	case commands:
		problem.Message += "; it got no arguments"
		problem.Hint = "give them after --, as in `hotreload run -- ARGS`, or as run.args"
		if empty && reader != "" {
			problem.Hint += fmt.Sprintf("; or, if it waits for input (%s), set run.stdin", reader)
		}
	case empty && reader != "":
		problem.Message += fmt.Sprintf("; its standard input is empty, and %s may read it", reader)
		problem.Hint = `run.stdin = "app" gives it the lines that are typed, "interactive" the terminal`
	default:
		return
	}
	v.told.earlyEnd.Do(func() {
		v.engine.post(func() { v.remark(gen, problem) }) // after its end has been reported
	})
}

// searchSources says whether the program's own files use a library for subcommands, and which of
// them mentions the standard input.
func (v *service) searchSources() (commands bool, reader string) {
	var files []string
	if g := v.graph.Load(); g != nil {
		files = g.Sources()
	} else { // a command builds it; the main package is most of what matters
		files, _ = filepath.Glob(filepath.Join(v.engine.abs(v.conf.Load().Build.Package), "*.go"))
	}
	for _, file := range files {
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		commands = commands || subcommands.Match(text)
		if reader == "" && readsInput.Match(text) {
			reader = v.engine.rel(file)
		}
	}
	return commands, reader
}
