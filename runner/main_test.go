package runner

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/testkit"
)

// modeVar makes the test binary one of the programs that the tests run.
const modeVar = "RUNNER_TEST_MODE"

var modes = map[string]func() int{"sleep": modeSleep, "says": modeSays}

// modeSleep does nothing for longer than any test.
func modeSleep() int {
	time.Sleep(time.Hour)
	return 0
}

// modeSays writes OUT and ERR, quoted as in Go without the quotes, and ends with CODE.
func modeSays() int {
	for f, name := range map[*os.File]string{os.Stdout: "OUT", os.Stderr: "ERR"} {
		text, err := strconv.Unquote(`"` + os.Getenv(name) + `"`)
		if err != nil {
			panic(err)
		}
		f.WriteString(text)
	}
	code, _ := strconv.Atoi(os.Getenv("CODE"))
	return code
}

func TestMain(m *testing.M) {
	proc.Helper()
	if mode := os.Getenv(modeVar); mode != "" {
		os.Exit(modes[mode]())
	}
	proc.Setup()
	testkit.Main(m)
}

const patience = testkit.Deadline

// sink collects a stream.
type sink struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // something came
}

func newSink() *sink { return &sink{more: make(chan struct{}, 1)} }

func (s *sink) Write(p []byte) {
	s.mu.Lock()
	s.buf.Write(p)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// await waits until the stream contains text.
func (s *sink) await(t *testing.T, text string) {
	t.Helper()
	for end := time.After(patience); ; {
		if strings.Contains(s.String(), text) {
			return
		}
		select {
		case <-s.more:
		case <-end:
			t.Fatalf("no %q in %q", text, s.String())
		}
	}
}

// process is a running process with its output.
type process struct {
	*Process
	t        *testing.T
	out, err *sink
}

func start(t *testing.T, s Spec) *process {
	t.Helper()
	p := &process{t: t, out: newSink(), err: newSink()}
	if s.Stdout.Write == nil {
		s.Stdout.Write = p.out.Write
	}
	if s.Stderr.Write == nil {
		s.Stderr.Write = p.err.Write
	}
	var err error
	if p.Process, err = Start(s); err != nil {
		t.Fatal(err)
	}
	p.cleanup()
	return p
}

func (p *process) cleanup() {
	p.t.Cleanup(func() {
		p.Kill()
		p.gone()
	})
}

func (p *process) gone() {
	p.t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(patience):
		p.t.Fatal("never gone")
	}
}

func (p *process) exit() Exit {
	p.t.Helper()
	select {
	case e := <-p.Exited():
		return e
	case <-time.After(patience):
		p.t.Fatal("never exited")
	}
	return Exit{}
}

func (p *process) ready() error {
	p.t.Helper()
	select {
	case err := <-p.Ready():
		return err
	case <-time.After(patience):
		p.t.Fatal("never ready")
	}
	return nil
}

func self(mode string, env ...string) Spec {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{
		Path: exe, Args: []string{"helper-" + mode}, StopTimeout: patience,
		Env: append(append(proc.CleanEnv(os.Environ()), modeVar+"="+mode), env...),
	}
}

func (p *process) isGone() bool {
	select {
	case <-p.Gone():
		return true
	default:
		return false
	}
}
