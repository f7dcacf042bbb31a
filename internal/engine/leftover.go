package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/runner"
)

// toldOnce are the things that are worth one line in a session, not one at each restart.
type toldOnce struct{ stillRuns, leftBehind, emptyInput sync.Once }

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
		for _, b := range []event.Body{event.Waiting{Reason: reason}, event.Held{Reason: reason}} {
			v.engine.note(event.Event{Time: time.Now(), Service: v.name, Body: b})
		}
	})
}

// atOnce is the longest life of a program that has found nothing to read.
const atOnce = 2 * time.Second

var readsInput = regexp.MustCompile(`\b(os\.Stdin|fmt\.Scan|InOrStdin\(|syscall\.Stdin)`)

// explainEmptyInput says why a program that reads its standard input has ended well at once.
func (v *service) explainEmptyInput(s runner.Spec, gen int, x runner.Exit) {
	if s.Stdin != nil || v.conf.Load().Run.Stdin != "keys" || x.Asked || x.Code != 0 || x.Signal != 0 || x.Duration > atOnce || v.isServer() {
		return
	}
	var files []string
	if g := v.graph.Load(); g != nil {
		files = g.Sources()
	} else { // not read yet; the main package is most of what reads
		files, _ = filepath.Glob(filepath.Join(v.engine.abs(v.conf.Load().Build.Package), "*.go"))
	}
	for _, file := range files {
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil || !readsInput.Match(text) {
			continue
		}
		v.told.emptyInput.Do(func() {
			v.engine.post(func() { // after its end has been reported
				v.remark(gen, event.Problem{
					Message: fmt.Sprintf("%s reads its standard input (%s), which is empty here", v.name, v.engine.rel(file)),
					Hint:    `run.stdin = "app" gives it the lines that are typed, "interactive" the terminal`,
				})
			})
		})
		return
	}
}
