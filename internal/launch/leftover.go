package launch

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

// reportedOnce are the things that are worth one line in a session, not one at each restart.
type reportedOnce struct{ stillRuns, leftBehind, notAsked, earlyEnd sync.Once }

// leftoverGrace is how long what a program has started may take to end after it.
const leftoverGrace = time.Second

// remark reports something about a program that has ended.
func (s *supervision) remark(p event.Problem) {
	s.l.report(Said{Generation: s.l.launch.Generation, Problem: p, Aside: true})
}

// stillRuns reports what a program that has ended without being asked has left running. It may be
// the server itself, which a start script has put into the background, so it is not ended.
func (s *supervision) stillRuns() {
	if left := s.process.Remaining(); len(left) > 0 {
		s.once.stillRuns.Do(func() {
			s.remark(event.Problem{
				Message: s.name + " has ended, but processes that it started are still running: " + strings.Join(left, ", "),
				Hint:    "hotreload stops them before the next start, and at the end of the session",
			})
		})
	}
}

// leftBehind reports what had to be ended outside the program's process group.
func (s *supervision) leftBehind() {
	if left := s.process.LeftBehind(); len(left) > 0 {
		s.once.leftBehind.Do(func() {
			s.remark(event.Problem{Message: "stopped what " + s.name + " left behind: " + strings.Join(left, ", ")})
		})
	}
}

// notAsked reports a program that could not be asked to end.
func (s *supervision) notAsked() {
	if err := s.process.StopErr(); err != nil {
		s.once.notAsked.Do(func() { s.remark(cannotAsk(s.name, err)) })
	}
}

func cannotAsk(name string, err error) event.Problem {
	return event.Problem{
		Message: fmt.Sprintf("%s cannot be asked to end (CTRL_BREAK: %v), so it is terminated at once", name, err),
		Hint:    "its own cleanup, such as deferred functions, does not run; a program with a console can be asked to end",
	}
}

// atOnce is the longest life of a program that found nothing to do.
const atOnce = 2 * time.Second

var (
	readsInput = regexp.MustCompile(`\b(os\.Stdin|fmt\.Scan|InOrStdin\(|syscall\.Stdin)`)
	// subcommands are the libraries whose programs print their help when they get no arguments.
	subcommands = regexp.MustCompile(`"github\.com/(spf13/cobra|urfave/cli(/v\d+)?|mitchellh/cli|alecthomas/kong|peterbourgon/ff/v\d+/ffcli|google/subcommands)"`)
)

// endedEarly reports an end that may need an explanation: at once, without an error, of a program
// that got no arguments. With arguments, it was given something to do, and has done it.
func (s *supervision) endedEarly(x runner.Exit) {
	if x.Asked || x.Code != 0 || x.Signal != 0 || x.Duration > atOnce || s.isServer() || len(s.spec.Args) > 1 {
		return
	}
	s.l.report(EndedEarly{Generation: s.l.launch.Generation, noInput: s.spec.Stdin == nil && s.conf.Load().Run.Stdin == config.StdinKeys})
}

// Explain gives the likely reason for an early end, once in a session: the program got no
// arguments, or nothing on its standard input. What its sources mention is no proof that this run
// came there, so only what hotreload gave it is said as a fact. Sources are those files; nil if
// they are not known, for a program that a command builds.
func (p *Program) Explain(end EndedEarly, sources []string) (found event.Problem, ok bool) {
	if sources == nil { // the main package is most of what matters
		sources = goFiles(p.host.abs(p.conf.Load().Build.Package))
	}
	commands, reader := searchSources(sources)
	if reader != "" {
		reader = rel(p.host.Root, reader)
	}
	found.Message = p.name + " exited immediately"
	switch {
	case commands:
		found.Message += "; it was started without arguments"
		found.Hint = "pass arguments after --, as in `hotreload run -- ARGS`, or with run.args"
		if end.noInput && reader != "" {
			found.Hint += fmt.Sprintf("; or, if it waits for input (%s), set run.stdin", reader)
		}
	case end.noInput && reader != "":
		found.Message += fmt.Sprintf("; its standard input is empty, and %s may read it", reader)
		found.Hint = `run.stdin = "app" passes on the lines that you type, "interactive" the terminal itself`
	default:
		return event.Problem{}, false
	}
	p.once.earlyEnd.Do(func() { ok = true })
	return found, ok
}

// goFiles are the Go files of a directory, whose name may have characters that mean something in a glob.
func goFiles(dir string) (files []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// searchSources says whether the program's own files use a library for subcommands, and which of
// them mentions the standard input.
func searchSources(files []string) (commands bool, reader string) {
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
			reader = file
		}
	}
	return commands, reader
}
