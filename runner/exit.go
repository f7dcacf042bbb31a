package runner

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Exit says how and why the leader of the group ended.
type Exit struct {
	Code       int            // -1 if ended by a signal
	Signal     syscall.Signal // 0 if it exited
	CoreDumped bool
	Asked      bool          // Stop or Kill was called before
	Duration   time.Duration // from the start
	Killed     []string      // "pid name" of those that had been killed at the timeout when the leader ended
	Reason     string        // one line for people
	Panic      *Panic        // nil: no panic
}

// describe is called when the leader has ended and its output was read.
func (p *Process) describe() Exit {
	st := p.g.State()
	e := Exit{
		Code:       st.Code,
		Signal:     st.Signal,
		CoreDumped: st.CoreDumped,
		Asked:      p.asked.Load(),
		Duration:   time.Since(p.start),
		Killed:     p.g.Killed(),
	}
	if e.Code != 0 && e.Signal != syscall.SIGKILL {
		e.Panic = p.findPanic(e.Code)
	}
	e.Reason = p.reason(e)
	return e
}

// findPanic looks for a panic that ended the process. The Go runtime exits with code 2
// after one, and the race detector with 66. With any other code (a shell or `go run` in
// between) the panic must be the last thing that was written: programs log panics that
// they recovered from.
func (p *Process) findPanic(code int) *Panic {
	text, head := p.tail.texts()
	if head != nil {
		if found, _ := parseCrash(head, p.spec.Own); found != nil && (code == 2 || endsInStack(text)) {
			found.Stack = string(head)
			return found
		}
	}
	if found, last := parseCrash(text, p.spec.Own); found != nil && (code == 2 || last) {
		return found
	}
	if code == 66 {
		return parseRace(text, p.spec.Own)
	}
	return nil
}

func (p *Process) reason(e Exit) string {
	switch {
	case e.Panic != nil:
		return e.Panic.line()
	case e.Signal == syscall.SIGKILL && e.Asked && len(e.Killed) > 0:
		return fmt.Sprintf("killed by signal 9 (%s), because it did not end within %v", signalName(e.Signal), p.spec.StopTimeout)
	case e.Signal == syscall.SIGKILL && (e.Asked || p.killed.Load()):
		return fmt.Sprintf("killed by signal 9 (%s)", signalName(e.Signal))
	case e.Signal == syscall.SIGKILL && oomKills() > p.oom:
		return "killed by signal 9 (not by hotreload; the system is out of memory)"
	case e.Signal == syscall.SIGKILL:
		return "killed by signal 9 (not by hotreload; " + killedBy + "?)"
	case e.Signal != 0:
		s := fmt.Sprintf("ended by signal %d (%s)", int(e.Signal), signalName(e.Signal))
		if e.CoreDumped {
			s += ", core dumped"
		}
		return s
	case e.Code == 66 && e.Panic == nil && p.raceFound():
		return "exit code 66 (data races found)"
	default:
		return "exit code " + strconv.Itoa(e.Code)
	}
}

func (p *Process) raceFound() bool {
	text, _ := p.tail.texts()
	return raceEnd.Match(text)
}

// line is the panic in one line, of at most about 300 bytes.
func (p *Panic) line() string {
	s, _, more := strings.Cut(p.Message, "\n")
	if !strings.HasPrefix(s, "fatal error: ") && !strings.HasPrefix(s, "data race") {
		s = "panic: " + s
	}
	const most = 300
	if len(s) > most {
		s, more = strings.ToValidUTF8(s[:most], ""), true
	}
	if more {
		s += " ..."
	}
	if p.Frame.File != "" {
		s += fmt.Sprintf(" (%s:%d)", p.Frame.File, p.Frame.Line)
	}
	return s
}
